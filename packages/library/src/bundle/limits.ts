/** Named limits of the parser (client-conformance.md §8.1). */
export const bundleLimits: {
  readonly bytes: number;
  readonly tlogEntries: number;
  readonly timestamps: number;
  readonly chain: number;
  readonly proofHashes: number;
  /** Bundles in one text, as GitHub's and the registries' lists have them. */
  readonly list: number;
} = { bytes: 96 * 1024 * 1024, tlogEntries: 32, timestamps: 32, chain: 10, proofHashes: 64, list: 1024 };
