// TrustedRoot of sigstore_trustroot.proto, in protobuf JSON: the keys and certificates that a verifier believes, each for its period.
import type { HashAlgorithm, PublicKey, SignatureScheme } from "../crypto/index.ts";
import { isPkcs1KeyDetails, parsePkcs1PublicKey, parsePublicKey, schemeOfKeyDetails } from "../crypto/index.ts";
import { isSigillumError, type JsonFail, JsonObject, type JsonValue, parseJson, quote } from "../encoding/index.ts";
import { type Certificate, parseCertificate } from "../x509/index.ts";
import { trustedRootError } from "./errors.ts";
import { parseValidFor, type TimeRange } from "./time-range.ts";

/** A transparency log or CT log that the root trusts, with the period in which its key signs. */
export interface TransparencyLog {
  readonly baseUrl: string;
  readonly hashAlgorithm: HashAlgorithm;
  readonly publicKey: PublicKey;
  readonly scheme: SignatureScheme;
  readonly validFor: TimeRange;
  /** What an entry names the log by: SHA-256 of the key in Rekor v1 and CT, the whole signed-note key hash in Rekor v2. */
  readonly logId: Uint8Array;
  /** The first four bytes of the signed-note key id, where the root states them (v0.2). */
  readonly checkpointKeyId?: Uint8Array;
  readonly operator?: string;
}

/** A certificate authority or timestamp authority that the root trusts. */
export interface CertificateAuthority {
  readonly uri: string;
  readonly subject?: { readonly organization?: string; readonly commonName?: string };
  /** For a CA from the issuing certificate to the anchor, for a TSA from the signing certificate to the anchor. */
  readonly chain: readonly Certificate[];
  readonly validFor: TimeRange;
  readonly operator?: string;
}

/**
 * An authority of one's own, from its chain as --certificate-chain of cosign has it: the issuing certificate first, the anchor last. It is
 * believed while all of its certificates are valid. That they belong together was not checked.
 */
export function authorityOfChain(chain: readonly Certificate[], uri: string): CertificateAuthority {
  const startMs = Math.max(...chain.map(({ notBeforeMs }) => notBeforeMs));
  const endMs = Math.min(...chain.map(({ notAfterMs }) => notAfterMs));
  if (!(startMs <= endMs))
    throw trustedRootError(
      "TRUSTED_ROOT_WINDOW",
      `Cannot use certificate chain of ${uri}: at no time are all its certificates valid`,
    );
  return { uri, chain, validFor: { startMs, endMs } };
}

/** Something in the document that we cannot use, left out of the root: nothing that needs it will verify. */
export interface IgnoredInstance {
  readonly path: string;
  readonly reason: string;
}

/** A parsed trusted root. */
export interface TrustedRoot {
  readonly tlogs: readonly TransparencyLog[];
  readonly ctlogs: readonly TransparencyLog[];
  readonly certificateAuthorities: readonly CertificateAuthority[];
  readonly timestampAuthorities: readonly CertificateAuthority[];
  readonly ignored?: readonly IgnoredInstance[];
}

/** The media types that are read; the first is written. */
export const trustedRootMediaTypes: readonly string[] = [
  "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  "application/vnd.dev.sigstore.trustedroot.v0.1+json",
  "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/** Named limits of the parser. */
export const trustedRootLimits: { readonly bytes: number; readonly instances: number; readonly chain: number } = {
  bytes: 4 * 1024 * 1024,
  instances: 1024,
  chain: 10,
};

/**
 * Read a trusted root.
 * A log whose key type, or whose hash, is unknown to us is left out and named in `ignored`; everything else that is wrong refuses the document.
 * Where the document came from was not checked, nor any time, nor any signature between the certificates.
 */
export function parseTrustedRoot(json: string | Uint8Array): TrustedRoot {
  return readTrustedRoot(JsonObject.from(readJson(json), "trustedRoot", fieldError));
}

const fieldError: JsonFail = (message, fields) => trustedRootError("TRUSTED_ROOT_FIELD", message, fields);

function readJson(json: string | Uint8Array): JsonValue {
  try {
    return parseJson(json, { maxBytes: trustedRootLimits.bytes });
  } catch (cause) {
    throw trustedRootError(
      "TRUSTED_ROOT_JSON",
      `Cannot parse trusted root: ${cause instanceof Error ? cause.message : "it is no JSON"}`,
      { cause },
    );
  }
}

function readTrustedRoot(document: JsonObject): TrustedRoot {
  document.onlyNames(["mediaType", "tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"]);
  const mediaType = document.string("mediaType");
  if (!trustedRootMediaTypes.includes(mediaType)) {
    throw trustedRootError("TRUSTED_ROOT_MEDIA_TYPE", `Cannot parse trusted root: unknown media type ${quote(mediaType)}`, {
      found: mediaType,
      expected: trustedRootMediaTypes.join(" or "),
    });
  }
  const ignored: IgnoredInstance[] = [];
  const logs = (name: string): TransparencyLog[] =>
    instances(document, name).flatMap((item, index) => readLog(item, `${name}[${index}]`, ignored) ?? []);
  const authorities = (name: string): CertificateAuthority[] =>
    instances(document, name).map((item, index) => readAuthority(item, `${name}[${index}]`));
  return {
    tlogs: logs("tlogs"),
    ctlogs: logs("ctlogs"),
    certificateAuthorities: authorities("certificateAuthorities"),
    timestampAuthorities: authorities("timestampAuthorities"),
    ignored,
  };
}

function instances(document: JsonObject, name: string): JsonObject[] {
  const items = document.optionalObjects(name);
  if (items.length > trustedRootLimits.instances) throw tooLarge(name, items.length, trustedRootLimits.instances);
  return items;
}

function tooLarge(path: string, found: number, limit: number): Error {
  return trustedRootError("TRUSTED_ROOT_TOO_LARGE", `Cannot parse trusted root: ${path} has ${found} items, more than ${limit}`, {
    found: String(found),
    expected: `at most ${limit}`,
  });
}

const windowError = (message: string, found: string): ReturnType<typeof trustedRootError> =>
  trustedRootError("TRUSTED_ROOT_WINDOW", `Cannot parse trusted root: ${message}`, {
    found,
    expected: "a start, and an end after it or none",
  });

function readLog(item: JsonObject, path: string, ignored: IgnoredInstance[]): TransparencyLog | undefined {
  item.onlyNames(["baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator"]);
  const baseUrl = item.optionalString("baseUrl") ?? "";
  const hashAlgorithm = item.string("hashAlgorithm");
  const key = item.object("publicKey");
  key.onlyNames(["rawBytes", "keyDetails", "validFor"]);
  const validFor = parseValidFor(key, `${path}.publicKey`, windowError);
  const keyDetails = key.optionalString("keyDetails") ?? "PUBLIC_KEY_DETAILS_UNSPECIFIED";
  const logId = readKeyId(item.object("logId"));
  const checkpointKeyId = item.optionalObject("checkpointKeyId");
  const operator = item.optionalString("operator");
  const scheme = schemeOfKeyDetails(keyDetails);
  if (hashAlgorithm !== "SHA2_256") {
    ignored.push({ path, reason: `hash algorithm ${quote(hashAlgorithm)}` });
    return undefined;
  }
  // No log signs checkpoints or SCTs with Ed25519ph.
  if (scheme === undefined || (scheme.type === "ed25519" && scheme.hash !== "none")) {
    ignored.push({ path, reason: `key type ${quote(keyDetails)}` });
    return undefined;
  }
  const publicKey = readPublicKey(key.base64("rawBytes"), keyDetails, scheme, path);
  if (publicKey === undefined) {
    ignored.push({ path, reason: `key type ${quote(keyDetails)}, which needs a newer version of Node` });
    return undefined;
  }
  return {
    baseUrl,
    hashAlgorithm: "sha256",
    publicKey,
    scheme,
    validFor,
    logId,
    ...(checkpointKeyId === undefined ? {} : { checkpointKeyId: readKeyId(checkpointKeyId) }),
    ...(operator === undefined ? {} : { operator }),
  };
}

function readKeyId(item: JsonObject): Uint8Array {
  item.onlyNames(["keyId"]);
  return item.base64("keyId");
}

// Undefined for a key that this platform cannot use.
function readPublicKey(rawBytes: Uint8Array, keyDetails: string, scheme: SignatureScheme, path: string): PublicKey | undefined {
  const expected = keyDetails;
  let key: PublicKey;
  try {
    key = isPkcs1KeyDetails(keyDetails) ? parsePkcs1PublicKey(rawBytes) : parsePublicKey(rawBytes);
  } catch (cause) {
    if (isSigillumError(cause) && cause.code === "PUBLIC_KEY_NEEDS_NEWER_PLATFORM") return undefined;
    throw trustedRootError("TRUSTED_ROOT_KEY", `Cannot parse trusted root: ${path}.publicKey is no ${keyDetails} key`, {
      cause,
      expected,
    });
  }
  if (key.type === scheme.type) return key;
  throw trustedRootError(
    "TRUSTED_ROOT_KEY",
    `Cannot parse trusted root: ${path}.publicKey is of type ${key.type}, and names ${keyDetails}`,
    {
      found: key.type,
      expected,
    },
  );
}

function readAuthority(item: JsonObject, path: string): CertificateAuthority {
  item.onlyNames(["subject", "uri", "certChain", "validFor", "operator"]);
  const subject = item.optionalObject("subject");
  subject?.onlyNames(["organization", "commonName"]);
  const organization = subject?.optionalString("organization");
  const commonName = subject?.optionalString("commonName");
  const operator = item.optionalString("operator");
  return {
    uri: item.optionalString("uri") ?? "",
    ...(subject === undefined
      ? {}
      : {
          subject: {
            ...(organization === undefined ? {} : { organization }),
            ...(commonName === undefined ? {} : { commonName }),
          },
        }),
    chain: readChain(item.object("certChain"), `${path}.certChain`),
    validFor: parseValidFor(item, path, windowError),
    ...(operator === undefined ? {} : { operator }),
  };
}

function readChain(certChain: JsonObject, path: string): Certificate[] {
  certChain.onlyNames(["certificates"]);
  const certificates = certChain.optionalObjects("certificates");
  if (certificates.length === 0) {
    throw trustedRootError("TRUSTED_ROOT_CHAIN_EMPTY", `Cannot parse trusted root: ${path} has no certificate`, {
      found: "0 certificates",
      expected: "at least 1",
    });
  }
  if (certificates.length > trustedRootLimits.chain) throw tooLarge(path, certificates.length, trustedRootLimits.chain);
  return certificates.map((item, index) => {
    item.onlyNames(["rawBytes"]);
    try {
      return parseCertificate(item.base64("rawBytes"));
    } catch (cause) {
      throw trustedRootError(
        "TRUSTED_ROOT_CERTIFICATE",
        `Cannot parse trusted root: ${path}.certificates[${index}] is no certificate`,
        { cause },
      );
    }
  });
}
