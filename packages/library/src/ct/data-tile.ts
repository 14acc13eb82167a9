// Data tiles of a static CT log, and the same facts as RFC 6962 get-entries tells them. C2SP static-ct-api, "Log Entries"; RFC 6962 §4.6.
//
//   struct { TimestampedEntry timestamped_entry; select (entry_type) { case x509_entry: Empty; case precert_entry: ASN.1Cert pre_certificate; };
//            Fingerprint certificate_chain<0..2^16-1>; } TileLeaf;  opaque Fingerprint[32];
import { concatBytes, TlsReader, TlsWriter } from "../encoding/index.ts";
import { encodeTimestampedEntry, merkleTreeLeaf, readTimestampedEntry, type TimestampedEntry } from "./entry.ts";
import { ctError, parsing } from "./errors.ts";

/** One entry of a data tile. */
export interface DataTileRecord {
  readonly timestamped: TimestampedEntry;
  /** The precertificate as it was submitted; absent for a final certificate. */
  readonly precertificate?: Uint8Array;
  /** SHA-256 of each certificate of the chain, the issuer first. */
  readonly chainFingerprints: readonly Uint8Array[];
  /** The record's own bytes. */
  readonly bytes: Uint8Array;
}

const maxRecords = 256;
const fingerprintLength = 32;

/** Write one record of a data tile; `precertificate` is given exactly for an entry of type precert, anything else is a TypeError. */
export function encodeDataTileRecord(record: Omit<DataTileRecord, "bytes">): Uint8Array {
  const { timestamped, precertificate, chainFingerprints } = record;
  if ((precertificate !== undefined) !== (timestamped.entry.type === "precert"))
    throw new TypeError("Cannot write data tile: precertificate and entry type differ");
  if (chainFingerprints.some((one) => one.length !== fingerprintLength))
    throw new TypeError("Cannot write data tile: a fingerprint is not 32 bytes");
  const entry = encodeTimestampedEntry(timestamped);
  const writer = new TlsWriter(
    entry.length + (precertificate?.length ?? 0) + 64 + fingerprintLength * chainFingerprints.length,
  ).bytes(entry);
  if (precertificate !== undefined) writer.vector24(precertificate);
  return writer.vector16(concatBytes(...chainFingerprints)).finish();
}

/** Read a data tile, 1 to 256 records, to its last byte. */
export function parseDataTile(tile: Uint8Array): DataTileRecord[] {
  return parsing("CT_ENTRY_MALFORMED", "parse data tile", () => {
    const reader = new TlsReader(tile);
    const records: DataTileRecord[] = [];
    while (!reader.atEnd) {
      if (records.length === maxRecords)
        throw ctError("CT_ENTRY_MALFORMED", `Cannot parse data tile: expected at most ${maxRecords} records`);
      records.push(readRecord(reader));
    }
    return records;
  });
}

/** Read exactly one record. */
export function parseDataTileRecord(bytes: Uint8Array): DataTileRecord {
  return parsing("CT_ENTRY_MALFORMED", "parse data tile record", () => {
    const reader = new TlsReader(bytes);
    const record = readRecord(reader);
    reader.end("data tile record");
    return record;
  });
}

/** The Merkle tree leaf of a record: what the tree hashes. */
export function leafOfRecord(record: Uint8Array): Uint8Array {
  return merkleTreeLeaf(parseDataTileRecord(record).timestamped);
}

/**
 * Write the `extra_data` of get-entries: the chain, and before it the precertificate where there is one.
 * `chain` is in full, not as fingerprints, the issuer first.
 */
export function encodeExtraData(p: {
  readonly precertificate?: Uint8Array | undefined;
  readonly chain: readonly Uint8Array[];
}): Uint8Array {
  const chain = new TlsWriter(4096);
  for (const certificate of p.chain) chain.vector24(certificate);
  const writer = new TlsWriter(4096);
  if (p.precertificate !== undefined) writer.vector24(p.precertificate);
  return writer.vector24(chain.finish()).finish();
}

function readRecord(reader: TlsReader): DataTileRecord {
  const before = reader.rest();
  const timestamped = readTimestampedEntry(reader);
  const precertificate = timestamped.entry.type === "precert" ? reader.vector24("precertificate") : undefined;
  const chainFingerprints = splitFingerprints(reader.vector16("certificate chain"));
  const bytes = before.subarray(0, before.length - reader.rest().length);
  return precertificate === undefined
    ? { timestamped, chainFingerprints, bytes }
    : { timestamped, precertificate, chainFingerprints, bytes };
}

function splitFingerprints(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length % fingerprintLength !== 0) {
    const found = `${bytes.length} bytes`;
    throw ctError(
      "CT_ENTRY_MALFORMED",
      `Cannot parse certificate chain: found ${found}, expected a multiple of ${fingerprintLength}`,
      { found },
    );
  }
  const fingerprints: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += fingerprintLength) fingerprints.push(bytes.subarray(at, at + fingerprintLength));
  return fingerprints;
}
