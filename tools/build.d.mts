/** Bundle a program and what it imports lazily, as CommonJS. */
export function bundleProgram(options: {
  readonly source: string;
  readonly outdir: string;
  readonly ours?: readonly RegExp[];
  readonly minify?: boolean;
}): Promise<{ readonly path: string; readonly bytes: number }[]>;
