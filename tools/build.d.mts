/** Bundle a program and what it imports lazily, as CommonJS. */
export function bundleProgram(options: {
  readonly source: string;
  readonly outdir: string;
  readonly ours?: readonly RegExp[];
  readonly minify?: boolean;
}): Promise<{ readonly path: string; readonly bytes: number }[]>;

/** One script for a browser, whose global `name` has what a module exports. */
export function bundleForBrowser(options: {
  readonly contents: string;
  readonly resolveDir: string;
  readonly name: string;
}): Promise<string>;
