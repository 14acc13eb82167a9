import { encodeEnvelope } from "../attestation/index.ts";
import { encodeBase64, encodeUtf8 } from "../encoding/index.ts";
import { type FuzzTarget, MemorySigstore } from "../testing/index.ts";
import { encodeBundle } from "./encode-bundle.ts";
import {
  bundleFromDetached,
  bundleFromPep740,
  encodeTransparencyLogEntry,
  parseBundle,
  parseBundles,
  parseCosignBundle,
} from "./index.ts";

/** Every reader of bundles. */
export async function targets(): Promise<FuzzTarget[]> {
  const sigstore = await MemorySigstore.create();
  const bundles = [
    (await sigstore.sign({ timestamp: true })).bundle,
    (await sigstore.sign({ content: "envelope", log: "v2" })).bundle,
    (await sigstore.sign({ managed: true })).bundle,
  ];
  const texts = bundles.map((bundle) => encodeUtf8(encodeBundle(bundle)));
  const [message, envelope] = bundles;
  if (message === undefined || envelope === undefined) throw new TypeError("there are bundles");
  const [entry] = message.tlogEntries;
  const cert = "certificate" in message.material ? message.material.certificate.der : new Uint8Array(0);
  const cosign = encodeUtf8(
    JSON.stringify({
      base64Signature: "MAEC",
      cert: encodeBase64(encodeUtf8("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")),
      rekorBundle: {
        SignedEntryTimestamp: "AAAA",
        Payload: { body: encodeBase64(entry?.body ?? new Uint8Array(0)), integratedTime: 5, logIndex: 7, logID: "00".repeat(32) },
      },
    }),
  );
  const pep740 = encodeUtf8(
    JSON.stringify({
      version: 1,
      verification_material: {
        certificate: encodeBase64(cert),
        transparency_entries: entry === undefined ? [] : [encodeTransparencyLogEntry(entry)],
      },
      envelope: { statement: "e30=", signature: "MAEC" },
    }),
  );
  const dsse = "dsseEnvelope" in envelope.content ? encodeUtf8(encodeEnvelope(envelope.content.dsseEnvelope)) : new Uint8Array(0);
  return [
    { name: "parseBundle", seeds: texts, run: (input) => void parseBundle(input) },
    { name: "parseBundles", seeds: [...texts, cosign, pep740], run: (input) => void parseBundles(input) },
    { name: "parseCosignBundle", seeds: [cosign], run: (input) => void parseCosignBundle(input) },
    { name: "bundleFromPep740", seeds: [pep740], run: (input) => void bundleFromPep740(input) },
    {
      name: "bundleFromDetached signature",
      seeds: [dsse, encodeUtf8("MAEC")],
      run: (signature) => void bundleFromDetached({ signature }),
    },
    {
      name: "bundleFromDetached certificate",
      seeds: [cert, encodeUtf8(encodeBase64(cert))],
      run: (certificate) =>
        void bundleFromDetached({ signature: Uint8Array.of(1), certificate, chain: certificate, timestamps: [certificate] }),
    },
  ];
}
