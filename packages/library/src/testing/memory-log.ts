// Transparency logs in memory, with the answers of Rekor v1 and of Rekor v2.
import type { InclusionProof, LogEntry } from "../bundle/index.ts";
import { type Checkpoint, noteKey, signCheckpoint } from "../checkpoint/index.ts";
import { type Signer, sha256 } from "../crypto/index.ts";
import { encodeUtf8 } from "../encoding/index.ts";
import { parseLogEntryBody, setPayload } from "../log-entry/index.ts";
import type { TransparencyLog } from "../trusted-root/index.ts";
import { generateSigner } from "./keys.ts";
import { defaultPeriod } from "./memory-authority.ts";
import { MemoryTree } from "./memory-tree.ts";

/** Where the making of an entry may be disturbed; each hook gets the honest value. */
export interface LogHooks {
  readonly integratedTimeS?: number | undefined;
  readonly promise?: ((promise: Uint8Array) => Uint8Array | undefined) | undefined;
  /** Change the checkpoint before it is signed. */
  readonly checkpoint?: ((checkpoint: Checkpoint) => Checkpoint) | undefined;
  /** Change the signed note. */
  readonly note?: ((note: string) => string) | undefined;
  readonly proof?: ((proof: InclusionProof) => InclusionProof | undefined) | undefined;
  readonly noteName?: string | undefined;
  readonly noteSigner?: Signer | undefined;
}

// Rekor v1 counts over all its shards.
const earlierShards = 1000;

/** A log in memory. It logs whatever it is given. */
export class MemoryLog {
  readonly api: 1 | 2;
  readonly signer: Signer;
  /** The host, which is the name its checkpoints are signed under. */
  readonly name: string;
  readonly logId: Uint8Array;
  readonly #tree = new MemoryTree();

  constructor(api: 1 | 2, name: string) {
    this.api = api;
    this.name = name;
    this.signer = generateSigner(api === 1 ? "ecdsa-p256" : "ed25519");
    const { publicKey } = this.signer;
    this.logId = api === 1 ? sha256(publicKey.spki) : noteKey(name, publicKey).keyId;
    for (let i = 0; i < 5; i++) this.#tree.append(encodeUtf8(`an earlier entry, ${i}`));
  }

  /** The log as a trusted root holds it. */
  trusted(): TransparencyLog {
    const { publicKey, scheme } = this.signer;
    return {
      baseUrl: `https://${this.name}`,
      hashAlgorithm: "sha256",
      publicKey,
      scheme,
      validFor: defaultPeriod,
      logId: this.logId,
    };
  }

  /** Append a body and answer as the log's API does. */
  async add(body: Uint8Array, timeMs: number, hooks: LogHooks = {}): Promise<LogEntry> {
    const index = this.#tree.append(body);
    // Leaves after it, so that it is not the last one of its tree.
    for (let i = 0; i < 3; i++) this.#tree.append(encodeUtf8(`a later entry, ${index + i}`));
    const logIndex = this.api === 1 ? earlierShards + index : index;
    const { kind, version } = kindVersionOf(body);
    const entry = { logIndex, logId: this.logId, kind, version, body };
    const proof = await this.#proof(index, hooks);
    const proved = proof === undefined ? entry : { ...entry, proof };
    if (this.api === 2) return proved;
    const integratedTimeS = hooks.integratedTimeS ?? Math.floor(timeMs / 1000);
    const honest = await this.signer.sign(setPayload({ body, integratedTime: integratedTimeS, logId: this.logId, logIndex }));
    const promise = hooks.promise === undefined ? honest : hooks.promise(honest);
    return promise === undefined ? proved : { ...proved, integratedTimeS, promise };
  }

  async #proof(index: number, hooks: LogHooks): Promise<InclusionProof | undefined> {
    const root = this.#tree.root();
    const origin = this.api === 1 ? `${this.name} - 1193050959916656506` : this.name;
    const honest: Checkpoint = { origin, treeSize: this.#tree.size, root, extensions: [] };
    const checkpoint = hooks.checkpoint?.(honest) ?? honest;
    const note = await signCheckpoint(checkpoint, hooks.noteName ?? this.name, hooks.noteSigner ?? this.signer);
    const proof: InclusionProof = {
      logIndex: index,
      rootHash: checkpoint.root,
      treeSize: checkpoint.treeSize,
      hashes: this.#tree.inclusionProof(index),
      checkpoint: hooks.note?.(note) ?? note,
    };
    return hooks.proof === undefined ? proof : hooks.proof(proof);
  }
}

function kindVersionOf(body: Uint8Array): { readonly kind: string; readonly version: string } {
  const { kind, version } = parseLogEntryBody(body);
  return { kind, version };
}
