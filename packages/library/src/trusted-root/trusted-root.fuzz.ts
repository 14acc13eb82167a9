import { encodeUtf8 } from "../encoding/index.ts";
import { type FuzzTarget, MemorySigstore } from "../testing/index.ts";
import { encodeTrustedRoot, parseSigningConfig, parseTrustedRoot } from "./index.ts";

/** The readers of trusted roots and signing configs. */
export async function targets(): Promise<FuzzTarget[]> {
  const { trustedRoot } = await MemorySigstore.create();
  const service = { url: "https://a.test", majorApiVersion: 1, validFor: { start: "2026-01-01T00:00:00Z" }, operator: "a" };
  const config = {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service],
    oidcUrls: [service],
    rekorTlogUrls: [service],
    tsaUrls: [service],
    rekorTlogConfig: { selector: "ANY" },
    tsaConfig: { selector: "EXACT", count: 1 },
  };
  return [
    {
      name: "parseTrustedRoot",
      seeds: [encodeUtf8(encodeTrustedRoot(trustedRoot))],
      run: (input) => void parseTrustedRoot(input),
    },
    { name: "parseSigningConfig", seeds: [encodeUtf8(JSON.stringify(config))], run: (input) => void parseSigningConfig(input) },
  ];
}
