import { cosignSignPredicateType } from "../attestation/index.ts";
import type { Bundle } from "../bundle/index.ts";
import { isSigillumError, parseHex, quote, type SigillumError } from "../encoding/index.ts";
import {
  type Descriptor,
  encodeReference,
  type OciDigest,
  type Reference,
  type RegistryClient,
  resolveReference,
} from "../oci/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { type Expectations, type Verified, verifyBundle } from "../verification/index.ts";
import { imageError } from "./errors.ts";
import { type FoundBundle, findBundles, hasTagLayoutSignature } from "./find.ts";

/** Which image is to be verified, against what. */
export interface ImageQuestion {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly trustedRoot: TrustedRoot;
  readonly expectations: Expectations;
}

/** A signature that proved what was asked. */
export interface ImageSignature {
  /** The manifest that carries the bundle. */
  readonly manifest: OciDigest;
  readonly verified: Verified;
  readonly bundle: Bundle;
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
  readonly signatures: readonly ImageSignature[];
  readonly rejected: readonly RejectedBundle[];
}

/**
 * Verify an image by its signatures in the registry. When it returns, at least one bundle verified: an image signature (not
 * some other attestation) by the expected signer about exactly the digest that the reference named. IMAGE_NO_SIGNATURES
 * means that there is none; that it could not be looked is an error of kind unavailable.
 */
export async function verifyImage(question: ImageQuestion): Promise<VerifiedImage> {
  const { client, reference } = question;
  const image = await resolveReference(client, reference);
  const found = await findBundles(client, reference, image.digest);
  const signatures: ImageSignature[] = [];
  const rejected: RejectedBundle[] = [];
  for (const one of found) {
    const outcome = judge(one, image, question);
    if ("error" in outcome) rejected.push(outcome);
    else signatures.push(outcome);
  }
  if (signatures.length === 0) throw await refusal(question, image, rejected);
  return { image, signatures, rejected };
}

function judge(found: FoundBundle, image: Descriptor, question: ImageQuestion): ImageSignature | RejectedBundle {
  if ("error" in found) return found;
  const { manifest, bundle } = found;
  try {
    const algorithm = image.digest.startsWith("sha512:") ? "sha512" : "sha256";
    const artifact = { digest: parseHex(image.digest.slice(7)), algorithm } as const;
    const verified = verifyBundle({ bundle, artifact, trustedRoot: question.trustedRoot, expectations: question.expectations });
    requireSignature(verified);
    return { manifest, verified, bundle };
  } catch (error) {
    if (isSigillumError(error)) return { manifest, error };
    throw error;
  }
}

// An attestation for the image verifies just as well, and says nothing of the kind "this image is released": cosign 3 takes it.
function requireSignature(verified: Verified): void {
  const found = verified.statement?.predicateType;
  if (found === cosignSignPredicateType) return;
  throw imageError(
    "IMAGE_PREDICATE_UNEXPECTED",
    found === undefined
      ? "Cannot take bundle for an image signature: it holds no statement"
      : `Cannot take bundle for an image signature: its predicate type is ${quote(found)}`,
    { found: found ?? "a message signature", expected: cosignSignPredicateType },
  );
}

async function refusal(question: ImageQuestion, image: Descriptor, rejected: readonly RejectedBundle[]): Promise<SigillumError> {
  const name = encodeReference(question.reference);
  // Whatever could not be read may have been the signature.
  const unseen = rejected.find(({ error }) => error.kind === "unavailable");
  if (unseen !== undefined) return unseen.error;
  const refused = rejected.filter(({ error }) => error.code !== "IMAGE_PREDICATE_UNEXPECTED");
  if (refused.length === 0) {
    if (await hasTagLayoutSignature(question.client, question.reference, image.digest)) {
      return imageError(
        "IMAGE_LAYOUT_UNSUPPORTED",
        `Cannot verify ${name}: its signatures are in the older tag layout, which this version does not read`,
        { found: `tag ${image.digest.replace(":", "-")}.sig`, expected: "a Sigstore bundle as OCI referrer" },
      );
    }
    const others =
      rejected.length === 0
        ? ""
        : `; ${rejected.length} other ${rejected.length === 1 ? "attestation refers" : "attestations refer"} to it`;
    return imageError("IMAGE_NO_SIGNATURES", `Cannot verify ${name}: no signatures found for ${image.digest}${others}`, {
      found: "no signature",
      expected: "at least one",
    });
  }
  return noMatch(name, refused);
}

function noMatch(name: string, refused: readonly RejectedBundle[]): SigillumError {
  const [first] = refused;
  const count = refused.length === 1 ? "its one signature does not" : `none of its ${refused.length} signatures does`;
  const reasons = refused.map(({ error }) => error.message).join("; ");
  const { found, expected } = first?.error ?? {};
  return imageError(
    "IMAGE_NO_MATCHING_SIGNATURE",
    `Cannot verify ${name}: no matching signatures: ${count} prove what was asked: ${reasons}`,
    {
      cause: first?.error,
      ...(found === undefined || refused.length > 1 ? {} : { found }),
      ...(expected === undefined ? {} : { expected }),
    },
  );
}
