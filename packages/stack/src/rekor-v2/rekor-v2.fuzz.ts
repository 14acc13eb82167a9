// What a client of Rekor v2 can post.
import { generateKeyPairSync, sign } from "node:crypto";
import { sha256 } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { encodeCreateEntryRequestV2 } from "@sigillum/library/log-entry";
import type { FuzzTarget } from "@sigillum/library/testing";
import { prepareEntry } from "./prepare-entry.ts";

/** The reader of requests. */
export async function targets(): Promise<FuzzTarget[]> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const message = encodeUtf8("artifact");
  const request = encodeCreateEntryRequestV2({
    hashAlgorithm: "sha256",
    digest: sha256(message),
    signature: sign("sha256", message, privateKey),
    verifier: { type: "publicKey", der: publicKey.export({ type: "spki", format: "der" }) },
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
  });
  return [{ name: "hashedRekordRequestV002", seeds: [encodeUtf8(request)], run: (input) => void prepareEntry(input) }];
}
