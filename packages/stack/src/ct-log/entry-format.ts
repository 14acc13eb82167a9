// Entries of a CT log as the log engine sees them: RFC 6962 leaves, records of static-ct data tiles.
import { sha256 } from "@sigillum/library/crypto";
import {
  type CtEntry,
  encodeTimestampedEntry,
  leafIndexExtension,
  leafOfRecord,
  merkleTreeLeaf,
  parseDataTile,
} from "@sigillum/library/ct";
import { concatBytes, TlsWriter } from "@sigillum/library/encoding";
import type { EntryFormat } from "../log-engine/index.ts";

/** What the log adds: an accepted submission. */
export interface CtLogEntry {
  readonly entry: CtEntry;
  /** The precertificate as it was submitted, for an entry of type precert. */
  readonly precertificate?: Uint8Array;
  /** SHA-256 of each issuer, the direct one first. */
  readonly chainFingerprints: readonly Uint8Array[];
}

const noExtensions = new Uint8Array();

/** The format of a log whose SCTs name the leaf index (static-ct-api) or, where `leafIndex` is false, have no extensions. */
export function ctEntryFormat(leafIndex: boolean): EntryFormat<CtLogEntry> {
  return {
    // RFC 6962 §3: a certificate logged twice may be answered with the same SCT; time and index are the log's, not the entry's.
    identity: ({ entry }) => sha256(encodeTimestampedEntry({ timestampMs: 0, entry, extensions: noExtensions })),
    leaf: ({ entry }, index, timeMs) =>
      merkleTreeLeaf({ timestampMs: timeMs, entry, extensions: leafIndex ? leafIndexExtension(index) : noExtensions }),
    record: encodeRecord,
    splitBundle: (bundle) => parseDataTile(bundle).map((record) => record.bytes),
    leafOfRecord,
    searchKeys: () => [],
    byteLength: ({ entry, precertificate }) =>
      256 + (entry.type === "x509" ? entry.certificate.length : entry.tbs.length) + (precertificate?.length ?? 0),
  };
}

/** static-ct-api TileLeaf: the TimestampedEntry, which is the leaf without its two leading octets, precertificate, fingerprints. */
function encodeRecord(entry: CtLogEntry, leaf: Uint8Array): Uint8Array {
  const writer = new TlsWriter(
    leaf.length + (entry.precertificate?.length ?? 0) + 64 + 32 * entry.chainFingerprints.length,
  ).bytes(leaf.subarray(2));
  if (entry.precertificate !== undefined) writer.vector24(entry.precertificate);
  return writer.vector16(concatBytes(...entry.chainFingerprints)).finish();
}
