import { type VerifiedImage, verifyImage } from "@sigillum/library/image";
import { encodeReference, parseReference } from "@sigillum/library/oci";
import type { Arguments } from "../arguments/index.ts";
import { expectationsOf, loadVerifyingTrust, verifiedJson, verifiedLines } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { registryClient } from "./sign.ts";

/** `sigillum verify IMAGE…`: every image must have a signature that proves what is asked. */
export async function runVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const references = args.positionals.map(parseReference);
  const expectations = await expectationsOf(args);
  const client = registryClient(args, terminal);
  const trustedRoot = await loadVerifyingTrust(args);
  const results: Record<string, unknown>[] = [];
  for (const reference of references) {
    const found = await verifyImage({ client, reference, trustedRoot, expectations });
    results.push({ image: encodeReference(reference), ...imageJson(found) });
    if (terminal.format === "text") for (const line of imageLines(encodeReference(reference), found)) terminal.out(line);
  }
  if (terminal.format === "json") terminal.json({ verified: true, images: results });
  return exitCodes.success;
}

/** What was proved of an image, as lines. */
export function imageLines(name: string, found: VerifiedImage): string[] {
  const lines = [`Verified ${name}`, `  digest  ${found.image.digest}`];
  for (const [index, { verified }] of found.signatures.entries()) {
    if (found.signatures.length > 1) lines.push(`  signature ${index + 1} of ${found.signatures.length}`);
    lines.push(...verifiedLines(verified));
  }
  if (found.rejected.length > 0)
    lines.push(
      `  ${found.rejected.length} other ${found.rejected.length === 1 ? "bundle does" : "bundles do"} not prove it: ${found.rejected[0]?.error.message}`,
    );
  return lines;
}

function imageJson(found: VerifiedImage): Record<string, unknown> {
  return {
    digest: found.image.digest,
    signatures: found.signatures.map(({ manifest, verified }) => ({ manifest, ...verifiedJson(verified) })),
    rejected: found.rejected.map(({ manifest, error }) => ({ manifest, code: error.code, message: error.message })),
  };
}
