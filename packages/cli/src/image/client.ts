// How commands speak to registries, and where they look for signatures: flags and variables.
import { readFile } from "node:fs/promises";
import { quote } from "@sigillum/library/encoding";
import type { TlsTrust } from "@sigillum/library/http";
import type { AttachmentPlace } from "@sigillum/library/image";
import {
  type Credentials,
  encodeReference,
  fixedCredentials,
  parseReference,
  type Reference,
  RegistryClient,
  type Repository,
} from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { isSet, optional } from "../blob/index.ts";
import type { Terminal } from "../terminal/index.ts";

/** The registry client for a command: what flags say, else credentials as Docker keeps them; warnings on stderr. */
export async function registryClient(args: Arguments, terminal: Terminal): Promise<RegistryClient> {
  const credentials = credentialsOf(args);
  const tls = await tlsOf(args);
  return new RegistryClient({
    allowInsecureRegistry: isSet(args, "allow-insecure-registry"),
    allowHttpRegistry: isSet(args, "allow-http-registry"),
    ...(credentials === undefined ? {} : { credentials: fixedCredentials(credentials) }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    onWarning: (text) => terminal.note(`WARNING: the registry says: ${text}`),
  });
}

function credentialsOf(args: Arguments): Credentials | undefined {
  const token = optional(args, "registry-token");
  if (token !== undefined) return { type: "registry-token", token };
  const [username, password] = [optional(args, "registry-username"), optional(args, "registry-password")];
  if (username === undefined && password === undefined) return undefined;
  if (username !== undefined && password !== undefined) return { type: "password", username, password };
  throw argumentError("FLAG_REQUIRED", `Cannot run ${args.command}: --registry-username and --registry-password stand together`, {
    expected: "both",
  });
}

async function tlsOf(args: Arguments): Promise<TlsTrust> {
  const file = async (flag: string): Promise<string | undefined> => {
    const path = optional(args, flag);
    if (path === undefined) return undefined;
    return await readFile(path, "utf8").catch((cause: unknown) => {
      throw argumentError("FLAG_VALUE_INVALID", `Cannot read --${flag} ${quote(path)}`, { cause, found: path });
    });
  };
  const [ca, clientCertificate, clientKey] = [
    await file("registry-cacert"),
    await file("registry-client-cert"),
    await file("registry-client-key"),
  ];
  const serverName = optional(args, "registry-server-name");
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** Where attachments are kept: beside the image, or in $COSIGN_REPOSITORY. */
export function attachmentPlace(
  args: Arguments,
  env: Readonly<Record<string, string | undefined>> = process.env,
): AttachmentPlace {
  const repository = env["COSIGN_REPOSITORY"];
  const tagPrefix = optional(args, "attachment-tag-prefix");
  const maxBytes = parseSize(env["COSIGN_MAX_ATTACHMENT_SIZE"]);
  return {
    ...(repository === undefined || repository === "" ? {} : { repository: repositoryOf(repository) }),
    ...(tagPrefix === undefined ? {} : { tagPrefix }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

function repositoryOf(text: string): Repository {
  const { registry, name } = parseReference(text);
  return { registry, name };
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };

function parseSize(text: string | undefined): number | undefined {
  const match = /^(\d{1,12}(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(text ?? "");
  return match === null ? undefined : Math.floor(Number(match[1]) * (units[(match[2] ?? "").toLowerCase()] ?? 1));
}

/** Read image references from the words of a command; "-" stands for a line each on stdin. */
export async function referencesOf(words: readonly string[], terminal: Terminal): Promise<Reference[]> {
  const texts: string[] = [];
  for (const word of words) {
    if (word !== "-") texts.push(word);
    else for await (const chunk of terminal.stdin) texts.push(new TextDecoder().decode(chunk));
  }
  return texts
    .flatMap((text) => text.split(/\s+/))
    .filter((text) => text !== "")
    .map(parseReference);
}

/** The reference with the digest in place of the tag. */
export function byDigest(reference: Reference, digest: string): string {
  return `${reference.registry}/${reference.name}@${digest}`;
}

/** Read the KEY=VALUE pairs of -a. */
export function annotationsOf(args: Arguments): Record<string, string> {
  return annotationPairs(args, "annotations");
}

/** Read the KEY=VALUE pairs of a flag. */
export function annotationPairs(args: Arguments, flag: string): Record<string, string> {
  return Object.fromEntries(
    args.strings(flag).map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      if (equals < 1)
        throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: the annotation ${quote(pair)} is not KEY=VALUE`, {
          found: pair,
          expected: "KEY=VALUE",
        });
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** Warn that a tag is signed or attested: it may come to name another image. */
export function warnOfTag(reference: Reference, digest: string, terminal: Terminal): void {
  if (reference.digest !== undefined) return;
  terminal.note(
    `WARNING: ${encodeReference(reference)} is a tag, which may come to name another image; what is signed is ${digest}`,
  );
}
