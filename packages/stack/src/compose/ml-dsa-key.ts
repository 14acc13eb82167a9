// The further key of a shard of log v2, ML-DSA-44, with which it cosigns each of its checkpoints (C2SP tlog-cosignature 0x06).
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import { generatePrivateKey, openSigner, passphraseFromEnvironment, writePrivateKey } from "@sigillum/signers/signers";
import type { ShardRecord } from "../keyring/index.ts";
import type { Settings } from "../settings/index.ts";
import { composeError } from "./errors.ts";

/** Where the key of a shard is: in a file whatever holds the other keys, for few tokens know the algorithm. */
export function mlDsaKeyFile({ dataDirectory }: Pick<Settings, "dataDirectory">, { id }: Pick<ShardRecord, "id">): string {
  return join(dataDirectory, "keys", `log-v2-${id}-ml-dsa-44.pem`);
}

/**
 * Open the ML-DSA-44 key of a shard, which is made where there is none; nothing where the settings ask for none, or the shard is sealed and
 * signs nothing. Rejects STACK_ML_DSA_MISSING on a platform that lacks the algorithm.
 */
export async function openMlDsaSigners(
  settings: Settings,
  record: ShardRecord,
  generate: () => Uint8Array = () => generatePrivateKey("ml-dsa-44"),
): Promise<Signer[]> {
  if (!settings.transparencyLog.mlDsaV2 || record.state === "sealed") return [];
  const path = mlDsaKeyFile(settings, record);
  // The stack's own passphrase, as for its other keys: cosign's stands in many shells.
  const passphrase = await passphraseFromEnvironment({ ...process.env, COSIGN_PASSWORD: undefined });
  const secret = passphrase === undefined ? {} : { passphrase };
  try {
    return [await openSigner(`file:${path}`, secret)];
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "SIGNER_FILE_MISSING") throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writePrivateKey(path, generated(generate), secret);
  return [await openSigner(`file:${path}`, secret)];
}

function generated(generate: () => Uint8Array): Uint8Array {
  try {
    return generate();
  } catch (cause) {
    throw composeError(
      "STACK_ML_DSA_MISSING",
      `Cannot make the ML-DSA-44 key of log v2: Node ${process.versions.node} with OpenSSL ${process.versions.openssl} lacks the algorithm`,
      {
        cause,
        found: `Node ${process.versions.node}`,
        expected: "Node 24.7 or newer with OpenSSL 3.5, or transparencyLog.mlDsaV2: false",
      },
    );
  }
}
