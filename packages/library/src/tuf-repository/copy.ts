// A repository copied to another place, a bucket or a mirror: everything that a client can come by, the timestamp last.
import { encodeHex, equalBytes } from "../encoding/index.ts";
import { encodePathSegment, parseTimestamp, roleFileName } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import type { PublishedFile } from "./publication.ts";
import type { PublishedState } from "./published-state.ts";
import { type RepositoryPlace, readPublished, whilePublishing, writePublication } from "./repository-place.ts";

/**
 * Bring a copy up to date and return whether anything was written; an unchanged one costs one read. Every file is there before what names
 * it. Throws TUF_REPOSITORY_ROLLBACK where the copy is newer than its source, TUF_PUBLISHED_CORRUPT where the source lacks a file.
 */
export async function copyRepository(from: Pick<RepositoryPlace, "name" | "read">, to: RepositoryPlace): Promise<boolean> {
  const state = await readPublished(from);
  if (state === undefined) return false;
  if (isSame(await to.read("timestamp.json"), state)) return false;
  return whilePublishing(to, () => copyState(from, to, state));
}

function isSame(there: Uint8Array | undefined, { timestamp }: PublishedState): boolean {
  return there !== undefined && equalBytes(there, timestamp.bytes);
}

async function copyState(
  from: Pick<RepositoryPlace, "name" | "read">,
  to: RepositoryPlace,
  state: PublishedState,
): Promise<boolean> {
  const there = await to.read("timestamp.json");
  // Somebody else may have brought the same meanwhile.
  if (isSame(there, state)) return false;
  const version = there === undefined ? 0 : parseTimestamp(there).version;
  const known = there === undefined ? undefined : await to.read(`${state.root.version}.root.json`);
  // After a recovery versions begin anew under a root that the copy does not have yet.
  if (version > state.timestamp.version && known !== undefined) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_ROLLBACK",
      `Cannot copy to ${to.name}: its timestamp is version ${version}, newer than ${state.timestamp.version} in ${from.name}`,
      { found: String(version), expected: `<= ${state.timestamp.version}` },
    );
  }
  const files: PublishedFile[] = [];
  const take = async (path: string, overwrite = false): Promise<void> => {
    const bytes = await from.read(path);
    if (bytes === undefined) {
      throw tufRepositoryError("TUF_PUBLISHED_CORRUPT", `Cannot copy ${from.name}: ${path} is missing`, { expected: path });
    }
    files.push({ path, bytes, overwrite });
  };
  const roles = [...state.delegated, ["targets", state.targets] as const];
  for (const [, { targets }] of roles)
    for (const [path, { hashes }] of targets) {
      const segments = path.split("/").map(encodePathSegment);
      const hash = encodeHex(hashes.get("sha256") ?? hashes.values().next().value ?? new Uint8Array());
      await take(`targets/${[...segments.slice(0, -1), `${hash}.${segments.at(-1) ?? ""}`].join("/")}`);
    }
  for (const [role, file] of roles) await take(`${file.version}.${roleFileName(role)}`);
  await take(`${state.snapshot.version}.snapshot.json`);
  for (let root = 1; root <= state.root.version; root++) await take(`${root}.root.json`);
  await take("root.json", true);
  files.push({ path: "timestamp.json", bytes: state.timestamp.bytes, overwrite: true });
  await writePublication(to, files);
  return true;
}
