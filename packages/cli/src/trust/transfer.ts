// trust show, update, export, import, remove: what a root rests on, and its way to machines without a network.
import { readFile } from "node:fs/promises";
import { formatRfc3339 } from "@sigillum/library/encoding";
import {
  describeRoot,
  exportRoot,
  importRoot,
  loadRoot,
  maxArchiveBytes,
  type RootDescription,
  type RootStep,
  removeRoot,
  trustStoreDirectory,
} from "@sigillum/library/trust-store";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, formatTime, type Terminal } from "../terminal/index.ts";
import { checksum } from "./trust.ts";

const dayMs = 86_400_000;

/** `sigillum trust show`: the chain of roots, who signed each, what expires when; all of it verified, nothing fetched. */
export async function runTrustShow(args: Arguments, terminal: Terminal): Promise<number> {
  const [name] = args.positionals;
  const described = await describeRoot({ store: trustStoreDirectory(), ...(name === undefined ? {} : { name }) });
  if (terminal.format === "json") terminal.json(descriptionJson(described));
  else for (const line of descriptionLines(described, Date.now())) terminal.out(line);
  return exitCodes.success;
}

function descriptionLines({ record, verifiedMs, chain, roles, targets }: RootDescription, nowMs: number): string[] {
  return [
    `Root "${record.name}" of ${record.url}`,
    `  pinned    first root SHA-256 ${record.rootSha256}`,
    `  verified  ${formatTime(verifiedMs)}`,
    ...chain.map(
      (step, index) => `  root ${String(step.version).padEnd(3)}  ${stepWords(step, index === chain.length - 1, nowMs)}`,
    ),
    ...roles.map(({ role, version, expiresMs }) => `  ${role.padEnd(9)} version ${version}, ${expiryWords(expiresMs, nowMs)}`),
    ...targets.map(({ path, length, fetched }) => `  target    ${path}, ${length} bytes${fetched ? "" : ", not fetched"}`),
  ];
}

function stepWords(step: RootStep, isNewest: boolean, nowMs: number): string {
  const short = (keyids: readonly string[]): string => keyids.map((keyid) => keyid.slice(0, 8)).join(" ");
  const removed = step.removed.length === 0 ? "" : `; without ${short(step.removed)}`;
  // Of an older root the expiry means nothing: its successor was signed by it.
  const expiry = isNewest ? `, ${expiryWords(step.expiresMs, nowMs)}` : "";
  return `signed by ${step.signedBy.length} of ${step.keyids.length} (${step.threshold} needed): ${short(step.signedBy)}${removed}${expiry}`;
}

function expiryWords(expiresMs: number, nowMs: number): string {
  const days = Math.floor((expiresMs - nowMs) / dayMs);
  return expiresMs > nowMs ? `expires in ${days} days` : `EXPIRED ${formatTime(expiresMs)}`;
}

function descriptionJson({ record, verifiedMs, chain, roles, targets }: RootDescription): Record<string, unknown> {
  return {
    name: record.name,
    url: record.url,
    rootSha256: record.rootSha256,
    verified: formatRfc3339(verifiedMs),
    chain: chain.map(({ expiresMs, ...step }) => ({ ...step, expires: formatRfc3339(expiresMs) })),
    roles: roles.map(({ role, version, expiresMs }) => ({ role, version, expires: formatRfc3339(expiresMs) })),
    targets,
  };
}

/** `sigillum trust update`: refresh a root from its repository now. */
export async function runTrustUpdate(args: Arguments, terminal: Terminal): Promise<number> {
  const [name] = args.positionals;
  const root = await loadRoot({ store: trustStoreDirectory(), nowMs: Date.now(), ...(name === undefined ? {} : { name }) });
  if (root.stored === false) terminal.note("WARNING: the store cannot be written to; what was learnt is not kept");
  if (terminal.format === "json") terminal.json({ name: root.record.name, rootVersion: root.rootVersion });
  else terminal.out(`Verified "${root.record.name}" with ${root.record.url}: root version ${root.rootVersion}`);
  return exitCodes.success;
}

/** `sigillum trust export`: the root as it was last verified, as one archive on stdout or in --output-file. */
export async function runTrustExport(args: Arguments, terminal: Terminal): Promise<number> {
  const [name] = args.positionals;
  terminal.write(await exportRoot({ store: trustStoreDirectory(), ...(name === undefined ? {} : { name }) }));
  return exitCodes.success;
}

/** `sigillum trust import FILE`: verify an archive by the whole TUF workflow and keep it for use offline. */
export async function runTrustImport(args: Arguments, terminal: Terminal): Promise<number> {
  const [path = ""] = args.positionals;
  const rootSha256 = checksum(args);
  const name = args.string("name");
  const days = args.string("max-age-days");
  if (days !== undefined && !/^[1-9][0-9]{0,3}$/u.test(days)) {
    throw argumentError("FLAG_VALUE_INVALID", "Cannot run trust import: --max-age-days is no whole number from 1", {
      found: days,
      expected: "a whole number of days",
    });
  }
  const root = await importRoot({
    archive: await readArchive(path),
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    ...(rootSha256 === undefined ? {} : { rootSha256 }),
    ...(name === undefined ? {} : { name }),
    ...(days === undefined ? {} : { maxAgeMs: Number(days) * dayMs }),
  });
  const { record, rootVersion } = root;
  if (terminal.format === "json") {
    terminal.json({
      imported: record.name,
      rootVersion,
      rootSha256: record.rootSha256,
      verified: formatRfc3339(record.refreshedMs),
    });
    return exitCodes.success;
  }
  terminal.out(`Imported "${record.name}" of ${record.url}, verified ${formatTime(record.refreshedMs)}`);
  terminal.out(`  root    version ${rootVersion}, first root SHA-256 ${record.rootSha256}`);
  if (rootSha256 === undefined) terminal.out("          believed on first use; --root-sha256 would have checked it");
  return exitCodes.success;
}

async function readArchive(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= maxArchiveBytes) return bytes;
  } catch (cause) {
    throw argumentError(
      "FLAG_VALUE_INVALID",
      `Cannot read ${JSON.stringify(path)}: there is no such file, or it may not be read`,
      {
        cause,
        found: path,
        expected: "an archive of trust export",
      },
    );
  }
  throw argumentError("FLAG_VALUE_INVALID", `Cannot read ${JSON.stringify(path)}: it is longer than any archive`, {
    found: path,
    expected: `<= ${maxArchiveBytes} bytes`,
  });
}

/** `sigillum trust remove NAME`: forget a root and everything that was stored of it. */
export async function runTrustRemove(args: Arguments, terminal: Terminal): Promise<number> {
  const [name = ""] = args.positionals;
  const record = await removeRoot({ name, store: trustStoreDirectory() });
  if (terminal.format === "json") terminal.json({ removed: record.name });
  else terminal.out(`Removed "${record.name}": ${record.url} is trusted no more`);
  return exitCodes.success;
}
