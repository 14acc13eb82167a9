// Timestamp responses. RFC 3161 §2.4.2.
//
//   TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
//   PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString SEQUENCE OF UTF8String OPTIONAL, failInfo BIT STRING OPTIONAL }
import { DerReader, derBitString, derInteger, derSequence, derUtf8String, parseDer } from "../encoding/index.ts";
import { parsing, timestampError } from "./errors.ts";
import { timestampLimits } from "./request.ts";
import { parseSignedToken, type SignedToken } from "./signed-data.ts";
import { parseTstInfo, type TstInfo } from "./tst-info.ts";

/** A timestamp token, unverified. */
export interface TimestampToken extends SignedToken {
  /** The whole ContentInfo. */
  readonly der: Uint8Array;
  readonly info: TstInfo;
}

/** A parsed response. */
export interface TimestampResponse {
  /** 0 granted, 1 granted with modifications, 2 rejected, and others of RFC 3161. */
  readonly status: number;
  readonly statusText: readonly string[];
  readonly failures: readonly TimestampFailure[];
  readonly token: TimestampToken | undefined;
}

// PKIFailureInfo, by bit. RFC 3161 §2.4.2
const failureBits = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const;

/** Why an authority rejected a request, by the names of RFC 3161. */
export type TimestampFailure = keyof typeof failureBits;

const failureNames: readonly TimestampFailure[] = [
  "badAlg",
  "badRequest",
  "badDataFormat",
  "timeNotAvailable",
  "unacceptedPolicy",
  "unacceptedExtension",
  "addInfoNotAvailable",
  "systemFailure",
];
const granted = derSequence(derInteger(0));
const maxStatusTexts = 16;

/** Read one DER response, its token included; nothing is verified. */
export function parseTimestampResponse(der: Uint8Array): TimestampResponse {
  if (der.length > timestampLimits.maxResponseBytes) {
    const found = `${der.length} bytes`;
    throw timestampError(
      "TIMESTAMP_TOO_LARGE",
      `Cannot parse timestamp response: found ${found}, expected at most ${timestampLimits.maxResponseBytes}`,
      { found },
    );
  }
  return parsing("TIMESTAMP_RESPONSE_MALFORMED", "parse timestamp response", () => {
    const reader = DerReader.sequence(parseDer(der));
    const info = reader.sequence("status info");
    const status = info.smallInteger("status");
    const texts = info.optional(0x30);
    const statusText = texts === undefined ? [] : readTexts(DerReader.sequence(texts));
    const failures = info.peekTag() === 0x03 ? readFailures(info) : [];
    info.end("status info");
    const value = reader.atEnd ? undefined : reader.expect(0x30, "timestamp token");
    reader.end("timestamp response");
    if (value === undefined) return { status, statusText, failures, token: undefined };
    const signed = parseSignedToken(value);
    return { status, statusText, failures, token: { der: value.bytes, ...signed, info: parseTstInfo(signed.content) } };
  });
}

/** Write a response that grants a finished token. */
export function encodeTimestampResponse(token: Uint8Array): Uint8Array {
  return derSequence(granted, token);
}

/** Write a response that rejects a request, with one reason and a sentence. */
export function encodeTimestampRejection(failure: TimestampFailure, text: string): Uint8Array {
  const bit = failureBits[failure];
  const octets = new Uint8Array((bit >> 3) + 1);
  octets[bit >> 3] = 0x80 >> (bit & 7);
  return derSequence(derSequence(derInteger(2), derSequence(derUtf8String(text)), derBitString(octets, 7 - (bit & 7))));
}

function readTexts(reader: DerReader): string[] {
  const texts: string[] = [];
  while (!reader.atEnd) {
    texts.push(reader.text("status text"));
    if (texts.length > maxStatusTexts)
      throw timestampError(
        "TIMESTAMP_RESPONSE_MALFORMED",
        `Cannot parse timestamp response: expected at most ${maxStatusTexts} status texts`,
      );
  }
  return texts;
}

function readFailures(reader: DerReader): TimestampFailure[] {
  const { octets } = reader.bits("failure info");
  return failureNames.filter((name) => {
    const bit = failureBits[name];
    return (((octets[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0;
  });
}
