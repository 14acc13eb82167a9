import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import {
  annotationsFlag,
  array,
  cosignOutput,
  layoutFlags,
  many,
  policyFlags,
  registryFlags,
  signingFlags,
  text,
  toggle,
  verificationFlags,
  yesFlag,
} from "./flags.ts";

const load = () => import("../image/index.ts");
const images = { name: "IMAGE…", min: 1, max: many } as const;
const hidden = { hidden: true } as const;
const predicateTypeText =
  "slsaprovenance, slsaprovenance1, spdx, spdxjson, cyclonedx, link, vuln, openvex, custom (default), or a URI";

const sign: Command = {
  name: "sign",
  summary: "sign images and push each signature beside its image",
  positionals: images,
  flags: [
    annotationsFlag,
    toggle("recursive", "sign every image of an index too", { short: "r" }),
    ...layoutFlags,
    toggle("upload", "push the signature (true); otherwise it goes to stdout"),
    text("bundle", "FILE", "write the bundle to this file too"),
    text("output-signature", "FILE", "write the signature (base64) here"),
    text("output-payload", "FILE", "write what was signed here (tag layout)"),
    text("output-certificate", "FILE", "write the certificate here", { aliases: ["output-cert"] }),
    text("payload", "FILE", "sign this payload (tag layout)", hidden),
    text("attachment", "KIND", "sign what is attached: sbom", { choices: ["sbom"] }),
    {
      name: "sign-container-identity",
      type: "list",
      value: "NAME",
      summary: "name to write into the payload (tag layout)",
      hidden: true,
    },
    ...signingFlags,
    ...registryFlags,
  ],
  examples: [
    "sigillum sign localhost:5000/app@sha256:…",
    "sigillum sign --key cosign.key --layout both registry.example.com/app:v1",
  ],
  run: async (args, terminal) => await (await load()).runSign(args, terminal),
};

const verifyFlags: readonly FlagSpec[] = [
  toggle("local-image", "the argument is a directory that save wrote"),
  annotationsFlag,
  toggle("check-claims", "look at what was signed (true)"),
  cosignOutput,
  ...verificationFlags,
  ...registryFlags,
];
const verify: Command = {
  name: "verify",
  summary: "verify images by the signatures in their registry",
  description: "Stdout has a JSON array of what was signed, as cosign writes it; what was proved is told on stderr.",
  positionals: images,
  output: "cosign",
  flags: [toggle("recursive", "verify every image of an index too", { short: "r" }), ...verifyFlags],
  examples: [
    "sigillum verify localhost:5000/app:v1 --certificate-identity ada@example.com --certificate-oidc-issuer https://accounts.example.com",
  ],
  run: async (args, terminal) => await (await load()).runVerify(args, terminal),
};

const attest: Command = {
  name: "attest",
  summary: "sign a statement about images and push it beside each",
  positionals: images,
  flags: [
    text("predicate", "FILE", 'what is attested; "-" for stdin'),
    text("statement", "FILE", "a whole in-toto statement instead"),
    text("type", "TYPE", predicateTypeText),
    toggle("no-upload", "do not push it; the envelope goes to stdout"),
    toggle("replace", "replace attestations of the same type (tag layout)"),
    text("bundle", "FILE", "write the bundle to this file too"),
    toggle("recursive", "", { short: "r", hidden: true }),
    ...layoutFlags,
    ...signingFlags,
    ...registryFlags,
  ],
  examples: ["sigillum attest --predicate sbom.json --type cyclonedx registry.example.com/app@sha256:…"],
  run: async (args, terminal) => await (await load()).runAttest(args, terminal),
};

const verifyAttestation: Command = {
  name: "verify-attestation",
  summary: "verify signed statements about images",
  description: "Stdout has a DSSE envelope a line; what was proved is told on stderr.",
  positionals: images,
  output: "cosign",
  flags: [
    text("type", "TYPE", "the predicate type that it must have: a short name or a URI (custom)"),
    ...policyFlags,
    ...verifyFlags,
  ],
  run: async (args, terminal) => await (await load()).runVerifyAttestation(args, terminal),
};

const one = { name: "IMAGE", min: 1, max: 1 } as const;

const tree: Command = {
  name: "tree",
  summary: "show what hangs on an image: signatures, attestations, SBOMs",
  positionals: one,
  flags: [toggle("experimental-oci11", "", hidden), ...registryFlags],
  run: async (args, terminal) => await (await load()).runTree(args, terminal),
};

const triangulate: Command = {
  name: "triangulate",
  summary: "print where an image's signature is in the tag layout",
  positionals: one,
  flags: [
    text("type", "TYPE", "signature (default), attestation, sbom or digest", {
      choices: ["signature", "attestation", "sbom", "digest"],
    }),
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runTriangulate(args, terminal),
};

const copy: Command = {
  name: "copy",
  summary: "copy an image with everything that hangs on it",
  positionals: { name: "SOURCE TARGET", min: 2, max: 2 },
  flags: [
    { name: "only", type: "list", value: "KIND", summary: "copy these attachments alone: sig, att, sbom, referrer" },
    toggle("sig-only", "", hidden),
    text("platform", "OS/ARCH", "of an index this image alone"),
    toggle("force", "", { short: "f", hidden: true }),
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runCopy(args, terminal),
};

const dirFlag = text("dir", "DIR", "the directory");
const save: Command = {
  name: "save",
  summary: "write an image with everything that hangs on it into a directory",
  positionals: one,
  flags: [dirFlag, ...registryFlags],
  examples: ["sigillum save registry.example.com/app:v1 --dir app"],
  run: async (args, terminal) => await (await load()).runSave(args, terminal),
};
const loadCommand: Command = {
  name: "load",
  summary: "push what save wrote",
  positionals: one,
  flags: [dirFlag, ...registryFlags],
  run: async (args, terminal) => await (await load()).runLoad(args, terminal),
};

const clean: Command = {
  name: "clean",
  summary: "remove what hangs on an image",
  positionals: one,
  flags: [
    text("type", "TYPE", "all (default), signature, attestation, sbom or referrer", {
      choices: ["all", "signature", "attestation", "sbom", "referrer"],
    }),
    { ...yesFlag, aliases: [] },
    toggle("force", "", { short: "f", hidden: true }),
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runClean(args, terminal),
};

const platformFlag = text("platform", "OS/ARCH", "of an index this image's");
const downloadSignature: Command = {
  name: "download signature",
  summary: "print an image's signatures, a JSON document a line",
  positionals: one,
  flags: registryFlags,
  run: async (args, terminal) => await (await load()).runDownloadSignature(args, terminal),
};
const downloadAttestation: Command = {
  name: "download attestation",
  summary: "print an image's attestations, a DSSE envelope a line",
  positionals: one,
  flags: [
    text("predicate-type", "TYPE", "only those of this type"),
    text("output", "FORMAT", "envelope (default) or bundle", { short: "o", choices: ["envelope", "bundle"], noVariable: true }),
    platformFlag,
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runDownloadAttestation(args, terminal),
};
const downloadSbom: Command = {
  name: "download sbom",
  summary: "print an image's attached SBOM",
  positionals: one,
  flags: [platformFlag, ...registryFlags],
  run: async (args, terminal) => await (await load()).runDownloadSbom(args, terminal),
};

const attachSignature: Command = {
  name: "attach signature",
  summary: "put a signature made elsewhere beside an image",
  positionals: one,
  flags: [
    text("signature", "FILE", 'the signature: a file, base64, or "-"'),
    text("payload", "FILE", "what was signed", { aliases: ["bundle"] }),
    text("certificate", "FILE", "its certificate", { aliases: ["cert"] }),
    text("certificate-chain", "FILE", "certificates above it", { aliases: ["cert-chain"] }),
    text("tsr", "FILE", "its timestamp"),
    text("rekor-response", "FILE", "its log entry, as cosign keeps it"),
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runAttachSignature(args, terminal),
};
const attachAttestation: Command = {
  name: "attach attestation",
  summary: "put attestations made elsewhere beside an image",
  positionals: one,
  flags: [array("attestation", "FILE", "bundles or DSSE envelopes"), ...registryFlags],
  run: async (args, terminal) => await (await load()).runAttachAttestation(args, terminal),
};
const attachSbom: Command = {
  name: "attach sbom",
  summary: "put an SBOM beside an image, unsigned",
  positionals: one,
  flags: [
    text("sbom", "FILE", 'the SBOM, or "-"'),
    text("type", "TYPE", "spdx (default), cyclonedx or syft", { choices: ["spdx", "cyclonedx", "syft"] }),
    text("input-format", "FORMAT", "json, xml or text", { choices: ["json", "xml", "text"] }),
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runAttachSbom(args, terminal),
};

const generate: Command = {
  name: "generate",
  summary: "print what a signature in the tag layout is over",
  positionals: one,
  flags: [annotationsFlag, ...registryFlags],
  run: async (args, terminal) => await (await load()).runGenerate(args, terminal),
};

const manifestVerify: Command = {
  name: "manifest verify",
  summary: "verify every image that a Kubernetes manifest names",
  positionals: { name: "FILE", min: 1, max: 1 },
  output: "cosign",
  flags: verifyFlags,
  run: async (args, terminal) => await (await load()).runManifestVerify(args, terminal),
};
const dockerfileVerify: Command = {
  name: "dockerfile verify",
  summary: "verify every image that a Dockerfile builds on",
  positionals: { name: "FILE", min: 1, max: 1 },
  output: "cosign",
  flags: [toggle("base-image-only", "only the last FROM"), ...verifyFlags],
  run: async (args, terminal) => await (await load()).runDockerfileVerify(args, terminal),
};

const login: Command = {
  name: "login",
  summary: "remember a registry account where Docker remembers its own",
  positionals: { name: "[SERVER]", min: 0, max: 1 },
  flags: [
    text("username", "NAME", "user name", { short: "u" }),
    text("password", "PASSWORD", "password", { short: "p", noVariable: true }),
    toggle("password-stdin", "read the password from stdin"),
  ],
  run: async (args, terminal) => await (await load()).runLogin(args, terminal),
};

const uploadBlob: Command = {
  name: "upload blob",
  summary: "put files into a registry; the reference by digest goes to stdout",
  positionals: one,
  flags: [
    {
      name: "files",
      type: "list",
      value: "FILE[:OS/ARCH]",
      summary: "the files; each with its platform if there are several",
      short: "f",
    },
    text("ct", "TYPE", "their media type"),
    { name: "annotation", type: "list", value: "KEY=VALUE", summary: "annotations of the layer", short: "a" },
    ...registryFlags,
  ],
  run: async (args, terminal) => await (await load()).runUploadBlob(args, terminal),
};
const uploadWasm: Command = {
  name: "upload wasm",
  summary: "put a WebAssembly module into a registry",
  positionals: one,
  flags: [text("file", "FILE", "the module", { short: "f" }), ...registryFlags],
  run: async (args, terminal) => await (await load()).runUploadWasm(args, terminal),
};

/** Commands that sign and verify images. */
export const imageCommands: readonly Command[] = [sign, verify, attest, verifyAttestation];
/** Commands on what hangs on images. */
export const attachmentCommands: readonly Command[] = [
  tree,
  triangulate,
  copy,
  save,
  loadCommand,
  clean,
  downloadSignature,
  downloadAttestation,
  downloadSbom,
  attachSignature,
  attachAttestation,
  attachSbom,
  generate,
  manifestVerify,
  dockerfileVerify,
  uploadBlob,
  uploadWasm,
  login,
];
