// The manifest of a JAR and its signature files (JAR File Specification, "Signed JAR File"), as Rekor's library reads them. Texts are octets, one
// a character, so that digests over parts of them are over what stands there.
import { digest } from "@sigillum/library/crypto";
import { encodeBase64, quote } from "@sigillum/library/encoding";
import { legacyEntryError } from "./errors.ts";
import { malformed } from "./refusals.ts";

/** Attributes by their names in lower case. */
export type Section = ReadonlyMap<string, string>;

/** A manifest: its main section, and those of files by their names. */
export interface Manifest {
  readonly main: Section;
  readonly files: ReadonlyMap<string, Section>;
  /** The text of each section. */
  readonly texts: ReadonlyMap<string, string>;
  readonly mainText: string;
}

/** One of each algorithm: each costs a pass over the file. */
const maxDigests = 4;

const hashes = { sha1: "sha1", sha256: "sha256", sha384: "sha384", sha512: "sha512" } as const;

/** Read a manifest or a signature file. */
export function parseManifest(text: string): Manifest {
  const [mainText, ...others] = sectionsOf(text);
  if (mainText === undefined) throw malformed("jar", "its manifest is empty");
  const files = new Map<string, Section>();
  const texts = new Map<string, string>();
  for (const part of others) {
    const section = parseSection(part);
    const name = section.get("name") ?? "";
    if (name === "") throw malformed("jar", "its manifest has a section without a name");
    files.set(name, section);
    texts.set(name, part);
  }
  return { main: parseSection(mainText), files, texts, mainText };
}

function sectionsOf(text: string): string[] {
  const sections: string[] = [];
  let hasCrLf = true;
  for (let at = 0; at < text.length; ) {
    const crLf: number = hasCrLf ? text.indexOf("\r\n\r\n", at) : -1;
    hasCrLf = crLf !== -1;
    const lf = hasCrLf ? -1 : text.indexOf("\n\n", at);
    if (crLf === -1 && lf === -1) throw malformed("jar", "a section of its manifest is not ended by an empty line");
    const end = crLf === -1 ? lf + 2 : crLf + 4;
    const section = text.slice(at, end);
    if (section.trim() === "") throw malformed("jar", "its manifest has an empty section");
    sections.push(section);
    at = end;
  }
  return sections;
}

function parseSection(text: string): Section {
  const section = new Map<string, string>();
  for (const line of text.replaceAll("\r\n", "\n").replaceAll("\n ", "").split("\n")) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    if (colon < 0) throw malformed("jar", `its manifest has the line ${quote(line.slice(0, 80))}`);
    section.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return section;
}

/** Hold every digest of a section that ends in `-Digest` and the suffix against octets; false where it has none. */
export function verifyDigests(section: Section, suffix: string, content: Uint8Array, what: string): boolean {
  const ending = `-digest${suffix}`;
  const digests = [...section].filter(([name]) => name.endsWith(ending));
  if (digests.length > maxDigests)
    throw malformed("jar", `there are ${digests.length} digests of ${what}, at most ${maxDigests} are looked at`);
  for (const [name, expected] of digests) {
    const algorithm = name.slice(0, -ending.length).replace("-", "");
    const hash = Object.entries(hashes).find(([known]) => known === algorithm)?.[1];
    if (hash === undefined)
      throw legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot accept jar entry: digests ${quote(name)} are not known here`, {
        found: quote(name),
      });
    const found = encodeBase64(digest(hash, content));
    if (found !== expected)
      throw malformed("jar", `the digest of ${what} is ${found}, the manifest says ${quote(expected.slice(0, 100))}`);
  }
  return digests.length > 0;
}
