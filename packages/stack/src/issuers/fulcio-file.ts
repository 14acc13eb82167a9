// Fulcio's own configuration of identities, YAML and JSON. certificate-authority §2.1.
import { isSigillumError, JsonObject, type JsonValue, parseJson, quote } from "@sigillum/library/encoding";
import { parseDocument } from "yaml";
import {
  type CiProvider,
  parseCiProvider,
  type TemplateExtension,
  templateExtensionNames,
  templateExtensions,
} from "./ci-provider.ts";
import { type IssuerConfiguration, type IssuersConfiguration, issuerTypes } from "./configuration.ts";
import { issuersError } from "./errors.ts";
import { issuerRules } from "./rules.ts";

/** Limits of a configuration file. */
export const fulcioFileLimits: { readonly bytes: number; readonly issuers: number; readonly aliases: number } = {
  bytes: 1_048_576,
  issuers: 1000,
  aliases: 1000,
};

/**
 * Reads the text of a configuration, which is tried as JSON first and as YAML then, as Fulcio does. Every issuer, pattern and template is
 * checked; a name that Fulcio does not know is refused here, where Fulcio would overlook it.
 */
export function parseFulcioConfiguration(text: string, fileName = "the configuration of issuers"): IssuersConfiguration {
  if (text.length > fulcioFileLimits.bytes)
    throw refused(fileName, `it has ${text.length} characters`, `at most ${fulcioFileLimits.bytes}`);
  const root = Section.of(treeOf(text, fileName), [], fileName);
  // `define` holds anchors for the rest of the file and nothing else.
  root.onlyNames(["oidc-issuers", "meta-issuers", "ci-issuer-metadata", "define"]);
  const ciProviders = new Map(
    root.sections("ci-issuer-metadata").map((section) => [section.name, readProvider(section)] as const),
  );
  const issuers = root.sections("oidc-issuers").map((section) => readIssuer(section, false));
  const metaIssuers = root.sections("meta-issuers").map((section) => readIssuer(section, true));
  if (issuers.length + metaIssuers.length > fulcioFileLimits.issuers)
    throw refused(fileName, `it names ${issuers.length + metaIssuers.length} issuers`, `at most ${fulcioFileLimits.issuers}`);
  for (const issuer of issuers) issuerRules(issuer, ciProviders);
  for (const issuer of metaIssuers) issuerRules(issuer, ciProviders, true);
  return { issuers, metaIssuers, ciProviders };
}

function treeOf(text: string, fileName: string): JsonValue {
  if (/^\s*\{/u.test(text)) {
    try {
      return parseJson(text, { maxBytes: 4 * fulcioFileLimits.bytes, maxDepth: 8 });
    } catch (cause) {
      if (!isSigillumError(cause)) throw cause;
      // A flow mapping of YAML begins with a brace as well.
    }
  }
  // Public configurations write an alias as a key without the space that YAML 1.2 demands before its colon.
  const spaced = text.replace(/^([ \t]*\*[A-Za-z0-9_-]+):(?=[ \t]*(?:\r?$|#))/gmu, "$1 :");
  const document = parseDocument(spaced, { strict: true, uniqueKeys: true, version: "1.2", merge: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw refused(fileName, problem.message.split("\n", 1)[0] ?? "", "YAML or JSON");
  try {
    // Through JSON, so that nothing but plain values remains.
    return parseJson(JSON.stringify(document.toJS({ maxAliasCount: fulcioFileLimits.aliases }) ?? {}), { maxDepth: 8 });
  } catch (cause) {
    throw issuersError("ISSUERS_CONFIGURATION", `Cannot read ${fileName}: ${firstLine(cause)}`, { cause });
  }
}

function firstLine(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : "it is no configuration";
}

/** A mapping of the file; names are found in YAML's kebab-case and in JSON's Go names alike. */
class Section {
  readonly #path: readonly string[];
  readonly #fileName: string;
  readonly #values: ReadonlyMap<string, { readonly name: string; readonly value: JsonValue }>;

  private constructor(object: JsonObject, path: readonly string[], fileName: string) {
    this.#path = path;
    this.#fileName = fileName;
    const values = new Map<string, { name: string; value: JsonValue }>();
    for (const name of object.names()) {
      const key = folded(name);
      if (values.has(key)) throw refused(fileName, `${[...path, name].join(" › ")} stands twice`, "each name once");
      values.set(key, { name, value: object.value(name) ?? null });
    }
    this.#values = values;
  }

  static of(value: JsonValue, path: readonly string[], fileName: string): Section {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw refused(fileName, `${path.join(" › ") || "the whole"} is no mapping`, "a mapping");
    return new Section(JsonObject.exact(value, fileName), path, fileName);
  }

  get name(): string {
    return this.#path.at(-1) ?? "";
  }

  onlyNames(names: readonly string[]): void {
    const known = new Set(names.map(folded));
    for (const [key, { name }] of this.#values)
      if (!known.has(key)) throw this.fail(`${quote(name)} is not known`, names.join(", "));
  }

  text(name: string): string | undefined {
    const value = this.#values.get(folded(name))?.value ?? null;
    if (value === null || value === "") return undefined;
    if (typeof value === "string") return value;
    throw this.fail(`${name} is no string`, "a string");
  }

  flag(name: string): boolean {
    const value = this.#values.get(folded(name))?.value ?? false;
    if (typeof value === "boolean") return value;
    throw this.fail(`${name} is neither true nor false`, "true or false");
  }

  section(name: string): Section {
    const found = this.#values.get(folded(name));
    return Section.of(found?.value ?? {}, [...this.#path, found?.name ?? name], this.#fileName);
  }

  /** The sections below a name, whose own names are URLs or names of providers and are taken as they stand. */
  sections(name: string): Section[] {
    const value = this.#values.get(folded(name))?.value ?? {};
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.fail(`${name} is no mapping`, "a mapping");
    return Object.entries(value).map(([key, item]) => Section.of(item, [...this.#path, name, key], this.#fileName));
  }

  texts(): readonly (readonly [string, string])[] {
    return [...this.#values.values()].map(({ name }) => [name, this.text(name) ?? ""] as const);
  }

  fail(problem: string, expected: string): Error {
    return refused(this.#fileName, `${[...this.#path, problem].join(" › ")}`, expected);
  }
}

function folded(name: string): string {
  return name.replace(/[-_]/gu, "").toLowerCase();
}

const issuerNames = [
  "issuer-url",
  "client-id",
  "type",
  "ci-provider",
  "issuer-claim",
  "subject-domain",
  "spiffe-trust-domain",
  "challenge-claim",
  "ca-cert",
  "skip-email-verification",
  "description",
  "contact",
  "environment",
];

function readIssuer(section: Section, isPattern: boolean): IssuerConfiguration {
  section.onlyNames(issuerNames);
  const url = isPattern ? section.name : (section.text("issuer-url") ?? section.name);
  if (url !== section.name) throw section.fail(`issuer-url is ${quote(url)}`, "the URL that it stands under");
  const type = issuerTypes.find((one) => one === section.text("type"));
  if (type === undefined)
    throw section.fail(`the type ${quote(section.text("type") ?? "")} is not known`, issuerTypes.join(", "));
  const optional = {
    caCertificates: section.text("ca-cert"),
    ciProvider: section.text("ci-provider"),
    issuerClaim: section.text("issuer-claim"),
    subjectDomain: section.text("subject-domain"),
    spiffeTrustDomain: section.text("spiffe-trust-domain"),
    challengeClaim: section.text("challenge-claim"),
  };
  return {
    url,
    clientId: section.text("client-id") ?? "",
    type,
    skipEmailVerification: section.flag("skip-email-verification"),
    ...definedOf(optional),
  };
}

type Defined<T> = { readonly [name in keyof T]?: Exclude<T[name], undefined> };

function definedOf<T extends Readonly<Record<string, string | undefined>>>(fields: T): Defined<T>;
function definedOf(fields: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function readProvider(section: Section): CiProvider {
  section.onlyNames(["default-template-values", "extension-templates", "subject-alternative-name-template"]);
  const templates = section.section("extension-templates");
  const names = templateExtensionNames.map((name) => templateExtensions[name]);
  // `issuer` and `subject` are known and ignored: both come from the token alone (§3.3).
  templates.onlyNames([...names, "issuer", "subject"]);
  const extensions: { [name in TemplateExtension]?: string } = {};
  for (const name of templateExtensionNames) extensions[name] = templates.text(templateExtensions[name]) ?? "";
  return parseCiProvider(section.name, {
    defaults: Object.fromEntries(section.section("default-template-values").texts()),
    subjectAltName: section.text("subject-alternative-name-template") ?? "",
    extensions,
  });
}

function refused(fileName: string, found: string, expected: string): Error {
  return issuersError("ISSUERS_CONFIGURATION", `Cannot read ${fileName}: ${found}, expected ${expected}`, { found, expected });
}
