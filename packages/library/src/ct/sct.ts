// Signed certificate timestamps. RFC 6962 §3.2 and §3.3.
//
//   struct { Version sct_version = v1(0); LogID id[32]; uint64 timestamp; CtExtensions extensions<0..2^16-1>;
//            DigitallySigned signature; } SignedCertificateTimestamp;
//   opaque SerializedSCT<1..2^16-1>;  struct { SerializedSCT sct_list<1..2^16-1>; } SignedCertificateTimestampList;
import type { Signer } from "../crypto/index.ts";
import { encodeHex, parseDer, TlsReader, TlsWriter } from "../encoding/index.ts";
import { type Certificate, extensionOids, findExtension } from "../x509/index.ts";
import { type DigitallySigned, digitallySign, readDigitallySigned, writeDigitallySigned } from "./digitally-signed.ts";
import { sctSigningInput, type TimestampedEntry } from "./entry.ts";
import { ctError, parsing } from "./errors.ts";

/** A log's promise that it holds a certificate. */
export interface SignedCertificateTimestamp extends DigitallySigned {
  /** SHA-256 of the log's SPKI. */
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  readonly extensions: Uint8Array;
}

const maxScts = 32;

/** Read one SCT, to its last byte. */
export function parseSct(bytes: Uint8Array): SignedCertificateTimestamp {
  return parsing("CT_SCT_MALFORMED", "parse SCT", () => {
    const reader = new TlsReader(bytes);
    const version = reader.uint8("SCT version");
    if (version !== 0) throw malformed(`found version ${version + 1}, expected version 1`);
    const logId = reader.bytes(32, "log id");
    const timestampMs = reader.uint64("SCT timestamp");
    const extensions = reader.vector16("SCT extensions");
    const signed = readDigitallySigned(reader);
    reader.end("SCT");
    return { logId, timestampMs, extensions, ...signed };
  });
}

/** Write one SCT. */
export function encodeSct(sct: SignedCertificateTimestamp): Uint8Array {
  const writer = new TlsWriter(160).uint8(0).bytes(sct.logId).uint64(sct.timestampMs).vector16(sct.extensions);
  return writeDigitallySigned(writer, sct).finish();
}

/** Read a SignedCertificateTimestampList: 1 to 32 SCTs. */
export function parseSctList(bytes: Uint8Array): SignedCertificateTimestamp[] {
  return parsing("CT_SCT_MALFORMED", "parse SCT list", () => {
    const outer = new TlsReader(bytes);
    const reader = new TlsReader(outer.vector16("SCT list"));
    outer.end("SCT list");
    const scts: SignedCertificateTimestamp[] = [];
    while (!reader.atEnd) {
      scts.push(parseSct(reader.vector16("SCT")));
      if (scts.length > maxScts) throw malformed(`expected at most ${maxScts} in a list`);
    }
    if (scts.length === 0) throw malformed("the list is empty");
    return scts;
  });
}

/** Write a SignedCertificateTimestampList: what `sctListExtension` of the room x509 takes. */
export function encodeSctList(scts: readonly SignedCertificateTimestamp[]): Uint8Array {
  const list = new TlsWriter();
  for (const sct of scts) list.vector16(encodeSct(sct));
  return new TlsWriter().vector16(list.finish()).finish();
}

/** The SCTs that a certificate carries, unverified; an empty list where it has no such extension. */
export function embeddedScts(certificate: Certificate): SignedCertificateTimestamp[] {
  const extension = findExtension(certificate.extensions, extensionOids.sctList);
  if (extension === undefined) return [];
  return parsing("CT_SCT_MALFORMED", "parse embedded SCT list", () => {
    const octets = parseDer(extension.value);
    if (octets.tag !== 0x04) throw malformed(`found tag 0x${octets.tag.toString(16)}, expected an OCTET STRING around the list`);
    return parseSctList(octets.contents);
  });
}

/** Sign an entry as the log whose id is `logId`. That the entry is in the log, or will be, is for the caller to see to. */
export async function signSct(p: {
  readonly timestamped: TimestampedEntry;
  readonly logId: Uint8Array;
  readonly signer: Signer;
}): Promise<SignedCertificateTimestamp> {
  const { timestampMs, extensions } = p.timestamped;
  if (p.logId.length !== 32) throw new TypeError(`Cannot sign SCT: log id ${encodeHex(p.logId)} is not 32 bytes`);
  return { logId: p.logId, timestampMs, extensions, ...(await digitallySign(p.signer, sctSigningInput(p.timestamped))) };
}

function malformed(why: string): Error {
  return ctError("CT_SCT_MALFORMED", `Cannot parse SCT: ${why}`);
}
