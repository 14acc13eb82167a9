// What a benchmark says.

/** What a row measured. */
export interface Measured {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  /** What was measured in the same run without our code, and the median over it. */
  readonly floor?: { readonly name: string; readonly ratio: number };
  /** Another implementation measured in the same run, and the median over its own. */
  readonly peer?: { readonly name: string; readonly ratio: number };
  readonly notes?: Readonly<Record<string, number | string>>;
}
