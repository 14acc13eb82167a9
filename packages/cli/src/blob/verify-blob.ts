import { readFile } from "node:fs/promises";
import { type Bundle, bundleLimits, parseBundle } from "@sigillum/library/bundle";
import type { HashAlgorithm } from "@sigillum/library/crypto";
import { isSigillumError, parseHex } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "@sigillum/library/verification";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { verifiedJson, verifiedLines } from "./describe.ts";
import { expectationsOf } from "./expectations.ts";
import { hashFile, lengthOf, readSmallFile } from "./files.ts";
import { loadVerifyingTrust } from "./trust.ts";

const maxWholeBytes = 1024 ** 3;

/** `sigillum verify-blob FILE --bundle B …`: FILE may be "-" for stdin, or a digest such as sha256:HEX. */
export async function runVerifyBlob(args: Arguments, terminal: Terminal): Promise<number> {
  const [file = ""] = args.positionals;
  const path = args.required("bundle", "it is the file that sign-blob wrote");
  const expectations = await expectationsOf(args);
  const bundle = parseBundle(await readSmallFile(path, "bundle", bundleLimits.bytes));
  const trustedRoot = await loadVerifyingTrust(args);
  const verified = await verifyFile(file, { bundle, trustedRoot, expectations }, terminal);
  if (terminal.format === "json") {
    terminal.json({ verified: true, file, ...verifiedJson(verified) });
    return exitCodes.success;
  }
  for (const line of [`Verified ${file}`, ...verifiedLines(verified)]) terminal.out(line);
  terminal.note("Verified OK"); // what scripts that call cosign look for
  return exitCodes.success;
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
  const algorithm = statedAlgorithm(question.bundle);
  const artifact: Artifact = { digest: await hashFile(file, algorithm, terminal), algorithm };
  try {
    return verifyBundle({ ...question, artifact });
  } catch (error) {
    // The bundle needs another algorithm, or the key signs the message itself: then the file has to be read whole.
    if (!isSigillumError(error) || !needsBytes.includes(error.code) || file === "-" || (await lengthOf(file)) > maxWholeBytes)
      throw error;
    return verifyBundle({ ...question, artifact: { bytes: await readFile(file) } });
  }
}

const needsBytes: readonly string[] = ["ARTIFACT_DIGEST_UNAVAILABLE", "CRYPTO_DIGEST_ONLY_UNSUPPORTED"];
const hexLengths: ReadonlyMap<string, HashAlgorithm> = new Map([
  ["sha256:64", "sha256"],
  ["sha384:96", "sha384"],
  ["sha512:128", "sha512"],
]);

function digestOf(file: string): Artifact | undefined {
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
