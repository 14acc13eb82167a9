import { encodeUtf8 } from "../encoding/index.ts";
import type { FuzzTarget } from "../testing/index.ts";
import { encodeEnvelope, encodeStatement, parseEnvelope, parseStatement, statementTypeV1 } from "./index.ts";

/** The readers of envelopes and statements. */
export async function targets(): Promise<FuzzTarget[]> {
  const statement = encodeStatement({
    type: statementTypeV1,
    subject: [{ name: "a", digest: new Map([["sha256", "00".repeat(32)]]), annotations: { a: [1, null, true] } }],
    predicateType: "https://a.test/p",
    predicate: { a: { b: ["c"] } },
  });
  const envelope = encodeEnvelope({
    payload: statement,
    payloadType: "application/vnd.in-toto+json",
    signatures: [{ sig: Uint8Array.of(1), keyid: "k" }],
  });
  return [
    { name: "parseEnvelope", seeds: [encodeUtf8(envelope)], run: (input) => void parseEnvelope(input) },
    { name: "parseStatement", seeds: [statement], run: (input) => void parseStatement(input) },
  ];
}
