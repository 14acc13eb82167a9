import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { quote } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { addRoot, trustStoreDirectory } from "@sigillum/library/trust-store";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { setupError } from "./errors.ts";

const maxRootBytes = 1024 * 1024;

/** `sigillum initialize --mirror URL --root FILE|URL`: pin a root of trust as cosign's users do. Silent where all is well. */
export async function runInitialize(args: Arguments, terminal: Terminal): Promise<number> {
  const url = args.string("mirror") ?? process.env["TUF_MIRROR"];
  if (url === undefined || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw argumentError(
      "FLAG_REQUIRED",
      "Cannot run initialize: --mirror is missing; it is the address of the TUF repository to trust",
      {
        found: url ?? "nothing",
        expected: "--mirror http://… or https://…",
      },
    );
  }
  const checksum = args.string("root-checksum")?.toLowerCase();
  const rootSha256 = await pinnedDigest(args.string("root") ?? process.env["TUF_ROOT_JSON"], checksum);
  const name = args.string("name");
  const { record, rootVersion } = await addRoot({
    url,
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    ...(rootSha256 === undefined ? {} : { rootSha256 }),
    ...(name === undefined ? {} : { name }),
  });
  if (terminal.format === "json")
    terminal.json({ name: record.name, url: record.url, rootSha256: record.rootSha256, rootVersion });
  else if (rootSha256 === undefined)
    terminal.note(
      `Trusting ${record.url} as "${record.name}" on first use, root SHA-256 ${record.rootSha256}; --root or --root-checksum would have checked it`,
    );
  return exitCodes.success;
}

// The SHA-256 that the repository's first root must have: that of --root, or --root-checksum itself.
async function pinnedDigest(root: string | undefined, checksum: string | undefined): Promise<string | undefined> {
  const [, algorithm = "sha256", hex = ""] = /^(?:(sha256|sha512):)?([0-9a-f]+)$/.exec(checksum ?? "") ?? [];
  if (checksum !== undefined && hex.length !== (algorithm === "sha512" ? 128 : 64)) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run initialize: --root-checksum is ${quote(checksum)}`, {
      found: checksum,
      expected: "64 hexadecimal digits, sha256: and 64, or sha512: and 128",
    });
  }
  if (root === undefined) {
    if (algorithm === "sha512")
      throw argumentError("FLAG_REQUIRED", "Cannot run initialize: a sha512 checksum needs --root beside it", {
        expected: "--root",
      });
    return checksum === undefined ? undefined : hex;
  }
  const bytes = await readRoot(root);
  const found = createHash(algorithm).update(bytes).digest("hex");
  if (checksum !== undefined && found !== hex) {
    throw setupError(
      "ROOT_CHECKSUM_MISMATCH",
      `Cannot trust ${quote(root)}: its ${algorithm} is ${found}, --root-checksum demands ${hex}`,
      {
        found,
        expected: hex,
      },
    );
  }
  return createHash("sha256").update(bytes).digest("hex");
}

async function readRoot(root: string): Promise<Uint8Array> {
  if (root.startsWith("{")) return new TextEncoder().encode(root);
  if (/^https?:\/\//.test(root)) {
    const answer = await request({ url: root, maxBytes: maxRootBytes, redirects: 3, retries: 1 });
    if (answer.status === 200) return answer.body;
    throw argumentError("FLAG_VALUE_INVALID", `Cannot read --root ${quote(root)}: HTTP ${answer.status}`, {
      found: `HTTP ${answer.status}`,
    });
  }
  return await readFile(root).catch((cause: unknown) => {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot read --root ${quote(root)}`, { cause, found: root });
  });
}
