// What a log holds and signs of a certificate. RFC 6962 §3.1, §3.2 and §3.4.
//
//   struct { uint64 timestamp; LogEntryType entry_type (uint16); select (entry_type) { case x509_entry(0): ASN.1Cert<1..2^24-1>;
//            case precert_entry(1): struct { opaque issuer_key_hash[32]; TBSCertificate tbs<1..2^24-1>; } }; CtExtensions<0..2^16-1>; }
//     TimestampedEntry;
//   struct { Version v1(0); MerkleLeafType timestamped_entry(0); TimestampedEntry; } MerkleTreeLeaf;
//   digitally-signed struct { Version v1(0); SignatureType certificate_timestamp(0); <the fields of TimestampedEntry> };
import { sha256 } from "../crypto/index.ts";
import { TlsReader, TlsWriter } from "../encoding/index.ts";
import { type Certificate, extensionOids, tbsWithoutExtension } from "../x509/index.ts";
import { ctError, parsing } from "./errors.ts";

/** A certificate as a log holds it: whole, or for a precertificate its TBSCertificate without poison and its issuer's key hash. */
export type CtEntry =
  | { readonly type: "x509"; readonly certificate: Uint8Array }
  | { readonly type: "precert"; readonly issuerKeyHash: Uint8Array; readonly tbs: Uint8Array };

/** An entry with the log's time and the SCT's extensions. */
export interface TimestampedEntry {
  readonly timestampMs: number;
  readonly entry: CtEntry;
  readonly extensions: Uint8Array;
}

/** Largest leaf or record that is read: a certificate or TBS is bounded by the room x509. */
export const maxEntryBytes: number = 256 * 1024;

/** The entry of a precertificate: its TBS without the poison, and SHA-256 of the SPKI of the issuer of the final certificate. */
export function precertificateEntry(precertificate: Certificate, issuerSpki: Uint8Array): CtEntry {
  return { type: "precert", issuerKeyHash: sha256(issuerSpki), tbs: tbsWithoutExtension(precertificate, extensionOids.ctPoison) };
}

/** Write a TimestampedEntry. */
export function encodeTimestampedEntry(timestamped: TimestampedEntry): Uint8Array {
  return writeTimestampedEntry(new TlsWriter(capacity(timestamped)), timestamped).finish();
}

/** The bytes that an SCT signs. */
export function sctSigningInput(timestamped: TimestampedEntry): Uint8Array {
  return writeTimestampedEntry(new TlsWriter(capacity(timestamped)).uint8(0).uint8(0), timestamped).finish();
}

/** The leaf of the log's tree; its hash is the Merkle leaf hash of these bytes. They equal what the SCT signs, both structures begin with two zeros. */
export function merkleTreeLeaf(timestamped: TimestampedEntry): Uint8Array {
  return sctSigningInput(timestamped);
}

/** Read a MerkleTreeLeaf, to its last byte; the certificate or TBS in it stays unparsed. */
export function parseMerkleTreeLeaf(bytes: Uint8Array): TimestampedEntry {
  return parsing("CT_ENTRY_MALFORMED", "parse Merkle tree leaf", () => {
    if (bytes.length > maxEntryBytes)
      throw ctError(
        "CT_ENTRY_MALFORMED",
        `Cannot parse Merkle tree leaf: found ${bytes.length} bytes, expected at most ${maxEntryBytes}`,
      );
    const reader = new TlsReader(bytes);
    const version = reader.uint8("leaf version");
    const leafType = reader.uint8("leaf type");
    if (version !== 0 || leafType !== 0) {
      const found = `version ${version}, leaf type ${leafType}`;
      throw ctError("CT_ENTRY_MALFORMED", `Cannot parse Merkle tree leaf: found ${found}, expected 0 and 0`, { found });
    }
    const timestamped = readTimestampedEntry(reader);
    reader.end("Merkle tree leaf");
    return timestamped;
  });
}

/** Read a TimestampedEntry from a structure that goes on after it. */
export function readTimestampedEntry(reader: TlsReader): TimestampedEntry {
  const timestampMs = reader.uint64("entry timestamp");
  const entry = readEntry(reader);
  return { timestampMs, entry, extensions: reader.vector16("entry extensions") };
}

function readEntry(reader: TlsReader): CtEntry {
  const type = reader.uint16("entry type");
  if (type === 0) return { type: "x509", certificate: nonEmpty(reader.vector24("certificate")) };
  if (type === 1)
    return {
      type: "precert",
      issuerKeyHash: reader.bytes(32, "issuer key hash"),
      tbs: nonEmpty(reader.vector24("TBSCertificate")),
    };
  throw ctError("CT_ENTRY_MALFORMED", `Cannot parse log entry: found type ${type}, expected 0 or 1`, { found: `type ${type}` });
}

function nonEmpty(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw ctError("CT_ENTRY_MALFORMED", "Cannot parse log entry: the certificate is empty");
  return bytes;
}

function writeTimestampedEntry(writer: TlsWriter, { timestampMs, entry, extensions }: TimestampedEntry): TlsWriter {
  writer.uint64(timestampMs);
  if (entry.type === "x509") writer.uint16(0).vector24(entry.certificate);
  else writer.uint16(1).bytes(entry.issuerKeyHash).vector24(entry.tbs);
  return writer.vector16(extensions);
}

function capacity({ entry, extensions }: TimestampedEntry): number {
  return 64 + extensions.length + (entry.type === "x509" ? entry.certificate.length : entry.tbs.length);
}
