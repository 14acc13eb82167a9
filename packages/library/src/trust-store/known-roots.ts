// Roots of trust that everybody knows, by name: where they are, and the root file that is pinned. Its bytes are the repository's own and are
// fetched; the hash is what makes them the right ones.

/** A root that can be added by its name alone. */
export interface KnownRoot {
  readonly name: string;
  readonly url: string;
  /** The version of the pinned root, and its hex SHA-256. */
  readonly rootVersion: number;
  readonly rootSha256: string;
}

/** The public instance of Sigstore. */
export const knownRoots: readonly KnownRoot[] = [
  {
    name: "sigstore",
    url: "https://tuf-repo-cdn.sigstore.dev",
    rootVersion: 15,
    rootSha256: "73747011d0857ada15479a16c4cae0f3ed03aac698b523b97e1de314ac9d9ca8",
  },
];
