import { cosignSignPredicateType, parseStatement, type Statement } from "../attestation/index.ts";
import type { Bundle } from "../bundle/index.ts";
import { isSigillumError, type JsonValue, parseHex, quote, type SigillumError } from "../encoding/index.ts";
import {
  type Descriptor,
  encodeReference,
  type Manifest,
  type OciDigest,
  type Reference,
  type RegistryClient,
} from "../oci/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "../verification/index.ts";
import { imageError } from "./errors.ts";
import type { FoundBundle } from "./find.ts";
import { bundleOfLayer } from "./layer.ts";
import { parseSimpleSigning, type SimpleSigning } from "./simple-signing.ts";
import { type ImageSource, registrySource } from "./source.ts";
import type { TagLayer } from "./tag-layout.ts";

/** Which image is to be verified, against what. */
export interface ImageQuestion {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly trustedRoot: TrustedRoot;
  readonly expectations: Expectations;
  /** Where to read from: the registry that the reference names, unless said otherwise. */
  readonly source?: ImageSource;
  /** Annotations that a signature must have. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** False: a signature need not be about this image, and its payload is not looked at. It proves next to nothing then. */
  readonly checkClaims?: boolean;
  /** Throws one of our errors unless what was proved is enough: for what expectations cannot say. */
  readonly accept?: (verified: Verified) => void;
  /** Changes a bundle before it is verified: for what a caller wants left out of account. */
  readonly prepare?: (bundle: Bundle) => Bundle;
}

/** A signature that proved what was asked. */
export interface ImageSignature {
  /** The manifest that carries the bundle, or the layer that is the signature. */
  readonly manifest: OciDigest;
  readonly layout: "bundle" | "tag";
  readonly verified: Verified;
  readonly bundle: Bundle;
  /** What was signed, in the tag layout. */
  readonly payload?: SimpleSigning;
}

/** What refers to the image and proved nothing, with the reason. */
export interface RejectedBundle {
  readonly manifest: OciDigest;
  readonly error: SigillumError;
}

/** An image with at least one signature that proved what was asked. */
export interface VerifiedImage {
  /** The manifest or index that the reference named; what is signed is its digest. */
  readonly image: Descriptor;
  /** Its content, which has that digest: of an index, the images that were signed with it. */
  readonly manifest: Manifest;
  readonly signatures: readonly ImageSignature[];
  readonly rejected: readonly RejectedBundle[];
}

/**
 * Verify an image by its signatures, in either layout. When it returns, at least one verified: an image signature (not some other
 * attestation) by the expected signer about exactly the digest that the reference named. IMAGE_NO_SIGNATURES means that there is
 * none; that it could not be looked is an error of kind unavailable.
 */
export async function verifyImage(question: ImageQuestion): Promise<VerifiedImage> {
  const source = question.source ?? registrySource(question.client, question.reference);
  const { descriptor: image, manifest } = await source.resolve();
  const outcomes = judgeBundles(await source.bundles(image.digest), image, question, requireSignature);
  // The older layout costs requests of its own, and is read only where the newer one did not answer the question.
  if (!outcomes.some((one) => "verified" in one)) {
    for (const layer of await source.layers(image.digest, "sig")) outcomes.push(judgeLayer(layer, image, question));
  }
  const { signatures, rejected } = sort(outcomes);
  if (signatures.length === 0) throw refusal(question, image, rejected);
  await source.confirm(image.digest);
  return { image, manifest, signatures, rejected };
}

/**
 * Verify an image's attestations, in either layout. When it returns, at least one statement of the wanted predicate type verified,
 * by the expected signer about exactly the digest that the reference named. What its predicate says was not looked at.
 */
export async function verifyImageAttestations(
  question: ImageQuestion,
  predicateTypes: readonly string[],
): Promise<VerifiedImage> {
  const source = question.source ?? registrySource(question.client, question.reference);
  const { descriptor: image, manifest } = await source.resolve();
  const wanted = (statement: Statement | undefined): void => requirePredicateType(statement, predicateTypes);
  const outcomes = judgeBundles(await source.bundles(image.digest), image, question, wanted);
  for (const { descriptor, bytes } of await source.layers(image.digest, "att")) {
    const read = (): Bundle => bundleOfLayer(descriptor, bytes);
    // cosign 2 has the whole envelope stamped, cosign 3 the signature in it.
    const layered = { ...question, expectations: { ...question.expectations, acceptTimestampOver: bytes } };
    outcomes.push(judge(descriptor.digest, read, image, layered, "tag", wanted));
  }
  const { signatures, rejected } = sort(outcomes);
  if (signatures.length === 0) throw attestationRefusal(question, image, rejected, predicateTypes);
  await source.confirm(image.digest);
  return { image, manifest, signatures, rejected };
}

type Outcome = ImageSignature | RejectedBundle;

function sort(outcomes: readonly Outcome[]): { signatures: ImageSignature[]; rejected: RejectedBundle[] } {
  const signatures = outcomes.filter((one): one is ImageSignature => "verified" in one);
  return { signatures, rejected: outcomes.filter((one): one is RejectedBundle => "error" in one) };
}

function judgeBundles(
  found: readonly FoundBundle[],
  image: Descriptor,
  question: ImageQuestion,
  check: (statement: Statement | undefined) => void,
): Outcome[] {
  return found.map((one) => ("error" in one ? one : judge(one.manifest, () => one.bundle, image, question, "bundle", check)));
}

function judge(
  manifest: OciDigest,
  read: () => Bundle,
  image: Descriptor,
  question: ImageQuestion,
  layout: ImageSignature["layout"],
  check: (statement: Statement | undefined) => void,
): Outcome {
  return refusable(manifest, () => {
    const bundle = read();
    const artifact = question.checkClaims === false ? subjectOf(bundle, image) : artifactOf(image);
    const verified = verify(bundle, artifact, question, layout);
    check(verified.statement);
    requireAnnotations(question.annotations, statementAnnotations(verified.statement));
    question.accept?.(verified);
    return { manifest, layout, verified, bundle };
  });
}

function judgeLayer({ descriptor, bytes }: TagLayer, image: Descriptor, question: ImageQuestion): Outcome {
  return refusable(descriptor.digest, () => {
    const bundle = bundleOfLayer(descriptor, bytes);
    if ("dsseEnvelope" in bundle.content) throw notASignature("an envelope");
    const verified = verify(bundle, { bytes }, question, "tag");
    const payload = parseSimpleSigning(bytes);
    if (question.checkClaims !== false) {
      if (payload.digest !== image.digest) {
        throw imageError("IMAGE_DIGEST_UNEXPECTED", `Cannot take signature: it is for image ${payload.digest}`, {
          found: payload.digest,
          expected: image.digest,
        });
      }
      requireAnnotations(question.annotations, payload.optional);
    }
    question.accept?.(verified);
    return { manifest: descriptor.digest, layout: "tag", verified, bundle, payload };
  });
}

// In the tag layout a log's promise is all there is: the layout has no room for a proof. And cosign 1.3 wrote attestations there.
function verify(read: Bundle, artifact: Artifact, question: ImageQuestion, layout: ImageSignature["layout"]): Verified {
  const { trustedRoot, prepare = (bundle: Bundle) => bundle } = question;
  const bundle = prepare(read);
  const expectations: Expectations =
    layout === "tag"
      ? { ...question.expectations, acceptPromiseWithoutProof: true, acceptPredicateTypeForPayloadType: true }
      : question.expectations;
  return verifyBundle({ bundle, artifact, trustedRoot, expectations });
}

function refusable(manifest: OciDigest, judgement: () => ImageSignature): Outcome {
  try {
    return judgement();
  } catch (error) {
    if (isSigillumError(error)) return { manifest, error };
    throw error;
  }
}

function artifactOf({ digest }: Pick<Descriptor, "digest">): Artifact {
  const algorithm = digest.startsWith("sha512:") ? "sha512" : "sha256";
  return { digest: parseHex(digest.slice(digest.indexOf(":") + 1)), algorithm };
}

// Without a check of claims the statement is verified against its own subject: only who signed it is asked.
function subjectOf(bundle: Bundle, image: Descriptor): Artifact {
  if (!("dsseEnvelope" in bundle.content)) return artifactOf(image);
  const { subject } = parseStatement(bundle.content.dsseEnvelope.payload);
  const hex = subject.map(({ digest }) => digest.get("sha256")).find((value) => value !== undefined);
  return hex === undefined ? artifactOf(image) : { digest: parseHex(hex), algorithm: "sha256" };
}

// An attestation for the image verifies just as well, and says nothing of the kind "this image is released": cosign 3 takes it.
function requireSignature(statement: Statement | undefined): void {
  if (statement?.predicateType === cosignSignPredicateType) return;
  throw notASignature(statement?.predicateType);
}

function notASignature(found: string | undefined): SigillumError {
  return imageError(
    "IMAGE_PREDICATE_UNEXPECTED",
    found === undefined
      ? "Cannot take bundle for an image signature: it holds no statement"
      : `Cannot take bundle for an image signature: its predicate type is ${quote(found)}`,
    { found: found ?? "a message signature", expected: cosignSignPredicateType },
  );
}

function requirePredicateType(statement: Statement | undefined, wanted: readonly string[]): void {
  const found = statement?.predicateType ?? "";
  if (statement !== undefined && (wanted.length === 0 ? found !== cosignSignPredicateType : wanted.includes(found))) return;
  throw imageError("IMAGE_PREDICATE_UNEXPECTED", `Cannot take attestation: its predicate type is ${quote(found)}`, {
    found: found === "" ? "no statement" : found,
    expected: wanted[0] ?? "an attestation",
  });
}

function statementAnnotations(statement: Statement | undefined): Readonly<Record<string, JsonValue>> | undefined {
  const annotations = statement?.subject[0]?.annotations;
  if (typeof annotations !== "object" || annotations === null || Array.isArray(annotations)) return undefined;
  return Object.fromEntries(Object.entries(annotations));
}

function requireAnnotations(
  wanted: Readonly<Record<string, string>> | undefined,
  found: Readonly<Record<string, JsonValue>> | undefined,
): void {
  for (const [name, value] of Object.entries(wanted ?? {})) {
    const own = found !== undefined && Object.hasOwn(found, name) ? found[name] : undefined;
    if (own === value) continue;
    throw imageError(
      "IMAGE_ANNOTATION_MISSING",
      `Cannot take signature: its annotation ${quote(name)} is ${own === undefined ? "missing" : quote(String(own))}, expected ${quote(value)}`,
      { found: own === undefined ? "no such annotation" : String(own), expected: value },
    );
  }
}

// Whatever could not be read may have been the signature.
function unseen(rejected: readonly RejectedBundle[]): SigillumError | undefined {
  return rejected.find(({ error }) => error.kind === "unavailable")?.error;
}

function isPredicate({ error }: RejectedBundle): boolean {
  return error.code === "IMAGE_PREDICATE_UNEXPECTED";
}

function refusal(question: ImageQuestion, image: Descriptor, rejected: readonly RejectedBundle[]): SigillumError {
  const name = encodeReference(question.reference);
  const unreadable = unseen(rejected);
  if (unreadable !== undefined) return unreadable;
  const refused = rejected.filter((one) => !isPredicate(one));
  if (refused.length > 0) return noMatch("IMAGE_NO_MATCHING_SIGNATURE", name, "signature", refused);
  const [count, verb] =
    rejected.length === 1 ? ["1 other attestation", "refers"] : [`${rejected.length} other attestations`, "refer"];
  const others = rejected.length === 0 ? "" : `; ${count} ${verb} to it`;
  return imageError("IMAGE_NO_SIGNATURES", `Cannot verify ${name}: no signatures found for ${image.digest}${others}`, {
    found: "no signature",
    expected: "at least one",
  });
}

function attestationRefusal(
  question: ImageQuestion,
  image: Descriptor,
  rejected: readonly RejectedBundle[],
  wanted: readonly string[],
): SigillumError {
  const name = encodeReference(question.reference);
  const unreadable = unseen(rejected);
  if (unreadable !== undefined) return unreadable;
  const refused = rejected.filter((one) => !isPredicate(one));
  if (refused.length > 0) return noMatch("IMAGE_NO_MATCHING_ATTESTATION", name, "attestation", refused);
  const found = [...new Set(rejected.map(({ error }) => error.found ?? ""))].filter((type) => type !== cosignSignPredicateType);
  if (found.length === 0) {
    return imageError("IMAGE_NO_ATTESTATIONS", `Cannot verify ${name}: no attestations found for ${image.digest}`, {
      found: "no attestation",
      expected: "at least one",
    });
  }
  const types = found.join(",");
  return imageError(
    "IMAGE_NO_MATCHING_ATTESTATION",
    `Cannot verify ${name}: none of the attestations matched the predicate type: ${wanted[0] ?? ""}, found: ${types}`,
    { found: types, expected: wanted[0] ?? "an attestation" },
  );
}

function noMatch(
  code: "IMAGE_NO_MATCHING_SIGNATURE" | "IMAGE_NO_MATCHING_ATTESTATION",
  name: string,
  noun: string,
  refused: readonly RejectedBundle[],
): SigillumError {
  const [first] = refused;
  const reasons = [...new Set(refused.map(({ error }) => error.message))].join("; ");
  if (refused.every(({ error }) => error.code === "PUBLIC_KEY_EXPECTED")) {
    return imageError("IMAGE_NO_CERTIFICATE", `Cannot verify ${name}: no certificate found on ${noun}: ${reasons}`, {
      cause: first?.error,
      found: `a ${noun} by a key`,
      expected: "a certificate",
    });
  }
  const count = refused.length === 1 ? `its one ${noun} does not` : `none of its ${refused.length} ${noun}s does`;
  const { found, expected } = first?.error ?? {};
  return imageError(code, `Cannot verify ${name}: no matching ${noun}s: ${count} prove what was asked: ${reasons}`, {
    cause: first?.error,
    ...(found === undefined || refused.length > 1 ? {} : { found }),
    ...(expected === undefined ? {} : { expected }),
  });
}
