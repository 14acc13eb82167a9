// The key of a request and the proof that its sender holds it: certificate-authority §1.5.
import {
  defaultScheme,
  isValidSignature,
  type PublicKey,
  parsePkcs1PublicKey,
  parsePublicKey,
  type SignatureScheme,
} from "@sigillum/library/crypto";
import { encodeUtf8, isSigillumError, parsePem, parseUtf8 } from "@sigillum/library/encoding";
import {
  type CertificationRequest,
  parseCertificationRequest,
  parseCertificationRequestPem,
  verifyCertificationRequest,
} from "@sigillum/library/x509";
import { certificateAuthorityError } from "./errors.ts";

const maxKeyBytes = 16_384;
const rsaSizes: readonly number[] = [2048, 3072, 4096];
/** Codes of keys that can be read and are of a kind that no certificate is issued for. */
const insecureCodes: ReadonlySet<string> = new Set([
  "PUBLIC_KEY_ALGORITHM_UNKNOWN",
  "PUBLIC_KEY_CURVE_UNKNOWN",
  "PUBLIC_KEY_RSA_TOO_SMALL",
  "PUBLIC_KEY_RSA_TOO_LARGE",
  "PUBLIC_KEY_RSA_EXPONENT",
]);

/** What a request proves its key with. */
export type KeyProof =
  /** `content` is PEM, or DER as it stands. */
  | { readonly type: "publicKey"; readonly content: Uint8Array; readonly signature: Uint8Array }
  /** PKCS#10 in PEM or DER. */
  | { readonly type: "certificationRequest"; readonly content: Uint8Array };

/**
 * Returns the key of a request after its sender has proved to hold it: by a signature over one of `challenges`, or by the
 * signature of the certification request, whose subject and attributes are ignored.
 */
export function verifyKeyPossession(proof: KeyProof, challenges: readonly string[]): PublicKey {
  if (proof.type === "certificationRequest") return requestKey(proof.content);
  const key = parseKey(proof.content);
  checkKeySize(key);
  const scheme = defaultScheme(key);
  if (challenges.some((challenge) => isValidSignature(key, scheme, encodeUtf8(challenge), proof.signature))) return key;
  throw certificateAuthorityError(
    "CA_PROOF_OF_POSSESSION",
    "Cannot issue certificate: the proof of possession is not a signature over the token's email or subject by the key of the request",
    {
      found: `${proof.signature.length} bytes`,
      expected: `a signature by a key of type ${key.type} with ${scheme.hash}`,
    },
  );
}

function parseKey(content: Uint8Array): PublicKey {
  if (content.length === 0 || content.length > maxKeyBytes) throw unreadableKey(`${content.length} bytes`);
  try {
    const text = pemText(content);
    if (text === undefined) return parsePublicKey(content);
    const [block, ...more] = parsePem(text);
    if (block === undefined || more.length > 0) throw unreadableKey(`${more.length + 1} PEM blocks`);
    // certificate-authority §12.12: the label decides before any parser that would also take a private key or a certificate.
    if (block.label === "PUBLIC KEY") return parsePublicKey(block.bytes);
    if (block.label === "RSA PUBLIC KEY") return parsePkcs1PublicKey(block.bytes);
    throw unreadableKey(`a PEM block labelled ${block.label.slice(0, 40)}`);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("CA_")) throw cause;
    if (insecureCodes.has(cause.code)) throw insecureKey(cause.found ?? "another kind of key", cause);
    throw unreadableKey(cause.found ?? cause.message, cause);
  }
}

function pemText(content: Uint8Array): string | undefined {
  // 0x30 begins every DER key; PEM is text that may have white space before it.
  if (content[0] === 0x30) return undefined;
  try {
    return parseUtf8(content);
  } catch (cause) {
    throw unreadableKey("neither PEM nor DER", cause);
  }
}

function requestKey(content: Uint8Array): PublicKey {
  let request: CertificationRequest;
  try {
    request = content[0] === 0x30 ? parseCertificationRequest(content) : parseCertificationRequestPem(parseUtf8(content));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    const inner = isSigillumError(cause.cause) ? cause.cause : cause;
    if (insecureCodes.has(inner.code)) throw insecureKey(inner.found ?? "another kind of key", cause);
    throw certificateAuthorityError("CA_REQUEST_UNREADABLE", `Cannot issue certificate: ${cause.message}`, {
      cause,
      ...(cause.found === undefined ? {} : { found: cause.found }),
      expected: "a CERTIFICATE REQUEST",
    });
  }
  // The order of certificate-authority §1.5: parse, key size, signature, permitted algorithms.
  checkKeySize(request.publicKey);
  const scheme = requestScheme(request);
  const permitted = defaultScheme(request.publicKey);
  if (scheme.hash === permitted.hash && (scheme.padding ?? "pkcs1") === (permitted.padding ?? "pkcs1")) return request.publicKey;
  const found = [scheme.type, scheme.padding, scheme.hash].filter((part) => part !== undefined).join(", ");
  throw certificateAuthorityError(
    "CA_ALGORITHM_REFUSED",
    `Cannot issue certificate: the certification request is signed with ${found}`,
    { found, expected: `${permitted.type}, ${permitted.hash}` },
  );
}

function requestScheme(request: CertificationRequest): SignatureScheme {
  try {
    return verifyCertificationRequest(request);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    if (cause.code === "X509_ALGORITHM_UNSUPPORTED") {
      const found = cause.found ?? "an unknown algorithm";
      throw certificateAuthorityError("CA_ALGORITHM_REFUSED", `Cannot issue certificate: ${cause.message}`, { cause, found });
    }
    throw certificateAuthorityError(
      "CA_PROOF_OF_POSSESSION",
      "Cannot issue certificate: the certification request is not signed by the key that it names",
      { cause },
    );
  }
}

/** certificate-authority §1.5: RSA of exactly these sizes, the three NIST curves, Ed25519; the parser refuses every other curve. */
function checkKeySize(key: PublicKey): void {
  if (key.type !== "rsa" || rsaSizes.includes(key.bits ?? 0)) return;
  throw insecureKey(`an RSA key of ${key.bits ?? 0} bits`);
}

function insecureKey(found: string, cause?: unknown): Error {
  return certificateAuthorityError("CA_PUBLIC_KEY_INSECURE", `Cannot issue certificate: the request has ${found}`, {
    cause,
    found,
    expected: "P-256, P-384, P-521, Ed25519, or RSA of 2048, 3072 or 4096 bits",
  });
}

function unreadableKey(found: string, cause?: unknown): Error {
  return certificateAuthorityError(
    "CA_PUBLIC_KEY_MALFORMED",
    `Cannot issue certificate: the public key of the request cannot be parsed: ${found}`,
    { cause, found, expected: "a PUBLIC KEY in PEM, or its DER" },
  );
}
