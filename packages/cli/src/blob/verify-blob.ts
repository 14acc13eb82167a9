import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Bundle } from "@sigillum/library/bundle";
import type { HashAlgorithm } from "@sigillum/library/crypto";
import { isSigillumError, parseHex, type SigillumError } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "@sigillum/library/verification";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodeOf, exitCodes, type Terminal } from "../terminal/index.ts";
import { verifiedJson, verifiedLines } from "./describe.ts";
import { blobError } from "./errors.ts";
import { type Demands, demandsOf, isSet, optional } from "./expectations.ts";
import { explanationLines } from "./explain.ts";
import { hashFile, lengthOf, readIfSmall } from "./files.ts";
import { withLogEntry } from "./log-search.ts";
import { readBundles, readMaterial } from "./material.ts";
import { loadVerifyingTrust } from "./trust.ts";

const maxWholeBytes = 1024 ** 3;
const smallBytes = 4 * 1024 ** 2;
const suffix = ".sigstore.json";

/** `sigillum verify-blob FILE…`: FILE may be "-" for stdin, a digest such as sha256:HEX, or a directory whose every file is signed. */
export async function runVerifyBlob(args: Arguments, terminal: Terminal): Promise<number> {
  const questions = questionsOf(args);
  const demands = await demandsOf(args, terminal);
  const material = await readMaterial(args).catch((error: unknown) =>
    questions.length === 1 ? Promise.reject(error) : undefined,
  );
  const trustedRoot = await loadVerifyingTrust(args, terminal);
  const verify = async ({ file, bundle }: FileQuestion): Promise<Verified> => {
    const candidates = bundle === undefined ? (material ?? []) : await readBundles(bundle);
    return await verifyCandidates({ file, candidates, trustedRoot, demands }, args, terminal);
  };
  const [only] = questions;
  if (only !== undefined && questions.length === 1) {
    tell(only.file, await verify(only), args, demands, terminal);
    return exitCodes.success;
  }
  return await verifyMany(questions, verify, terminal);
}

interface FileQuestion {
  readonly file: string;
  /** Its own bundle; undefined where the flags name one. */
  readonly bundle: string | undefined;
}

function tell(file: string, verified: Verified, args: Arguments, demands: Demands, terminal: Terminal): void {
  if (terminal.format === "json") {
    terminal.json({ verified: true, file, ...verifiedJson(verified) });
    return;
  }
  const explained = isSet(args, "explain") ? explanationLines(verified, demands.expectations) : [];
  // "Verified OK" is what scripts that call cosign look for
  terminal.note([`Verified ${file}`, ...verifiedLines(verified), ...explained, "Verified OK"].join("\n"));
}

async function verifyMany(
  questions: readonly FileQuestion[],
  verify: (question: FileQuestion) => Promise<Verified>,
  terminal: Terminal,
): Promise<number> {
  const results: Record<string, unknown>[] = [];
  let worst: number = exitCodes.success;
  const progress = terminal.progress("Verifying", questions.length, "items");
  for (const [index, question] of questions.entries()) {
    const { file } = question;
    progress.at(index);
    try {
      const verified = await verify(question);
      results.push({ file, verified: true, ...verifiedJson(verified) });
      terminal.note(`Verified ${file}${verified.identity === undefined ? "" : ` (${verified.identity.san})`}`);
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      worst = worst === exitCodes.success ? exitCodeOf(error) : worst;
      results.push({ file, verified: false, code: error.code, message: error.message });
      terminal.note(`REFUSED  ${file}: ${error.message} (${error.code})`);
    }
  }
  progress.end();
  const failed = results.filter(({ verified }) => verified === false).length;
  if (terminal.format === "json") terminal.json({ verified: failed === 0, files: results });
  else terminal.note(failed === 0 ? `Verified OK: ${results.length} files` : `${failed} of ${results.length} files were refused`);
  return worst;
}

function questionsOf(args: Arguments): FileQuestion[] {
  const [bundle, signature] = [optional(args, "bundle"), optional(args, "signature")];
  const isDirectory = bundle !== undefined && isFolder(bundle);
  const questions: FileQuestion[] = [];
  for (const given of args.positionals) {
    for (const file of isFolder(given) ? filesBelow(given) : [given]) {
      if (bundle !== undefined && !isDirectory) questions.push({ file, bundle: undefined });
      else if (isDirectory) questions.push({ file, bundle: join(bundle, `${file.split(/[\\/]/).at(-1) ?? file}${suffix}`) });
      else if (signature !== undefined) questions.push({ file, bundle: undefined });
      else questions.push({ file, bundle: besideBundle(args, file, given !== file) });
    }
  }
  if (questions.length > 1 && ((bundle !== undefined && !isDirectory) || signature !== undefined)) {
    throw argumentError(
      "FLAGS_CONFLICT",
      `Cannot run ${args.command}: one bundle or signature is named for ${questions.length} files`,
      {
        expected: "a directory of bundles, or none: each file's bundle is then looked for beside it",
      },
    );
  }
  return questions;
}

// Without --bundle: the one that sign-blob wrote beside the file. A file of a directory is missed if it has none.
function besideBundle(args: Arguments, file: string, inDirectory: boolean): string {
  const beside = `${file}${suffix}`;
  if (inDirectory || existsSync(beside)) return beside;
  return args.required("bundle", "it is the file that sign-blob wrote");
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true; // what is missing is told when it is read
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  // A link counts as what it leads to; one that leads nowhere cannot be read, and is told.
  const files = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !entry.name.endsWith(suffix))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true);
  if (files.length > 0) return files.sort();
  throw blobError("FILE_UNREADABLE", `Cannot verify ${directory}: the directory has no files`, { found: "no files" });
}

/** Which file is asked about, and the signatures of which one is to verify. */
export interface CandidateQuestion {
  readonly file: string;
  readonly candidates: readonly Bundle[];
  readonly trustedRoot: TrustedRoot;
  readonly demands: Demands;
}

/** Verify a file against the first of several bundles that proves what is demanded; the error is the first bundle's. */
export async function verifyCandidates(question: CandidateQuestion, args: Arguments, terminal: Terminal): Promise<Verified> {
  const { file, trustedRoot, demands } = question;
  let refused: SigillumError | undefined;
  for (const candidate of question.candidates) {
    try {
      const complete = await completed(demands.prepare(candidate), question, args, terminal);
      const verified = await verifyFile(
        file,
        { bundle: complete, trustedRoot, expectations: expectationsFor(complete, demands) },
        terminal,
      );
      demands.accept(verified);
      return verified;
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      refused ??= error;
    }
  }
  throw refused ?? new TypeError("at least one bundle is to be tried");
}

/** The expectations for a bundle: one from detached files, or of version 0.1, has a log's promise and no place for its proof. */
export function expectationsFor(bundle: Bundle, { expectations }: Pick<Demands, "expectations">): Expectations {
  return bundle.version === "cosign" || bundle.version === "0.1"
    ? { ...expectations, acceptPromiseWithoutProof: true }
    : expectations;
}

// A detached signature says nothing of its log entry: cosign 2 asks the log for it.
async function completed(bundle: Bundle, question: CandidateQuestion, args: Arguments, terminal: Terminal): Promise<Bundle> {
  const { expectations } = question.demands;
  const wanted = expectations.thresholds?.logEntries !== 0 && bundle.version === "cosign" && bundle.tlogEntries.length === 0;
  if (!wanted || isSet(args, "offline") || question.file === "-") return bundle;
  const artifact = digestOf(question.file) ?? { digest: await hashFile(question.file, "sha256", terminal), algorithm: "sha256" };
  const key = "publicKey" in expectations ? expectations.publicKey : undefined;
  return await withLogEntry(bundle, artifact, key, question.trustedRoot, optional(args, "rekor-url"));
}

interface Question {
  readonly bundle: Bundle;
  readonly trustedRoot: TrustedRoot;
  readonly expectations: Expectations;
}

/** Verify a file of any size against a bundle, hashing it as it is read. */
export async function verifyFile(file: string, question: Question, terminal: Terminal): Promise<Verified> {
  const given = digestOf(file);
  if (given !== undefined) return verifyBundle({ ...question, artifact: given });
  // Of a small file the bytes: to verify ECDSA over a digest alone costs more than to hash them, and streams cost more to load.
  const bytes = file === "-" ? undefined : readIfSmall(file, smallBytes);
  if (bytes !== undefined) return verifyBundle({ ...question, artifact: { bytes } });
  const algorithm = statedAlgorithm(question.bundle);
  const artifact: Artifact = { digest: await hashFile(file, algorithm, terminal), algorithm };
  try {
    return verifyBundle({ ...question, artifact });
  } catch (error) {
    // The bundle needs another algorithm, or the key signs the message itself: then the file has to be read whole.
    if (!isSigillumError(error) || !needsBytes.includes(error.code) || file === "-" || (await lengthOf(file)) > maxWholeBytes)
      throw error;
    return verifyBundle({ ...question, artifact: { bytes: readFileSync(file) } });
  }
}

const needsBytes: readonly string[] = ["ARTIFACT_DIGEST_UNAVAILABLE", "CRYPTO_DIGEST_ONLY_UNSUPPORTED"];
const hexLengths: ReadonlyMap<string, HashAlgorithm> = new Map([
  ["sha256:64", "sha256"],
  ["sha384:96", "sha384"],
  ["sha512:128", "sha512"],
]);

/** The digest that stands where a file's name may stand, "sha256:HEX"; undefined for a file's name. */
export function digestOf(file: string): Extract<Artifact, { digest: Uint8Array }> | undefined {
  const match = /^(sha(?:256|384|512)):([0-9A-Fa-f]*)$/.exec(file);
  if (match === null) return undefined;
  const [, name = "", hex = ""] = match;
  const algorithm = hexLengths.get(`${name}:${hex.length}`);
  if (algorithm === undefined) {
    throw argumentError(
      "FLAG_VALUE_INVALID",
      `Cannot run verify-blob: ${file} is no digest: ${name} has another length than ${hex.length} digits`,
      { found: `${hex.length} digits` },
    );
  }
  return { digest: parseHex(hex), algorithm };
}

// The signer's hint says which digest is worth computing; it takes no part in what is believed.
function statedAlgorithm(bundle: Bundle): HashAlgorithm {
  return "messageSignature" in bundle.content ? (bundle.content.messageSignature.messageDigest?.algorithm ?? "sha256") : "sha256";
}
