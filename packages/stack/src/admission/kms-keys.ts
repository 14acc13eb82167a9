// Public keys of a KMS, for authorities that name one (`key.kms`): fetched when a policy names them and again every hour, never while an
// image waits. A key that cannot be had makes its authority refuse; one that was had stays while its service cannot be reached.
import type { PublicKey } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import { openSigner } from "@sigillum/signers/signers";
import { readImagePolicy } from "../image-policy/index.ts";
import { admissionError } from "./errors.ts";

const refreshMs = 3_600_000;
const retryMs = 30_000;

/** Asks a service for the public half of a key. */
export type FetchPublicKey = (reference: string) => Promise<PublicKey>;

/** The references to keys in a KMS that a policy object names. */
export function kmsReferences(object: JsonValue): string[] {
  const { policy } = readImagePolicy(object, { failOnEmptyAuthorities: false });
  return (policy?.authorities ?? []).flatMap(({ by }) => (by.type === "key" && "kms" in by.key ? [by.key.kms] : []));
}

/** The public key behind a reference, or why it cannot be had. Nothing is signed; credentials are those of the process's environment. */
export async function fetchKmsKey(
  reference: string,
  fetchKey: FetchPublicKey = async (name) => (await openSigner(name)).publicKey,
): Promise<PublicKey | SigillumError> {
  try {
    return await fetchKey(reference);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    const text = `the key ${reference} cannot be fetched from its KMS: ${cause.message} (${cause.code})`;
    return admissionError("ADMISSION_KEY_UNAVAILABLE", text, { found: cause.code, cause });
  }
}

/** The keys that policies name. A class because it remembers them. */
export class KmsKeys {
  readonly #fetchKey: FetchPublicKey | undefined;
  readonly #known: Map<string, { readonly key: PublicKey | SigillumError; readonly readMs: number }> = new Map();

  constructor(fetchKey?: FetchPublicKey) {
    this.#fetchKey = fetchKey;
  }

  /** What is known of each reference. */
  get keys(): ReadonlyMap<string, PublicKey | SigillumError> {
    return new Map([...this.#known].map(([reference, { key }]) => [reference, key]));
  }

  /** Fetch what is new or old, forget what nobody names; whether anything changed. */
  async load(objects: readonly JsonValue[], nowMs: number): Promise<boolean> {
    const wanted = new Set(objects.flatMap(kmsReferences));
    let changed = false;
    for (const reference of [...this.#known.keys()]) {
      if (wanted.has(reference)) continue;
      this.#known.delete(reference);
      changed = true;
    }
    for (const reference of wanted) {
      const known = this.#known.get(reference);
      const failed = known !== undefined && isSigillumError(known.key);
      if (known !== undefined && nowMs - known.readMs < (failed ? retryMs : refreshMs)) continue;
      const key = await fetchKmsKey(reference, this.#fetchKey);
      // A service that does not answer takes nothing away; one that refuses the key, or has another, does.
      const kept = known !== undefined && !failed && isSigillumError(key) && isAway(key);
      this.#known.set(reference, { key: kept ? known.key : key, readMs: nowMs });
      changed ||= !kept;
    }
    return changed;
  }
}

function isAway({ cause }: SigillumError): boolean {
  return isSigillumError(cause) && cause.kind === "unavailable";
}
