import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { many, policyFlags, signingFlags, text, toggle, trustFlag, verificationFlags } from "./flags.ts";

const load = () => import("../blob/index.ts");
const outputs: readonly FlagSpec[] = [
  text("output-signature", "FILE", "write the signature (base64) here"),
  text("output-certificate", "FILE", "write the certificate here", { aliases: ["output-cert"] }),
  toggle("new-bundle-format", "false: --bundle as cosign 1 and 2 wrote it"),
];
const verdictOutput: FlagSpec = text("output", "FORMAT", "text (default) or json: one JSON document on stdout", {
  short: "o",
  choices: ["text", "json"],
  noVariable: true,
});
const predicateFlags: readonly FlagSpec[] = [
  text("predicate", "FILE", 'what is attested; "-" for stdin'),
  text("statement", "FILE", "a whole in-toto statement instead"),
  text(
    "type",
    "TYPE",
    "slsaprovenance, slsaprovenance1, spdx, spdxjson, cyclonedx, link, vuln, openvex, custom (default), or a URI",
  ),
];

const signBlob: Command = {
  name: "sign-blob",
  summary: "sign files and write a bundle beside each",
  description:
    "The bundle holds the signature, the certificate, the log's proof and the time: all that is needed to verify the file, offline too.\nWithout --bundle it goes beside the file, and the signature to stdout.",
  positionals: { name: "FILE…", min: 1, max: many },
  flags: [
    text("bundle", "FILE", "where the bundle goes (FILE.sigstore.json); a directory for several files"),
    ...outputs,
    toggle("b64", "signature and certificate as base64 (true)"),
    text("output", "FORMAT", "text (default) or json: one JSON document on stdout; anything else is a file for the signature", {
      short: "o",
      noVariable: true,
    }),
    text("rfc3161-timestamp", "FILE", "", { hidden: true }),
    text("rfc3161-timestamp-bundle", "FILE", "", { hidden: true }),
    ...signingFlags,
  ],
  examples: [
    "sigillum sign-blob app.tar.gz",
    "sigillum sign-blob --identity-token token.txt --bundle out/ a.bin b.bin",
    "sigillum sign-blob --key cosign.key --bundle app.sigstore.json app.tar.gz",
  ],
  run: async (args, terminal) => await (await load()).runSignBlob(args, terminal),
};

const verifyBlob: Command = {
  name: "verify-blob",
  summary: "verify files against their bundles",
  description:
    'FILE may be "-" for stdin, a digest such as sha256:HEX, or a directory, every file of which must be signed. Without --bundle\nFILE.sigstore.json is read. A bundle may be of any version, of cosign 1, or a list of several as GitHub, npm and PyPI write them.',
  positionals: { name: "FILE…", min: 1, max: many },
  flags: [
    text("bundle", "FILE", "the bundle that sign-blob wrote, or a directory of them"),
    text("signature", "FILE", "a signature without a bundle: a file, an address, or base64"),
    text("rfc3161-timestamp", "FILE", "timestamp of a detached signature"),
    text("rekor-response", "FILE", "", { hidden: true }),
    verdictOutput,
    ...verificationFlags,
  ],
  examples: [
    "sigillum verify-blob app.tar.gz --bundle app.tar.gz.sigstore.json --certificate-identity ada@example.com --certificate-oidc-issuer https://accounts.example.com",
  ],
  run: async (args, terminal) => await (await load()).runVerifyBlob(args, terminal),
};

const attestBlob: Command = {
  name: "attest-blob",
  summary: "sign a statement about a file",
  positionals: { name: "[FILE]", min: 0, max: 1 },
  flags: [
    ...predicateFlags,
    text("hash", "HEX", "SHA-256 of the file, instead of the file"),
    text("bundle", "FILE", "where the bundle goes; without it the envelope goes to stdout"),
    text("output-attestation", "FILE", "write the envelope here"),
    ...outputs,
    text("rfc3161-timestamp-bundle", "FILE", "", { hidden: true }),
    ...signingFlags,
  ],
  examples: ["sigillum attest-blob app.tar.gz --predicate sbom.json --type cyclonedx --bundle app.sbom.sigstore.json"],
  run: async (args, terminal) => await (await load()).runAttestBlob(args, terminal),
};

const verifyBlobAttestation: Command = {
  name: "verify-blob-attestation",
  summary: "verify a signed statement about a file",
  positionals: { name: "[FILE]", min: 0, max: 1 },
  flags: [
    text("bundle", "FILE", "the bundle with the attestation"),
    text("signature", "FILE", "an envelope without a bundle"),
    text("type", "TYPE", "the predicate type that it must have: a short name or a URI (custom)"),
    ...policyFlags,
    text("digest", "HEX", "digest of the file, instead of the file"),
    text("digestAlg", "NAME", "algorithm of --digest (sha256)", { choices: ["sha256", "sha384", "sha512"] }),
    toggle("check-claims", "", { hidden: true }),
    text("rfc3161-timestamp", "FILE", "timestamp of a detached signature"),
    verdictOutput,
    ...verificationFlags,
  ],
  run: async (args, terminal) => await (await load()).runVerifyBlobAttestation(args, terminal),
};

const inspectFlags: readonly FlagSpec[] = [
  trustFlag,
  text("trusted-root", "FILE", "a trusted_root.json to judge by; nothing is fetched"),
  toggle("offline", "fetch nothing: use the trust root as it was last verified"),
];
const inspect: Command = {
  name: "inspect",
  summary: "say what a bundle contains: what it is about, who signed, when, where it is logged",
  description:
    "Where there is a trust root it also says whether the bundle verifies by it, whoever signed. That is no reason to believe the signer.",
  positionals: { name: "BUNDLE…", min: 1, max: many },
  flags: inspectFlags,
  run: async (args, terminal) => await (await load()).runInspect(args, terminal),
};

const bundleInspect: Command = { ...inspect, name: "bundle inspect", hidden: true };

const bundleCreate: Command = {
  name: "bundle create",
  summary: "make a bundle from a signature, certificate and log entry that older versions kept apart",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    text("artifact", "FILE", "the file that was signed"),
    text("bundle", "FILE", "a bundle of cosign 1 or 2"),
    text("signature", "FILE", "the signature"),
    text("certificate", "FILE", "its certificate", { aliases: ["cert"] }),
    text("certificate-chain", "FILE", "", { hidden: true }),
    text("attestation", "FILE", "", { hidden: true }),
    text("key", "KEY", "the public key, of a signature without certificate"),
    text("rfc3161-timestamp", "FILE", "its timestamp"),
    toggle("ignore-tlog", "leave the log entry out"),
    text("rekor-url", "URL", "log to ask for the entry"),
    text("out", "FILE", "where the bundle goes (stdout)"),
    ...inspectFlags,
  ],
  run: async (args, terminal) => await (await load()).runBundleCreate(args, terminal),
};

const bundleUpgrade: Command = {
  name: "bundle upgrade",
  summary: "make a bundle of version 0.3 from one of 0.1 or 0.2",
  positionals: { name: "BUNDLE", min: 1, max: 1 },
  flags: [
    text("key", "KEY", "the public key, of a signature without certificate"),
    text("rekor-url", "URL", "log to ask for the entry's proof"),
    text("out", "FILE", "where the bundle goes (stdout)"),
    ...inspectFlags,
  ],
  run: async (args, terminal) => await (await load()).runBundleUpgrade(args, terminal),
};

/** Commands on files. */
export const blobCommands: readonly Command[] = [signBlob, verifyBlob, attestBlob, verifyBlobAttestation, inspect];
/** Commands on bundles. */
export const bundleCommands: readonly Command[] = [bundleCreate, bundleUpgrade, bundleInspect];
