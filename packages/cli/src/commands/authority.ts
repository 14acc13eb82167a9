import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { text, toggle } from "./flags.ts";

const load = () => import("../authority/index.ts");
const none = { name: "", min: 0, max: 0 } as const;
const email = { name: "EMAIL", min: 1, max: 1 } as const;
const data: FlagSpec = text("data", "DIR", "the data directory (sigillum-data)");
const service: FlagSpec = text("service", "NAME", "ca (default): certificates; tsa: timestamps", { choices: ["ca", "tsa"] });
const out: FlagSpec = text("out", "FILE", "where the PEM goes (stdout)");
const organization: FlagSpec = text("org", "NAME", "organization in the certificate (Sigillum)");
const commonName: FlagSpec = text("common-name", "NAME", "common name in the certificate");

const createRoot: Command = {
  name: "ca create-root",
  summary: "make a root certificate, for a key in a file or in hardware",
  description:
    "The key is P-384 and made where there is none: a file, encrypted where $SIGILLUM_PASSPHRASE is set, or with --hsm in the token that\n--pkcs11-config-path (crypto11's file) or --key pkcs11:… names, with the attributes that AWS CloudHSM demands. CloudHSM stores no\ncertificates: there --out is needed.",
  positionals: none,
  flags: [
    service,
    text("key", "KEY", "the root's key: a file that is made where there is none, or pkcs11:… with --hsm"),
    text("hsm", "KIND", "keep the key in hardware: softhsm (any PKCS #11 token), or aws", { choices: ["softhsm", "aws"] }),
    text("pkcs11-config-path", "FILE", "crypto11's configuration (config/crypto11.conf)"),
    text("hsm-key-label", "LABEL", "label of the key (PKCS11CA)"),
    text("hsm-caroot-id", "ID", "id of the certificate in the token; it is not stored without"),
    organization,
    commonName,
    text("years", "N", "for how long it is valid (10)"),
    out,
  ],
  examples: [
    "sigillum ca create-root --key root.key --out root.pem",
    "sigillum ca create-root --hsm aws --pkcs11-config-path crypto11.conf --out root.pem",
  ],
  run: async (args, terminal) => await (await load()).runCreateRoot(args, terminal),
};

const createIntermediate: Command = {
  name: "ca create-intermediate",
  summary: "make the certificate that signs, below a root",
  positionals: none,
  flags: [
    service,
    text("root", "FILE", "the root's certificate"),
    text("root-key", "KEY", "the root's key: a file, pkcs11:…, or a key service"),
    text("key", "KEY", "the new key: a file that is made where there is none, or a key that is there"),
    organization,
    commonName,
    out,
  ],
  examples: ["sigillum ca create-intermediate --root root.pem --root-key root.key --key ca.key --out chain.pem"],
  run: async (args, terminal) => await (await load()).runCreateIntermediate(args, terminal),
};

const rotate: Command = {
  name: "ca rotate",
  summary: "give a running stack its next chain, without a stop",
  description:
    "The chain is made here, or taken from --chain, and published at once; it signs when every client's cached trust root has it, a week later.\nThe one before stays published for what it signed.",
  positionals: none,
  flags: [
    data,
    service,
    text("root", "WHICH", "below the root that is there (same, default), or a new one", { choices: ["same", "new"] }),
    text("key", "KEY", "the key that is to sign (a new file)"),
    text("chain", "FILE", "a chain that was made elsewhere for --key, what signs first"),
    toggle("now", "sign with it at once: clients that have not fetched the trust root since refuse what it signs"),
  ],
  run: async (args, terminal) => await (await load()).runCaRotate(args, terminal),
};

const status: Command = {
  name: "ca status",
  summary: "say which chain of a running stack signs, and which waits",
  positionals: none,
  flags: [data, service],
  run: async (args, terminal) => await (await load()).runCaStatus(args, terminal),
};

const check: Command = {
  name: "ca check",
  summary: "ask every configured issuer for its keys, and say which cannot be used",
  positionals: none,
  flags: [data, text("config", "FILE", "settings to use instead of the data directory's sigillum.yaml")],
  run: async (args, terminal) => await (await load()).runCaCheck(args, terminal),
};

const userAdd: Command = {
  name: "user add",
  summary: "let somebody sign in at the embedded identity provider, or give them another password",
  description:
    "The password is read from --password-file, from $SIGILLUM_USER_PASSWORD, or asked for. A running stack knows it in seconds.",
  positionals: email,
  flags: [data, text("password-file", "FILE", "file with the password")],
  run: async (args, terminal) => await (await load()).runUserAdd(args, terminal),
};

const userRemove: Command = {
  name: "user remove",
  summary: "let somebody sign in no more",
  positionals: email,
  flags: [data],
  run: async (args, terminal) => await (await load()).runUserRemove(args, terminal),
};

const userList: Command = {
  name: "user list",
  summary: "list who can sign in",
  positionals: none,
  flags: [data],
  run: async (args, terminal) => await (await load()).runUserList(args, terminal),
};

/** Commands on the certificate authority, the timestamp authority and the people of the identity provider. */
export const authorityCommands: readonly Command[] = [
  createRoot,
  createIntermediate,
  rotate,
  status,
  check,
  userAdd,
  userRemove,
  userList,
];
