// Files that are read again when their content changes: the issuers of the certificate authority and chains that are made elsewhere. Content is
// compared and not times or names, so that Kubernetes' exchange of symbolic links and a `mv` are seen like any other write.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parseCertificatesPem } from "@sigillum/library/x509";
import type { Clock, Job, Logger } from "../host/index.ts";
import type { IssuerConfiguration, Issuers, Principal, TokenSignatureCheck } from "../issuers/index.ts";
import type { ChainSchedule, Keyring } from "../keyring/index.ts";
import type { Settings } from "../settings/index.ts";
import { makeIssuers, readText } from "./issuers.ts";

/** How often files are looked at. */
export const watchedFilesMs = 5_000;

/** Issuers that may be exchanged while requests are served: each request sees the old ones or the new ones whole. */
export class WatchedIssuers {
  #issuers: Issuers;

  constructor(issuers: Issuers) {
    this.#issuers = issuers;
  }

  replace(issuers: Issuers): void {
    this.#issuers = issuers;
  }

  configurations(): readonly IssuerConfiguration[] {
    return this.#issuers.configurations();
  }

  metaConfigurations(): readonly IssuerConfiguration[] {
    return this.#issuers.metaConfigurations();
  }

  verifyToken(compact: string, check?: TokenSignatureCheck): Promise<Principal> {
    return this.#issuers.verifyToken(compact, check);
  }
}

/** The issuers of the settings, and the job that reads their files again. Files that do not serve are logged, and the old issuers stay. */
export async function watchIssuers(
  settings: Settings,
  keyring: Keyring,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly issuers: WatchedIssuers; readonly jobs: readonly Job[] }> {
  const { issuersFile, issuers: own } = settings.certificateAuthority;
  const paths = [issuersFile, ...own.map((issuer) => issuer.caCertificateFile)].flatMap((path) => path ?? []);
  let seen = await contentOf(settings, paths);
  const issuers = new WatchedIssuers(await makeIssuers(settings, keyring, clock, logger));
  if (paths.length === 0) return { issuers, jobs: [] };
  const run = async (): Promise<void> => {
    const now = await contentOf(settings, paths);
    if (now === seen) return;
    seen = now;
    try {
      issuers.replace(await makeIssuers(settings, keyring, clock, logger));
      logger.info("issuers.reloaded", { files: paths });
    } catch (error) {
      // Half written, perhaps: the next change is read again.
      logger.error("issuers.reload-failed", { files: paths, error });
    }
  };
  return { issuers, jobs: [{ name: "ca.issuers", everyMs: watchedFilesMs, run }] };
}

/** The job that takes over the chain of `chainFile` whenever its content changes, for the key that the settings name beside it. */
export function watchChain(
  settings: Settings,
  section: "certificateAuthority" | "timestampAuthority",
  schedule: ChainSchedule,
  clock: Clock,
  logger: Logger,
): readonly Job[] {
  const { chainFile, chainKey } = settings[section];
  if (chainFile === undefined || chainKey === undefined) return [];
  let seen = "";
  const run = async (): Promise<void> => {
    const now = await contentOf(settings, [chainFile]);
    if (now === seen) return;
    // A chain that is refused is logged once, and tried again when it changes.
    seen = now;
    const text = await readText(settings, chainFile, `${section}.chainFile`);
    const status = await schedule.takeOver(parseCertificatesPem(text), chainKey, clock.nowMs());
    if (status !== undefined) logger.info("chain.taken-over", { chainFile, ...status });
  };
  return [
    { name: `${section === "certificateAuthority" ? "ca" : "tsa"}.chain-file`, everyMs: watchedFilesMs, atStart: true, run },
  ];
}

/** The content of files, one text to compare; a file that cannot be read is a content too. */
async function contentOf(settings: Settings, paths: readonly string[]): Promise<string> {
  const read = async (path: string): Promise<string> => {
    try {
      return await readFile(isAbsolute(path) ? path : join(settings.dataDirectory, path), "utf8");
    } catch (error) {
      return `unreadable: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  return JSON.stringify(await Promise.all(paths.map(read)));
}
