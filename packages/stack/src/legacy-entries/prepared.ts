// What preparing a proposal gives.

/** A payload that is kept beside its entry. */
export interface Attestation {
  /** `sha256:` and the hash that the stored body names it by. */
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Inflates raw deflate data at the front of `bytes`; undefined where it is damaged or gives more than `maxBytes`. */
export type InflateRaw = (
  bytes: Uint8Array,
  maxBytes: number,
) => { readonly output: Uint8Array; readonly consumed: number } | undefined;

/** What preparing needs of the platform. */
export interface EntryTools {
  readonly inflateRaw: InflateRaw;
}

/** A verified proposal. Whether a certificate in it is to be trusted was not checked. */
export interface PreparedBody {
  /** The canonical body: the leaf. */
  readonly body: Uint8Array;
  /** The texts under which the entry is found. */
  readonly searchKeys: readonly string[];
  readonly attestation?: Attestation;
}
