// Delegations of a targets-type file (TUF 1.0.34 §4.5): which roles speak for a path, in order, and by which keys.
import { sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, type JsonObject, quote } from "../encoding/index.ts";
import { tufError } from "./errors.ts";
import type { TufKey } from "./key.ts";
import { matchesPattern } from "./path-pattern.ts";
import { bounded, parseKeys, parseRoleKeys, type RoleKeys, readCount } from "./role-keys.ts";

/** A role that a targets-type file delegates to. */
export interface DelegatedRole extends RoleKeys {
  readonly name: string;
  /** Whether a path that this role is asked for is looked up nowhere after it. */
  readonly terminating: boolean;
  /** Patterns of the paths it may speak for. */
  readonly paths?: readonly string[];
  /** Prefixes, in hex, of the SHA-256 of the paths it may speak for. */
  readonly pathHashPrefixes?: readonly string[];
}

/** 2^bitLength bins that share their keys; each speaks for the paths whose SHA-256 begins with its number (TAP 15). */
export interface SuccinctRoles extends RoleKeys {
  readonly bitLength: number;
  readonly namePrefix: string;
}

/** To whom a targets-type file delegates: listed roles in order of priority, or succinct bins. */
export interface Delegations {
  readonly keys: ReadonlyMap<string, TufKey>;
  readonly roles: readonly DelegatedRole[];
  readonly succinctRoles?: SuccinctRoles;
}

/** One step of a search: the role to ask next, and who may sign for it. */
export interface DelegationStep extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
}

/** Names that a delegated role cannot have: its file would stand for a top-level role's. */
const reservedNames: ReadonlySet<string> = new Set(["root", "timestamp", "snapshot", "targets"]);

/** Read the `delegations` of a targets-type file; throws TUF_MALFORMED. Nothing is verified. */
export function parseDelegations(value: JsonObject): Delegations {
  const keys = parseKeys(value.object("keys"));
  if (value.has("roles") && value.has("succinct_roles")) {
    throw malformed("delegations list roles and succinct roles", "one of the two");
  }
  const succinct = value.optionalObject("succinct_roles");
  if (succinct !== undefined) return { keys, roles: [], succinctRoles: parseSuccinctRoles(succinct) };
  const roles = bounded("delegated roles", value.objects("roles")).map(parseDelegatedRole);
  const names = new Set<string>();
  for (const { name } of roles) {
    if (names.has(name)) throw malformed(`role ${quote(name)} is delegated to twice`, "one delegation a name");
    names.add(name);
  }
  return { keys, roles };
}

/** The roles to ask for `path`, in order of priority. None where no delegation covers it. */
export function delegationsFor(delegations: Delegations | undefined, path: string): readonly DelegationStep[] {
  if (delegations === undefined) return [];
  const pathHash = sha256(encodeUtf8(path));
  if (delegations.succinctRoles !== undefined) {
    const { keyids, threshold } = delegations.succinctRoles;
    return [{ name: binName(delegations.succinctRoles, pathHash), keyids, threshold, terminating: true }];
  }
  const hex = encodeHex(pathHash);
  return delegations.roles.filter(
    (role) =>
      role.paths?.some((pattern) => matchesPattern(pattern, path)) === true ||
      role.pathHashPrefixes?.some((prefix) => hex.startsWith(prefix)) === true,
  );
}

/** Every name that succinct roles make, in order. */
export function binNames(roles: SuccinctRoles): readonly string[] {
  return Array.from({ length: 2 ** roles.bitLength }, (_, index) => nameOfBin(roles, index));
}

/** The delegated role of that name, succinct bins among them; undefined where the file does not delegate to it. */
export function delegationTo(delegations: Delegations | undefined, name: string): DelegationStep | undefined {
  const bins = delegations?.succinctRoles;
  if (bins === undefined) return delegations?.roles.find((role) => role.name === name);
  const suffix = name.startsWith(`${bins.namePrefix}-`) ? name.slice(bins.namePrefix.length + 1) : "";
  const index = Number.parseInt(suffix, 16);
  const known = Number.isSafeInteger(index) && index < 2 ** bins.bitLength && nameOfBin(bins, index) === name;
  return known ? { name, keyids: bins.keyids, threshold: bins.threshold, terminating: true } : undefined;
}

function parseDelegatedRole(value: JsonObject): DelegatedRole {
  const name = value.string("name");
  if (name === "" || reservedNames.has(name)) throw malformed(`a delegated role is named ${quote(name)}`, "a name of its own");
  const paths = value.has("paths") ? bounded(`paths of ${name}`, value.strings("paths")) : undefined;
  const prefixes = value.has("path_hash_prefixes")
    ? bounded(`path hash prefixes of ${name}`, value.strings("path_hash_prefixes"))
    : undefined;
  // §4.5: exactly one of the two. Files of 2021 have neither for a role that holds nothing: that one matches nothing.
  if (paths !== undefined && prefixes !== undefined) {
    throw malformed(`role ${quote(name)} has paths and path hash prefixes`, "one of the two");
  }
  return {
    name,
    ...parseRoleKeys(name, value),
    terminating: value.boolean("terminating"),
    ...(paths === undefined ? {} : { paths }),
    ...(prefixes === undefined ? {} : { pathHashPrefixes: prefixes }),
  };
}

function parseSuccinctRoles(value: JsonObject): SuccinctRoles {
  const bitLength = readCount(value, "bit_length", 1);
  if (bitLength > 32) throw malformed(`succinct roles have ${bitLength} bits`, "1 to 32");
  const namePrefix = value.string("name_prefix");
  if (namePrefix === "") throw malformed("succinct roles have an empty prefix", "a name prefix");
  return { bitLength, namePrefix, ...parseRoleKeys(namePrefix, value) };
}

function binName(roles: SuccinctRoles, pathHash: Uint8Array): string {
  const top = new DataView(pathHash.buffer, pathHash.byteOffset).getUint32(0);
  return nameOfBin(roles, top >>> (32 - roles.bitLength));
}

function nameOfBin({ bitLength, namePrefix }: SuccinctRoles, index: number): string {
  const width = (2 ** bitLength - 1).toString(16).length;
  return `${namePrefix}-${index.toString(16).padStart(width, "0")}`;
}

function malformed(found: string, expected: string): Error {
  return tufError("TUF_MALFORMED", `Cannot read delegations: ${found}, ${expected} expected`, { found, expected });
}
