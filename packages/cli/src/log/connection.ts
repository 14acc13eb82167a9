// Which log a command asks, and by which keys it believes what comes back.
import { type PublicKey, parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { encodeHex, equalBytes, isSigillumError, parseUtf8 } from "@sigillum/library/encoding";
import { fetchLogKeyV1 } from "@sigillum/library/services";
import { loadRoot, trustStoreDirectory } from "@sigillum/library/trust-store";
import { parseTrustedRoot, type TrustedRoot, trustedRootLimits } from "@sigillum/library/trusted-root";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { readSmallFile } from "../blob/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { logCommandError } from "./errors.ts";

/** Which API of a log a command speaks. */
export type LogApi = "v1" | "v2";

/** A log that a command speaks to. */
export interface OpenLog {
  readonly url: string;
  readonly api: LogApi;
  /** What vouches for the log's keys, in words. */
  readonly vouchedBy: string;
  /** The key of a shard, by its log id or the beginning of it; throws LOG_KEY_UNKNOWN when nothing vouches for one. */
  keyOf(shard: { readonly logId: Uint8Array; readonly treeId: string }): Promise<PublicKey>;
}

const maxKeyBytes = 64 * 1024;

/** The API that --log names, of a command that has the flag. */
export function apiOf(args: Arguments): LogApi {
  return args.string("log") === "v2" ? "v2" : "v1";
}

/** Open the log that --rekor-url names, or that of the trust root. The log itself was not asked yet. */
export async function openLog(args: Arguments, terminal: Terminal, api: LogApi = "v1"): Promise<OpenLog> {
  const given = args.string("rekor-url");
  if (given !== undefined && (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)))
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --rekor-url ${JSON.stringify(given)} is no URL`, {
      found: given,
      expected: "http://… or https://…",
    });
  const keyFile = args.string("rekor-public-key");
  if (keyFile !== undefined && given !== undefined) {
    const key = parsePublicKeyPem(parseUtf8(await readSmallFile(keyFile, "public key", maxKeyBytes)));
    return { url: trimmed(given), api, vouchedBy: `the key in ${keyFile}`, keyOf: async () => key };
  }
  const trust = await trustOf(args, given, api);
  if (trust === undefined && api === "v2")
    throw logCommandError(
      "LOG_KEY_UNKNOWN",
      `Cannot believe ${given ?? ""}: no trust root is here to vouch for its key, which log v2 does not tell`,
      {
        expected: "--rekor-public-key, --trusted-root, or sigillum trust add",
      },
    );
  if (trust === undefined) {
    terminal.note(
      "The log's key comes from the log itself, for no trust root is here to vouch for it: sigillum trust add, or --rekor-public-key",
    );
    const url = trimmed(given ?? "");
    return { url, api, vouchedBy: "nobody but the log itself", keyOf: ({ treeId }) => fetchLogKeyV1(url, treeId) };
  }
  const url = trimmed(given ?? logOf(trust, api));
  return { url, api, vouchedBy: trust.name, keyOf: async ({ logId }) => keyFrom(trust, url, logId) };
}

/**
 * Every shard of log v2, oldest first: each is a log of its own, and the trust root alone knows them all. With --rekor-url that one. Called
 * again it knows shards that were published since.
 */
export async function openShardsV2(args: Arguments, terminal: Terminal): Promise<{ name: string; shards: OpenLog[] }> {
  if (args.string("rekor-url") !== undefined) {
    const log = await openLog(args, terminal, "v2");
    return { name: log.url, shards: [log] };
  }
  const trust = await trustOf(args, undefined, "v2");
  if (trust === undefined) throw new TypeError("a trust root was asked for and none was given");
  const logs = trust.root.tlogs.filter(({ publicKey }) => !publicKey.type.startsWith("ecdsa"));
  logs.sort((one, other) => one.validFor.startMs - other.validFor.startMs);
  const shards = logs.map(({ baseUrl, publicKey, logId }): OpenLog => {
    const url = trimmed(baseUrl);
    // A shard signs with its own key, and with no other of the root.
    const own = { ...trust, root: { ...trust.root, tlogs: [{ logId, publicKey }] } };
    return { url, api: "v2", vouchedBy: trust.name, keyOf: async (shard) => keyFrom(own, url, shard.logId) };
  });
  if (shards.length > 0) return { name: `log v2 of ${trust.name}`, shards };
  throw logCommandError("LOG_NOT_NAMED", `Cannot choose a log: ${trust.name} names none with the API of Rekor v2`, {
    expected: "--rekor-url URL",
  });
}

interface Trust {
  readonly name: string;
  readonly root: TrustedRoot;
  /** The log that signers are told to use. */
  readonly preferred: string | undefined;
}

// Without any root a log that was named by its address can still be asked; a root that is there and unusable is an error.
async function trustOf(args: Arguments, url: string | undefined, api: LogApi): Promise<Trust | undefined> {
  const file = args.string("trusted-root");
  if (file !== undefined) {
    const root = parseTrustedRoot(await readSmallFile(file, "trusted root", trustedRootLimits.bytes));
    return { name: file, root, preferred: undefined };
  }
  const name = args.string("trust");
  try {
    const loaded = await loadRoot({
      store: trustStoreDirectory(),
      nowMs: Date.now(),
      offline: args.boolean("offline"),
      ...(name === undefined ? {} : { name }),
    });
    const preferred = loaded.signingConfig?.rekorTlogUrls.find(
      ({ majorApiVersion }) => majorApiVersion === (api === "v1" ? 1 : 2),
    )?.url;
    const trust = { name: `the trust root ${loaded.record.name}`, root: loaded.trustedRoot, preferred };
    // Somebody else's log, and nobody asked for this root: it cannot vouch.
    return url !== undefined && name === undefined && !namesLog(trust.root, url) ? undefined : trust;
  } catch (error) {
    const none = isSigillumError(error) && error.code === "TRUST_NOT_FOUND" && name === undefined;
    if (none && url !== undefined) return undefined;
    throw error;
  }
}

function namesLog({ tlogs }: TrustedRoot, url: string): boolean {
  return tlogs.some(({ baseUrl }) => trimmed(baseUrl) === trimmed(url));
}

function logOf({ root, preferred, name }: Trust, api: LogApi): string {
  const isOfApi = (type: string): boolean => type.startsWith("ecdsa") === (api === "v1");
  const found = preferred ?? root.tlogs.findLast(({ publicKey }) => isOfApi(publicKey.type))?.baseUrl;
  if (found !== undefined) return found;
  throw logCommandError("LOG_NOT_NAMED", `Cannot choose a log: ${name} names none with the API of Rekor ${api}`, {
    expected: "--rekor-url URL",
  });
}

interface KnownKeys {
  readonly name: string;
  readonly root: { readonly tlogs: readonly Pick<TrustedRoot["tlogs"][number], "logId" | "publicKey">[] };
}

function keyFrom({ root, name }: KnownKeys, url: string, logId: Uint8Array): PublicKey {
  const found = root.tlogs.find((log) => equalBytes(log.logId.subarray(0, logId.length), logId));
  if (found !== undefined) return found.publicKey;
  throw logCommandError("LOG_KEY_UNKNOWN", `Cannot believe ${url}: ${name} has no log with its key`, {
    found: encodeHex(logId),
    expected: root.tlogs.map((log) => encodeHex(log.logId)).join(", "),
  });
}

/** The log id that belongs to a key in Rekor v1. */
export function logIdOf(key: PublicKey): Uint8Array {
  return sha256(key.spki);
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
