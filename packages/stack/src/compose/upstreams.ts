// The providers that people sign in at, with their secrets from files.
import type { UpstreamEntry } from "../identity-provider/index.ts";
import type { Settings } from "../settings/index.ts";
import { readText } from "./issuers.ts";

/** The upstreams of the settings, files read. */
export async function upstreamsOf(settings: Settings): Promise<UpstreamEntry[]> {
  const entries: UpstreamEntry[] = [];
  for (const { clientSecretFile, caCertificateFile, ...upstream } of settings.identityProvider.upstreams) {
    const secret = clientSecretFile === undefined ? undefined : await readText(settings, clientSecretFile, "clientSecretFile");
    const ca = caCertificateFile === undefined ? undefined : await readText(settings, caCertificateFile, "caCertificateFile");
    entries.push({
      ...upstream,
      ...(secret === undefined ? {} : { clientSecret: secret.trim() }),
      ...(ca === undefined ? {} : { caCertificates: ca }),
    });
  }
  return entries;
}
