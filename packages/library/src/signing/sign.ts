// The workflow of a signature (signing-client.md §3.4): token, key, certificate, signature, timestamp, log, bundle; with a managed key
// without token and certificate. What is returned has been verified as any verifier would.
import { type Envelope, parseStatement, preAuthenticationEncoding, statementPayloadType } from "../attestation/index.ts";
import {
  type Bundle,
  bundleMediaType,
  encodeBundle,
  type LogEntry,
  parseBundle,
  type VerificationMaterial,
} from "../bundle/index.ts";
import { digest, type HashAlgorithm, type Signer, sha256 } from "../crypto/index.ts";
import { encodeBase64, encodeUtf8, isSigillumError, parseHex } from "../encoding/index.ts";
import type { TlsTrust } from "../http/index.ts";
import {
  type LogVerifier,
  requestCertificate,
  requestTimestamp,
  type ServiceOptions,
  submitLogEntryV1,
  submitLogEntryV2,
} from "../services/index.ts";
import type { SigningConfig, TrustedRoot } from "../trusted-root/index.ts";
import { type Artifact, verifyBundle, verifyCertificate } from "../verification/index.ts";
import { type Certificate, subjectAltName } from "../x509/index.ts";
import { createEphemeralSigner, type DigestSigner } from "./ephemeral.ts";
import { signingError } from "./errors.ts";
import { identityOf, requiredScts, requireOwnCertificate } from "./own-certificate.ts";
import { type ChosenServices, chooseServices } from "./services.ts";
import { readToken, type TokenClaims } from "./token.ts";

/** What a signature is made with: an identity token, a managed key, or both (a certificate for a given key). */
export interface SigningOptions {
  /** The OIDC identity token; it is sent to the certificate authority alone. */
  readonly token?: string;
  /** A managed key; without a token it alone stands for the signer, and no certificate is asked for. */
  readonly signer?: Signer | DigestSigner;
  /** A certificate of the managed key, by an authority of the trusted root: it goes into the bundle in the key's place. Not beside a token. */
  readonly certificate?: Certificate | undefined;
  /** What is believed, and which services are used; a key without signing config signs without any service. */
  readonly trust: { readonly trustedRoot: TrustedRoot; readonly signingConfig?: SigningConfig | undefined };
  /** The time now, in milliseconds since 1970: it chooses the services, and judges whether the token has expired. */
  readonly nowMs: number;
  readonly services?: ServiceOptions;
  /** How the timestamp authority alone is reached, where it wants a client's certificate or has a private one. */
  readonly timestampTls?: TlsTrust | undefined;
}

/**
 * Sign an artifact, given as bytes or by its SHA-256 digest, which only a key that signs digests can do.
 * The bundle that is returned has been read back and verified against the trusted root, for the identity in its certificate or the key.
 */
export async function signBlob(p: SigningOptions & { readonly artifact: Artifact }): Promise<Bundle> {
  return sign(p, p.artifact, async (key) => {
    const { hash, signed, signature } = await signArtifact(key, p.artifact);
    const content = { messageSignature: { messageDigest: { algorithm: hash, digest: signed }, signature } };
    return { digest: signed, signature, content };
  });
}

/**
 * Sign an in-toto statement in a DSSE envelope, whose payload is exactly its bytes.
 * The bundle that is returned has been verified as by `signBlob`, against the statement's own first subject.
 */
export async function signStatement(p: SigningOptions & { readonly statement: Uint8Array }): Promise<Bundle> {
  const encoded = preAuthenticationEncoding(statementPayloadType, p.statement);
  return sign(p, firstSubject(p.statement), async (key) => {
    const signature = await key.sign(encoded);
    const dsseEnvelope: Envelope = {
      payload: p.statement,
      payloadType: statementPayloadType,
      signatures: [{ sig: signature, keyid: "" }],
    };
    return { digest: digest(schemeHash(key), encoded), signature, content: { dsseEnvelope } };
  });
}

interface Signed {
  /** What Rekor v2 logs: of the artifact, or of the pre-authentication encoding. */
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly content: Bundle["content"];
}

async function sign(
  options: SigningOptions,
  artifact: Artifact,
  signWith: (key: Signer | DigestSigner) => Promise<Signed>,
): Promise<Bundle> {
  const { trust, nowMs, token } = options;
  if (token === undefined && options.signer === undefined) throw new TypeError("Signing needs a token or a signer");
  if (options.certificate !== undefined && (token !== undefined || options.signer === undefined))
    throw new TypeError("A certificate is given beside its key, and without a token");
  const claims = token === undefined ? undefined : readToken(token, nowMs);
  const chosen = chooseServices(trust.signingConfig, nowMs, claims !== undefined);
  const key = options.signer ?? createEphemeralSigner();
  const certificate = claims === undefined ? ownCertificate(options, key) : await certify(options, chosen, claims, key);
  const verifier: LogVerifier = certificate === undefined ? { publicKey: key.publicKey } : { certificate };
  const signed = await signWith(key);
  requireLoggable(key, signed, chosen);
  const stamping = options.timestampTls === undefined ? options.services : { ...options.services, tls: options.timestampTls };
  const timestamps = await Promise.all(chosen.tsas.map(({ url }) => requestTimestamp(url, signed.signature, stamping)));
  const tlogEntries = await Promise.all(chosen.logs.map((log) => submit(log, signed, key, verifier, options.services)));
  const material: VerificationMaterial =
    certificate === undefined ? { publicKeyHint: encodeBase64(sha256(key.publicKey.spki)) } : { certificate };
  const assembled: Bundle = {
    mediaType: bundleMediaType,
    version: "0.3",
    material,
    tlogEntries,
    timestamps,
    content: signed.content,
  };
  const scts = claims === undefined && certificate !== undefined ? requiredScts(certificate) : undefined;
  return verifyResult(assembled, artifact, trust.trustedRoot, { chosen, key, scts });
}

// Without log and timestamp nobody could tell later that the certificate held when the signature was made.
function ownCertificate({ certificate, trust, nowMs }: SigningOptions, key: Signer): Certificate | undefined {
  if (certificate !== undefined) requireOwnCertificate(certificate, key, trust.trustedRoot, nowMs);
  return certificate;
}

async function signArtifact(
  key: Signer | DigestSigner,
  artifact: Artifact,
): Promise<{ hash: HashAlgorithm; signed: Uint8Array; signature: Uint8Array }> {
  const hash = schemeHash(key);
  if ("bytes" in artifact) return { hash, signed: digest(hash, artifact.bytes), signature: await key.sign(artifact.bytes) };
  if ("signDigest" in key && hash === "sha256") {
    const signed = artifactDigest(artifact);
    return { hash, signed, signature: await key.signDigest(signed) };
  }
  throw signingError("SIGNING_BYTES_NEEDED", "Cannot sign: this key signs the artifact itself, and only its digest was given", {
    found: `a ${artifact.algorithm} digest`,
    expected: "the artifact",
  });
}

function schemeHash({ scheme }: Signer): HashAlgorithm {
  return scheme.hash === "none" ? "sha256" : scheme.hash;
}

// hashedrekord holds a digest and not the message, over which alone pure Ed25519 verifies.
function requireLoggable(key: Signer, signed: Signed, chosen: ChosenServices): void {
  if (key.scheme.hash !== "none") return;
  const log = chosen.logs.find(({ majorApiVersion }) => majorApiVersion === 2 || "messageSignature" in signed.content);
  if (log === undefined) return;
  throw signingError(
    "SIGNING_KEY_NOT_LOGGABLE",
    `Cannot log the signature in ${log.url}: pure Ed25519 verifies over the message alone, and the log keeps only its digest`,
    { found: key.scheme.type, expected: "an ECDSA or RSA key, or a signature without a log" },
  );
}

// Nothing is signed or made public before the certificate is known to be one that verifiers believe.
async function certify(options: SigningOptions, chosen: ChosenServices, claims: TokenClaims, key: Signer): Promise<Certificate> {
  const { ca } = chosen;
  if (ca === undefined) throw new TypeError("chooseServices gives an authority where one is needed");
  const proofOfPossession = await key.sign(encodeUtf8(claims.challenge));
  const order = { token: options.token ?? "", publicKey: key.publicKey, proofOfPossession };
  const [certificate] = await requestCertificate(ca.url, order, options.services);
  if (certificate === undefined) throw new TypeError("requestCertificate answers at least the leaf");
  try {
    // At the start of its period, not at our clock's time, which may be a little behind the authority's.
    verifyCertificate(certificate, options.trust.trustedRoot, [certificate.notBeforeMs], 1);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw signingError("SIGNING_CERTIFICATE_UNTRUSTED", `Cannot use the certificate of ${ca.url}: ${cause.message}`, {
      cause,
      ...foundAndExpected(cause),
    });
  }
  const san = subjectAltName(certificate);
  if (san.type === "email" && claims.email !== undefined && san.value !== claims.email) {
    throw signingError(
      "SIGNING_IDENTITY_MISMATCH",
      `Cannot use the certificate of ${ca.url}: it is for ${san.value}, expected ${claims.email}`,
      {
        found: san.value,
        expected: claims.email,
      },
    );
  }
  return certificate;
}

async function submit(
  log: ChosenServices["logs"][number],
  signed: Signed,
  key: Signer,
  verifier: LogVerifier,
  options: ServiceOptions | undefined,
): Promise<LogEntry> {
  const { digest: hashed, signature, content } = signed;
  if (log.majorApiVersion === 2)
    return submitLogEntryV2(log.url, { digest: hashed, signature, scheme: key.scheme, verifier }, options);
  if ("dsseEnvelope" in content) return submitEnvelope(log.url, content.dsseEnvelope, verifier, options);
  const hash = schemeHash(key);
  const hashAlgorithm = hash === "sha384" || hash === "sha512" ? hash : "sha256";
  return submitLogEntryV1(log.url, { digest: hashed, hashAlgorithm, signature, verifier }, options);
}

// Rekor v1 wants to see the whole envelope, and each log has a limit of its own.
async function submitEnvelope(
  url: string,
  envelope: Envelope,
  verifier: LogVerifier,
  options: ServiceOptions | undefined,
): Promise<LogEntry> {
  try {
    return await submitLogEntryV1(url, { envelope, verifier }, options);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.found?.startsWith("HTTP 413") !== true) throw cause;
    throw signingError(
      "SIGNING_STATEMENT_TOO_LARGE",
      `Cannot log the statement of ${envelope.payload.length} bytes in ${url}: this log is sent the whole of it, and takes less`,
      { cause, found: cause.found, expected: "a smaller statement, a log of Rekor v2 (its digest is enough), or no log" },
    );
  }
}

// What is verified is what a reader of the written bundle gets.
function verifyResult(
  assembled: Bundle,
  artifact: Artifact,
  trustedRoot: TrustedRoot,
  { chosen, key, scts }: { readonly chosen: ChosenServices; readonly key: Signer; readonly scts: number | undefined },
): Bundle {
  try {
    const bundle = parseBundle(encodeBundle(assembled));
    const thresholds = { logEntries: chosen.logs.length, ...(scts === undefined ? {} : { scts }) };
    if (!("certificate" in bundle.material)) {
      verifyBundle({ bundle, artifact, trustedRoot, expectations: { publicKey: key.publicKey, thresholds } });
      return bundle;
    }
    const { certificate } = bundle.material;
    verifyBundle({ bundle, artifact, trustedRoot, expectations: { identity: identityOf(certificate), thresholds } });
    return bundle;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw signingError("SIGNING_RESULT_UNVERIFIED", `Cannot hand out the signature, it does not verify: ${cause.message}`, {
      cause,
      ...foundAndExpected(cause),
    });
  }
}

function foundAndExpected({ found, expected }: { readonly found?: string; readonly expected?: string }): {
  found?: string;
  expected?: string;
} {
  return { ...(found === undefined ? {} : { found }), ...(expected === undefined ? {} : { expected }) };
}

function artifactDigest(artifact: Exclude<Artifact, { bytes: Uint8Array }>): Uint8Array {
  if (artifact.algorithm === "sha256" && artifact.digest.length === 32) return artifact.digest;
  throw signingError(
    "SIGNING_HASH_UNSUPPORTED",
    `Cannot sign: the artifact is given by its ${artifact.algorithm} digest of ${artifact.digest.length} bytes`,
    {
      found: artifact.algorithm,
      expected: "sha256, 32 bytes",
    },
  );
}

const subjectAlgorithms = ["sha256", "sha384", "sha512"] as const;

function firstSubject(payload: Uint8Array): Artifact {
  const { subject } = parseStatement(payload);
  for (const { digest } of subject) {
    for (const algorithm of subjectAlgorithms) {
      const hex = digest.get(algorithm);
      if (hex !== undefined) return { digest: parseHex(hex), algorithm };
    }
  }
  throw signingError(
    "SIGNING_STATEMENT_WITHOUT_DIGEST",
    "Cannot sign statement: no subject has a SHA-256, SHA-384 or SHA-512 digest",
    {
      found: `${subject.length} subjects`,
      expected: "a subject with such a digest",
    },
  );
}
