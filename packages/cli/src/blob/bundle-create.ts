import { type Bundle, bundleMediaType, encodeBundle, signingCertificate } from "@sigillum/library/bundle";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64 } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { keyReference, openPublicKey } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { isSet, optional } from "./expectations.ts";
import { hashFile, writeWhole } from "./files.ts";
import { withLogEntry } from "./log-search.ts";
import { readMaterial } from "./material.ts";
import { emptyRoot, loadVerifyingTrust } from "./trust.ts";

/** `sigillum bundle create`: a bundle 0.3 from what older versions kept in several files. What goes in is not verified. */
export async function runBundleCreate(args: Arguments, terminal: Terminal): Promise<number> {
  const [given] = (await readMaterial(args)) ?? [];
  if (given === undefined) {
    throw argumentError("FLAG_REQUIRED", "Cannot run bundle create: --bundle (of cosign 1 or 2), or --signature, is missing", {
      expected: "--bundle or --signature",
    });
  }
  const artifact = args.required("artifact", "it is the file that was signed");
  const digest = await hashFile(artifact, "sha256", terminal);
  const reference = keyReference(args);
  const key = reference === undefined ? undefined : await openPublicKey(reference, terminal);
  const ignoresLog = isSet(args, "ignore-tlog");
  const root = ignoresLog ? emptyRoot : await loadVerifyingTrust(args, terminal);
  const logged = ignoresLog
    ? { ...given, tlogEntries: [] }
    : await withLogEntry(withoutPromiseOnly(given), { digest, algorithm: "sha256" }, key, root, optional(args, "rekor-url"));
  const certificate = signingCertificate(logged);
  const { content } = logged;
  const bundle: Bundle = {
    ...logged,
    mediaType: bundleMediaType,
    version: "0.3",
    material:
      certificate !== undefined
        ? { certificate }
        : key === undefined
          ? logged.material
          : { publicKeyHint: encodeBase64(sha256(key.spki)) },
    content:
      "messageSignature" in content
        ? { messageSignature: { ...content.messageSignature, messageDigest: { algorithm: "sha256", digest } } }
        : content,
  };
  const text = encodeBundle(bundle).trimEnd();
  const out = optional(args, "out");
  if (out === undefined) terminal.out(text);
  else {
    await writeWhole(out, `${text}\n`);
    terminal.note(`Wrote bundle to file ${out}`);
  }
  return exitCodes.success;
}

// Version 0.3 demands a proof, which older files lack: the log is asked for the entry again.
function withoutPromiseOnly(bundle: Bundle): Bundle {
  return bundle.tlogEntries.every(({ proof }) => proof !== undefined) ? bundle : { ...bundle, tlogEntries: [] };
}
