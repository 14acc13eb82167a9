// From what stands behind --key to a key: private ones through the package signers, public ones from PEM wherever it is.
import { type PublicKey, parsePkcs1PublicKey, parsePublicKey, type Signer } from "@sigillum/library/crypto";
import { isSigillumError, parsePem, parseUtf8, quote } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { parseCertificate } from "@sigillum/library/x509";
import type { Arguments } from "../arguments/index.ts";
import { readPassword, readPin, type Terminal } from "../terminal/index.ts";
import { keyError } from "./errors.ts";
import { openPairStore } from "./stored-pair.ts";

const maxKeyBytes = 64 * 1024;

/** The key that a command is told to use: what --key names, or with --sk the slot of a PIV token; undefined where neither is given. */
export function keyReference(args: Arguments): string | undefined {
  const named = (flag: string): string | undefined => (args.declares(flag) ? args.string(flag) || undefined : undefined);
  if (!args.declares("sk") || !args.boolean("sk")) return named("key");
  args.exclusive("key", "sk");
  return `piv:${named("slot") ?? "signature"}`;
}

/** Open the private key that a reference names; its password is asked for only if it is encrypted. */
export async function openPrivateKey(reference: string, terminal: Terminal): Promise<Signer> {
  const { openSigner } = await import("@sigillum/signers/signers");
  const store = await openPairStore(reference, process.env);
  if (store !== undefined) {
    const { privatePem = "", password = "" } = await store.read("private");
    return await openSigner("env://KEY", { passphrase: password, environment: { KEY: privatePem } });
  }
  const passphrase = (): Promise<string> => readPassword(terminal, process.env);
  const pin = (): Promise<string> => readPin(terminal, process.env);
  try {
    return await openSigner(reference, { passphrase, pin });
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "SIGNER_FILE_MODE") throw error;
    // cosign takes a key that others can read: those in a checkout or a mounted secret often are.
    terminal.note(`WARNING: ${error.message}`);
    const text = (await fileText(reference.replace(/^file:(?:\/\/(?=\/))?/, ""))) ?? "";
    return await openSigner("env://KEY", { passphrase, environment: { KEY: text } });
  }
}

/**
 * Read the public key that a reference names: a file, env://NAME or an http address with PEM (PUBLIC KEY, RSA PUBLIC KEY or
 * CERTIFICATE), or a key service, which is asked for the public half alone.
 */
export async function openPublicKey(reference: string, terminal: Terminal): Promise<PublicKey> {
  const store = await openPairStore(reference, process.env);
  if (store !== undefined) return parsePublicText((await store.read("public")).publicPem ?? "", reference);
  const text = await publicText(reference);
  if (text === undefined || /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return (await openPrivateKey(reference, terminal)).publicKey;
  return parsePublicText(text, reference);
}

/** Read a public key from PEM text; `where` names it in messages. */
export function parsePublicText(text: string, where: string): PublicKey {
  try {
    const [block] = parsePem(text);
    if (block?.label === "PUBLIC KEY") return parsePublicKey(block.bytes);
    if (block?.label === "RSA PUBLIC KEY") return parsePkcs1PublicKey(block.bytes);
    if (block?.label === "CERTIFICATE") return parseCertificate(block.bytes).publicKey;
    throw keyError("KEY_FORMAT", `Cannot read key ${quote(where)}: it is PEM of ${quote(block?.label ?? "nothing")}`, {
      found: block?.label ?? "nothing",
      expected: "PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE",
    });
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code === "KEY_FORMAT") throw cause;
    throw keyError("KEY_FORMAT", `Cannot read key ${quote(where)}: ${cause.message}`, { cause });
  }
}

// Undefined: not a place where PEM stands, but a key service.
async function publicText(reference: string): Promise<string | undefined> {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(reference)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") return await fetchText(reference);
  if (scheme === "env") return variable(reference.slice("env://".length));
  if (scheme !== undefined && scheme !== "file") return undefined;
  return await fileText(scheme === "file" ? reference.replace(/^file:(?:\/\/(?=\/))?/, "") : reference);
}

async function fetchText(url: string): Promise<string> {
  const answer = await request({ url, maxBytes: maxKeyBytes, redirects: 3, retries: 1 });
  if (answer.status === 200) return parseUtf8(answer.body);
  throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(url)}: HTTP ${answer.status}`, { found: `HTTP ${answer.status}` });
}

function variable(name: string): string {
  const text = process.env[name];
  if (text !== undefined && text !== "") return text;
  throw keyError("KEY_UNREADABLE", `Cannot read key env://${name}: the environment variable is not set`, { expected: name });
}

async function fileText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    return (await readFile(path, "utf8")).slice(0, maxKeyBytes);
  } catch (cause) {
    const code = cause instanceof Error ? String(Reflect.get(cause, "code") ?? cause.message) : "unreadable";
    const reason = code === "ENOENT" ? "there is no such file" : code;
    throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(path)}: ${reason}`, { cause, found: reason });
  }
}
