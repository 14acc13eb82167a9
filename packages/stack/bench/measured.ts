// What a benchmark says.

/** What a row measured. */
export interface Measured {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  /** What was measured in the same run without our code, and the median over it. */
  readonly floor?: { readonly name: string; readonly ratio: number };
  readonly notes?: Readonly<Record<string, number>>;
}
