// A TUF repository in memory whose every field a test may spoil before it is signed, and a client of ours that reads from it.
import { digest, type HashAlgorithm, type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, formatRfc3339, isSigillumError, type JsonValue } from "../encoding/index.ts";
import {
  encodeCanonicalJson,
  encodeTufKey,
  type FetchFile,
  fetchFound,
  findTarget,
  type MetadataStore,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  refresh,
  type TrustedMetadata,
  tufKeyId,
  verifyFile,
} from "../tuf/index.ts";
import { generateSigner } from "./keys.ts";

/** A JSON object that a test may change. */
export interface JsonFields {
  [name: string]: JsonValue;
}

/** When simulated repositories are used. */
export const tufNowMs: number = Date.parse("2026-11-24T00:00:00Z");

const topLevel = ["root", "timestamp", "snapshot", "targets"];
const monthMs = 30 * 86_400_000;

/** What a delegation says beside its name. */
export interface SimulatedDelegation {
  readonly paths?: readonly string[];
  readonly terminating?: boolean;
  /** Keys of the role; a new one where none are given. */
  readonly signers?: readonly Signer[];
  readonly [field: string]: unknown;
}

/** A repository: `signed` is what will be published, `published` what is. Nothing is checked on the way. */
export class TufSimulator {
  /** The signed part of each role as it will be published next. */
  readonly signed: Map<string, JsonFields> = new Map();
  /** Every published file of each role, version 1 first. */
  readonly published: Map<string, Uint8Array[]> = new Map();
  /** Who signs each role. */
  readonly signers: Map<string, Signer[]> = new Map();
  /** Target files by path, as the server has them. */
  readonly artifacts: Map<string, Uint8Array> = new Map();
  /** What was asked for, as `version.role`, and targets as `hash.path`. */
  readonly requests: string[] = [];
  /** Whether snapshot and timestamp name length and hash of what they list. */
  hashesInMeta = false;

  /** A minimal repository, published, with one key a role. */
  static async create(): Promise<TufSimulator> {
    const simulator = new TufSimulator();
    simulator.signed.set("root", { ...simulator.#head("root"), consistent_snapshot: true, keys: {}, roles: {} });
    simulator.signed.set("timestamp", { ...simulator.#head("timestamp"), meta: { "snapshot.json": { version: 1 } } });
    simulator.signed.set("snapshot", { ...simulator.#head("snapshot"), meta: { "targets.json": { version: 1 } } });
    simulator.signed.set("targets", simulator.newTargets());
    for (const role of topLevel) simulator.setKeys(role, [generateSigner()]);
    await simulator.publish("targets", "snapshot", "timestamp", "root");
    return simulator;
  }

  /** The signed part of a role, to be changed. */
  doc(role: string): JsonFields {
    const doc = this.signed.get(role);
    if (doc === undefined) throw new TypeError(`the simulator has no role ${role}`);
    return doc;
  }

  /** An object inside the signed part of a role, by the names that lead to it. */
  at(role: string, ...path: readonly string[]): JsonFields {
    let fields = this.doc(role);
    for (const name of path) {
      const next = fields[name];
      if (next === null || typeof next !== "object" || Array.isArray(next)) throw new TypeError(`${role} has no object ${name}`);
      fields = next;
    }
    return fields;
  }

  /** Make these the keys of a top-level role, in the root and for signing. */
  setKeys(role: string, signers: readonly Signer[], threshold = 1): void {
    const keyids = signers.map(({ publicKey }) => tufKeyId(publicKey));
    for (const { publicKey } of signers) this.at("root", "keys")[tufKeyId(publicKey)] = encodeTufKey(publicKey);
    this.at("root", "roles")[role] = { keyids: [...new Set(keyids)], threshold };
    this.signers.set(role, [...signers]);
  }

  /** Add one key to a top-level role, keeping its threshold. */
  addKey(role: string, signer: Signer = generateSigner(), key: JsonFields = encodeTufKey(signer.publicKey)): string {
    const keyid = encodeHex(sha256(encodeCanonicalJson(key)));
    const { keyids } = this.at("root", "roles", role);
    if (!Array.isArray(keyids)) throw new TypeError("keyids is no list");
    keyids.push(keyid);
    this.at("root", "keys")[keyid] = key;
    this.signersOf(role).push(signer);
    return keyid;
  }

  /** Replace the keys of a top-level role by as many new ones as its threshold asks. */
  rotateKeys(role: string): void {
    const threshold = Number(this.at("root", "roles", role)["threshold"]);
    this.setKeys(
      role,
      Array.from({ length: threshold }, () => generateSigner()),
      threshold,
    );
  }

  /** Who signs a role, to be changed. */
  signersOf(role: string): Signer[] {
    const signers = this.signers.get(role) ?? [];
    this.signers.set(role, signers);
    return signers;
  }

  /** An empty targets-type role. */
  newTargets(): JsonFields {
    return { ...this.#head("targets"), targets: {} };
  }

  /** Delegate to a role, which is made empty where there is none; it is signed by the delegation's keys and those it had. */
  delegate(delegator: string, name: string, delegation: SimulatedDelegation = {}): void {
    const { signers = [generateSigner()], paths = ["*"], terminating = false, ...fields } = delegation;
    const delegations = this.#delegations(delegator);
    for (const { publicKey } of signers) delegations.keys[tufKeyId(publicKey)] = encodeTufKey(publicKey);
    const keyids = signers.map(({ publicKey }) => tufKeyId(publicKey));
    const role = { name, keyids, threshold: 1, terminating, paths, ...fields };
    delegations.roles.push(toJson(fields["path_hash_prefixes"] === undefined ? role : { ...role, paths: null }));
    this.signersOf(name).push(...signers);
    if (!this.signed.has(name)) this.signed.set(name, this.newTargets());
  }

  /** List a file in a targets-type role and serve it. */
  addTarget(role: string, path: string, text: string, hashes: readonly HashAlgorithm[] = ["sha256"]): void {
    const bytes = encodeUtf8(text);
    const listed = Object.fromEntries(hashes.map((name) => [name, encodeHex(digest(name, bytes))] as const));
    this.at(role, "targets")[path] = { length: bytes.length, hashes: listed };
    this.artifacts.set(path, bytes);
  }

  /** Sign and publish roles in this order, each under its next version, and name them in what will be published after them. */
  async publish(...roles: readonly string[]): Promise<void> {
    for (const role of roles) {
      const files = this.published.get(role) ?? [];
      const doc = this.doc(role);
      if (files.length > 0) doc["version"] = Number(doc["version"]) + 1;
      const message = encodeCanonicalJson(doc);
      const signatures: JsonValue[] = [];
      for (const signer of this.signersOf(role))
        signatures.push({ keyid: this.#keyidOf(role, signer), sig: encodeHex(await signer.sign(message)) });
      const bytes = encodeUtf8(JSON.stringify({ signatures, signed: doc }));
      this.published.set(role, [...files, bytes]);
      const meta = { version: Number(doc["version"]), ...(this.hashesInMeta ? describe(bytes) : {}) };
      if (role === "snapshot") this.at("timestamp", "meta")["snapshot.json"] = meta;
      else if (role !== "root" && role !== "timestamp") this.at("snapshot", "meta")[`${role}.json`] = meta;
    }
  }

  /** Publish a role from version 1 again, as a thief or a recovery does. */
  restart(role: string): void {
    this.published.delete(role);
    this.doc(role)["version"] = 1;
  }

  /** The newest published file of a role. */
  newest(role: string): Uint8Array {
    return this.published.get(role)?.at(-1) ?? new Uint8Array();
  }

  /** Change the newest published file of a role without signing it again. */
  tamper(role: string, change: (file: { signatures: { keyid: string; sig: string }[]; signed: JsonFields }) => void): void {
    const files = this.published.get(role) ?? [];
    const file = JSON.parse(new TextDecoder().decode(files.pop()));
    change(file);
    files.push(encodeUtf8(JSON.stringify(file)));
  }

  /** Serves what is published. */
  readonly fetch: FetchFile = async (path) => {
    if (path.startsWith("targets/")) return this.#fetchTarget(path.slice("targets/".length));
    this.requests.push(path.slice(0, -".json".length));
    const [, version, role = ""] = /^(?:([0-9]+)\.)?(.*)\.json$/.exec(path) ?? [];
    const files = this.published.get(decodeURIComponent(role));
    if (version === undefined)
      return role === "timestamp" || this.at("root")["consistent_snapshot"] !== true ? files?.at(-1) : undefined;
    return files?.[Number(version) - 1];
  };

  #fetchTarget(path: string): Uint8Array | undefined {
    this.requests.push(path);
    const [, folder = "", name = ""] = /^(.*\/)?(?:[0-9a-f]{64,128}\.)?([^/]*)$/.exec(decodeURIComponent(path)) ?? [];
    return this.artifacts.get(folder + name);
  }

  // A key may be listed with fields of its own, and so under an id that is not that of the bare key.
  #keyidOf(role: string, { publicKey }: Signer): string {
    if (!topLevel.includes(role)) return tufKeyId(publicKey);
    const publicValue = encodeTufKey(publicKey)["keyval"];
    const listed = Object.entries(this.at("root", "keys")).find(([, key]) => isSame(fieldsOf(key)["keyval"], publicValue));
    return listed?.[0] ?? tufKeyId(publicKey);
  }

  #delegations(delegator: string): { keys: JsonFields; roles: JsonValue[] } {
    const doc = this.doc(delegator);
    doc["delegations"] ??= { keys: {}, roles: [] };
    const { roles } = this.at(delegator, "delegations");
    if (!Array.isArray(roles)) throw new TypeError("delegations have no list of roles");
    return { keys: this.at(delegator, "delegations", "keys"), roles };
  }

  #head(type: string): JsonFields {
    return { _type: type, spec_version: "1.0.31", version: 1, expires: formatRfc3339(tufNowMs + monthMs) };
  }
}

/** A client of ours with a store in memory, whose answers are `ok` or the code of the error. */
export class SimulatedTufClient {
  readonly stored: Map<string, Uint8Array> = new Map();
  /** Target files it took, by path. */
  readonly downloads: Map<string, Uint8Array> = new Map();
  readonly #repository: TufSimulator;

  /** Pin a root: version 1 of the repository where nothing is said. */
  constructor(repository: TufSimulator, root: Uint8Array | undefined = repository.published.get("root")?.[0]) {
    this.#repository = repository;
    this.stored.set("root", root ?? new Uint8Array());
  }

  /** Its store. */
  readonly store: MetadataStore = {
    read: async (role) => this.stored.get(role),
    write: async (role, bytes) => void this.stored.set(role, bytes),
    remove: async (role) => void this.stored.delete(role),
  };

  /** Refresh the top-level roles. */
  refresh(nowMs: number = tufNowMs): Promise<string> {
    return answer(async () => void (await refresh(this.#repository.fetch, this.store, nowMs)));
  }

  /** Refresh, then take each target in order with one trusted state; what has not changed is not asked for again. */
  download(...paths: readonly string[]): Promise<string> {
    return answer(async () => {
      const trusted = await refresh(this.#repository.fetch, this.store, tufNowMs);
      for (const path of paths) await this.#take(trusted, path);
    });
  }

  /** The version of a role that is stored, undefined where there is none. */
  version(role: string): number | undefined {
    const bytes = this.stored.get(role);
    if (bytes === undefined) return undefined;
    if (role === "root") return parseRoot(bytes).version;
    if (role === "timestamp") return parseTimestamp(bytes).version;
    return role === "snapshot" ? parseSnapshot(bytes).version : parseTargets(bytes).version;
  }

  /** The roles that are stored, by version. */
  versions(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.stored.keys()].sort().map((role) => [role, this.version(role) ?? 0]));
  }

  async #take(trusted: TrustedMetadata, path: string): Promise<void> {
    const { fetch } = this.#repository;
    const found = await findTarget(trusted, path, fetch, this.store);
    const kept = this.downloads.get(path);
    const code = kept === undefined ? "none" : await answer(async () => verifyFile(path, found.meta, kept));
    if (code !== "ok") this.downloads.set(path, await fetchFound(trusted, found, fetch));
  }
}

async function answer(run: () => Promise<void>): Promise<string> {
  try {
    await run();
    return "ok";
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return error.code;
  }
}

function describe(bytes: Uint8Array): JsonFields {
  return { length: bytes.length, hashes: { sha256: encodeHex(sha256(bytes)) } };
}

function fieldsOf(value: JsonValue | undefined): JsonFields {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function toJson(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value));
}
