// Timestamp tokens of which one part is other than it must be.

import { digest, type HashAlgorithm, sha256 } from "@sigillum/library/crypto";
import {
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTagged,
} from "@sigillum/library/encoding";
import { type MemoryChain, signingTimeMs } from "@sigillum/library/testing";
import { sigstoreTimestampPolicy } from "@sigillum/library/timestamp";
import { hashAlgorithmOid, signatureAlgorithmIdentifier } from "@sigillum/library/x509";

const id = {
  signedData: "1.2.840.113549.1.7.2",
  tstInfo: "1.2.840.113549.1.9.16.1.4",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  certificateV2: "1.2.840.113549.1.9.16.2.47",
};

/** What of a token is other than it must be; whatever is changed, the token is signed as it then is. */
export interface TokenEdit {
  readonly status?: number;
  readonly imprintHash?: HashAlgorithm;
  readonly infoVersion?: number;
  readonly extension?: Uint8Array;
  readonly contentType?: string;
  readonly signedContentType?: string;
  readonly messageDigest?: (honest: Uint8Array) => Uint8Array;
  readonly certificateHash?: (honest: Uint8Array) => Uint8Array;
  readonly certificateIssuer?: Uint8Array;
  readonly attributes?: (honest: Uint8Array[]) => Uint8Array[];
  readonly signerInfos?: (one: Uint8Array) => Uint8Array[];
  readonly signature?: (honest: Uint8Array) => Uint8Array;
  readonly after?: Uint8Array;
  readonly genTimeMs?: number;
}

const attribute = (oid: string, value: Uint8Array): Uint8Array => derSequence(derOid(oid), derSetOf(value));

/** Make a token by an authority, with what is to be wrong in it. */
export async function token(tsa: MemoryChain, stamped: Uint8Array, edit: TokenEdit): Promise<Uint8Array> {
  const { issuing: leaf, issuingSigner: signer } = tsa;
  const hash = edit.imprintHash ?? "sha256";
  const info = derSequence(
    derInteger(edit.infoVersion ?? 1),
    derOid(sigstoreTimestampPolicy),
    derSequence(derSequence(derOid(hashAlgorithmOid(hash)), derNull()), derOctetString(digest(hash, stamped))),
    derInteger(5),
    derGeneralizedTime(edit.genTimeMs ?? signingTimeMs),
    ...(edit.extension === undefined ? [] : [derTagged(0xa1, edit.extension)]),
  );
  const identified = derSequence(
    derOctetString(edit.certificateHash?.(sha256(leaf.der)) ?? sha256(leaf.der)),
    derSequence(derSequence(derTagged(0xa4, edit.certificateIssuer ?? leaf.issuer)), derTagged(0x02, leaf.serial)),
  );
  const honest = [
    attribute(id.contentType, derOid(edit.signedContentType ?? id.tstInfo)),
    attribute(id.messageDigest, derOctetString(edit.messageDigest?.(sha256(info)) ?? sha256(info))),
    attribute(id.certificateV2, derSequence(derSequence(identified))),
  ];
  const attributes = derSetOf(...(edit.attributes?.(honest) ?? honest));
  const signature = await signer.sign(attributes);
  const algorithm = derSequence(derOid(hashAlgorithmOid("sha256")));
  const signerInfo = derSequence(
    derInteger(1),
    derSequence(leaf.issuer, derTagged(0x02, leaf.serial)),
    algorithm,
    Uint8Array.of(0xa0, ...attributes.subarray(1)),
    signatureAlgorithmIdentifier(signer.scheme),
    derOctetString(edit.signature?.(signature) ?? signature),
  );
  const data = derSequence(
    derInteger(3),
    derSetOf(algorithm),
    derSequence(derOid(edit.contentType ?? id.tstInfo), derTagged(0xa0, derOctetString(info))),
    derSetOf(...(edit.signerInfos?.(signerInfo) ?? [signerInfo])),
  );
  const response = derSequence(
    derSequence(derInteger(edit.status ?? 0)),
    derSequence(derOid(id.signedData), derTagged(0xa0, data)),
  );
  return edit.after === undefined ? response : Uint8Array.of(...response, ...edit.after);
}
