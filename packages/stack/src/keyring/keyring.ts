// The keyring of a data directory: the document and the signers it names.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { encodeUtf8, equalBytes } from "@sigillum/library/encoding";
import type { SigningConfig, TransparencyLog, TrustedRoot } from "@sigillum/library/trusted-root";
import { writeFileDurably } from "../storage/index.ts";
import {
  type ChainImport,
  type ChainPlan,
  importChain,
  makeChain,
  type NewChain,
  withActiveChain,
  withChain,
} from "./chain-rotation.ts";
import { createKeyringDocument, type KeyringPlan } from "./create.ts";
import {
  type ChainRecord,
  encodeKeyringDocument,
  type KeyName,
  type KeyringDocument,
  keyringFileName,
  parseKeyringDocument,
  type ShardRecord,
} from "./document.ts";
import { keyringError } from "./errors.ts";
import { openRecordedKey } from "./key-files.ts";
import { makeShard, type ShardChange, withShard, withShardChanges } from "./shard-rotation.ts";
import { type OfferedService, signingConfigOf, trustedRootOf } from "./trust.ts";
import { makeTufKey, tufKeyNames } from "./tuf-keys.ts";

const everyService: ReadonlySet<OfferedService> = new Set(["log-v1", "log-v2", "ca", "tsa", "identity"]);

/** What `Keyring.open` may be told. */
export interface KeyringOptions {
  /** The services that signing configs may name; all of them where nothing is said. */
  readonly offered?: ReadonlySet<OfferedService>;
  /** Certificate transparency logs elsewhere, which trusted roots list beside the stack's own. */
  readonly ctLogs?: readonly TransparencyLog[];
  /** For encrypted key files; the environment's (SIGILLUM_PASSPHRASE, SIGILLUM_PASSPHRASE_FILE) where nothing is said. */
  readonly passphrase?: string;
}

/** Every key, chain, shard and address of one stack. */
export class Keyring {
  #document: KeyringDocument;
  readonly #directory: string;
  readonly #signers: Map<KeyName, Signer>;
  readonly #offered: ReadonlySet<OfferedService>;
  readonly #ctLogs: readonly TransparencyLog[];
  #trustedRoot: TrustedRoot | undefined;

  #editing: Promise<unknown> = Promise.resolve();

  private constructor(
    directory: string,
    document: KeyringDocument,
    signers: Map<KeyName, Signer>,
    { offered = everyService, ctLogs = [] }: KeyringOptions,
  ) {
    this.#directory = directory;
    this.#document = document;
    this.#signers = signers;
    this.#offered = offered;
    this.#ctLogs = ctLogs;
  }

  /**
   * Makes all keys and the document of a new stack. The document is written last: a crash before that leaves key files that nothing
   * names, and the next attempt replaces them.
   */
  static async create(directory: string, plan: KeyringPlan, nowMs: number): Promise<Keyring> {
    if (await Keyring.exists(directory))
      throw keyringError("KEYRING_EXISTS", `Cannot make a keyring: the data directory has ${keyringFileName} already`);
    const document = await createKeyringDocument(directory, plan, nowMs);
    await writeFileDurably(join(directory, keyringFileName), encodeUtf8(encodeKeyringDocument(document)));
    return Keyring.open(directory);
  }

  /** Whether the data directory has a completed keyring. */
  static async exists(directory: string): Promise<boolean> {
    return (await readDocument(directory)) !== undefined;
  }

  /** Reads the document and opens every key that it names; one that is missing, exposed or another's fails the whole. */
  static async open(directory: string, options: KeyringOptions = {}): Promise<Keyring> {
    const bytes = await readDocument(directory);
    if (bytes === undefined)
      throw keyringError("KEYRING_NOT_FOUND", `Cannot open keyring: the data directory has no ${keyringFileName}`, {
        expected: keyringFileName,
      });
    const document = parseKeyringDocument(bytes);
    const signers = new Map<KeyName, Signer>();
    for (const record of document.keys) {
      const signer = await openRecordedKey(directory, record, options.passphrase);
      if (signer !== undefined) signers.set(record.name, signer);
    }
    return new Keyring(directory, document, signers, options);
  }

  /** The document as it is now. */
  get document(): KeyringDocument {
    return this.#document;
  }

  /** Plan the next shard of a log: its key and record are durable when this returns, and trusted roots have it from now on. */
  planShard(api: ShardRecord["api"], options: { readonly publicUrl: string; readonly nowMs: number }): Promise<ShardRecord> {
    return this.#edit(async () => {
      const shard = await makeShard(this.#directory, this.#document, api, options);
      await this.#write(withShard(this.#document, shard));
      this.#signers.set(shard.key.name, shard.signer);
      return shard.record;
    });
  }

  /** Change the states of shards, all in one durable step. */
  changeShards(changes: readonly ShardChange[]): Promise<void> {
    return this.#edit(() => this.#write(withShardChanges(this.#document, changes)));
  }

  /** Make the next chain of an authority; keys and record are durable when this returns, and trusted roots have it from now on. */
  planChain(service: ChainRecord["service"], plan: ChainPlan): Promise<ChainRecord> {
    return this.#edit(async () => {
      const signerOf = (spki: Uint8Array): Signer | undefined =>
        this.#signers.get(this.#document.keys.find((key) => equalBytes(key.spki, spki))?.name ?? "");
      return this.#addChain(await makeChain(this.#directory, this.#document, service, plan, signerOf));
    });
  }

  /** Record a chain that was made elsewhere; otherwise as `planChain`. */
  importChain(service: ChainRecord["service"], given: ChainImport): Promise<ChainRecord> {
    return this.#edit(async () => this.#addChain(await importChain(this.#document, service, given)));
  }

  /** Put a planned chain to use in one durable step; the one before stays published. Whether verifiers know it yet is the caller's to ask. */
  activateChain(id: string, nowMs: number): Promise<void> {
    return this.#edit(() => this.#write(withActiveChain(this.#document, id, nowMs)));
  }

  /** Make the next key of a role of the published root: durable when this returns, and in use once a published root names it. */
  addTufKey(role: string): Promise<Signer> {
    return this.#edit(async () => {
      const { record, signer } = await makeTufKey(this.#directory, this.#document, role);
      await this.#write({ ...this.#document, keys: [...this.#document.keys, record] });
      this.#signers.set(record.name, signer);
      return signer;
    });
  }

  /** The signers of a role of the published root, oldest first; keys that were taken away are left out. */
  tufSigners(role: string): readonly Signer[] {
    return tufKeyNames(this.#document, role).flatMap((name) => this.#signers.get(name) ?? []);
  }

  /** Whether the newest key of a role of the published root is here. */
  hasNewestTufKey(role: string): boolean {
    return this.#signers.has(tufKeyNames(this.#document, role).at(-1) ?? "");
  }

  async #addChain(chain: NewChain): Promise<ChainRecord> {
    await this.#write(withChain(this.#document, chain));
    for (const { record, signer } of chain.keys) this.#signers.set(record.name, signer);
    return chain.record;
  }

  async #write(document: KeyringDocument): Promise<void> {
    await writeFileDurably(join(this.#directory, keyringFileName), encodeUtf8(encodeKeyringDocument(document)));
    this.#document = document;
    this.#trustedRoot = undefined;
  }

  #edit<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#editing.then(work, work);
    this.#editing = result.catch(() => undefined);
    return result;
  }

  /** The signer of a key; throws KEY_UNKNOWN for a name that the document lacks. */
  signer(name: KeyName): Signer {
    const signer = this.#signers.get(name);
    if (signer !== undefined) return signer;
    if (this.#document.keys.some((key) => key.name === name))
      throw keyringError("KEY_OFFLINE", `Cannot sign: the key ${name} is kept elsewhere`, {
        found: "no key file",
        expected: name,
      });
    throw keyringError("KEY_UNKNOWN", `Cannot sign: the keyring has no key ${name}`, {
      found: name,
      expected: [...this.#signers.keys()].join(", "),
    });
  }

  /** The shards of one log API, oldest first. */
  shards(api: ShardRecord["api"]): readonly ShardRecord[] {
    return this.document.shards.filter((shard) => shard.api === api).sort((a, b) => a.validFor.startMs - b.validFor.startMs);
  }

  /** The chains of one authority, the active one first. */
  chains(service: ChainRecord["service"]): readonly ChainRecord[] {
    const chains = this.document.chains.filter((chain) => chain.service === service);
    return [...chains.filter((chain) => chain.state === "active"), ...chains.filter((chain) => chain.state !== "active")];
  }

  /** The chain that an authority signs with now. */
  activeChain(service: ChainRecord["service"]): ChainRecord {
    const [chain] = this.chains(service);
    if (chain?.state === "active") return chain;
    throw keyringError("KEY_UNKNOWN", `Cannot sign: the keyring has no active chain for ${service}`, {
      expected: `an active chain of ${service}`,
    });
  }

  /** Everything a verifier of this stack's signatures must believe. */
  trustedRoot(): TrustedRoot {
    if (this.#trustedRoot === undefined) {
      const own = trustedRootOf(this.document);
      this.#trustedRoot = { ...own, ctlogs: [...own.ctlogs, ...this.#ctLogs] };
    }
    return this.#trustedRoot;
  }

  /** What a signer that uses one log API needs; only services that this stack offers. */
  signingConfig(which: "v1" | "v2"): SigningConfig {
    return signingConfigOf(this.document, which, this.#offered);
  }
}

async function readDocument(directory: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(directory, keyringFileName));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw keyringError("KEYRING_MALFORMED", `Cannot read ${keyringFileName}: ${reason}`, { cause });
  }
}
