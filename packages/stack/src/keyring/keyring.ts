// The keyring of a data directory: the document and the signers it names.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import type { SigningConfig, TrustedRoot } from "@sigillum/library/trusted-root";
import { writeFileDurably } from "../storage/index.ts";
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
import { type OfferedService, signingConfigOf, trustedRootOf } from "./trust.ts";

const everyService: ReadonlySet<OfferedService> = new Set(["log-v1", "log-v2", "ca", "tsa", "identity"]);

/** What `Keyring.open` may be told. */
export interface KeyringOptions {
  /** The services that signing configs may name; all of them where nothing is said. */
  readonly offered?: ReadonlySet<OfferedService>;
}

/** Every key, chain, shard and address of one stack. */
export class Keyring {
  readonly document: KeyringDocument;
  readonly #signers: ReadonlyMap<KeyName, Signer>;
  readonly #offered: ReadonlySet<OfferedService>;
  #trustedRoot: TrustedRoot | undefined;

  private constructor(document: KeyringDocument, signers: ReadonlyMap<KeyName, Signer>, offered: ReadonlySet<OfferedService>) {
    this.document = document;
    this.#signers = signers;
    this.#offered = offered;
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
    for (const record of document.keys) signers.set(record.name, await openRecordedKey(directory, record));
    return new Keyring(document, signers, options.offered ?? everyService);
  }

  /** The signer of a key; throws KEY_UNKNOWN for a name that the document lacks. */
  signer(name: KeyName): Signer {
    const signer = this.#signers.get(name);
    if (signer !== undefined) return signer;
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
    this.#trustedRoot ??= trustedRootOf(this.document);
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
