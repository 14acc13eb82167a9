// What a caller demands of a bundle. The defaults are the safe choice; what lowers them says so by its name.
import type { NoteKey } from "../checkpoint/index.ts";
import type { HashAlgorithm, PublicKey } from "../crypto/index.ts";

/** A test on a text, with words for it in a message: for what an exact text cannot say, as a regular expression. */
export interface TextMatcher {
  readonly description: string;
  matches(text: string): boolean;
}

/** Who must have signed: the certificate's subject alternative name, and the issuer that vouched for it. Texts match exactly. */
export interface ExpectedIdentity {
  readonly san: string | TextMatcher;
  readonly issuer: string | TextMatcher;
}

/** How many independent proofs are demanded. What verifies beyond that is reported; what does not verify always refuses. */
export interface Thresholds {
  /** Distinct transparency logs that contain the signature. */
  readonly logEntries: number;
  /** Distinct CT logs that vouch for the certificate. Not asked of a managed key. */
  readonly scts: number;
  /** Distinct sources of time: timestamp authorities, and Rekor v1 logs with a promise. Not asked of a managed key unless given. */
  readonly observedTimes: number;
  /** Distinct timestamp authorities among those sources. */
  readonly timestamps: number;
  /** Distinct witnesses, of those in `witnesses`, that cosigned the checkpoint of every log entry. */
  readonly witnesses: number;
}

/** The thresholds where a caller says nothing. */
export const defaultThresholds: Thresholds = { logEntries: 1, scts: 1, observedTimes: 1, timestamps: 0, witnesses: 0 };

/** What a bundle must meet: an identity, for one signed with a certificate, or the public key of one signed with a managed key. */
export type Expectations = ({ readonly identity: ExpectedIdentity } | { readonly publicKey: PublicKey }) & {
  readonly thresholds?: Partial<Thresholds>;
  /** The hash that a managed key signs with besides its usual one, where neither bundle nor log entry says it. */
  readonly hashAlgorithm?: HashAlgorithm;
  /** Witnesses that are believed, as `parseVerifierKey` of the room checkpoint reads them. Lines of others do not count. */
  readonly witnesses?: readonly NoteKey[];
  /** Accept entries of Rekor v1 that have a promise and no inclusion proof: the log promised, and nothing shows that it kept it. */
  readonly acceptPromiseWithoutProof?: boolean;
  /** Accept envelopes whose payload type is the predicate type of the statement in them, as cosign 1.3 and 1.4 wrote them. */
  readonly acceptPredicateTypeForPayloadType?: boolean;
  /** Accept timestamps over these bytes besides those over the signature: cosign 2 has a whole envelope stamped, as a registry stores it. */
  readonly acceptTimestampOver?: Uint8Array;
};

/** The artifact: its bytes, or a digest of it where it is too large or not at hand. */
export type Artifact = { readonly bytes: Uint8Array } | { readonly digest: Uint8Array; readonly algorithm: HashAlgorithm };
