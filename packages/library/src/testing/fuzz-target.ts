/** Something that reads what anybody may send: it returns, or throws one of our errors, and does so at once. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that it accepts, which are changed. */
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}
