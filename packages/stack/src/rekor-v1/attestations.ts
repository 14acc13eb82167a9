// Attestations: payloads that are kept beside the entries that name them by hash. They are written before their entry is acknowledged;
// one without an entry (its entry was refused, or a crash came between) harms nobody.
import { isSigillumError, JsonObject, parseJson } from "@sigillum/library/encoding";
import type { Attestation } from "../legacy-entries/index.ts";
import { DirectoryObjectStore } from "../storage/index.ts";

/** Attestations longer than this are not kept; upstream's limit. */
export const maxAttestationBytes = 102_400;

/** The attestations of one shard, in a folder of its own. */
export class AttestationStore {
  readonly #objects: DirectoryObjectStore;
  readonly #maxBytes: number;

  constructor(directory: string, maxBytes: number = maxAttestationBytes) {
    this.#objects = new DirectoryObjectStore(directory);
    this.#maxBytes = maxBytes;
  }

  /** Keep an attestation; one that is too long is passed over. After it returns it survives a power cut. */
  async keep({ key, bytes }: Attestation): Promise<void> {
    if (bytes.length > this.#maxBytes) return;
    const path = pathOf(key);
    if ((await this.#objects.read(path)) !== undefined) return;
    await this.#objects.write(path, bytes);
    await this.#objects.sync();
  }

  /** The attestation that an entry's body names, or undefined. */
  async of(body: Uint8Array): Promise<Uint8Array | undefined> {
    const key = attestationKey(body);
    return key === undefined ? undefined : this.#objects.read(pathOf(key));
  }
}

// Cheap for the kinds without: their bodies begin with another kind.
function attestationKey(body: Uint8Array): string | undefined {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 64)).toString("latin1");
  const kind = /^\{"apiVersion":"[0-9.]+","kind":"(intoto|cose)"/.exec(start)?.[1];
  if (kind === undefined) return undefined;
  try {
    const spec = JsonObject.exact(parseJson(body), "body").object("spec");
    const hash = kind === "cose" ? spec.object("data").object("envelopeHash") : spec.object("content").object("payloadHash");
    return `${hash.string("algorithm")}:${hash.string("value")}`;
  } catch (error) {
    // What the log stored is a body; should it be none, it has no attestation.
    if (isSigillumError(error)) return undefined;
    throw error;
  }
}

function pathOf(key: string): string {
  const match = /^sha256:([0-9a-f]{2})([0-9a-f]{62})$/.exec(key);
  if (match === null) throw new TypeError(`${key} names no attestation`);
  return `sha256/${match[1]}/${match[2]}`;
}
