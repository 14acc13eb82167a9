import type { Command } from "./command.ts";
import { text, toggle, yesFlag } from "./flags.ts";

const cosign1Flag = toggle("cosign1", "write the label that cosign 1 reads");
const load = () => import("../key/index.ts");

const generate: Command = {
  name: "generate-key-pair",
  summary: "make a key pair: cosign.key, encrypted with a password, and cosign.pub",
  description:
    "The password is $COSIGN_PASSWORD, else asked for. PLACE keeps the pair elsewhere: k8s://NAMESPACE/SECRET, gitlab://PROJECT, github://OWNER/REPO.\nWith --kms the private key is made in a key service or token, and never leaves it.",
  positionals: { name: "[PLACE]", min: 0, max: 1 },
  flags: [
    text("output-key-prefix", "NAME", "write NAME.key and NAME.pub (cosign)"),
    text("type", "TYPE", "ecdsa-p256 (default), ecdsa-p384, ecdsa-p521, ed25519 or rsa", {
      choices: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"],
    }),
    cosign1Flag,
    text(
      "kms",
      "URI",
      "make the key there: awskms:///alias/NAME, gcpkms://…, azurekms://…, hashivault://KEY, openbao://KEY, pkcs11:…",
    ),
    yesFlag,
  ],
  examples: ["sigillum generate-key-pair", "sigillum generate-key-pair --kms awskms:///alias/release"],
  run: async (args, terminal) => await (await load()).runGenerateKeyPair(args, terminal),
};

const importPair: Command = {
  name: "import-key-pair",
  summary: "encrypt a private key as cosign does: PKCS #1, SEC 1 or PKCS #8 in PEM",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    text("key", "FILE", "the private key", { short: "k" }),
    text("output-key-prefix", "NAME", "write NAME.key and NAME.pub (import-cosign)", { short: "o" }),
    cosign1Flag,
    yesFlag,
  ],
  run: async (args, terminal) => await (await load()).runImportKeyPair(args, terminal),
};

const publicKey: Command = {
  name: "public-key",
  summary: "print the public half of a key",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    text("key", "KEY", "the key: a file, env://NAME, or a key service"),
    text("outfile", "FILE", "where it goes (stdout)"),
    toggle("sk", "the key in a PIV token"),
    text("slot", "SLOT", "its slot (signature)"),
  ],
  run: async (args, terminal) => await (await load()).runPublicKey(args, terminal),
};

/** Commands on keys. */
export const keyCommands: readonly Command[] = [generate, importPair, publicKey];
