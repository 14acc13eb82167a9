// The content of a timestamp token. RFC 3161 §2.4.2.
//
//   TSTInfo ::= SEQUENCE { version INTEGER { v1(1) }, policy OBJECT IDENTIFIER, messageImprint, serialNumber INTEGER, genTime GeneralizedTime,
//     accuracy Accuracy OPTIONAL, ordering BOOLEAN DEFAULT FALSE, nonce INTEGER OPTIONAL, tsa [0] GeneralName OPTIONAL, extensions [1] OPTIONAL }
//   Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER (1..999) OPTIONAL }
import type { HashAlgorithm } from "../crypto/index.ts";
import { DerReader, derGeneralizedTime, derInteger, derOid, derSequence, derTagged, parseDer } from "../encoding/index.ts";
import { parseGeneralName } from "../x509/index.ts";
import { parsing, timestampError } from "./errors.ts";
import { encodeMessageImprint, encodeNonce, type MessageImprint, readMessageImprint, readNonce } from "./request.ts";

/** A parsed TSTInfo. */
export interface TstInfo {
  readonly policy: string;
  readonly imprint: MessageImprint;
  /** Content octets. */
  readonly serial: Uint8Array;
  readonly genTimeMs: number;
  readonly ordering: boolean;
  /** Content octets. */
  readonly nonce: Uint8Array | undefined;
}

const version1 = derInteger(1);
const oneSecond = derSequence(derInteger(1));

/** Read a TSTInfo. A critical extension is refused; accuracy and the authority's name are read for their form alone. */
export function parseTstInfo(der: Uint8Array): TstInfo {
  return parsing("TIMESTAMP_RESPONSE_MALFORMED", "parse timestamp token", () => {
    const reader = DerReader.sequence(parseDer(der));
    const version = reader.smallInteger("TSTInfo version");
    if (version !== 1)
      throw timestampError(
        "TIMESTAMP_RESPONSE_MALFORMED",
        `Cannot parse timestamp token: found TSTInfo version ${version}, expected 1`,
      );
    const policy = reader.oid("policy");
    const imprint = readMessageImprint(reader.sequence("message imprint"));
    const serial = reader.integer("serial number");
    if (reader.peekTag() !== 0x18) reader.expect(0x18, "genTime");
    const genTimeMs = reader.time("genTime");
    const accuracy = reader.optional(0x30);
    if (accuracy !== undefined) readAccuracy(DerReader.sequence(accuracy));
    const ordering = reader.peekTag() === 0x01 && reader.boolean("ordering");
    const nonce = reader.peekTag() === 0x02 ? readNonce(reader) : undefined;
    const tsa = reader.optional(0xa0);
    if (tsa !== undefined) parseGeneralName(parseDer(tsa.contents));
    const extensions = reader.optional(0xa1);
    if (extensions !== undefined) checkExtensions(DerReader.inside(extensions));
    reader.end("TSTInfo");
    return { policy, imprint, serial, genTimeMs, ordering, nonce };
  });
}

/** Write a TSTInfo as certificate-authority §8.3 lists its fields: whole seconds, accuracy one second, no ordering. */
export function encodeTstInfo(p: {
  readonly policy: string;
  readonly hash: HashAlgorithm;
  readonly digest: Uint8Array;
  /** Unsigned, big-endian. */
  readonly serial: Uint8Array;
  readonly genTimeMs: number;
  /** Content octets. */
  readonly nonce: Uint8Array | undefined;
  /** The authority's subject, a Name. */
  readonly tsa: Uint8Array;
}): Uint8Array {
  return derSequence(
    version1,
    derOid(p.policy),
    encodeMessageImprint(p.hash, p.digest),
    derInteger(p.serial),
    derGeneralizedTime(Math.floor(p.genTimeMs / 1000) * 1000),
    oneSecond,
    ...(p.nonce === undefined ? [] : [encodeNonce(p.nonce)]),
    derTagged(0xa0, derTagged(0xa4, p.tsa)), // [0] EXPLICIT GeneralName, directoryName [4] EXPLICIT Name
  );
}

function readAccuracy(reader: DerReader): void {
  if (reader.peekTag() === 0x02) reader.smallInteger("accuracy seconds");
  reader.optional(0x80);
  reader.optional(0x81);
  reader.end("accuracy");
}

function checkExtensions(reader: DerReader): void {
  while (!reader.atEnd) {
    const extension = reader.sequence("extension");
    const oid = extension.oid("extension identifier");
    const critical = extension.optional(0x01);
    extension.octetString("extension value");
    extension.end("extension");
    if (critical === undefined || critical.contents[0] === 0) continue;
    throw timestampError(
      "TIMESTAMP_EXTENSION_UNSUPPORTED",
      `Cannot verify timestamp token: critical extension ${oid} is not understood`,
      { found: oid },
    );
  }
}
