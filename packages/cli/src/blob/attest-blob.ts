import { basename } from "node:path";
import { encodeEnvelope, maxStatementBytes } from "@sigillum/library/attestation";
import { encodeBundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import { encodeBase64, encodeHex, encodePem } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { encodeCosignBundle } from "./cosign-bundle.ts";
import { describeSignature, signatureLines } from "./describe.ts";
import { isSet, optional } from "./expectations.ts";
import { hashFile, readInput, writeWhole } from "./files.ts";
import { maxPredicateBytes, statementOf } from "./predicate.ts";
import { openSession } from "./signer.ts";
import { writeTimestamp } from "./timestamp-file.ts";
import { digestOf } from "./verify-blob.ts";

/** `sigillum attest-blob [FILE] --predicate P --type T`: say something about a file, signed. */
export async function runAttestBlob(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("predicate", "statement");
  const [file] = args.positionals;
  const statement = await readStatement(args, file, terminal);
  const session = await openSession(args, terminal);
  const { signStatement } = await import("@sigillum/library/signing");
  const bundle = await signStatement({ ...session, statement, nowMs: Date.now() });
  const description = describeSignature(bundle, session.trust.trustedRoot);
  for (const line of [`Attested ${file ?? "the given digest"}`, ...signatureLines(description)])
    if (terminal.format === "text") terminal.note(line);
  const envelope = "dsseEnvelope" in bundle.content ? encodeEnvelope(bundle.content.dsseEnvelope) : "";
  const certificate = signingCertificate(bundle);
  const outputs: readonly (readonly [string, string | undefined])[] = [
    ["bundle", isSet(args, "new-bundle-format", true) ? encodeBundle(bundle).trimEnd() : encodeCosignBundle(bundle)],
    ["output-attestation", envelope],
    ["output-signature", encodeBase64(signatureBytes(bundle))],
    ["output-certificate", certificate === undefined ? undefined : encodePem("CERTIFICATE", certificate.der)],
  ];
  for (const [flag, text] of outputs) {
    const path = optional(args, flag);
    if (path === undefined || text === undefined) continue;
    await writeWhole(path, `${text.trimEnd()}\n`);
    terminal.note(`Wrote ${flag.replace("output-", "")} to file ${path}`);
  }
  await writeTimestamp(args, bundle, terminal);
  if (terminal.format === "json") terminal.json({ attested: { file, bundle: optional(args, "bundle"), ...description } });
  else if (optional(args, "bundle") === undefined && optional(args, "output-attestation") === undefined) terminal.out(envelope);
  return exitCodes.success;
}

async function readStatement(args: Arguments, file: string | undefined, terminal: Terminal): Promise<Uint8Array> {
  const whole = optional(args, "statement");
  if (whole !== undefined) return await readInput(whole, "statement", maxStatementBytes, terminal);
  const path = args.required("predicate", "it is the file that says what is attested");
  terminal.note(`Using predicate from: ${path}`);
  const predicate = await readInput(path, "predicate", maxPredicateBytes, terminal);
  const hash = optional(args, "hash");
  if ((file === undefined) === (hash === undefined)) {
    throw argumentError("FLAG_REQUIRED", "Cannot run attest-blob: it takes a FILE, or --hash HEX in its place", {
      expected: "FILE or --hash",
    });
  }
  return statementOf({
    type: optional(args, "type") ?? "custom",
    predicate,
    name: file === undefined || digestOf(file) !== undefined ? "" : basename(file),
    digest: await digestFor(file, hash, terminal),
    nowMs: Date.now(),
  });
}

async function digestFor(
  file: string | undefined,
  hash: string | undefined,
  terminal: Terminal,
): Promise<{ algorithm: string; hex: string }> {
  const given = digestOf(hash === undefined ? (file ?? "") : `sha256:${hash.replace(/^sha256:/, "")}`);
  if (given !== undefined) return { algorithm: given.algorithm, hex: encodeHex(given.digest) };
  return { algorithm: "sha256", hex: encodeHex(await hashFile(file ?? "-", "sha256", terminal)) };
}
