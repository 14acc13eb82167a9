// The workflow of a keyless signature (signing-client.md §3.4): token, key, certificate, signature, timestamp, log, bundle. What is
// returned has been verified as any verifier would.
import { type Envelope, parseStatement, preAuthenticationEncoding, statementPayloadType } from "../attestation/index.ts";
import { type Bundle, bundleMediaType, encodeBundle, type LogEntry, parseBundle } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError, parseHex } from "../encoding/index.ts";
import {
  requestCertificate,
  requestTimestamp,
  type ServiceOptions,
  submitLogEntryV1,
  submitLogEntryV2,
} from "../services/index.ts";
import { type SelectedServices, type SigningConfig, selectServices, type TrustedRoot } from "../trusted-root/index.ts";
import { type Artifact, verifyBundle, verifyCertificate } from "../verification/index.ts";
import { type Certificate, fulcioExtensions, subjectAltName } from "../x509/index.ts";
import { createEphemeralSigner, type EphemeralSigner } from "./ephemeral.ts";
import { signingError } from "./errors.ts";
import { readToken, type TokenClaims } from "./token.ts";

/** What a signature is made with. */
export interface SigningOptions {
  /** The OIDC identity token; it is sent to the certificate authority alone. */
  readonly token: string;
  readonly trust: { readonly trustedRoot: TrustedRoot; readonly signingConfig: SigningConfig };
  /** The time now, in milliseconds since 1970: it chooses the services, and judges whether the token has expired. */
  readonly nowMs: number;
  readonly services?: ServiceOptions;
}

/**
 * Sign an artifact, given as bytes or by its SHA-256 digest.
 * The bundle that is returned has been read back and verified against the trusted root, for the identity in its certificate.
 */
export async function signBlob(p: SigningOptions & { readonly artifact: Artifact }): Promise<Bundle> {
  const digest = artifactDigest(p.artifact);
  return sign(p, p.artifact, async (key) => {
    const signature = "bytes" in p.artifact ? await key.sign(p.artifact.bytes) : await key.signDigest(digest);
    return { digest, signature, content: { messageSignature: { messageDigest: { algorithm: "sha256", digest }, signature } } };
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
    return { digest: sha256(encoded), signature, content: { dsseEnvelope } };
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
  signWith: (key: EphemeralSigner) => Promise<Signed>,
): Promise<Bundle> {
  const { trust, nowMs } = options;
  const claims = readToken(options.token, nowMs);
  const selected = selectServices(trust.signingConfig, nowMs);
  const key = createEphemeralSigner();
  const certificate = await certify(options, selected, claims, key);
  const signed = await signWith(key);
  const timestamps = await Promise.all(selected.tsas.map(({ url }) => requestTimestamp(url, signed.signature, options.services)));
  const tlogEntries = await Promise.all(selected.logs.map((log) => submit(log, signed, key, certificate, options.services)));
  const assembled: Bundle = {
    mediaType: bundleMediaType,
    version: "0.3",
    material: { certificate },
    tlogEntries,
    timestamps,
    content: signed.content,
  };
  return verifyResult(assembled, artifact, trust.trustedRoot, selected);
}

// Nothing is signed or made public before the certificate is known to be one that verifiers believe.
async function certify(
  options: SigningOptions,
  selected: SelectedServices,
  claims: TokenClaims,
  key: EphemeralSigner,
): Promise<Certificate> {
  const { ca } = selected;
  const proofOfPossession = await key.sign(encodeUtf8(claims.challenge));
  const order = { token: options.token, publicKey: key.publicKey, proofOfPossession };
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
  log: SelectedServices["logs"][number],
  signed: Signed,
  key: EphemeralSigner,
  certificate: Certificate,
  options: ServiceOptions | undefined,
): Promise<LogEntry> {
  const { digest, signature, content } = signed;
  const verifier = { certificate };
  if (log.majorApiVersion === 2) return submitLogEntryV2(log.url, { digest, signature, scheme: key.scheme, verifier }, options);
  if ("dsseEnvelope" in content) return submitLogEntryV1(log.url, { envelope: content.dsseEnvelope, verifier }, options);
  return submitLogEntryV1(log.url, { digest, signature, verifier }, options);
}

// What is verified is what a reader of the written bundle gets.
function verifyResult(assembled: Bundle, artifact: Artifact, trustedRoot: TrustedRoot, selected: SelectedServices): Bundle {
  try {
    const bundle = parseBundle(encodeBundle(assembled));
    const certificate = "certificate" in bundle.material ? bundle.material.certificate : undefined;
    if (certificate === undefined) throw new TypeError("a bundle that was signed with a certificate holds it");
    const san = subjectAltName(certificate);
    const identity = { san: san.type === "unsupported" ? "" : san.value, issuer: fulcioExtensions(certificate).issuer ?? "" };
    const thresholds = { logEntries: selected.logs.length };
    verifyBundle({ bundle, artifact, trustedRoot, expectations: { identity, thresholds } });
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

function artifactDigest(artifact: Artifact): Uint8Array {
  if ("bytes" in artifact) return sha256(artifact.bytes);
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
