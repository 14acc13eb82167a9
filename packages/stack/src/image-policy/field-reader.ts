// Reads a Kubernetes object whose form the API server did not check: every problem is noted with its path, and reading goes on.
import { type JsonValue, quote } from "@sigillum/library/encoding";
import type { imagePolicyErrors } from "./errors.ts";

/** What is wrong with a policy object, or worth saying about it. */
export interface FieldProblem {
  readonly code: keyof typeof imagePolicyErrors;
  /** As Kubernetes writes paths: `spec.authorities[0].key.data`. */
  readonly path: string;
  readonly message: string;
}

/** Where problems and warnings go while an object is read. */
export class FieldNotes {
  readonly problems: FieldProblem[] = [];
  readonly warnings: FieldProblem[] = [];

  /** Note a problem. */
  problem(code: FieldProblem["code"], path: string, message: string): void {
    this.problems.push({ code, path, message });
  }

  /** Note a warning. */
  warn(path: string, message: string): void {
    this.warnings.push({ code: "IMAGE_POLICY_FIELD_INVALID", path, message });
  }
}

/** One object and its path. */
export class FieldReader {
  readonly path: string;
  readonly notes: FieldNotes;
  readonly #fields: ReadonlyMap<string, JsonValue>;

  constructor(value: JsonValue | undefined, path: string, notes: FieldNotes) {
    this.path = path;
    this.notes = notes;
    const given = value ?? {};
    if (typeof given !== "object" || Array.isArray(given)) {
      notes.problem("IMAGE_POLICY_FIELD_INVALID", path, `${path} is ${describe(given)}, expected an object`);
      this.#fields = new Map();
    } else {
      this.#fields = new Map(Object.entries(given ?? {}).filter(([, one]) => one !== null));
    }
  }

  /** The path of a field of this object. */
  at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  value(name: string): JsonValue | undefined {
    return this.#fields.get(name);
  }

  names(): string[] {
    return [...this.#fields.keys()];
  }

  /** Note every field that is not among these. */
  only(names: readonly string[]): this {
    for (const name of this.#fields.keys())
      if (!names.includes(name))
        this.notes.problem(
          "IMAGE_POLICY_FIELD_UNKNOWN",
          this.at(name),
          `${this.at(name)} is unknown, expected one of ${names.join(", ")}`,
        );
    return this;
  }

  missing(...names: string[]): void {
    const path = this.at(names.join("|"));
    this.notes.problem("IMAGE_POLICY_FIELD_MISSING", this.at(names[0] ?? ""), `${path} is missing`);
  }

  invalid(name: string, found: string, expected: string): void {
    const path = name === "" ? this.path : this.at(name);
    this.notes.problem("IMAGE_POLICY_FIELD_INVALID", path, `${path} is ${found}, expected ${expected}`);
  }

  /** Note it where more than one of these fields is there; with `required`, also where none is. Returns those that are. */
  oneOf(names: readonly string[], required = true): string[] {
    const found = names.filter((name) => this.has(name));
    if (found.length > 1)
      this.notes.problem(
        "IMAGE_POLICY_FIELDS_EXCLUSIVE",
        this.at(found[1] ?? ""),
        `${this.path} has ${found.join(" and ")}, of which only one may be there`,
      );
    if (found.length === 0 && required) this.missing(...names);
    return found;
  }

  text(name: string): string | undefined {
    const value = this.#fields.get(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string") return value;
    this.invalid(name, describe(value), "a string");
    return undefined;
  }

  flag(name: string): boolean {
    const value = this.#fields.get(name);
    if (value === undefined || typeof value === "boolean") return value ?? false;
    this.invalid(name, describe(value), "true or false");
    return false;
  }

  object(name: string): FieldReader | undefined {
    const value = this.#fields.get(name);
    return value === undefined ? undefined : new FieldReader(value, this.at(name), this.notes);
  }

  objects(name: string): FieldReader[] {
    return this.list(name).map((value, index) => new FieldReader(value, `${this.at(name)}[${index}]`, this.notes));
  }

  texts(name: string): string[] {
    return this.list(name).flatMap((value, index) => {
      if (typeof value === "string") return [value];
      this.invalid(`${name}[${index}]`, describe(value), "a string");
      return [];
    });
  }

  list(name: string): JsonValue[] {
    const value = this.#fields.get(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.invalid(name, describe(value), "a list");
    return [];
  }
}

/** A value for a message. */
export function describe(value: JsonValue): string {
  if (typeof value === "string") return quote(value, 60);
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}

/** Note it where an object is of another kind or version. */
export function requireKind(object: FieldReader, kind: string, versions: readonly string[]): void {
  const [found, version] = [object.text("kind") ?? "", object.text("apiVersion") ?? ""];
  if (found === kind && versions.includes(version)) return;
  const expected = `${kind} of ${versions.join(" or ")}`;
  object.notes.problem(
    "IMAGE_POLICY_KIND_UNKNOWN",
    "kind",
    `the object is ${describe(found)} of ${describe(version)}, expected ${expected}`,
  );
}

/** What the cluster decides about policies. */
export interface PolicyRules {
  /** Whether a policy without authorities is refused; default true. */
  readonly failOnEmptyAuthorities?: boolean;
  /** The controller's own namespace: Secrets are read there alone. */
  readonly namespace?: string;
}

/** Whether a text is a URL with a host. */
export function isUrl(text: string, schemes: RegExp = /^[a-z][a-z0-9+.-]*$/i): boolean {
  const colon = text.indexOf(":");
  return schemes.test(text.slice(0, Math.max(0, colon))) && /^:\/\/[^\s/?#@]+(?:[/?#]\S*)?$/.test(text.slice(colon));
}
