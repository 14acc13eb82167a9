// A CT log elsewhere, in place of the embedded one: its key from a file, so that every SCT is verified and the trusted root lists it.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { defaultScheme, type PublicKey, parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import type { TransparencyLog } from "@sigillum/library/trusted-root";
import type { Settings } from "../settings/index.ts";
import { composeError } from "./errors.ts";

/** The log at `ctLog.remoteUrl`, as the trusted root lists it; undefined where the settings name none. */
export async function remoteCtLogOf(settings: Settings): Promise<TransparencyLog | undefined> {
  const { remoteUrl, remotePublicKeyFile } = settings.ctLog;
  if (remoteUrl === undefined) return undefined;
  if (remotePublicKeyFile === undefined)
    throw composeError("STACK_FILE_UNREADABLE", "Cannot start: ctLog.remoteUrl is set, and ctLog.remotePublicKeyFile is not", {
      expected: "a PEM file with the log's public key",
    });
  const publicKey = await readKey(settings, remotePublicKeyFile);
  return {
    baseUrl: remoteUrl,
    hashAlgorithm: "sha256",
    publicKey,
    scheme: defaultScheme(publicKey),
    // Since when its key signs is not ours to know; a time that moved with our starts would disown older certificates.
    validFor: { startMs: 0 },
    logId: sha256(publicKey.spki),
    operator: new URL(remoteUrl).hostname,
  };
}

async function readKey(settings: Settings, path: string): Promise<PublicKey> {
  try {
    return parsePublicKeyPem(await readFile(isAbsolute(path) ? path : join(settings.dataDirectory, path), "utf8"));
  } catch (cause) {
    const found = isSigillumError(cause)
      ? cause.message
      : cause instanceof Error && "code" in cause
        ? String(cause.code)
        : "an unknown failure";
    throw composeError("STACK_FILE_UNREADABLE", `Cannot start: the file of ctLog.remotePublicKeyFile cannot be read: ${found}`, {
      cause,
      found,
      expected: path,
    });
  }
}
