// What the engine asks of those who gather cosignatures on its checkpoints; room `witnesses` carries it out.
import type { JsonValue } from "@sigillum/library/encoding";
import type { Hash } from "@sigillum/library/merkle";

/** A tree head that is durable, with what convinces a cosigner of it. */
export interface DurableHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  /** The checkpoint as the log signed it. */
  readonly note: string;
  /** The proof that this tree extends that of `oldSize` entries, which is not larger. */
  consistencyProof(oldSize: number): Promise<readonly Hash[]>;
}

/** What a cosigner works with, of one shard. */
export interface CosignedShard {
  readonly origin: string;
  /** What `keep` was given last, in this process or one before. */
  readonly memory: Uint8Array | undefined;
  keep(memory: Uint8Array): Promise<void>;
  /** To be called when `lines` gives more than before. */
  changed(): void;
}

/** Gathers cosignatures on the checkpoints of one shard. Only what is durable is ever shown to it. */
export interface CheckpointCosigner {
  /** Called once, before anything else. */
  start(shard: CosignedShard): void;
  /**
   * Ask for cosignatures on a head that is about to be published. Resolves when it may be: at once where nobody is waited for. Never
   * rejects: what does not come is missing in `lines`.
   */
  cosign(head: DurableHead, options: { readonly wait: boolean }): Promise<void>;
  /** The signature lines over a head that are there and were verified, each with its newline. */
  lines(head: { readonly size: number; readonly root: Hash }): readonly string[];
  /** How each cosigner stands, for the operator's list. */
  status(): JsonValue;
  /** Ask nobody any more, and keep what is to be kept. */
  close(): Promise<void>;
}
