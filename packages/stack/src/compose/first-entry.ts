// Entry 0 of a new log: the trusted root that the stack began with, signed by the key that signs TUF targets, or where keyholders do that by the
// one for snapshots. A log tells by its first
// line whose it is; and no client's signature gets index 0, which protobuf JSON leaves out and sigstore-python (4.5) then misses,
// so that it refuses the first bundle that cosign makes with a new log.
import { keyDetailsOf, sha256 } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { encodeCreateEntryRequestV2, encodeProposedHashedRekord } from "@sigillum/library/log-entry";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import type { Keyring } from "../keyring/index.ts";
import type { BodyEntry, LogShard } from "../log-engine/index.ts";
import { prepareEntry as prepareV1 } from "../rekor-v1/index.ts";
import { prepareEntry as prepareV2 } from "../rekor-v2/index.ts";

/** Adds the first entry to an empty shard; one that has entries is left as it is. */
export async function addFirstEntry(shard: LogShard<BodyEntry>, api: "v1" | "v2", keyring: Keyring): Promise<void> {
  if (shard.head().size > 0) return;
  const trustedRoot = encodeUtf8(encodeTrustedRoot(keyring.trustedRoot()));
  const signer = keyring.tufSigners("targets").at(-1) ?? keyring.tufSigners("snapshot").at(-1) ?? keyring.signer("tuf-snapshot");
  const signed = {
    hashAlgorithm: "sha256",
    digest: sha256(trustedRoot),
    signature: await signer.sign(trustedRoot),
    verifier: { type: "publicKey", der: signer.publicKey.spki },
  } as const;
  const keyDetails = keyDetailsOf(signer.scheme, signer.publicKey);
  await shard.add(
    api === "v1"
      ? (await prepareV1(encodeUtf8(encodeProposedHashedRekord(signed)))).entry
      : prepareV2(encodeUtf8(encodeCreateEntryRequestV2({ ...signed, keyDetails }))),
  );
}
