// A signature whose parts are files of their own, as cosign's --signature, --certificate, --certificate-chain, --rekor-bundle and
// --rfc3161-timestamp have them; and cosign's own JSON bundle, which is the same parts in one file. signing-client.md §2.8.
//
//   bundle     {"base64Signature": base64, "cert": base64(PEM of a certificate or of a public key), "rekorBundle": {…} or null}
//   rekor      {"SignedEntryTimestamp": base64, "Payload": {"body": base64, "integratedTime": n, "logIndex": n, "logID": hex}}
//   timestamp  {"SignedRFC3161Timestamp": base64}
import { parseEnvelope } from "../attestation/index.ts";
import { parsePublicKey, sha256 } from "../crypto/index.ts";
import {
  encodeBase64,
  encodeUtf8,
  equalBytes,
  isSigillumError,
  JsonObject,
  parseBase64,
  parseHex,
  parsePem,
  parseUtf8,
  quote,
} from "../encoding/index.ts";
import { parseLogEntryBody } from "../log-entry/index.ts";
import { type Certificate, parseCertificate } from "../x509/index.ts";
import type { Bundle, BundleContent, VerificationMaterial } from "./bundle.ts";
import { fieldError, readJson } from "./bundle-json.ts";
import { bundleError } from "./errors.ts";
import { bundleLimits } from "./limits.ts";
import type { LogEntry } from "./log-entry.ts";
import { requireLeaf } from "./parse-bundle.ts";

/** The parts of a detached signature, each as it stands in its file. */
export interface DetachedParts {
  /** The signature, raw or as base64; or a DSSE envelope as JSON text, bare or as base64. */
  readonly signature: Uint8Array;
  /** A certificate in PEM or DER, or PEM as base64. Without it the signature is by a managed key. */
  readonly certificate?: Uint8Array;
  /** The intermediates above it, PEM. They are never trusted; self-issued ones among them are left out. */
  readonly chain?: Uint8Array;
  /** Rekor's promise, JSON. */
  readonly rekorBundle?: Uint8Array;
  /** RFC 3161 responses, DER or cosign's JSON around it. */
  readonly timestamps?: readonly Uint8Array[];
}

/** Put a bundle together from detached files. It has the form of one; nothing in it was verified. Its log entry has a promise alone. */
export function bundleFromDetached(parts: DetachedParts): Bundle {
  const rekor =
    parts.rekorBundle === undefined
      ? undefined
      : readRekorBundle(JsonObject.from(readJson(parts.rekorBundle), "rekorBundle", fieldError));
  const leaf = parts.certificate === undefined ? undefined : readVerifier(parts.certificate);
  return assemble(leaf, readSignature(parts.signature), {
    chain: parts.chain === undefined ? [] : readIntermediates(parts.chain),
    rekor,
    timestamps: (parts.timestamps ?? []).map(readTimestamp),
  });
}

/** Read a JSON bundle of cosign 1.x and 2.x. Nothing in it was verified; a public key in it names a managed key and is not believed. */
export function parseCosignBundle(json: string | Uint8Array): Bundle {
  return readCosignBundle(JsonObject.from(readJson(json), "cosign bundle", fieldError));
}

/** As parseCosignBundle, for JSON that was read. */
export function readCosignBundle(document: JsonObject): Bundle {
  const signature = document.optionalString("base64Signature") ?? "";
  const cert = document.optionalString("cert") ?? "";
  const rekor = document.optionalObject("rekorBundle");
  return assemble(cert === "" ? undefined : readVerifier(encodeUtf8(cert)), readSignature(encodeUtf8(signature)), {
    chain: [],
    rekor: rekor === undefined ? undefined : readRekorBundle(rekor),
    timestamps: [],
  });
}

interface Extras {
  readonly chain: readonly Certificate[];
  readonly rekor: LogEntry | undefined;
  readonly timestamps: readonly Uint8Array[];
}

function assemble(leaf: VerificationMaterial | undefined, content: BundleContent, { chain, rekor, timestamps }: Extras): Bundle {
  if (timestamps.length > bundleLimits.timestamps) {
    throw bundleError("BUNDLE_TOO_MANY_TIMESTAMPS", `Cannot read detached signature: it has ${timestamps.length} timestamps`, {
      found: String(timestamps.length),
      expected: `at most ${bundleLimits.timestamps}`,
    });
  }
  const material =
    leaf === undefined
      ? { publicKeyHint: "" }
      : "certificate" in leaf && chain.length > 0
        ? { chain: [leaf.certificate, ...chain] }
        : leaf;
  return { mediaType: "", version: "cosign", material, tlogEntries: rekor === undefined ? [] : [rekor], timestamps, content };
}

// A text is base64 of the signature or of an envelope; cosign ends it with a newline or not. Raw signatures are no such text.
function readSignature(file: Uint8Array): BundleContent {
  const bytes = decodedText(file) ?? file;
  if (bytes.length === 0) throw unreadable("the signature is empty");
  if (bytes[0] !== 0x7b) return { messageSignature: { signature: bytes } };
  try {
    return { dsseEnvelope: oneSignature(parseEnvelope(bytes)), envelopeText: bytes };
  } catch (cause) {
    // A raw signature may begin with a brace too: it is taken for one, and has to verify as one.
    if (!isSigillumError(cause) || cause.code.startsWith("BUNDLE_")) throw cause;
    return { messageSignature: { signature: bytes } };
  }
}

function oneSignature(envelope: ReturnType<typeof parseEnvelope>): ReturnType<typeof parseEnvelope> {
  if (envelope.signatures.length === 1) return envelope;
  throw bundleError("BUNDLE_DSSE_SIGNATURES", `Cannot read envelope: it has ${envelope.signatures.length} signatures`, {
    found: String(envelope.signatures.length),
    expected: "exactly 1",
  });
}

function decodedText(file: Uint8Array): Uint8Array | undefined {
  try {
    const text = parseUtf8(file).trim();
    return text === "" ? undefined : parseBase64(text);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return undefined;
  }
}

function readVerifier(file: Uint8Array): VerificationMaterial {
  const bytes = file[0] === 0x30 ? file : (decodedText(file) ?? file);
  try {
    if (bytes[0] === 0x30) return { certificate: requireLeaf(parseCertificate(bytes)) };
    const [block, ...more] = parsePem(parseUtf8(bytes));
    if (block?.label === "PUBLIC KEY" && more.length === 0)
      return { publicKeyHint: encodeBase64(sha256(parsePublicKey(block.bytes).spki)) };
    if (block?.label === "CERTIFICATE") return { certificate: requireLeaf(parseCertificate(block.bytes)) };
    throw unreadable(`the certificate is PEM of ${quote(block?.label ?? "nothing")}`);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("BUNDLE_")) throw cause;
    throw bundleError("BUNDLE_CERTIFICATE", `Cannot read detached signature: its certificate cannot be read: ${cause.message}`, {
      cause,
    });
  }
}

function readIntermediates(file: Uint8Array): Certificate[] {
  try {
    const certificates = parsePem(parseUtf8(file), { maxBlocks: bundleLimits.chain }).map(({ bytes }) => parseCertificate(bytes));
    return certificates.filter(({ issuer, subject }) => !equalBytes(issuer, subject));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw bundleError("BUNDLE_CERTIFICATE", `Cannot read detached signature: its chain cannot be read: ${cause.message}`, {
      cause,
    });
  }
}

function readRekorBundle(rekor: JsonObject): LogEntry {
  const payload = rekor.object("Payload");
  const body = payload.base64("body");
  const { kind, version } = parseLogEntryBody(body);
  return {
    logIndex: payload.uint64("logIndex"),
    logId: readLogId(payload.string("logID")),
    kind,
    version,
    integratedTimeS: payload.uint64("integratedTime"),
    promise: rekor.base64("SignedEntryTimestamp"),
    body,
  };
}

function readLogId(text: string): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return parseHex(text);
  throw bundleError("BUNDLE_LOG_ID", `Cannot read log entry: its log id is ${quote(text)}`, {
    found: quote(text),
    expected: "64 hexadecimal characters",
  });
}

function readTimestamp(file: Uint8Array): Uint8Array {
  if (file[0] !== 0x7b) return file;
  return JsonObject.from(readJson(file), "timestamp", fieldError).base64("SignedRFC3161Timestamp");
}

function unreadable(found: string): Error {
  return bundleError("BUNDLE_DETACHED", `Cannot read detached signature: ${found}`, { found });
}
