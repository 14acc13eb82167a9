// The document that cosign and policy-controller hand to a policy: the statement, for some short names rewritten through the types of
// their language, so that members of other names vanish and absent ones appear with a zero value.
// Divergences: numbers keep their precision (the originals round to 64 bits), and names match exactly (theirs match in any case).
import { isArray, ObjectBuilder, ObjectValue, quote, type Value } from "../values/index.ts";
import { contractError } from "./errors.ts";

/** The short names that cosign knows for predicate types; every URI is a type too, and is given as it is. */
export const inputTypes: Readonly<Record<InputType, string>> = {
  custom: "https://cosign.sigstore.dev/attestation/v1",
  cyclonedx: "https://cyclonedx.org/bom",
  link: "https://in-toto.io/Link/v1",
  openvex: "https://openvex.dev/ns",
  slsaprovenance: "https://slsa.dev/provenance/v0.2",
  slsaprovenance02: "https://slsa.dev/provenance/v0.2",
  slsaprovenance1: "https://slsa.dev/provenance/v1",
  spdx: "https://spdx.dev/Document",
  spdxjson: "https://spdx.dev/Document",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
};

/** A short name of a predicate type. */
export type InputType =
  | "custom"
  | "cyclonedx"
  | "link"
  | "openvex"
  | "slsaprovenance"
  | "slsaprovenance02"
  | "slsaprovenance1"
  | "spdx"
  | "spdxjson"
  | "vuln";

/** How a value is rewritten: each kind with the zero value that it has when absent. */
type Shape =
  | { readonly kind: "any" | "text" | "flag" | "time" }
  | { readonly kind: "texts" | "values" | "list-of-texts" }
  | { readonly kind: "list"; readonly of: Shape }
  | { readonly kind: "fields"; readonly fields: Readonly<Record<string, Field>> };

/** A member and whether its zero value is left out, or an absent one stays absent. */
type Field = readonly [shape: Shape, empty?: "omitted" | "absent"];

const any: Shape = { kind: "any" };
const text: Shape = { kind: "text" };
const flag: Shape = { kind: "flag" };
const time: Shape = { kind: "time" };
const texts: Shape = { kind: "texts" };
const values: Shape = { kind: "values" };
const fields = (of: Readonly<Record<string, Field>>): Shape => ({ kind: "fields", fields: of });

const subject: Shape = { kind: "list", of: fields({ name: [text], digest: [texts] }) };

const slsa02: Shape = fields({
  builder: [fields({ id: [text] })],
  buildType: [text],
  invocation: [
    fields({
      configSource: [fields({ uri: [text, "omitted"], digest: [texts, "omitted"], entryPoint: [text, "omitted"] })],
      parameters: [any, "omitted"],
      environment: [any, "omitted"],
    }),
  ],
  buildConfig: [any, "omitted"],
  metadata: [
    fields({
      buildInvocationID: [text, "omitted"],
      buildStartedOn: [time, "absent"],
      buildFinishedOn: [time, "absent"],
      completeness: [fields({ parameters: [flag], environment: [flag], materials: [flag] })],
      reproducible: [flag],
    }),
    "absent",
  ],
  materials: [{ kind: "list", of: fields({ uri: [text, "omitted"], digest: [texts, "omitted"] }) }, "omitted"],
});

const link: Shape = fields({
  _type: [text],
  name: [text],
  materials: [values],
  products: [values],
  byproducts: [values],
  command: [{ kind: "list-of-texts" }],
  environment: [values],
});

const vuln: Shape = fields({
  invocation: [fields({ parameters: [any], uri: [text], event_id: [text], "builder.id": [text] })],
  scanner: [fields({ uri: [text], version: [text], db: [fields({ uri: [text], version: [text] })], result: [any] })],
  metadata: [fields({ scanStartedOn: [time], scanFinishedOn: [time] })],
});

const header: Readonly<Record<string, Field>> = { _type: [text], predicateType: [text], subject: [subject] };
const statements: Partial<Readonly<Record<InputType, Shape>>> = {
  slsaprovenance: fields({ ...header, predicate: [slsa02] }),
  link: fields({ ...header, predicate: [link] }),
  spdx: fields({ ...header, predicate: [any] }),
  spdxjson: fields({ ...header, predicate: [any] }),
  cyclonedx: fields({ ...header, predicate: [any] }),
  // the structure for this one calls the member `type`, so that `_type` is lost
  vuln: fields({ predicateType: [text], subject: [subject], predicate: [vuln] }),
};

/**
 * The document for a policy over a statement, asked for by a short name or a URI; undefined when the statement's predicate type is
 * another. Throws CONTRACT_STATEMENT_MALFORMED or CONTRACT_PREDICATE_MALFORMED where the rewriting has no form for what it finds.
 */
export function policyInput(type: string, statement: Value): Value | undefined {
  if (!(statement instanceof ObjectValue))
    throw contractError("CONTRACT_STATEMENT_MALFORMED", "Cannot read statement: it is not a JSON object");
  const uri = isInputType(type) ? inputTypes[type] : type;
  if (statement.get("predicateType") !== uri) return undefined;
  const shape = isInputType(type) ? statements[type] : undefined;
  return shape === undefined ? statement : rewrite(statement, shape, "");
}

function isInputType(name: string): name is InputType {
  return Object.hasOwn(inputTypes, name);
}

function rewrite(value: Value | undefined, shape: Shape, path: string): Value {
  const given = value === null ? undefined : value;
  switch (shape.kind) {
    case "any":
      return value ?? null;
    case "text":
      return given === undefined ? "" : typeof given === "string" ? given : refuse(path, "a string");
    case "flag":
      return given === undefined ? false : typeof given === "boolean" ? given : refuse(path, "a boolean");
    case "time":
      return given === undefined
        ? "0001-01-01T00:00:00Z"
        : typeof given === "string"
          ? goTime(given, path)
          : refuse(path, "a time");
    case "list-of-texts":
      return given === undefined ? null : listOf(given, text, path);
    case "list":
      return given === undefined ? null : listOf(given, shape.of, path);
    case "texts":
    case "values":
      if (given === undefined) return null;
      if (!(given instanceof ObjectValue)) return refuse(path, "an object");
      if (shape.kind === "texts") for (const [name, one] of given.entries()) rewrite(one, text, `${path}.${String(name)}`);
      return given;
    default:
      return rewriteFields(given, shape.fields, path);
  }
}

function rewriteFields(given: Value | undefined, wanted: Readonly<Record<string, Field>>, path: string): Value {
  if (given !== undefined && !(given instanceof ObjectValue)) return refuse(path, "an object");
  const built = new ObjectBuilder();
  for (const [name, [shape, empty]] of Object.entries(wanted)) {
    const found = given?.get(name) ?? undefined;
    if (empty === "absent" && found === undefined) continue;
    const value = rewrite(found, shape, path === "" ? name : `${path}.${name}`);
    if (empty === "omitted" && isZero(value)) continue;
    built.set(name, value);
  }
  return built.finish();
}

function listOf(value: Value, shape: Shape, path: string): Value {
  if (!isArray(value)) return refuse(path, "a list");
  return value.map((one, index) => rewrite(one, shape, `${path}.${index}`));
}

function isZero(value: Value): boolean {
  return (
    value === null ||
    value === "" ||
    value === false ||
    (isArray(value) && value.length === 0) ||
    (value instanceof ObjectValue && value.size === 0)
  );
}

// Go's time.Time: RFC 3339, written back with the zeros of a fraction's end left out.
function goTime(found: string, path: string): string {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(found);
  if (parts === null) return refuse(path, "a time as RFC 3339 writes it");
  const [, seconds = "", fraction = "", zone = ""] = parts;
  const digits = fraction.replace(/0+$/, "");
  return `${seconds}${digits === "" ? "" : `.${digits}`}${/^[+-]00:00$/.test(zone) ? "Z" : zone}`;
}

function refuse(path: string, expected: string): never {
  throw contractError("CONTRACT_PREDICATE_MALFORMED", `Cannot read statement: ${quote(path)} is not ${expected}`, {
    found: path,
    expected,
  });
}
