/** Something that reads what anybody may send: it returns, or throws or rejects with one of our errors, and does so at once. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that it accepts, which are changed. */
  readonly seeds: readonly Uint8Array[];
  /** What it returns is of no matter; a promise is waited for. */
  run(input: Uint8Array): unknown;
}
