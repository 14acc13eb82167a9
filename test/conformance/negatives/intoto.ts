// Bundles whose log entry is of the kind `intoto`, which Rekor v1 wrote of old, and is about something else (client-conformance.md §8.8).
import type { Envelope } from "@sigillum/library/attestation";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodeJcs, encodeUtf8, type JsonValue } from "@sigillum/library/encoding";
import { encodeVerifierPem } from "@sigillum/library/log-entry";
import { flipLastBit, signingTimeMs } from "@sigillum/library/testing";
import { finish, type NegativeCase } from "./case.ts";

interface Fields {
  readonly envelope: Envelope;
  readonly pem: string;
}
type Edit = (fields: Fields) => Fields;
type Version = "0.0.1" | "0.0.2";

const hashOf = (bytes: Uint8Array): JsonValue => ({ algorithm: "sha256", value: encodeHex(sha256(bytes)) });

// The envelope as Go writes it, which is what 0.0.1 has the hash of.
function envelopeText({ payload, payloadType, signatures }: Envelope): Uint8Array {
  const list = signatures.map(({ sig }) => `{"keyid":"","sig":"${encodeBase64(sig)}"}`).join(",");
  return encodeUtf8(`{"payloadType":"${payloadType}","payload":"${encodeBase64(payload)}","signatures":[${list}]}`);
}

function specOf(version: Version, { envelope, pem }: Fields): JsonValue {
  const hash = hashOf(envelopeText(envelope));
  const payloadHash = hashOf(envelope.payload);
  if (version === "0.0.1") return { content: { hash, payloadHash }, publicKey: pem };
  const signatures = envelope.signatures.map(({ sig }) => ({ publicKey: pem, sig: encodeBase64(encodeUtf8(encodeBase64(sig))) }));
  return { content: { envelope: { payloadType: envelope.payloadType, signatures }, hash, payloadHash } };
}

/** A bundle with such an entry, honest but for the edit. */
export function withIntoto(version: Version, edit: Edit = (honest) => honest): NegativeCase["make"] {
  return async ({ own }) => {
    const { bundle } = await own.sign({ content: "envelope", log: "none" });
    if (!("certificate" in bundle.material && "dsseEnvelope" in bundle.content)) throw new TypeError("an envelope was signed");
    const pem = encodeBase64(encodeVerifierPem({ type: "certificate", der: bundle.material.certificate.der }));
    const spec = specOf(version, edit({ envelope: bundle.content.dsseEnvelope, pem }));
    const body = encodeJcs({ apiVersion: version, kind: "intoto", spec });
    return finish(own.trustedRoot, { ...bundle, tlogEntries: [await own.logV1.add(body, signingTimeMs)] });
  };
}

const envelope =
  (change: (honest: Envelope) => Partial<Envelope>): Edit =>
  (fields) => ({ ...fields, envelope: { ...fields.envelope, ...change(fields.envelope) } });
const flipped = ({ signatures }: Envelope): Partial<Envelope> => ({
  signatures: signatures.map((one) => ({ ...one, sig: flipLastBit(one.sig) })),
});

type Row = readonly [name: string, code: string, wrong: string, make: NegativeCase["make"]];

const rows: readonly Row[] = [
  [
    "intoto-0.0.2-payload-type-another",
    "ENTRY_PAYLOAD_TYPE_MISMATCH",
    "the log entry is of another payload type",
    withIntoto(
      "0.0.2",
      envelope(() => ({ payloadType: "text/plain" })),
    ),
  ],
  [
    "intoto-0.0.2-payload-another",
    "ENTRY_PAYLOAD_HASH_MISMATCH",
    "the log entry is of another payload",
    withIntoto(
      "0.0.2",
      envelope(() => ({ payload: encodeUtf8("{}") })),
    ),
  ],
  [
    "intoto-0.0.2-signature-another",
    "ENTRY_SIGNATURE_MISMATCH",
    "the log entry is of another signature",
    withIntoto("0.0.2", envelope(flipped)),
  ],
  [
    "intoto-0.0.1-envelope-another",
    "ENTRY_ENVELOPE_HASH_MISMATCH",
    "the log entry has the hash of an envelope with another signature",
    withIntoto("0.0.1", envelope(flipped)),
  ],
];

/** The cases of this file. */
export const intotoCases: readonly NegativeCase[] = rows.map(([name, code, wrong, make]) => ({
  name,
  rule: "8.8",
  code,
  wrong,
  make,
}));
