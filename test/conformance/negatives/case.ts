// What a negative case is, and how one is made: a bundle that verifies, signed by a Sigstore of our own, changed in exactly one way.
import assert from "node:assert/strict";
import { type Bundle, encodeBundle, parseBundle } from "@sigillum/library/bundle";
import { encodePublicKeyPem, parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import { fixtureArtifact, fixtureIdentity, MemoryCtLog, MemorySigstore, type Recipe } from "@sigillum/library/testing";
import { encodeTrustedRoot, parseTrustedRoot, type TrustedRoot } from "@sigillum/library/trusted-root";
import { type Expectations, verifyBundle } from "@sigillum/library/verification";

/** The Sigstore that the cases are signed with, and a stranger whose names are the same. */
export interface Sigstores {
  readonly own: MemorySigstore;
  readonly other: MemorySigstore;
  readonly secondCtLog: MemoryCtLog;
}

/** Make the two. */
export async function createSigstores(): Promise<Sigstores> {
  const [own, other] = [await MemorySigstore.create(), await MemorySigstore.create()];
  return { own, other, secondCtLog: new MemoryCtLog() };
}

/** A case as the files of its folder: what a client is given. */
export interface Made {
  readonly bundle: string;
  readonly trustedRoot: string;
  readonly artifact: Uint8Array;
  readonly signer: { readonly san: string; readonly issuer: string } | { readonly key: string };
}

/** A bundle that must be refused, and for what. */
export interface NegativeCase {
  /** The folder's name without its ending. */
  readonly name: string;
  /** The section of client-conformance.md that has the rule. */
  readonly rule: string;
  /** The one thing that is wrong. */
  readonly wrong: string;
  /** Our error code. */
  readonly code: string;
  make(sigstores: Sigstores): Promise<Made>;
}

/** JSON that is edited by path. */
export type Json = { [name: string]: Json } & { [index: number]: Json };
/** A change of a JSON document, in place. */
export type JsonEdit = (document: Json) => void;

/** What is changed after signing, or in what the client is given beside the bundle. */
export interface Edits {
  readonly json?: JsonEdit | undefined;
  readonly text?: (text: string) => string;
  readonly root?: (root: TrustedRoot) => TrustedRoot;
  readonly rootJson?: JsonEdit;
  readonly rootText?: (text: string) => string;
  readonly artifact?: Uint8Array;
  readonly identity?: Partial<{ san: string; issuer: string }>;
  readonly key?: string;
}

type Given<T> = T | ((sigstores: Sigstores) => T | Promise<T>);

/** Sign by a recipe, and edit what came out. */
export function signed(recipe: Given<Recipe>, edits: Given<Edits> = {}): NegativeCase["make"] {
  return async (sigstores) => {
    const chosen = typeof recipe === "function" ? await recipe(sigstores) : recipe;
    const edit = typeof edits === "function" ? await edits(sigstores) : edits;
    const { bundle, publicKey } = await sigstores.own.sign(chosen);
    const trustedRoot = encodeTrustedRoot(edit.root?.(sigstores.own.trustedRoot) ?? sigstores.own.trustedRoot);
    const key = edit.key ?? (chosen.managed === true && edit.identity === undefined ? encodePublicKeyPem(publicKey) : undefined);
    return {
      bundle: editedText(encodeBundle(bundle), edit.json, edit.text),
      trustedRoot: editedText(trustedRoot, edit.rootJson, edit.rootText),
      artifact: edit.artifact ?? fixtureArtifact,
      signer: key === undefined ? { ...fixtureIdentity, ...edit.identity } : { key },
    };
  };
}

/** The files of a case whose bundle was put together by hand. */
export function finish(root: TrustedRoot, bundle: Bundle, edits: Pick<Edits, "json" | "identity"> = {}): Made {
  return {
    bundle: editedText(encodeBundle(bundle), edits.json, undefined),
    trustedRoot: encodeTrustedRoot(root),
    artifact: fixtureArtifact,
    signer: { ...fixtureIdentity, ...edits.identity },
  };
}

function editedText(text: string, json: JsonEdit | undefined, edit: ((text: string) => string) | undefined): string {
  const document: Json = JSON.parse(text);
  json?.(document);
  const whole = json === undefined ? text : JSON.stringify(document);
  return edit?.(whole) ?? whole;
}

/** What a client does with a case, as `verify-bundle` of the conformance protocol: by the file, or by its digest. */
export function verifyCase(made: Made, mode: "path" | "digest"): void {
  const expectations: Expectations =
    "key" in made.signer ? { publicKey: parsePublicKeyPem(made.signer.key) } : { identity: made.signer };
  verifyBundle({
    bundle: parseBundle(made.bundle),
    artifact: mode === "path" ? { bytes: made.artifact } : { digest: sha256(made.artifact), algorithm: "sha256" },
    trustedRoot: parseTrustedRoot(made.trustedRoot),
    expectations,
  });
}

/** The code that a case is refused with, "" where it verifies; anything but our errors is thrown on. */
export function codeOf(made: Made, mode: "path" | "digest" = "path"): string {
  try {
    verifyCase(made, mode);
    return "";
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return error.code;
  }
}

/** The value at a path, which must be there. */
export function at(document: Json, ...path: (string | number)[]): Json {
  let value = document;
  for (const step of path) {
    const next = value[step];
    assert.ok(next !== undefined, `no ${step}`);
    value = next;
  }
  return value;
}

/** Set the value at a path, or change it. */
export function set(path: readonly (string | number)[], value: unknown): JsonEdit {
  return (document) => {
    const owner = at(document, ...path.slice(0, -1));
    const last = String(path.at(-1));
    const change: unknown = typeof value === "function" ? value(owner[last]) : value;
    Object.assign(owner, { [last]: change });
  };
}

/** Remove the value at a path. */
export function remove(...path: (string | number)[]): JsonEdit {
  return (document) => {
    delete at(document, ...path.slice(0, -1))[String(path.at(-1))];
  };
}

/** One change after the other. */
export function all(...edits: JsonEdit[]): JsonEdit {
  return (document) => {
    for (const edit of edits) edit(document);
  };
}

/** Repeat the first element of a list. */
export function repeat(path: readonly (string | number)[], count: number): JsonEdit {
  return (document) =>
    set(
      path,
      Array.from({ length: count }, () => at(document, ...path, 0)),
    )(document);
}

/** Bring a bundle into the form of an older version, with the chain in place of the certificate. */
export function asVersion(version: "0.1" | "0.2"): JsonEdit {
  return (document) => {
    const material = at(document, "verificationMaterial");
    Object.assign(document, { mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}` });
    if (material["certificate"] === undefined) return;
    Object.assign(material, { x509CertificateChain: { certificates: [material["certificate"]] } });
    delete material["certificate"];
  };
}

/** Where things stand in a bundle. */
export const paths = {
  material: ["verificationMaterial"],
  entry: ["verificationMaterial", "tlogEntries", 0],
  proof: ["verificationMaterial", "tlogEntries", 0, "inclusionProof"],
  chain: ["verificationMaterial", "x509CertificateChain", "certificates"],
  certificate: ["verificationMaterial", "certificate", "rawBytes"],
} as const;

/** Change the last bit of bytes in base64. */
export function flipBase64(text: unknown): string {
  const bytes = Buffer.from(String(text), "base64");
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  return bytes.toString("base64");
}

/** Drop the last byte of bytes in base64. */
export function shortenBase64(text: unknown): string {
  return Buffer.from(String(text), "base64").subarray(0, -1).toString("base64");
}
