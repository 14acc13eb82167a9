// What a verification proved.
import type { Statement } from "../attestation/index.ts";
import type { PublicKey } from "../crypto/index.ts";
import type { CertificateAuthority, TransparencyLog } from "../trusted-root/index.ts";
import type { Certificate, FulcioClaims, GeneralName } from "../x509/index.ts";

/** A time at which the signature existed, and who vouches for it. */
export interface VerifiedTime {
  readonly source: "timestamp authority" | "transparency log";
  readonly timeMs: number;
  /** The address of the source in the trusted root. */
  readonly url: string;
  /** The source's key as SubjectPublicKeyInfo: two sources are distinct when their keys are, whatever their addresses. */
  readonly key: Uint8Array;
}

/** A log entry that was proved to be about this signature. */
export interface VerifiedLogEntry {
  readonly log: TransparencyLog;
  readonly logIndex: number;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970, where the log promised it. */
  readonly integratedTimeS?: number;
  /** The tree that a checkpoint of the log vouches for, and the entry's place in it; absent where only a promise was accepted. */
  readonly inclusion?: VerifiedInclusion;
}

/** A place in a tree that a log's checkpoint, and witnesses, vouch for. */
export interface VerifiedInclusion {
  readonly origin: string;
  readonly treeSize: number;
  readonly leafIndex: number;
  /** The expected witnesses that cosigned the checkpoint, and when they say they did; a key that is expected twice counts once. */
  readonly witnesses: readonly { readonly name: string; readonly timestampMs: number }[];
}

/** A signed certificate timestamp that verified. */
export interface VerifiedCertificateTimestamp {
  readonly log: TransparencyLog;
  readonly timeMs: number;
}

/** The signer of a bundle with a certificate. */
export interface VerifiedIdentity {
  /** The name in the certificate that matched. */
  readonly san: string;
  readonly sanType: GeneralName["type"];
  readonly issuer: string;
  readonly claims: FulcioClaims;
  readonly certificate: Certificate;
  /** Leaf first, anchor last. */
  readonly path: readonly Certificate[];
  readonly authority: CertificateAuthority;
  readonly scts: readonly VerifiedCertificateTimestamp[];
}

/** Everything that was proved. Exactly one of `identity` and `publicKey` is there. */
export interface Verified {
  readonly identity?: VerifiedIdentity;
  readonly publicKey?: PublicKey;
  readonly times: readonly VerifiedTime[];
  readonly logEntries: readonly VerifiedLogEntry[];
  /** The in-toto statement, if the bundle holds one. Its predicate is the signer's word and nothing more. */
  readonly statement?: Statement;
}
