// What preparing a proposal gives.

/** A payload that is kept beside its entry. */
export interface Attestation {
  /** `sha256:` and the hash that the stored body names it by. */
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** A verified proposal. Whether a certificate in it is to be trusted was not checked. */
export interface PreparedBody {
  /** The canonical body: the leaf. */
  readonly body: Uint8Array;
  /** The texts under which the entry is found. */
  readonly searchKeys: readonly string[];
  readonly attestation?: Attestation;
}
