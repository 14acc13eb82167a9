// The CT log itself: what it accepts, and the SCTs and tree heads that it signs. RFC 6962 §3, C2SP static-ct-api.
import { join } from "node:path";
import { encodeCheckpoint, encodeSignedNote, parseSignedNote } from "@sigillum/library/checkpoint";
import { type Signer, sha256 } from "@sigillum/library/crypto";
import {
  type CtEntry,
  encodeTreeHeadSignature,
  parseMerkleTreeLeaf,
  parseTreeHeadSignature,
  type SignedCertificateTimestamp,
  type Submission,
  signSct,
  signTreeHead,
  type TreeHeadSignature,
  treeHeadNoteKeyId,
  verifySubmission,
} from "@sigillum/library/ct";
import { encodeHex } from "@sigillum/library/encoding";
import type { Certificate } from "@sigillum/library/x509";
import type { Clock, Logger, MetricsRegistry } from "../host/index.ts";
import type { Keyring, ShardRecord } from "../keyring/index.ts";
import { LogShard, type TreeHead } from "../log-engine/index.ts";
import type { ShardStore } from "../storage/index.ts";
import { type CtLogEntry, ctEntryFormat } from "./entry-format.ts";
import { IssuerStore } from "./issuer-store.ts";

/** What a CT log is made of. */
export interface CtLogOptions {
  readonly keyring: Keyring;
  /** Holds the log's shards, each in a folder of its own. */
  readonly directory: string;
  /** Where a shard's tree is kept in place of files and LevelDB; undefined for those. */
  openStore?(record: ShardRecord): Promise<ShardStore | undefined>;
  /** Whether SCTs name the leaf index. Clients before 2026 may reject them (certificate-authority §7.4). */
  readonly leafIndexExtension: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
}

/** Issuers whose path to a root was verified are kept, so that each submission costs one signature check and not the whole chain's. */
const maxKnownIssuers = 64;

/** The published tree head with its signature. */
export interface SignedTreeHead {
  readonly size: number;
  readonly root: Uint8Array;
  readonly signature: TreeHeadSignature;
}

/** One open shard of a CT log, which is a log of its own to everybody else. */
export class CtLog {
  readonly record: ShardRecord;
  readonly shard: LogShard<CtLogEntry>;
  readonly issuers: IssuerStore;
  readonly #options: CtLogOptions;
  readonly #signer: Signer;
  readonly #knownIssuers: Map<string, readonly Certificate[]> = new Map();
  readonly #ownIssuers: WeakMap<Uint8Array, readonly Certificate[]> = new WeakMap();

  private constructor(
    options: CtLogOptions,
    record: ShardRecord,
    signer: Signer,
    shard: LogShard<CtLogEntry>,
    issuers: IssuerStore,
  ) {
    this.record = record;
    this.shard = shard;
    this.issuers = issuers;
    this.#options = options;
    this.#signer = signer;
  }

  /** Opens a shard of the keyring, the active one where none is given, or makes it; the rules of `LogShard.open` hold when it returns. */
  static async open(options: CtLogOptions, given?: ShardRecord): Promise<CtLog> {
    const record = given ?? options.keyring.shards("ct").findLast((shard) => shard.state === "active");
    if (record === undefined) throw new TypeError("CtLog: the keyring has no active CT shard");
    const signer = options.keyring.signer(record.key);
    const directory = join(options.directory, `ct-${record.id}`);
    const issuers = await IssuerStore.open(join(directory, "issuer"));
    const store = await options.openStore?.(record);
    const shard = await LogShard.open({
      directory: join(directory, "tree"),
      ...(store === undefined ? {} : { store }),
      format: ctEntryFormat(options.leafIndexExtension),
      origin: record.origin,
      clock: options.clock,
      logger: options.logger,
      signCheckpoint: (head) => signCheckpoint(head, record, signer, options.clock.nowMs()),
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    });
    return new CtLog(options, record, signer, shard, issuers);
  }

  /** The roots under which chains are accepted: those of every chain of the certificate authority. */
  roots(): readonly Certificate[] {
    return this.#options.keyring.chains("ca").flatMap((chain) => chain.certificates.at(-1) ?? []);
  }

  /** Adds a precertificate with its issuers; the SCT is signed only after the entry is durable and in the published tree. */
  submitPrecertificate(chain: readonly Uint8Array[]): Promise<SignedCertificateTimestamp> {
    return this.#submit(chain, true);
  }

  /**
   * As `submitPrecertificate`, for the certificate authority of this process, which has just made both precertificate and entry from
   * one list of extensions. The first of each issuer is verified whole, signature and path; the signature of those that follow is not
   * verified again, for the same key made it. `chain[1]` is told by its identity, not by its content.
   */
  async submitOwnPrecertificate(chain: readonly Uint8Array[], entry: CtEntry): Promise<SignedCertificateTimestamp> {
    const [precertificate, issuer] = chain;
    const timeMs = this.#options.clock.nowMs();
    const known = issuer === undefined ? undefined : this.#ownIssuers.get(issuer);
    if (
      precertificate === undefined ||
      issuer === undefined ||
      known?.every((one) => timeMs >= one.notBeforeMs && timeMs <= one.notAfterMs) !== true
    ) {
      const submission = this.#verify(chain, true);
      const sct = await this.#add(submission.entry, submission.path.slice(1), submission.path[0]?.der);
      if (issuer !== undefined) this.#ownIssuers.set(issuer, submission.path.slice(1));
      return sct;
    }
    return this.#add(entry, known, precertificate);
  }

  /** Adds a certificate with its issuers, otherwise as `submitPrecertificate`. */
  submitCertificate(chain: readonly Uint8Array[]): Promise<SignedCertificateTimestamp> {
    return this.#submit(chain, false);
  }

  /** The published tree head. */
  signedTreeHead(): SignedTreeHead {
    const { size, root } = this.shard.head();
    const [signature] = parseSignedNote(this.shard.checkpoint().text).signatures;
    if (signature === undefined) throw new TypeError("CtLog: the published checkpoint has no signature");
    return { size, root, signature: parseTreeHeadSignature(signature.signature) };
  }

  async #submit(chain: readonly Uint8Array[], precertificate: boolean): Promise<SignedCertificateTimestamp> {
    const { entry, path } = this.#verify(chain, precertificate);
    return this.#add(entry, path.slice(1), precertificate ? path[0]?.der : undefined);
  }

  async #add(entry: CtEntry, issuers: readonly Certificate[], precertificate?: Uint8Array): Promise<SignedCertificateTimestamp> {
    const chainFingerprints: Uint8Array[] = [];
    for (const issuer of issuers) chainFingerprints.push(await this.issuers.keep(issuer.der));
    const { leaf } = await this.shard.add({
      entry,
      chainFingerprints,
      ...(precertificate === undefined ? {} : { precertificate }),
    });
    return signSct({ timestamped: parseMerkleTreeLeaf(leaf), logId: this.record.logId, signer: this.#signer });
  }

  #verify(chain: readonly Uint8Array[], precertificate: boolean): Submission {
    const timeMs = this.#options.clock.nowMs();
    const [leaf, ...issuers] = chain;
    const key = encodeHex(sha256(...issuers));
    const known = this.#knownIssuers.get(key);
    const [issuer] = known ?? [];
    if (
      leaf !== undefined &&
      known !== undefined &&
      issuer !== undefined &&
      known.every((one) => timeMs >= one.notBeforeMs && timeMs <= one.notAfterMs)
    ) {
      // The path from this issuer to a root was verified before, so here the issuer itself is the anchor.
      const submission = verifySubmission({ chain: [leaf, issuer.der], precertificate, roots: [issuer], timeMs });
      const path = [...submission.path.slice(0, 1), ...known];
      return { ...submission, path, chainFingerprints: known.map((one) => sha256(one.der)) };
    }
    const submission = verifySubmission({ chain, precertificate, roots: this.roots(), timeMs });
    if (this.#knownIssuers.size >= maxKnownIssuers) this.#knownIssuers.clear();
    this.#knownIssuers.set(key, submission.path.slice(1));
    return submission;
  }
}

/** static-ct-api, "Checkpoints": a note whose one signature, of type 0x05, is the RFC 6962 tree head with its time. */
async function signCheckpoint(head: TreeHead, record: ShardRecord, signer: Signer, timestampMs: number): Promise<string> {
  const signature = encodeTreeHeadSignature(await signTreeHead({ timestampMs, treeSize: head.size, root: head.root }, signer));
  const keyHint = treeHeadNoteKeyId(record.checkpointName, record.logId).slice(0, 4);
  const text = encodeCheckpoint({ origin: head.origin, treeSize: head.size, root: head.root, extensions: [] });
  return encodeSignedNote({ text, signatures: [{ name: record.checkpointName, keyHint, signature }] });
}
