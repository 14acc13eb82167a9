// The settings file as `init` writes it, every setting with its value and its meaning, and the JSON schema for editors.
import type { JsonValue } from "@sigillum/library/encoding";
import { settingsDescription } from "./description.ts";
import type { Field, SectionField } from "./field.ts";

/** The name of the schema file beside sigillum.yaml. */
export const schemaFileName = "sigillum.schema.json";

/** Writes the settings file for a tree of values, with each meaning as a comment above its setting. */
export function encodeSettingsText(values: { readonly [name: string]: JsonValue }): string {
  const head = [
    `# yaml-language-server: $schema=./${schemaFileName}`,
    "# Settings of this Sigillum stack. Each setting stands here with its value; a setting that is left out has its default.",
    "# Ports, addresses and logging are read at each start. Names and public URLs went into keys, certificates and the signed",
    "# trust root when the stack was initialised.",
  ];
  return `${[...head, ...sectionLines(settingsDescription, values, "")].join("\n")}\n`;
}

function sectionLines(section: SectionField, values: { readonly [name: string]: JsonValue }, indent: string): string[] {
  return Object.entries(section.fields).flatMap(([name, field]) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const comment = `${indent}# ${field.means}${bounds(field)}`;
    const first = indent === "" ? ["", comment] : [comment];
    return [...first, ...fieldLines(name, field, value, indent)];
  });
}

function fieldLines(name: string, field: Field, value: JsonValue | undefined, indent: string): string[] {
  if (field.kind === "section") {
    if (value === undefined) return exampleLines(name, field, indent);
    return [`${indent}${name}:`, ...sectionLines(field, entries(value), `${indent}  `)];
  }
  if (value === undefined) return [`${indent}# ${name}:`];
  // JSON is YAML: one writer for scalars and short lists, with quoting that no YAML version reads otherwise.
  if (field.kind !== "list") return [`${indent}${name}: ${scalar(value)}`];
  const items = Array.isArray(value) ? value : [];
  if (items.length === 0) return [`${indent}${name}: []`, ...exampleItem(field.item, indent)];
  return [`${indent}${name}:`, ...items.map((item) => `${indent}  - ${JSON.stringify(item)}`)];
}

function exampleLines(name: string, field: SectionField, indent: string): string[] {
  return [`${indent}# ${name}:`, ...Object.keys(field.fields).map((inner) => `${indent}#   ${inner}:`)];
}

function exampleItem(item: SectionField, indent: string): string[] {
  return Object.entries(item.fields).map(([name, field], index) => {
    const shown = field.kind === "text" || field.kind === "switch" ? ` ${field.default ?? ""}` : "";
    return `${indent}# ${index === 0 ? "-" : " "} ${name}:${shown.trimEnd()}  # ${field.means}`;
  });
}

function bounds(field: Field): string {
  if (field.kind === "integer") return ` (${field.minimum} to ${field.maximum})`;
  if (field.kind === "text" && field.choices !== undefined) return ` (${field.choices.join(", ")})`;
  return "";
}

function scalar(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(scalar).join(", ")}]`;
  return typeof value === "string" &&
    /^[A-Za-z][A-Za-z0-9/:@._-]*$/u.test(value) &&
    !/^(?:true|false|null|yes|no|on|off|y|n)$/iu.test(value) &&
    !value.endsWith(":")
    ? value
    : JSON.stringify(value);
}

function entries(value: JsonValue): { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** The JSON schema (draft 2020-12) of sigillum.yaml, made from the same description as the parser. */
export function settingsSchema(): { [name: string]: JsonValue } {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title: "sigillum.yaml", ...schemaOf(settingsDescription) };
}

function schemaOf(field: Field): { [name: string]: JsonValue } {
  const description = field.means;
  switch (field.kind) {
    case "section": {
      const required = Object.entries(field.fields).filter(([, inner]) => inner.kind === "text" && inner.required === true);
      return {
        description,
        type: "object",
        additionalProperties: false,
        properties: Object.fromEntries(Object.entries(field.fields).map(([name, inner]) => [name, schemaOf(inner)])),
        ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
      };
    }
    case "list":
      return { description, type: "array", items: schemaOf(field.item), maxItems: field.maximum, default: [] };
    case "texts": {
      const items: JsonValue =
        field.integers === undefined ? { type: "string", ...patternOf(field.pattern) } : { type: "integer", ...field.integers };
      return { description, type: "array", items, default: [...field.default] };
    }
    case "text":
      return {
        description,
        type: "string",
        ...(field.default === undefined ? {} : { default: field.default }),
        ...(field.choices === undefined ? {} : { enum: [...field.choices] }),
        ...patternOf(field.pattern),
      };
    case "integer":
      return { description, type: "integer", default: field.default, minimum: field.minimum, maximum: field.maximum };
    case "switch":
      return { description, type: "boolean", default: field.default };
  }
}

function patternOf(pattern: RegExp | undefined): { [name: string]: JsonValue } {
  return pattern === undefined ? {} : { pattern: pattern.source };
}
