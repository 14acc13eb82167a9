import { type FuzzTarget, generateSigner, MemorySigstore } from "../testing/index.ts";
import {
  embeddedScts,
  encodeSctList,
  merkleTreeLeaf,
  parseLeafIndexExtension,
  parseMerkleTreeLeaf,
  parseSctList,
  precertificateEntry,
} from "./index.ts";

/** The readers of SCTs and leaves. */
export async function targets(): Promise<FuzzTarget[]> {
  const sigstore = await MemorySigstore.create();
  const certificate = await sigstore.certify(generateSigner().publicKey);
  const scts = embeddedScts(certificate);
  const entry = { type: "x509", certificate: certificate.der } as const;
  const leaves = [
    merkleTreeLeaf({ timestampMs: 1, entry, extensions: scts[0]?.extensions ?? new Uint8Array(0) }),
    merkleTreeLeaf({
      timestampMs: 1,
      entry: { type: "precert", issuerKeyHash: new Uint8Array(32), tbs: certificate.tbs },
      extensions: new Uint8Array(0),
    }),
  ];
  void precertificateEntry;
  return [
    { name: "parseSctList", seeds: [encodeSctList(scts)], run: (input) => void parseSctList(input) },
    { name: "parseMerkleTreeLeaf", seeds: leaves, run: (input) => void parseMerkleTreeLeaf(input) },
    {
      name: "parseLeafIndexExtension",
      seeds: scts.map(({ extensions }) => extensions),
      run: (input) => void parseLeafIndexExtension(input),
    },
  ];
}
