import { readFile } from "node:fs/promises";
import { formatRfc3339 } from "@sigillum/library/encoding";
import {
  addRoot,
  knownRoots,
  type LoadedRoot,
  listRoots,
  type RootRecord,
  trustStoreDirectory,
} from "@sigillum/library/trust-store";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, formatTime, type Terminal } from "../terminal/index.ts";

/** `sigillum trust add URL`: fetch a TUF root, pin it, and read what it vouches for. */
export async function runTrustAdd(args: Arguments, terminal: Terminal): Promise<number> {
  const [given = ""] = args.positionals;
  const known = knownRoots.find((one) => one.name === given);
  const url = known?.url ?? given;
  const rootSha256 = checksum(args) ?? known?.rootSha256;
  const name = args.string("name") ?? known?.name;
  const root = await rootFile(args);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run trust add: ${JSON.stringify(url)} is no URL`, {
      found: url,
      expected: `http://…, https://…, or ${knownRoots.map((one) => one.name).join(", ")}`,
    });
  }
  const added = await addRoot({
    url,
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    ...(rootSha256 === undefined ? {} : { rootSha256 }),
    ...(name === undefined ? {} : { name }),
    ...(known === undefined ? {} : { rootVersion: known.rootVersion }),
    ...(root === undefined ? {} : { root }),
  });
  if (terminal.format === "json")
    terminal.json({ added: recordJson(added.record), rootVersion: added.rootVersion, services: services(added) });
  else for (const line of addedLines(added, rootSha256 !== undefined || root !== undefined)) terminal.out(line);
  return exitCodes.success;
}

/** --root-sha256, checked for its form. */
export function checksum(args: Arguments): string | undefined {
  const rootSha256 = args.string("root-sha256");
  if (rootSha256 === undefined || /^[0-9a-fA-F]{64}$/.test(rootSha256)) return rootSha256;
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --root-sha256 is not 64 hexadecimal digits`, {
    found: rootSha256,
    expected: "64 hexadecimal digits",
  });
}

/** --root: the first root, where it came another way. */
async function rootFile(args: Arguments): Promise<Uint8Array | undefined> {
  const path = args.string("root");
  if (path === undefined) return undefined;
  return readFile(path).catch((cause: unknown) => {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run trust add: --root ${JSON.stringify(path)} cannot be read`, {
      cause,
      found: path,
      expected: "a root.json",
    });
  });
}

/** `sigillum trust list`: the roots that were added. */
export async function runTrustList(_: Arguments, terminal: Terminal): Promise<number> {
  const records = await listRoots(trustStoreDirectory());
  if (terminal.format === "json") {
    terminal.json({ roots: records.map(recordJson) });
    return exitCodes.success;
  }
  if (records.length === 0) terminal.note('No trust root yet: "sigillum trust add URL" adds one');
  const width = Math.max(0, ...records.map((record) => record.name.length));
  for (const record of records)
    terminal.out(
      `${record.name.padEnd(width)}  ${record.url}  verified ${formatTime(record.refreshedMs)}  root ${record.rootSha256.slice(0, 16)}…`,
    );
  return exitCodes.success;
}

function addedLines(root: LoadedRoot, pinned: boolean): string[] {
  const { record } = root;
  return [
    `Trusting ${record.url} as "${record.name}"`,
    `  root    version ${root.rootVersion}, first root SHA-256 ${record.rootSha256}`,
    ...(pinned ? [] : ["          believed on first use; --root-sha256 would have checked it"]),
    ...Object.entries(services(root)).flatMap(([kind, urls]) =>
      urls.length === 0 ? [] : [`  ${kind.padEnd(6)}  ${urls.join(", ")}`],
    ),
  ];
}

function services({ trustedRoot, signingConfig }: LoadedRoot): Record<string, string[]> {
  return {
    log: trustedRoot.tlogs.map(({ baseUrl }) => baseUrl),
    ca: trustedRoot.certificateAuthorities.map(({ uri }) => uri),
    tsa: trustedRoot.timestampAuthorities.map(({ uri }) => uri),
    login: (signingConfig?.oidcUrls ?? []).map(({ url }) => url),
  };
}

function recordJson(record: RootRecord): Record<string, unknown> {
  return {
    name: record.name,
    url: record.url,
    rootSha256: record.rootSha256,
    added: formatRfc3339(record.addedMs),
    refreshed: formatRfc3339(record.refreshedMs),
  };
}
