import { type Bundle, bundleMediaType, encodeBundle, signingCertificate } from "@sigillum/library/bundle";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { openPublicKey } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { optional } from "./expectations.ts";
import { writeWhole } from "./files.ts";
import { withLogEntry } from "./log-search.ts";
import { readBundles } from "./material.ts";
import { loadVerifyingTrust } from "./trust.ts";

/**
 * `sigillum bundle upgrade BUNDLE`: a bundle of version 0.1 or 0.2 as 0.3. Log entries without a proof are asked for again, as 0.3 demands
 * one. What the bundle says is not verified.
 */
export async function runBundleUpgrade(args: Arguments, terminal: Terminal): Promise<number> {
  const [path = ""] = args.positionals;
  const [given, second] = await readBundles(path);
  if (given === undefined || second !== undefined)
    throw argumentError("FLAG_VALUE_INVALID", `Cannot upgrade ${path}: it holds several bundles, not one`, {
      expected: "one bundle",
    });
  const upgraded: Bundle = { ...(await withProofs(given, args, terminal)), mediaType: bundleMediaType, version: "0.3" };
  const certificate = signingCertificate(given);
  const text = encodeBundle(certificate === undefined ? upgraded : { ...upgraded, material: { certificate } }).trimEnd();
  const out = optional(args, "out");
  if (out === undefined) terminal.out(text);
  else {
    await writeWhole(out, `${text}\n`);
    terminal.note(`Wrote bundle to file ${out}`);
  }
  return exitCodes.success;
}

async function withProofs(bundle: Bundle, args: Arguments, terminal: Terminal): Promise<Bundle> {
  const { content, tlogEntries } = bundle;
  if (tlogEntries.every(({ proof }) => proof !== undefined)) return bundle;
  const reference = optional(args, "key");
  const key = reference === undefined ? undefined : await openPublicKey(reference, terminal);
  if (key === undefined && signingCertificate(bundle) === undefined)
    throw argumentError(
      "FLAG_REQUIRED",
      "Cannot upgrade: --key is missing; the log is asked for the entry of that key's signature",
      {
        expected: "--key KEY",
      },
    );
  const message = "messageSignature" in content ? content.messageSignature.messageDigest : undefined;
  if ("messageSignature" in content && message?.algorithm !== "sha256")
    throw argumentError(
      "FLAG_VALUE_INVALID",
      "Cannot upgrade: the bundle does not say the file's SHA-256 digest; use bundle create",
      {
        found: message?.algorithm ?? "no digest",
        expected: "sha256",
      },
    );
  const artifact = { digest: message?.digest ?? new Uint8Array(), algorithm: "sha256" } as const;
  const root = await loadVerifyingTrust(args, terminal);
  return await withLogEntry({ ...bundle, tlogEntries: [] }, artifact, key, root, optional(args, "rekor-url"));
}
