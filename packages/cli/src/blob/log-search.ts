import { type Bundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import { digest, type PublicKey } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import type { Artifact } from "@sigillum/library/verification";
import { blobError } from "./errors.ts";

/**
 * Give a detached signature its log entry, which is searched for in the Rekor v1 logs of the root, or the one at `logUrl`. What
 * comes back is verified with everything else. LOG_ENTRY_NOT_FOUND means that every log was asked and has none.
 */
export async function withLogEntry(
  bundle: Bundle,
  artifact: Artifact,
  key: PublicKey | undefined,
  root: TrustedRoot,
  logUrl: string | undefined,
): Promise<Bundle> {
  const { findLogEntryV1 } = await import("@sigillum/library/services");
  const certificate = signingCertificate(bundle);
  const verifier = certificate === undefined ? (key === undefined ? undefined : { publicKey: key }) : { certificate };
  if (verifier === undefined || bundle.tlogEntries.length > 0) return bundle;
  const order =
    "dsseEnvelope" in bundle.content
      ? { envelope: bundle.content.dsseEnvelope, verifier }
      : { ...sha256Of(artifact), signature: signatureBytes(bundle), verifier };
  const urls = logUrl === undefined ? [...new Set(root.tlogs.map(({ baseUrl }) => baseUrl))] : [logUrl];
  let failed: unknown;
  for (const url of urls) {
    try {
      const entry = await findLogEntryV1(url, order);
      if (entry !== undefined) return { ...bundle, tlogEntries: [entry] };
    } catch (error) {
      // A log of another API, or one that is down: the entry may be in the next.
      if (!isSigillumError(error)) throw error;
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
  throw blobError(
    "LOG_ENTRY_NOT_FOUND",
    `Cannot verify signature: no log has an entry for it (${urls.join(", ") || "the root names no log"})`,
    {
      found: "no entry",
      expected: "an entry with this signature",
    },
  );
}

function sha256Of(artifact: Artifact): { digest: Uint8Array; hashAlgorithm: "sha256" | "sha384" | "sha512" } {
  if ("bytes" in artifact) return { digest: digest("sha256", artifact.bytes), hashAlgorithm: "sha256" };
  const { algorithm } = artifact;
  return { digest: artifact.digest, hashAlgorithm: algorithm === "sha384" || algorithm === "sha512" ? algorithm : "sha256" };
}
