// SSH public keys (RFC 4253 §6.6, RFC 5656, RFC 8709) and signatures of files (OpenSSH PROTOCOL.sshsig).
//
//   SSHSIG = "SSHSIG" ‖ version:u32 1 ‖ string publickey ‖ string namespace ‖ string reserved ‖ string hash_algorithm ‖ string signature
//   signed = "SSHSIG" ‖ string namespace ‖ string reserved ‖ string hash_algorithm ‖ string H(message)
import {
  digest,
  type EcKeyType,
  encodeEcdsaSignature,
  isValidSignature,
  type PublicKey,
  parsePkcs1PublicKey,
  parsePublicKey,
} from "@sigillum/library/crypto";
import {
  concatBytes,
  derBitString,
  derInteger,
  derOid,
  derSequence,
  encodeBase64,
  encodePem,
  encodeUtf8,
  equalBytes,
  isSigillumError,
  parseBase64,
  parsePem,
  parseUtf8,
} from "@sigillum/library/encoding";
import { legacyEntryError } from "./errors.ts";
import { malformed } from "./refusals.ts";

/** The longest key line that is read. */
const maxKeyBytes = 64 * 1024;
const magic = encodeUtf8("SSHSIG");
const label = "SSH SIGNATURE";

/** An SSH public key. */
export interface SshKey {
  /** The authorized_keys line without comment. */
  readonly canonical: Uint8Array;
  readonly blob: Uint8Array;
  readonly publicKey: PublicKey;
}

/** A signature of a file. */
export interface SshSignature {
  /** Armoured at 64 columns. */
  readonly canonical: Uint8Array;
  readonly keyBlob: Uint8Array;
  readonly hash: "sha256" | "sha512";
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

const curves: ReadonlyMap<string, { readonly type: EcKeyType; readonly oid: string; readonly octets: number }> = new Map([
  ["ecdsa-sha2-nistp256", { type: "ecdsa-p256", oid: "1.2.840.10045.3.1.7", octets: 32 }],
  ["ecdsa-sha2-nistp384", { type: "ecdsa-p384", oid: "1.3.132.0.34", octets: 48 }],
  ["ecdsa-sha2-nistp521", { type: "ecdsa-p521", oid: "1.3.132.0.35", octets: 66 }],
]);

/** Read a line of authorized_keys: type, base64, and a comment that is left out. */
export function parseSshKey(bytes: Uint8Array): SshKey {
  if (bytes.length > maxKeyBytes)
    throw malformed("rekord", `the SSH key has ${bytes.length} bytes, at most ${maxKeyBytes} are read`);
  return reading("key", () => {
    const [type = "", base64 = ""] = parseUtf8(bytes)
      .trim()
      .split(/[ \t]+/, 3);
    const blob = parseBase64(base64);
    const reader = new SshReader(blob);
    if (reader.text() !== type) throw malformed("rekord", "the SSH key names another type than its line");
    const publicKey = readPublicKey(type, reader);
    reader.end();
    return { canonical: encodeUtf8(`${type} ${encodeBase64(blob)}\n`), blob, publicKey };
  });
}

function readPublicKey(type: string, reader: SshReader): PublicKey {
  if (type === "ssh-ed25519")
    return parsePublicKey(derSequence(derSequence(derOid("1.3.101.112")), derBitString(reader.string())));
  if (type === "ssh-rsa") {
    const exponent = reader.string();
    return parsePkcs1PublicKey(derSequence(derInteger(unsigned(reader.string())), derInteger(unsigned(exponent))));
  }
  const curve = curves.get(type);
  if (curve === undefined) throw unsupported(`keys of type ${JSON.stringify(type.slice(0, 40))}`);
  reader.string();
  const algorithm = derSequence(derOid("1.2.840.10045.2.1"), derOid(curve.oid));
  return parsePublicKey(derSequence(algorithm, derBitString(reader.string())));
}

/** Read an armoured signature. */
export function parseSshSignature(bytes: Uint8Array): SshSignature {
  return reading("signature", () => {
    const [block, second] = parsePem(parseUtf8(bytes));
    if (block?.label !== label || second !== undefined)
      throw malformed("rekord", `the SSH signature is not one PEM block ${label}`);
    const reader = new SshReader(block.bytes);
    if (!equalBytes(reader.take(magic.length), magic) || reader.uint32() !== 1)
      throw malformed("rekord", "the SSH signature is not of version 1");
    const keyBlob = reader.string();
    const namespace = reader.text();
    if (namespace !== "file")
      throw malformed("rekord", `the SSH signature's namespace is ${JSON.stringify(namespace.slice(0, 40))}, expected "file"`);
    const reserved = reader.string();
    if (reserved.length > 0) throw malformed("rekord", "the SSH signature's reserved field is not empty");
    const hash = reader.text();
    if (hash !== "sha256" && hash !== "sha512") throw unsupported(`signatures over ${JSON.stringify(hash.slice(0, 40))}`);
    const signature = new SshReader(reader.string());
    reader.end();
    const algorithm = signature.text();
    const raw = signature.string();
    signature.end();
    return { canonical: encodeUtf8(encodePem(label, block.bytes)), keyBlob, hash, algorithm, signature: raw };
  });
}

/** Whether a signature is by this key, over this message. */
export function isValidSshSignature(key: SshKey, signature: SshSignature, message: Uint8Array): boolean {
  if (!equalBytes(key.blob, signature.keyBlob)) return false;
  const { hash, algorithm, signature: raw } = signature;
  const signed = concatBytes(
    magic,
    ...[encodeUtf8("file"), new Uint8Array(0), encodeUtf8(hash), digest(hash, message)].flatMap((part) => [lengthOf(part), part]),
  );
  const { publicKey } = key;
  if (algorithm === "ssh-ed25519" && publicKey.type === "ed25519")
    return isValidSignature(publicKey, { type: "ed25519", hash: "none" }, signed, raw);
  const rsaHash = algorithm === "rsa-sha2-512" ? "sha512" : algorithm === "rsa-sha2-256" ? "sha256" : undefined;
  if (rsaHash !== undefined && publicKey.type === "rsa")
    return isValidSignature(publicKey, { type: "rsa", hash: rsaHash, padding: "pkcs1" }, signed, raw);
  const curve = curves.get(algorithm);
  if (curve === undefined || curve.type !== publicKey.type)
    throw unsupported(`signatures of algorithm ${JSON.stringify(algorithm.slice(0, 40))}`);
  const hashOf = { "ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512" } as const;
  return isValidSignature(publicKey, { type: curve.type, hash: hashOf[curve.type] }, signed, ecdsaOf(curve, raw));
}

// RFC 5656 §3.1.2: mpint r ‖ mpint s.
function ecdsaOf({ type, octets }: { readonly type: EcKeyType; readonly octets: number }, raw: Uint8Array): Uint8Array {
  const reader = new SshReader(raw);
  const both = new Uint8Array(2 * octets);
  for (const end of [octets, 2 * octets]) {
    const number = unsigned(reader.string());
    if (number.length > octets) return new Uint8Array(0);
    both.set(number, end - number.length);
  }
  return encodeEcdsaSignature(type, both);
}

class SshReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw malformed("rekord", "an SSH structure ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.take(4).reduce((sum, octet) => sum * 256 + octet, 0);
  }

  string(): Uint8Array {
    return this.take(this.uint32());
  }

  text(): string {
    return parseUtf8(this.string());
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("rekord", "bytes follow an SSH structure");
  }
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return length;
}

function unsigned(mpint: Uint8Array): Uint8Array {
  return mpint[0] === 0 ? mpint.subarray(1) : mpint;
}

function unsupported(what: string): Error {
  return legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot accept rekord entry: SSH ${what} are not supported`, {
    found: what,
  });
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("rekord", `the SSH ${what} cannot be read: ${cause.message}`, cause);
  }
}
