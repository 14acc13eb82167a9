import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Bundle, encodeBundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import { encodeBase64, encodePem, encodeUtf8 } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { encodeCosignBundle } from "./cosign-bundle.ts";
import { describeSignature, type SignatureDescription, signatureLines } from "./describe.ts";
import { isSet, optional } from "./expectations.ts";
import { hashFile, lengthOf, readStdin, writeWhole } from "./files.ts";
import { openSession, type SigningSession } from "./signer.ts";
import { writeTimestamp } from "./timestamp-file.ts";

const suffix = ".sigstore.json";
const maxKeyedBytes = 1024 ** 3;

/** `sigillum sign-blob FILE…`: one login or key, one bundle for each file. */
export async function runSignBlob(args: Arguments, terminal: Terminal): Promise<number> {
  const files = args.positionals;
  const outputs = await outputsFor(args);
  for (const file of files) if (file !== "-") await lengthOf(file); // before anyone is asked to log in
  const session = await openSession(args, terminal);
  const signed: (SignatureDescription & { file: string; bundle?: string })[] = [];
  for (const [index, file] of files.entries()) {
    terminal.note(`Using payload from: ${file}`);
    const bundle = await signFile(file, session, terminal);
    const description = describeSignature(bundle, session.trust.trustedRoot);
    const path = outputs.bundlePaths[index];
    signed.push({ file, ...(path === undefined ? {} : { bundle: path }), ...description });
    if (terminal.format === "text") for (const line of [`Signed ${file}`, ...signatureLines(description)]) terminal.note(line);
    await writeOutputs(args, outputs, path, bundle, terminal);
  }
  if (terminal.format === "json") terminal.json({ signed });
  return exitCodes.success;
}

// A key in a file or service signs the message itself, so the file is read whole; a key of our own making signs the digest.
async function signFile(file: string, session: SigningSession, terminal: Terminal): Promise<Bundle> {
  const { signBlob } = await import("@sigillum/library/signing"); // not for verify-blob, which starts faster without it
  const nowMs = Date.now();
  if (session.signer === undefined || "signDigest" in session.signer) {
    const digest = await hashFile(file, "sha256", terminal);
    return await signBlob({ ...session, artifact: { digest, algorithm: "sha256" }, nowMs });
  }
  return await signBlob({ ...session, artifact: { bytes: await wholeFile(file, terminal) }, nowMs });
}

async function wholeFile(file: string, terminal: Terminal): Promise<Uint8Array> {
  if (file === "-") return await readStdin(terminal, maxKeyedBytes);
  if ((await lengthOf(file)) > maxKeyedBytes) {
    throw argumentError(
      "FLAG_VALUE_INVALID",
      `Cannot sign ${file} with a key: it is larger than the ${maxKeyedBytes} bytes that fit in memory`,
      {
        expected: `at most ${maxKeyedBytes} bytes`,
      },
    );
  }
  return readFileSync(file);
}

interface Outputs {
  readonly bundlePaths: readonly (string | undefined)[];
  readonly signaturePath: string | undefined;
  readonly certificatePath: string | undefined;
  readonly isLegacy: boolean;
}

// cosign 3 writes a bundle; 1 and 2 write signature and certificate as files of their own, or the signature to stdout.
async function outputsFor(args: Arguments): Promise<Outputs> {
  const files = args.positionals;
  const isFormat = ["text", "json", undefined].includes(optional(args, "output"));
  const signaturePath = optional(args, "output-signature") ?? (isFormat ? undefined : optional(args, "output"));
  const certificatePath = optional(args, "output-certificate");
  const isLegacy =
    signaturePath !== undefined || certificatePath !== undefined || !isSet(args, "new-bundle-format", true) || args.has("b64");
  if (files.length > 1 && (signaturePath !== undefined || certificatePath !== undefined)) {
    throw argumentError(
      "FLAGS_CONFLICT",
      `Cannot run ${args.command}: one signature file for ${files.length} files would be overwritten by each`,
      {
        expected: "one file, or --bundle DIRECTORY",
      },
    );
  }
  const given = optional(args, "bundle");
  const bundlePaths = given === undefined && isLegacy ? files.map(() => undefined) : await bundlePathsFor(args, files, given);
  return { bundlePaths, signaturePath, certificatePath, isLegacy };
}

async function writeOutputs(
  args: Arguments,
  outputs: Outputs,
  path: string | undefined,
  bundle: Bundle,
  terminal: Terminal,
): Promise<void> {
  const { signaturePath, certificatePath } = outputs;
  const base64 = isSet(args, "b64", true);
  const signature = base64 ? encodeUtf8(encodeBase64(signatureBytes(bundle))) : signatureBytes(bundle);
  if (path !== undefined) {
    const text = isSet(args, "new-bundle-format", true) ? encodeBundle(bundle).trimEnd() : encodeCosignBundle(bundle);
    await writeWhole(path, `${text}\n`);
    terminal.note(`Wrote bundle to file ${path}`);
  }
  if (signaturePath !== undefined) {
    await writeWhole(signaturePath, signature);
    terminal.note(`Wrote signature to file ${signaturePath}`);
  }
  await writeTimestamp(args, bundle, terminal);
  const certificate = signingCertificate(bundle);
  if (certificatePath !== undefined && certificate !== undefined) {
    // cosign 2 writes base64 of the PEM unless --b64=false; its readers take either.
    const pem = encodePem("CERTIFICATE", certificate.der);
    await writeWhole(certificatePath, base64 ? encodeBase64(encodeUtf8(pem)) : pem);
    terminal.note(`Wrote certificate to file ${certificatePath}`);
  }
  // As cosign 1 and 2 do where no file is named for it.
  if (signaturePath === undefined && !args.has("bundle") && terminal.format === "text") {
    terminal.write(base64 ? `${encodeBase64(signatureBytes(bundle))}\n` : signature);
  }
}

// One file: --bundle is the file to write. Several: a directory, so that none overwrites another's.
async function bundlePathsFor(args: Arguments, files: readonly string[], given: string | undefined): Promise<string[]> {
  if (given === undefined) {
    if (files.includes("-"))
      throw argumentError(
        "FLAG_REQUIRED",
        `Cannot run ${args.command}: --bundle is missing; say where the bundle for stdin goes`,
        {
          expected: "--bundle FILE",
        },
      );
    return files.map((file) => `${file}${suffix}`);
  }
  const isDirectory = statSync(given, { throwIfNoEntry: false })?.isDirectory() === true; // missing: it is to be made
  if (!isDirectory && files.length > 1) {
    throw argumentError(
      "FLAG_VALUE_INVALID",
      `Cannot run ${args.command}: --bundle ${given} would be overwritten by each of ${files.length} files; name a directory`,
      { found: given, expected: "a directory" },
    );
  }
  return files.map((file) => (isDirectory ? join(given, `${file === "-" ? "stdin" : basename(file)}${suffix}`) : given));
}
