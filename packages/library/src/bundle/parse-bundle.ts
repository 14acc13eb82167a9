// Strict proto3 JSON of a bundle (client-conformance.md §8.1): known names and enum values only, exact media types, strict base64.
import type { Envelope } from "../attestation/index.ts";
import type { HashAlgorithm } from "../crypto/index.ts";
import { equalBytes, isSigillumError, JsonObject, quote } from "../encoding/index.ts";
import { type Certificate, isCertificateAuthority, parseCertificate } from "../x509/index.ts";
import {
  type Bundle,
  type BundleContent,
  type BundleVersion,
  bundleMediaTypes,
  type MessageSignature,
  type VerificationMaterial,
} from "./bundle.ts";
import { fieldError, readJson } from "./bundle-json.ts";
import { bundleError } from "./errors.ts";
import { bundleLimits } from "./limits.ts";
import { type LogEntry, parseTransparencyLogEntry } from "./log-entry.ts";

/**
 * Read a bundle of version 0.1, 0.2 or 0.3.
 * What is returned has the form of its version; no signature, proof or time in it was verified.
 */
export function parseBundle(json: string | Uint8Array): Bundle {
  return readBundle(JsonObject.from(readJson(json), "bundle", fieldError));
}

/** Read a bundle that stands inside other JSON, such as a registry's answer; as parseBundle. */
export function readBundle(document: JsonObject): Bundle {
  document.onlyNames(["mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"]);
  const mediaType = document.string("mediaType");
  const version = bundleMediaTypes.get(mediaType);
  if (version === undefined) {
    throw bundleError("BUNDLE_MEDIA_TYPE", `Cannot parse bundle: unknown media type ${quote(mediaType)}`, {
      found: mediaType,
      expected: [...bundleMediaTypes.keys()].join(" or "),
    });
  }
  const material = document.object("verificationMaterial");
  material.onlyNames(["publicKey", "x509CertificateChain", "certificate", "tlogEntries", "timestampVerificationData"]);
  return {
    mediaType,
    version,
    material: readMaterial(material, version),
    content: readContent(document),
    tlogEntries: readEntries(material, version),
    timestamps: readTimestamps(material),
  };
}

function readMaterial(material: JsonObject, version: BundleVersion): VerificationMaterial {
  const publicKey = material.optionalObject("publicKey");
  const chain = material.optionalObject("x509CertificateChain");
  const certificate = material.optionalObject("certificate");
  const given = [publicKey && "publicKey", chain && "x509CertificateChain", certificate && "certificate"].filter(
    (name) => name !== undefined,
  );
  if (given.length !== 1) {
    throw bundleError("BUNDLE_MATERIAL", "Cannot parse bundle: verificationMaterial must name one key or certificate", {
      found: given.length === 0 ? "none" : given.join(" and "),
      expected: "exactly one of publicKey, x509CertificateChain and certificate",
    });
  }
  if (chain !== undefined) return { chain: readChain(chain, version) };
  if (certificate !== undefined) return { certificate: readSingleCertificate(certificate, version) };
  publicKey?.onlyNames(["hint"]);
  return { publicKeyHint: publicKey?.optionalString("hint") ?? "" };
}

function readSingleCertificate(item: JsonObject, version: BundleVersion): Certificate {
  if (version !== "0.3") {
    throw bundleError("BUNDLE_CERTIFICATE_BEFORE_V03", `Cannot parse bundle: version ${version} holds a single certificate`, {
      found: "certificate",
      expected: "x509CertificateChain",
    });
  }
  return requireLeaf(readCertificate(item, "certificate"));
}

function readChain(item: JsonObject, version: BundleVersion): Certificate[] {
  item.onlyNames(["certificates"]);
  if (version === "0.3") {
    throw bundleError("BUNDLE_CHAIN_IN_V03", "Cannot parse bundle: version 0.3 holds a certificate chain", {
      found: "x509CertificateChain",
      expected: "certificate",
    });
  }
  const items = item.optionalObjects("certificates");
  if (items.length === 0) {
    throw bundleError("BUNDLE_CHAIN_EMPTY", "Cannot parse bundle: the certificate chain is empty", {
      found: "0 certificates",
      expected: "at least 1",
    });
  }
  if (items.length > bundleLimits.chain) {
    throw bundleError("BUNDLE_CHAIN_TOO_LONG", `Cannot parse bundle: the certificate chain has ${items.length} certificates`, {
      found: String(items.length),
      expected: `at most ${bundleLimits.chain}`,
    });
  }
  const chain = items.map((certificate, index) => readCertificate(certificate, `x509CertificateChain.certificates[${index}]`));
  for (const [index, certificate] of chain.entries()) {
    if (index === 0) requireLeaf(certificate);
    else if (equalBytes(certificate.issuer, certificate.subject)) {
      throw bundleError("BUNDLE_ROOT_CERTIFICATE", `Cannot parse bundle: certificate ${index} of the chain is a root`, {
        found: "a self-issued certificate",
        expected: "the leaf, and intermediates at most",
      });
    }
  }
  return chain;
}

function readCertificate(item: JsonObject, path: string): Certificate {
  item.onlyNames(["rawBytes"]);
  const der = item.base64("rawBytes");
  try {
    return parseCertificate(der);
  } catch (cause) {
    const reason = isSigillumError(cause) ? `: ${cause.message}` : "";
    throw bundleError("BUNDLE_CERTIFICATE", `Cannot parse bundle: ${path} is no certificate${reason}`, { cause });
  }
}

/** Require that a signing certificate is not that of an authority. */
export function requireLeaf(certificate: Certificate): Certificate {
  if (!isCertificateAuthority(certificate)) return certificate;
  throw bundleError("BUNDLE_LEAF_IS_CA", "Cannot parse bundle: the signing certificate is that of an authority", {
    found: "basicConstraints with CA true",
    expected: "a leaf certificate",
  });
}

function readEntries(material: JsonObject, version: BundleVersion): LogEntry[] {
  const items = material.optionalObjects("tlogEntries");
  if (items.length > bundleLimits.tlogEntries) {
    throw bundleError("BUNDLE_TOO_MANY_ENTRIES", `Cannot parse bundle: it has ${items.length} log entries`, {
      found: String(items.length),
      expected: `at most ${bundleLimits.tlogEntries}`,
    });
  }
  return items.map((item, index) => requireForm(parseTransparencyLogEntry(item), version, `tlogEntries[${index}]`));
}

// Version 0.1 demands the promise, later ones the proof; a proof without a checkpoint proves nothing, in any version.
function requireForm(entry: LogEntry, version: BundleVersion, path: string): LogEntry {
  if (version === "0.1" && entry.promise === undefined) {
    throw bundleError("BUNDLE_PROMISE_MISSING", `Cannot parse bundle: ${path} has no inclusion promise`, {
      found: "no inclusionPromise",
      expected: "an inclusionPromise, which version 0.1 demands",
    });
  }
  if (version !== "0.1" && entry.proof === undefined) {
    throw bundleError("BUNDLE_PROOF_MISSING", `Cannot parse bundle: ${path} has no inclusion proof`, {
      found: "no inclusionProof",
      expected: `an inclusionProof, which version ${version} demands`,
    });
  }
  if (entry.proof !== undefined && entry.proof.checkpoint === undefined) {
    throw bundleError("BUNDLE_CHECKPOINT_MISSING", `Cannot parse bundle: the inclusion proof of ${path} has no checkpoint`, {
      found: "no checkpoint",
      expected: "a signed checkpoint",
    });
  }
  return entry;
}

function readTimestamps(material: JsonObject): Uint8Array[] {
  // `{}` and an empty list stand in real bundles, and mean that there is no timestamp.
  const data = material.optionalObject("timestampVerificationData");
  data?.onlyNames(["rfc3161Timestamps"]);
  const items = data?.optionalObjects("rfc3161Timestamps") ?? [];
  if (items.length > bundleLimits.timestamps) {
    throw bundleError("BUNDLE_TOO_MANY_TIMESTAMPS", `Cannot parse bundle: it has ${items.length} timestamps`, {
      found: String(items.length),
      expected: `at most ${bundleLimits.timestamps}`,
    });
  }
  return items.map((item) => {
    item.onlyNames(["signedTimestamp"]);
    return item.base64("signedTimestamp");
  });
}

function readContent(document: JsonObject): BundleContent {
  const message = document.optionalObject("messageSignature");
  const envelope = document.optionalObject("dsseEnvelope");
  if (message !== undefined && envelope === undefined) return { messageSignature: readMessageSignature(message) };
  if (message === undefined && envelope !== undefined) return { dsseEnvelope: readEnvelope(envelope) };
  throw bundleError("BUNDLE_CONTENT", "Cannot parse bundle: it must hold one message signature or one DSSE envelope", {
    found: message === undefined ? "neither" : "both",
    expected: "exactly one of messageSignature and dsseEnvelope",
  });
}

const hashAlgorithms: ReadonlyMap<string, { readonly algorithm: HashAlgorithm; readonly length: number }> = new Map([
  ["SHA2_256", { algorithm: "sha256", length: 32 }],
  ["SHA2_384", { algorithm: "sha384", length: 48 }],
  ["SHA2_512", { algorithm: "sha512", length: 64 }],
]);

function readMessageSignature(message: JsonObject): MessageSignature {
  message.onlyNames(["messageDigest", "signature"]);
  const signature = requireSignature(message.base64("signature"));
  const messageDigest = message.optionalObject("messageDigest");
  if (messageDigest === undefined) return { signature };
  messageDigest.onlyNames(["algorithm", "digest"]);
  const name = messageDigest.string("algorithm");
  const known = hashAlgorithms.get(name);
  if (known === undefined) {
    throw bundleError("BUNDLE_HASH_ALGORITHM", `Cannot parse bundle: unknown hash algorithm ${quote(name)}`, {
      found: name,
      expected: [...hashAlgorithms.keys()].join(", "),
    });
  }
  const digest = messageDigest.base64("digest");
  if (digest.length !== known.length) {
    throw bundleError("BUNDLE_DIGEST_LENGTH", `Cannot parse bundle: the ${name} message digest is ${digest.length} bytes long`, {
      found: `${digest.length} bytes`,
      expected: `${known.length} bytes`,
    });
  }
  return { messageDigest: { algorithm: known.algorithm, digest }, signature };
}

function readEnvelope(envelope: JsonObject): Envelope {
  envelope.onlyNames(["payload", "payloadType", "signatures"]);
  const signatures = envelope.optionalObjects("signatures");
  if (signatures.length !== 1) {
    throw bundleError("BUNDLE_DSSE_SIGNATURES", `Cannot parse bundle: the DSSE envelope has ${signatures.length} signatures`, {
      found: String(signatures.length),
      expected: "exactly 1",
    });
  }
  return {
    payload: envelope.base64("payload"),
    payloadType: envelope.string("payloadType"),
    signatures: signatures.map((item) => {
      item.onlyNames(["sig", "keyid"]);
      return { sig: requireSignature(item.base64("sig")), keyid: item.optionalString("keyid") ?? "" };
    }),
  };
}

function requireSignature(signature: Uint8Array): Uint8Array {
  if (signature.length > 0) return signature;
  throw bundleError("BUNDLE_SIGNATURE_EMPTY", "Cannot parse bundle: the signature is empty", {
    found: "0 bytes",
    expected: "a signature",
  });
}
