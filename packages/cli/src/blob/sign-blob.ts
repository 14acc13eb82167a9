import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { encodeBundle } from "@sigillum/library/bundle";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { describeSignature, type SignatureDescription, signatureLines } from "./describe.ts";
import { hashFile, lengthOf, writeWhole } from "./files.ts";
import { signIn } from "./sign-in.ts";
import { loadSigningTrust } from "./trust.ts";

const suffix = ".sigstore.json";

/** `sigillum sign-blob FILE…`: one login, one bundle for each file. */
export async function runSignBlob(args: Arguments, terminal: Terminal): Promise<number> {
  const files = args.positionals;
  const bundlePaths = await bundlePathsFor(files, args.string("bundle"));
  for (const file of files) if (file !== "-") await lengthOf(file); // before anyone is asked to log in
  const { signBlob } = await import("@sigillum/library/signing"); // not for verify-blob, which starts faster without it
  const trust = await loadSigningTrust(args);
  const token = await signIn(args, trust.signingConfig, terminal);
  const signed: (SignatureDescription & { file: string; bundle: string })[] = [];
  for (const [index, file] of files.entries()) {
    const digest = await hashFile(file, "sha256", terminal);
    const bundle = await signBlob({ artifact: { digest, algorithm: "sha256" }, token: token.raw, trust, nowMs: Date.now() });
    const path = bundlePaths[index] ?? `${file}${suffix}`;
    await writeWhole(path, `${encodeBundle(bundle).trimEnd()}\n`);
    const description = describeSignature(bundle, trust.trustedRoot);
    signed.push({ file, bundle: path, ...description });
    if (terminal.format === "text")
      for (const line of [`Signed ${file}`, ...signatureLines(description), `  bundle  ${path}`]) terminal.out(line);
  }
  if (terminal.format === "json") terminal.json({ signed });
  return exitCodes.success;
}

// One file: --bundle is the file to write. Several: a directory, so that none overwrites another's.
async function bundlePathsFor(files: readonly string[], given: string | undefined): Promise<string[]> {
  if (given === undefined) {
    if (files.includes("-"))
      throw argumentError("FLAG_REQUIRED", "Cannot run sign-blob: --bundle is missing; say where the bundle for stdin goes", {
        expected: "--bundle FILE",
      });
    return files.map((file) => `${file}${suffix}`);
  }
  const isDirectory = (await stat(given).catch(() => undefined))?.isDirectory() === true; // missing: it is to be made
  if (!isDirectory && files.length > 1) {
    throw argumentError(
      "FLAG_VALUE_INVALID",
      `Cannot run sign-blob: --bundle ${given} would be overwritten by each of ${files.length} files; name a directory`,
      { found: given, expected: "a directory" },
    );
  }
  return files.map((file) => (isDirectory ? join(given, `${file === "-" ? "stdin" : basename(file)}${suffix}`) : given));
}
