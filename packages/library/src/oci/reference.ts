import { quote } from "../encoding/index.ts";
import { isOciDigest, type OciDigest } from "./digest.ts";
import { ociError } from "./errors.ts";

/** A repository in a registry: what images and their signatures are stored under. */
export interface Repository {
  /** Host and port that requests go to: "localhost:5000", "index.docker.io". */
  readonly registry: string;
  /** "library/alpine". */
  readonly name: string;
}

/** A parsed image reference. With both tag and digest the digest decides which image is meant. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: OciDigest;
}

const dockerHub = "index.docker.io";
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const hostForm = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?$/;
const maxNameLength = 255;

/**
 * Read `[registry[:port]/]repository[:tag][@digest]` by Docker's rules: a first component with a dot, a colon or equal to
 * "localhost" is the registry, otherwise Docker Hub is meant, where one-component names gain "library/". No tag and no digest
 * mean the tag "latest". That the image exists is not checked.
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isOciDigest(digest))
    fail(text, `the digest ${quote(digest)} is not sha256: and 64 hexadecimal digits`);
  const { registry, rest } = splitRegistry(at === -1 ? text : text.slice(0, at));
  const colon = rest.lastIndexOf(":");
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  const path = colon === -1 ? rest : rest.slice(0, colon);
  if (tag !== undefined && !tagForm.test(tag))
    fail(text, `the tag ${quote(tag)} has other than up to 128 letters, digits, ".", "_", "-"`);
  if (!hostForm.test(registry)) fail(text, `${quote(registry)} is no host name`);
  const name = registry === dockerHub && !path.includes("/") ? `library/${path}` : path;
  checkName(text, name);
  return {
    registry,
    name,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: "latest" } : {}),
    ...(digest !== undefined && isOciDigest(digest) ? { digest } : {}),
  };
}

/** Write a reference in full; `parseReference` reads it back. */
export function encodeReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${encodeRepository(reference)}${tag}${digest}`;
}

/** Write registry and repository name: "localhost:5000/app". */
export function encodeRepository(repository: Repository): string {
  return `${repository.registry}/${repository.name}`;
}

function splitRegistry(text: string): { registry: string; rest: string } {
  const slash = text.indexOf("/");
  const first = slash === -1 ? "" : text.slice(0, slash);
  if (first.includes(".") || first.includes(":") || first === "localhost") {
    const registry = first === "docker.io" || first === "registry-1.docker.io" ? dockerHub : first.toLowerCase();
    return { registry, rest: text.slice(slash + 1) };
  }
  return { registry: dockerHub, rest: text };
}

function checkName(text: string, name: string): void {
  if (name.length > maxNameLength) fail(text, `the repository name is longer than ${maxNameLength} characters`);
  for (const part of name.split("/")) {
    if (!component.test(part)) {
      const hint = part.toLowerCase() !== part && component.test(part.toLowerCase()) ? ", which must be lower case" : "";
      fail(text, `the repository name has the part ${quote(part)}${hint}`);
    }
  }
}

function fail(text: string, reason: string): never {
  throw ociError("OCI_REFERENCE_INVALID", `Cannot parse image reference ${quote(text, 200)}: ${reason}`, {
    found: text,
    expected: "[registry/]repository[:tag][@digest]",
  });
}
