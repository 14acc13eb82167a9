import type { Command } from "./command.ts";
import { array, text, toggle } from "./flags.ts";

const load = () => import("../setup/index.ts");
const none = { name: "", min: 0, max: 0 } as const;

const initialize: Command = {
  name: "initialize",
  summary: "fetch and pin a root of trust, as cosign does it",
  description: "With --mirror and --root of a private instance; the same as trust add, under cosign's name.",
  positionals: none,
  flags: [
    text("mirror", "URL", "the TUF repository ($TUF_MIRROR)"),
    text("root", "FILE|URL", "its first root ($TUF_ROOT_JSON)"),
    text("root-checksum", "HEX", "SHA-256 or SHA-512 that the root must have", { aliases: ["root-sha256"] }),
    text("name", "NAME", "name to keep it under (the host and port of the URL)"),
    toggle("staging", "", { hidden: true }),
  ],
  examples: ["sigillum initialize --mirror http://localhost:8081 --root http://localhost:8081/1.root.json"],
  run: async (args, terminal) => await (await load()).runInitialize(args, terminal),
};

const trustedRootCreate: Command = {
  name: "trusted-root create",
  summary: "write a trusted_root.json from certificates and keys",
  positionals: none,
  flags: [
    array("fulcio", "url=U,certificate-chain=FILE[,start-time=T][,end-time=T]", "a certificate authority"),
    array("ctfe", "url=U,public-key=FILE[,start-time=T][,end-time=T]", "a CT log"),
    array("rekor", "url=U,public-key=FILE[,start-time=T][,end-time=T][,origin=O]", "a transparency log"),
    array("tsa", "url=U,certificate-chain=FILE[,start-time=T][,end-time=T]", "a timestamp authority"),
    toggle("with-default-services", "begin with those of the trust root (--trust)"),
    toggle("no-default-fulcio", "but without its certificate authorities"),
    toggle("no-default-ctfe", "but without its CT logs"),
    toggle("no-default-rekor", "but without its logs"),
    toggle("no-default-tsa", "but without its timestamp authorities"),
    text("trust", "NAME", "the trust root that --with-default-services means"),
    text("out", "FILE", "where it goes (stdout)"),
  ],
  run: async (args, terminal) => await (await load()).runTrustedRootCreate(args, terminal),
};

const signingConfigCreate: Command = {
  name: "signing-config create",
  summary: "write a signing_config.json from addresses of services",
  positionals: none,
  flags: [
    array("fulcio", "url=U,api-version=N,start-time=T,operator=O[,end-time=T]", "a certificate authority"),
    array("rekor", "url=U,api-version=N,start-time=T,operator=O[,end-time=T]", "a transparency log"),
    array("oidc-provider", "url=U,api-version=N,start-time=T,operator=O[,end-time=T]", "an identity provider"),
    array("tsa", "url=U,api-version=N,start-time=T,operator=O[,end-time=T]", "a timestamp authority"),
    text("rekor-config", "SELECTOR", "how many logs to use: ANY, ALL or EXACT:N"),
    text("tsa-config", "SELECTOR", "how many timestamp authorities to use"),
    text("base-config", "FILE", "begin with this signing config"),
    toggle("with-default-services", "begin with that of the trust root (--trust)"),
    toggle("with-default-rekor-v2", "begin with the one for Rekor v2"),
    toggle("no-default-fulcio", "but without its certificate authorities"),
    toggle("no-default-rekor", "but without its logs"),
    toggle("no-default-oidc", "but without its identity providers"),
    toggle("no-default-tsa", "but without its timestamp authorities"),
    text("trust", "NAME", "the trust root that --with-default-services means"),
    text("out", "FILE", "where it goes (stdout)"),
  ],
  run: async (args, terminal) => await (await load()).runSigningConfigCreate(args, terminal),
};

/** Commands that set up whom to trust and whom to use. */
export const setupCommands: readonly Command[] = [initialize, trustedRootCreate, signingConfigCreate];
