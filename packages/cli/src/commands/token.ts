import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { list, text, toggle, yesFlag } from "./flags.ts";

const load = () => import("../token/index.ts");
const none = { name: "", min: 0, max: 0 } as const;
const noInput: FlagSpec = toggle("no-input", "do not ask whether to go on", { short: "f" });
const questions: readonly FlagSpec[] = [noInput, { ...yesFlag, aliases: [] }];
const moduleFlag = text("module-path", "FILE", "the PKCS #11 module ($COSIGN_PKCS11_MODULE_PATH)");
const slotFlag = text("slot", "SLOT", "authentication, signature (default), card-authentication or key-management");
const makerFlag = list("maker", "FILE", "certificates (PEM) of makers of tokens: the token's must chain to one");
const managementText = "hexadecimal digits (the maker's)";
const randomFlag = toggle("random-management-key", "set a random one that nobody is told: only a reset helps then");

const listTokens: Command = {
  name: "pkcs11-tool list-tokens",
  summary: "list the tokens that a PKCS #11 module has",
  positionals: none,
  flags: [moduleFlag, noInput],
  examples: ["sigillum pkcs11-tool list-tokens --module-path /usr/lib/softhsm/libsofthsm2.so"],
  run: async (args, terminal) => await (await load()).runListTokens(args, terminal),
};

const listKeysUris: Command = {
  name: "pkcs11-tool list-keys-uris",
  summary: "list the keys of a PKCS #11 token, each with the reference that --key takes",
  positionals: none,
  flags: [
    moduleFlag,
    text("slot-id", "N", "the token's slot (0)"),
    text("pin", "PIN", "its PIN ($COSIGN_PKCS11_PIN, else asked for)"),
    noInput,
  ],
  run: async (args, terminal) => await (await load()).runListKeysUris(args, terminal),
};

const attestation: Command = {
  name: "piv-tool attestation",
  summary: "show what a PIV token says of the key in a slot, verified",
  positionals: none,
  flags: [slotFlag, makerFlag, noInput],
  run: async (args, terminal) => await (await load()).runPivAttestation(args, terminal),
};

const generateKey: Command = {
  name: "piv-tool generate-key",
  summary: "make a P-256 key in a slot of a PIV token, in place of what is there",
  positionals: none,
  flags: [
    slotFlag,
    text("pin-policy", "POLICY", "never, once or always (default): when the token asks for its PIN"),
    text("touch-policy", "POLICY", "never, always (default) or cached: when it wants to be touched"),
    text("management-key", "KEY", `the management key, ${managementText}`),
    randomFlag,
    makerFlag,
    ...questions,
  ],
  examples: [
    "sigillum piv-tool generate-key --slot signature --pin-policy once",
    "sigillum sign --sk registry.example.com/app:v1",
  ],
  run: async (args, terminal) => await (await load()).runPivGenerateKey(args, terminal),
};

const setManagementKey: Command = {
  name: "piv-tool set-management-key",
  summary: "set the management key of a PIV token",
  positionals: none,
  flags: [
    text("old-key", "KEY", `the one it has, ${managementText}`),
    text("new-key", "KEY", `the one it gets, ${managementText}`),
    randomFlag,
    ...questions,
  ],
  run: async (args, terminal) => await (await load()).runPivSetManagementKey(args, terminal),
};

const setPin: Command = {
  name: "piv-tool set-pin",
  summary: "set the PIN of a PIV token",
  positionals: none,
  flags: [text("old-pin", "PIN", "the one it has (123456)"), text("new-pin", "PIN", "the one it gets (123456)"), ...questions],
  run: async (args, terminal) => await (await load()).runPivSetPin(args, terminal),
};

const setPuk: Command = {
  name: "piv-tool set-puk",
  summary: "set the PUK of a PIV token",
  positionals: none,
  flags: [
    text("old-puk", "PUK", "the one it has (12345678)"),
    text("new-puk", "PUK", "the one it gets (12345678)"),
    ...questions,
  ],
  run: async (args, terminal) => await (await load()).runPivSetPuk(args, terminal),
};

const unblock: Command = {
  name: "piv-tool unblock",
  summary: "set a new PIN of a PIV token with its PUK",
  positionals: none,
  flags: [
    text("puk", "PUK", "the PUK (12345678)"),
    text("new-PIN", "PIN", "the new PIN (123456)", { aliases: ["new-pin"] }),
    ...questions,
  ],
  run: async (args, terminal) => await (await load()).runPivUnblock(args, terminal),
};

const reset: Command = {
  name: "piv-tool reset",
  summary: "set a PIV token back to what its maker delivered: every key in it is gone",
  positionals: none,
  flags: questions,
  run: async (args, terminal) => await (await load()).runPivReset(args, terminal),
};

/** Commands on hardware tokens. */
export const tokenCommands: readonly Command[] = [
  listTokens,
  listKeysUris,
  generateKey,
  attestation,
  setPin,
  setPuk,
  unblock,
  setManagementKey,
  reset,
];
