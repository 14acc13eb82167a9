// One authority asked about one image: which signatures or attestations prove what it wants.
import { type Bundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import { sha256 } from "@sigillum/library/crypto";
import {
  concatBytes,
  encodeHex,
  encodePem,
  encodeUtf8,
  equalBytes,
  isSigillumError,
  type SigillumError,
} from "@sigillum/library/encoding";
import {
  type ImageQuestion,
  type ImageSignature,
  type ImageSource,
  verifyImage,
  verifyImageAttestations,
} from "@sigillum/library/image";
import type { OciDigest, Reference } from "@sigillum/library/oci";
import type { Expectations, Verified } from "@sigillum/library/verification";
import { subjectAltNames } from "@sigillum/library/x509";
import { inputTypes } from "@sigillum/policy/contracts";
import {
  type AuthorityFound,
  type CompiledAttestation,
  type CompiledAuthority,
  type FoundAttestation,
  type FoundSignature,
  imagePolicyError,
  type KeyCheck,
  type KeylessCheck,
  refusalOf,
  type TextJudge,
} from "../image-policy/index.ts";
import type { Evidence } from "./evidence.ts";

/** A reference with the digest that decides. */
export type PinnedReference = Reference & { readonly digest: OciDigest };

/** Ask an authority; throws one of our errors, its reason not to pass. What it cannot look at is never a pass. */
export async function verifyAuthority(
  compiled: CompiledAuthority,
  reference: PinnedReference,
  { evidence, nowMs, judge }: { readonly evidence: Evidence; readonly nowMs: number; readonly judge: TextJudge },
): Promise<AuthorityFound> {
  const { authority, ready } = compiled;
  if (isSigillumError(ready)) throw ready;
  if (authority.by.type === "static") return decideStatic(authority.by);
  if (ready.type === "static") throw new TypeError("an authority was compiled as another");
  const question = questionOf(compiled, ready, reference, evidence);
  if (ready.attestations.length === 0) {
    const { signatures } = await verifyImage(question);
    return { signatures: signatures.map(signatureOf) };
  }
  const { signatures } = await verifyImageAttestations(question, []);
  const found: Record<string, readonly FoundAttestation[]> = {};
  for (const wanted of ready.attestations) found[wanted.name] = await accepted(wanted, signatures, nowMs, judge);
  return { attestations: found };
}

/** What an authority that looks at nothing says. */
export function decideStatic(by: { readonly action: "pass" | "fail"; readonly message: string }): AuthorityFound {
  if (by.action === "pass") return { static: true };
  throw imagePolicyError("IMAGE_POLICY_STATIC_FAIL", `disallowed by static policy${by.message === "" ? "" : `: ${by.message}`}`);
}

function questionOf(
  { authority }: CompiledAuthority,
  check: KeyCheck | KeylessCheck,
  reference: PinnedReference,
  evidence: Evidence,
): ImageQuestion {
  return {
    client: evidence.client(check.source?.signaturePullSecrets ?? []),
    reference,
    trustedRoot: check.trustedRoot,
    source: ofFormat(evidence.source(reference, check.source), authority.signatureFormat),
    expectations: expectationsOf(check),
    prepare: (bundle) => withoutUnknown(bundle, check),
    ...(check.type === "key" ? {} : { accept: (verified: Verified) => requireIdentity(verified, check) }),
  };
}

function expectationsOf(check: KeyCheck | KeylessCheck): Expectations {
  const { logEntries, timestamps } = check;
  if (check.type === "keyless") {
    // which pairs of issuer and subject are meant is tested once the certificate has verified
    const any = { description: "any", matches: () => true };
    return { identity: { san: any, issuer: any }, thresholds: { logEntries, timestamps, scts: check.scts } };
  }
  const hash = check.hashAlgorithm;
  if (hash === "sha224")
    throw imagePolicyError("IMAGE_POLICY_UNUSABLE", "Cannot use the key: signatures over SHA-224 are not verified here", {
      found: hash,
    });
  return {
    publicKey: check.publicKey,
    thresholds: { logEntries, timestamps },
    ...(hash === undefined ? {} : { hashAlgorithm: hash }),
  };
}

function ofFormat(source: ImageSource, format: "legacy" | "bundle" | undefined): ImageSource {
  const none = (): Promise<never[]> => Promise.resolve([]);
  if (format === "legacy") return { ...source, bundles: none };
  return format === "bundle" ? { ...source, layers: none } : source;
}

/**
 * Evidence that the authority does not demand and whose log or authority the trust root does not know is left out of account: it can
 * neither be verified nor does it add anything. What is known is verified, demanded or not, and refuses where it is wrong.
 */
function withoutUnknown(bundle: Bundle, { logEntries, timestamps, trustedRoot }: KeyCheck | KeylessCheck): Bundle {
  const isKnown = (logId: Uint8Array): boolean => trustedRoot.tlogs.some((log) => equalBytes(log.logId, logId));
  return {
    ...bundle,
    tlogEntries: logEntries > 0 ? bundle.tlogEntries : bundle.tlogEntries.filter(({ logId }) => isKnown(logId)),
    timestamps: timestamps > 0 || trustedRoot.timestampAuthorities.length > 0 ? bundle.timestamps : [],
  };
}

function requireIdentity({ identity }: Verified, check: KeylessCheck): void {
  const issuer = identity?.issuer ?? "";
  const subjects =
    identity === undefined
      ? []
      : subjectAltNames(identity.certificate).flatMap((one) => (one.type === "unsupported" ? [] : [one.value]));
  if (check.identities.some((one) => one.matches(issuer, subjects))) return;
  const [found, expected] = [
    `${subjects.join(", ")} of ${issuer}`,
    check.identities.map(({ description }) => description).join(" or "),
  ];
  throw imagePolicyError("IMAGE_POLICY_IDENTITY_MISMATCH", `Cannot accept signature: it is by ${found}, expected ${expected}`, {
    found,
    expected,
  });
}

// The identifier of the original: SHA-256 over the signature and the certificate in PEM.
function signatureOf({ bundle, verified }: ImageSignature): FoundSignature {
  const certificate = signingCertificate(bundle);
  const pem = certificate === undefined ? new Uint8Array(0) : encodeUtf8(encodePem("CERTIFICATE", certificate.der));
  const id = encodeHex(sha256(concatBytes(signatureBytes(bundle), pem)));
  const { identity } = verified;
  if (identity === undefined) return { id };
  const { claims } = identity;
  const optional = (name: string, value: string | undefined): Record<string, string> =>
    value === undefined ? {} : { [name]: value };
  return {
    id,
    subject: identity.san,
    issuer: identity.issuer,
    ...optional("githubWorkflowTrigger", claims.githubWorkflowTrigger),
    ...optional("githubWorkflowSha", claims.githubWorkflowSha),
    ...optional("githubWorkflowName", claims.githubWorkflowName),
    ...optional("githubWorkflowRepo", claims.githubWorkflowRepository),
    ...optional("githubWorkflowRef", claims.githubWorkflowRef),
  };
}

async function accepted(
  wanted: CompiledAttestation,
  signatures: readonly ImageSignature[],
  nowMs: number,
  judge: TextJudge,
): Promise<FoundAttestation[]> {
  const { name, policy, predicateType } = wanted;
  const uri = Object.entries(inputTypes).find(([short]) => short === predicateType)?.[1] ?? predicateType;
  const own = signatures.filter(({ verified }) => verified.statement?.predicateType === uri);
  if (own.length === 0) {
    const found = [...new Set(signatures.map(({ verified }) => verified.statement?.predicateType ?? ""))].join(", ");
    throw imagePolicyError("IMAGE_POLICY_ATTESTATION_REFUSED", `no attestation ${name} of type ${uri}, found: ${found}`, {
      found,
      expected: uri,
    });
  }
  const passing: FoundAttestation[] = [];
  let refusal: SigillumError | undefined;
  for (const signature of own) {
    const reason = policy === undefined ? undefined : await refusalFor(wanted, policy, signature, nowMs, judge);
    if (reason === undefined) passing.push({ ...signatureOf(signature), predicateType, digest: signature.manifest });
    else refusal ??= reason;
  }
  if (passing.length === 0 && refusal !== undefined) throw refusal;
  return passing;
}

// Why a text does not accept a statement, or why it could not be asked; undefined where it accepts.
async function refusalFor(
  { name, predicateType }: CompiledAttestation,
  policy: NonNullable<CompiledAttestation["policy"]>,
  { bundle }: ImageSignature,
  nowMs: number,
  judge: TextJudge,
): Promise<SigillumError | undefined> {
  const what = `the policy of attestation ${name}`;
  const code = "IMAGE_POLICY_ATTESTATION_REFUSED";
  if (!("dsseEnvelope" in bundle.content)) return imagePolicyError(code, `${what} refuses: it is no statement`);
  const { payload } = bundle.content.dsseEnvelope;
  try {
    return refusalOf(await judge({ policy, about: { type: "statement", predicateType, payload }, nowMs }), what, code);
  } catch (error) {
    if (isSigillumError(error)) return error;
    throw error;
  }
}
