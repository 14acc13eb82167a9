// Where things stand below the registry's directory. Names of repositories never begin with "_", so ours cannot collide:
//   blobs/sha256/ab/abcd…                          content, shared by all repositories
//   uploads/ID                                     uploads under way
//   repositories/NAME/_blobs/sha256/HEX            this repository has that blob
//   repositories/NAME/_manifests/sha256/HEX        ... that manifest; the file holds its media type
//   repositories/NAME/_tags/TAG                    the digest a tag names
//   repositories/NAME/_referrers/sha256/HEX/sha256-HEX   what refers to a manifest: the descriptor
import { join } from "node:path";
import type { OciDigest } from "@sigillum/library/oci";
import { registryError } from "./errors.ts";

declare const repositoryName: unique symbol;
declare const tagName: unique symbol;

/** A repository name that was checked, safe as a path. */
export type RepositoryName = string & { readonly [repositoryName]: true };
/** A tag that was checked, safe as a file name. */
export type TagName = string & { readonly [tagName]: true };

const maxNameLength = 255;
const nameForm = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Check a repository name. Distribution spec, "Pulling manifests". */
export function parseRepositoryName(text: string): RepositoryName {
  if (!isRepositoryName(text))
    throw registryError(
      "REGISTRY_NAME_INVALID",
      `Cannot serve repository: ${JSON.stringify(text.slice(0, 100))} is no repository name`,
      { found: text.slice(0, 100) },
    );
  return text;
}

/** Check a tag. Distribution spec, "Pulling manifests". */
export function parseTagName(text: string): TagName {
  if (!isTagName(text))
    throw registryError("REGISTRY_TAG_INVALID", `Cannot serve tag: ${JSON.stringify(text.slice(0, 100))} is no tag`, {
      found: text.slice(0, 100),
    });
  return text;
}

function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= maxNameLength && nameForm.test(text);
}

function isTagName(text: string): text is TagName {
  return tagForm.test(text);
}

/** The paths below one directory. */
export class Layout {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get uploads(): string {
    return join(this.directory, "uploads");
  }

  content(digest: OciDigest): string {
    const [algorithm, hex] = split(digest);
    return join(this.directory, "blobs", algorithm, hex.slice(0, 2), hex);
  }

  repository(name: RepositoryName): string {
    return join(this.directory, "repositories", name);
  }

  blob(name: RepositoryName, digest: OciDigest): string {
    return join(this.repository(name), "_blobs", ...split(digest));
  }

  manifest(name: RepositoryName, digest: OciDigest): string {
    return join(this.repository(name), "_manifests", ...split(digest));
  }

  tags(name: RepositoryName): string {
    return join(this.repository(name), "_tags");
  }

  tag(name: RepositoryName, tag: TagName): string {
    return join(this.tags(name), tag);
  }

  referrers(name: RepositoryName, subject: OciDigest): string {
    return join(this.repository(name), "_referrers", ...split(subject));
  }

  referrer(name: RepositoryName, subject: OciDigest, referrer: OciDigest): string {
    return join(this.referrers(name, subject), split(referrer).join("-"));
  }
}

function split(digest: OciDigest): [string, string] {
  const colon = digest.indexOf(":");
  return [digest.slice(0, colon), digest.slice(colon + 1)];
}
