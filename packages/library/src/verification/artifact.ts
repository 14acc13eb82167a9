import { digest, type HashAlgorithm } from "../crypto/index.ts";
import { encodeHex, equalBytes } from "../encoding/index.ts";
import { verificationError } from "./errors.ts";
import type { Artifact } from "./expectations.ts";

/** The artifact with its digests, each computed once. */
export class ArtifactDigests {
  readonly artifact: Artifact;
  readonly #digests = new Map<HashAlgorithm, Uint8Array>();

  constructor(artifact: Artifact) {
    this.artifact = artifact;
    if ("digest" in artifact) this.#digests.set(artifact.algorithm, artifact.digest);
  }

  /** The digest by one algorithm. Where the caller gave only a digest, it must be by that algorithm. */
  by(algorithm: HashAlgorithm): Uint8Array {
    const known = this.#digests.get(algorithm);
    if (known !== undefined) return known;
    if ("digest" in this.artifact) {
      throw verificationError("ARTIFACT_DIGEST_UNAVAILABLE", `Cannot verify artifact: its ${algorithm} digest is needed`, {
        found: `its ${this.artifact.algorithm} digest`,
        expected: `the artifact, or its ${algorithm} digest`,
      });
    }
    const computed = digest(algorithm, this.artifact.bytes);
    this.#digests.set(algorithm, computed);
    return computed;
  }

  /** The digest by one algorithm, or undefined where it cannot be had. */
  ifKnown(algorithm: HashAlgorithm): Uint8Array | undefined {
    return "digest" in this.artifact ? this.#digests.get(algorithm) : this.by(algorithm);
  }
}

/** Require that the artifact has the digest that the bundle states. */
export function requireDigest(artifact: ArtifactDigests, algorithm: HashAlgorithm, stated: Uint8Array): void {
  const found = artifact.by(algorithm);
  if (equalBytes(found, stated)) return;
  const [is, was] = [`${algorithm}:${encodeHex(found)}`, `${algorithm}:${encodeHex(stated)}`];
  throw verificationError("ARTIFACT_DIGEST_MISMATCH", `Cannot verify artifact: its digest is ${is}, the bundle is about ${was}`, {
    found: is,
    expected: was,
  });
}
