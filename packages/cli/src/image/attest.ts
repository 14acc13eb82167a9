import { encodeEnvelope, maxStatementBytes } from "@sigillum/library/attestation";
import { encodeBundle } from "@sigillum/library/bundle";
import { encodeReference, encodeRepository, resolveReference } from "@sigillum/library/oci";
import type { Arguments } from "../arguments/index.ts";
import {
  describeSignature,
  isSet,
  openSession,
  optional,
  predicateTypeOf,
  readInput,
  signatureLines,
  statementOf,
  writeWhole,
} from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { attachmentPlace, byDigest, referencesOf, registryClient, warnOfTag } from "./client.ts";
import { layoutsOf, type Push, pushReferrerBundle, pushTagBundle } from "./layouts.ts";

const maxPredicateBytes = 64 * 1024 * 1024;

/** `sigillum attest IMAGE… --predicate P --type T`: say something about images, signed, and push it beside each. */
export async function runAttest(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("predicate", "statement");
  const references = await referencesOf(args.positionals, terminal);
  const layouts = layoutsOf(args);
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  const type = optional(args, "type") ?? "custom";
  predicateTypeOf(type); // before anyone is asked to log in
  const [path, whole] = [optional(args, "predicate"), optional(args, "statement")];
  const file = path ?? whole ?? args.required("predicate", "it is the file that says what is attested");
  terminal.note(`Using payload from: ${file}`);
  const content = await readInput(file, "predicate", path === undefined ? maxStatementBytes : maxPredicateBytes, terminal);
  const images = await Promise.all(
    references.map(async (reference) => ({ reference, image: await resolveReference(client, reference) })),
  );
  for (const { reference, image } of images) warnOfTag(reference, image.digest, terminal);
  const session = await openSession(args, terminal);
  const { signStatement } = await import("@sigillum/library/signing");
  const attested: Record<string, unknown>[] = [];
  for (const { reference, image } of images) {
    const [algorithm = "sha256", hex = ""] = image.digest.split(":");
    const name = encodeRepository(reference);
    const statement =
      path === undefined
        ? content
        : statementOf({ type, predicate: content, name, digest: { algorithm, hex }, nowMs: Date.now() });
    const bundle = await signStatement({ ...session, statement, nowMs: Date.now() });
    const description = describeSignature(bundle, session.trust.trustedRoot);
    const push: Push = { client, reference, image, place, trustedRoot: session.trust.trustedRoot };
    const lines = [`Attested ${byDigest(reference, image.digest)}`, ...signatureLines(description)];
    const upload = !isSet(args, "no-upload");
    if (upload && layouts.bundle) lines.push(`  pushed  ${(await pushReferrerBundle(push, bundle)).where}`);
    if (upload && layouts.tag) {
      await pushTagBundle(push, bundle, {
        replace: isSet(args, "replace"),
        recordTime: isSet(args, "record-creation-timestamp"),
      });
      lines.push(`  pushed  ${encodeRepository(place.repository ?? reference)}`);
    }
    attested.push({ image: encodeReference(reference), digest: image.digest, ...description });
    if (terminal.format === "text") for (const line of lines) terminal.note(line);
    const out = optional(args, "bundle");
    if (out !== undefined) {
      await writeWhole(out, `${encodeBundle(bundle).trimEnd()}\n`);
      terminal.note(`Wrote bundle to file ${out}`);
    }
    if (!upload && terminal.format === "text" && "dsseEnvelope" in bundle.content)
      terminal.out(encodeEnvelope(bundle.content.dsseEnvelope));
  }
  if (terminal.format === "json") terminal.json({ attested });
  return exitCodes.success;
}
