// generate-key-pair, import-key-pair, public-key: key pairs in files, the private one encrypted as cosign does (signing-client §2.8).
import { createPrivateKey } from "node:crypto";
import { createSigner, encodePublicKeyPem, type KeyType } from "@sigillum/library/crypto";
import type { Arguments } from "../arguments/index.ts";
import { confirm, exitCodes, readPassword, type Terminal } from "../terminal/index.ts";
import { keyError } from "./errors.ts";
import { keyReference, openPublicKey } from "./open.ts";
import type { PairStore } from "./pair-store.ts";
import { openPairStore } from "./stored-pair.ts";

// Loaded when a file is read or written: other commands, which only name a key, start faster without it.
const files = (): Promise<typeof import("node:fs/promises")> => import("node:fs/promises");
type PairType = Exclude<KeyType, `ml-dsa-${string}`>;
const keyTypes: readonly PairType[] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"];

/** `sigillum generate-key-pair`: PREFIX.key, encrypted, and PREFIX.pub. */
export async function runGenerateKeyPair(args: Arguments, terminal: Terminal): Promise<number> {
  const service = args.string("kms") ?? args.positionals[0];
  const type = keyTypes.find((one) => one === args.string("type")) ?? "ecdsa-p256";
  const store = service === undefined ? undefined : await openPairStore(service, process.env);
  if (store !== undefined) return await keepPair(args, store, type, terminal);
  if (service !== undefined) return await createInService(args, service, type, terminal);
  const { generatePrivateKey } = await import("@sigillum/signers/signers");
  const paths = await pathsFor(args, args.string("output-key-prefix") ?? "cosign", terminal);
  await writePair(args, paths, generatePrivateKey(type), terminal);
  return exitCodes.success;
}

// The private key never leaves the service; the public one comes into a file, as with cosign.
async function createInService(args: Arguments, service: string, type: PairType, terminal: Terminal): Promise<number> {
  const { createKey } = await import("@sigillum/signers/signers");
  const path = `${args.string("output-key-prefix") ?? "cosign"}.pub`;
  const { signer, isNew } = await createKey(service, type);
  const name = service.replace(/[?&]pin-value=[^&]*/, "");
  terminal.note(isNew ? `Private key made in ${name}` : `There is a key in ${name} already; it is left as it is`);
  await writePublic(path, encodePublicKeyPem(signer.publicKey), terminal);
  if (terminal.format === "json") terminal.json({ key: name, isNew, publicKey: path });
  return exitCodes.success;
}

// The private key never stands in a file of this machine; the public one does, as with cosign.
async function keepPair(args: Arguments, store: PairStore, type: PairType, terminal: Terminal): Promise<number> {
  const { encryptCosignKey, generatePrivateKey } = await import("@sigillum/signers/signers");
  const password = await readPassword(terminal, process.env, true);
  const pkcs8 = generatePrivateKey(type);
  const publicPem = encodePublicKeyPem(createSigner(pkcs8).publicKey);
  const label = args.boolean("cosign1") ? "cosign" : "sigstore";
  await store.write({ privatePem: await encryptCosignKey(pkcs8, password, label), password, publicPem });
  terminal.note(`Private key kept as ${store.describe}`);
  const path = `${args.string("output-key-prefix") ?? "cosign"}.pub`;
  await writePublic(path, publicPem, terminal);
  if (terminal.format === "json") terminal.json({ store: store.describe, publicKey: path });
  return exitCodes.success;
}

/** `sigillum import-key-pair --key FILE`: a private key in PEM as a pair like `generate-key-pair` makes. */
export async function runImportKeyPair(args: Arguments, terminal: Terminal): Promise<number> {
  const source = args.required("key", "it is the private key to import");
  const text = await (await files()).readFile(source, "utf8").catch((cause: unknown) => {
    throw keyError("KEY_UNREADABLE", `Cannot read key ${source}`, { cause });
  });
  const pkcs8 = pkcs8Of(text, source);
  createSigner(pkcs8); // refuses what could not sign
  const paths = await pathsFor(args, args.string("output-key-prefix") ?? "import-cosign", terminal);
  await writePair(args, paths, pkcs8, terminal);
  return exitCodes.success;
}

// PKCS #1, SEC 1 and PKCS #8 alike.
function pkcs8Of(text: string, source: string): Uint8Array {
  try {
    return new Uint8Array(createPrivateKey(text).export({ format: "der", type: "pkcs8" }));
  } catch {
    // The platform's message may quote the file: it is a private key.
    throw keyError("KEY_FORMAT", `Cannot import key ${source}: it is no unencrypted private key in PEM`, {
      expected: "RSA PRIVATE KEY, EC PRIVATE KEY or PRIVATE KEY",
    });
  }
}

interface PairPaths {
  readonly private: string;
  readonly public: string;
}

// Asked before the password, so that nobody types one for nothing.
async function pathsFor(args: Arguments, prefix: string, terminal: Terminal): Promise<PairPaths> {
  const paths = { private: `${prefix}.key`, public: `${prefix}.pub` };
  const exists = await (await files()).stat(paths.private).then(
    () => true,
    () => false, // whatever stands there, it is not a key that would be lost
  );
  if (exists) await confirm(terminal, `File ${paths.private} already exists. Overwrite?`, args.boolean("yes"));
  return paths;
}

async function writePair(args: Arguments, paths: PairPaths, pkcs8: Uint8Array, terminal: Terminal): Promise<void> {
  const { encryptCosignKey } = await import("@sigillum/signers/signers");
  const password = await readPassword(terminal, process.env, true);
  const encrypted = await encryptCosignKey(pkcs8, password, args.boolean("cosign1") ? "cosign" : "sigstore");
  await (await files()).writeFile(paths.private, encrypted, { mode: 0o600 }).catch((cause: unknown) => {
    throw keyError("KEY_UNWRITABLE", `Cannot write private key ${paths.private}`, { cause });
  });
  terminal.note(`Private key written to ${paths.private}`);
  await writePublic(paths.public, encodePublicKeyPem(createSigner(pkcs8).publicKey), terminal);
  if (terminal.format === "json") terminal.json({ privateKey: paths.private, publicKey: paths.public });
}

/** `sigillum public-key --key KEY`: its public half as PEM, on stdout or in a file. */
export async function runPublicKey(args: Arguments, terminal: Terminal): Promise<number> {
  const reference = keyReference(args) ?? args.required("key", "it is the key whose public half is wanted");
  const key = await openPublicKey(reference, terminal);
  const pem = encodePublicKeyPem(key);
  const out = args.string("outfile");
  if (terminal.format === "json") terminal.json({ publicKey: pem, type: key.type });
  else if (out === undefined) terminal.write(pem);
  if (out !== undefined) await writePublic(out, pem, terminal);
  return exitCodes.success;
}

async function writePublic(path: string, pem: string, terminal: Terminal): Promise<void> {
  await (await files()).writeFile(path, pem, { mode: 0o644 }).catch((cause: unknown) => {
    throw keyError("KEY_UNWRITABLE", `Cannot write public key ${path}`, { cause });
  });
  terminal.note(`Public key written to ${path}`);
}
