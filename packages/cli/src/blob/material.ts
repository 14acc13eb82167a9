// The signature of a file, wherever it stands: a bundle of any kind, or files of its own (signing-client §1.5, §2.8).
import { readFileSync } from "node:fs";
import { type Bundle, bundleFromDetached, bundleLimits, parseBundles } from "@sigillum/library/bundle";
import { encodeUtf8, quote } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import type { Arguments } from "../arguments/index.ts";
import { blobError } from "./errors.ts";
import { optional } from "./expectations.ts";
import { readSmallFile } from "./files.ts";

const maxPartBytes = 1024 * 1024;

/** The bundles that the flags name: one of them is to verify. Undefined where no flag names any. Nothing was verified. */
export async function readMaterial(args: Arguments): Promise<readonly Bundle[] | undefined> {
  const path = optional(args, "bundle");
  if (path !== undefined) return await readBundles(path);
  const signature = optional(args, "signature");
  if (signature === undefined) return undefined;
  const part = async (flag: string): Promise<Uint8Array | undefined> => {
    const value = optional(args, flag);
    return value === undefined ? undefined : await readPart(value, flag);
  };
  const [certificate, chain, timestamp, rekorBundle] = [
    await part("certificate"),
    await part("certificate-chain"),
    await part("rfc3161-timestamp"),
    await part("rekor-response"),
  ];
  return [
    bundleFromDetached({
      signature: await readPart(signature, "signature"),
      ...(certificate === undefined ? {} : { certificate }),
      ...(chain === undefined ? {} : { chain }),
      ...(timestamp === undefined ? {} : { timestamps: [timestamp] }),
      ...(rekorBundle === undefined ? {} : { rekorBundle }),
    }),
  ];
}

/** Read the bundles of a file: one, or several as GitHub's command line and registries write them. */
export async function readBundles(path: string): Promise<readonly Bundle[]> {
  return parseBundles(await readSmallFile(path, "bundle", bundleLimits.bytes));
}

// cosign takes a path, an address, or the text itself.
async function readPart(value: string, flag: string): Promise<Uint8Array> {
  if (/^https?:\/\//.test(value)) {
    const answer = await request({ url: value, maxBytes: maxPartBytes, redirects: 3, retries: 1 });
    if (answer.status === 200) return answer.body;
    throw blobError("FILE_UNREADABLE", `Cannot read --${flag} from ${quote(value)}: HTTP ${answer.status}`, {
      found: `HTTP ${answer.status}`,
    });
  }
  try {
    const bytes = readFileSync(value);
    if (bytes.length <= maxPartBytes) return bytes;
  } catch (cause) {
    const code = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    if (code !== "ENOENT" && code !== "ENAMETOOLONG") throw cause;
    if (/^[A-Za-z0-9+/=_\s-]{40,}$/.test(value) || value.includes("-----BEGIN ")) return encodeUtf8(value);
  }
  throw blobError("FILE_UNREADABLE", `Cannot read --${flag}: ${quote(value)} is neither a file nor base64`, { found: value });
}
