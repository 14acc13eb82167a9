// Cases of other implementations of Rego: OPA's own, in a Go module, and those of regorus, in the data beside the checkout.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BuiltinRegistry,
  builtinRegistry,
  compile,
  type Dialect,
  nullType,
  type Policy,
  type QueryOptions,
  stringType,
} from "@sigillum/policy/rego";
import { regoBuiltins as builtinsRoom } from "@sigillum/policy/rego-builtins";
import {
  encodeJson,
  equalValues,
  formatValue,
  fromDouble,
  isArray,
  isPolicyError,
  numeric,
  ObjectValue,
  SetValue,
  type Value,
} from "@sigillum/policy/values";
import { parse } from "yaml";

/** The built-in functions, and the one that OPA's own harness adds for its cases; nobody need wait here. */
const regoBuiltins: BuiltinRegistry = builtinRegistry(builtinsRoom, [
  { name: "test.sleep", args: [stringType], result: nullType, evaluate: () => null },
]);

/** A case of either suite as its file says it. */
export interface RegoCase {
  readonly dialect: Dialect;
  /** The folder that the case stands in. */
  readonly suite: string;
  /** The file and the name of the case; unique. */
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The cases below a folder, with their suites: the first folder of their path. */
export function readCases(folder: string, dialect: Dialect): RegoCase[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  const seen = new Map<string, number>();
  return files.sort().flatMap((file) => {
    const document: unknown = parse(readFileSync(join(folder, file), "utf8"), {
      logLevel: "silent",
      intAsBigInt: true,
      merge: true,
    });
    return listOf(recordOf(document)["cases"]).map((each) => {
      const fields = recordOf(each);
      const base = `${dialect}/${file}: ${String(fields["note"])}`;
      const count = seen.get(base) ?? 0;
      seen.set(base, count + 1);
      return {
        dialect,
        suite: file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : file,
        name: count === 0 ? base : `${base} (${count + 1})`,
        fields,
      };
    });
  });
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A value as YAML gives it. */
function fromYaml(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return numeric(value);
  if (typeof value === "number") return fromDouble(value);
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(fromYaml);
  return ObjectValue.of(Object.entries(recordOf(value)).map(([key, item]) => [key, fromYaml(item)] as const));
}

function sourcesOf({ fields }: RegoCase) {
  return listOf(fields["modules"]).map((source, i) => ({ file: `test-${i}.rego`, source: String(source) }));
}

function compileCase(rego: RegoCase): Policy {
  return compile(sourcesOf(rego), { dialect: rego.dialect, builtins: regoBuiltins });
}

function documentsOf({ fields, dialect }: RegoCase): QueryOptions {
  const data = fromYaml(fields["data"] ?? {});
  const term = fields["input_term"];
  const input =
    typeof term === "string"
      ? compile([], { dialect, builtins: regoBuiltins }).query(`x = ${term}`)[0]?.bindings.get("x")
      : "input" in fields
        ? fromYaml(fields["input"])
        : undefined;
  const env = new Map(Object.entries(recordOf(fields["env"])).map(([name, value]) => [name, String(value)]));
  return {
    ...(input === undefined ? {} : { input }),
    ...(data instanceof ObjectValue ? { data } : {}),
    nowNs: 1_710_000_000_000_000_000n,
    env,
  };
}

/** What is wrong with our answer to one of OPA's cases; undefined when nothing is. */
export function judgeOpaCase(rego: RegoCase): string | undefined {
  const { fields } = rego;
  const code = fields["want_error_code"];
  const message = fields["want_error"];
  try {
    const query = compileCase(rego).prepare(String(fields["query"]), { capture: false });
    const results = query.evaluate({ ...documentsOf(rego), strictBuiltinErrors: fields["strict_error"] === true });
    if (code !== undefined || message !== undefined)
      return `wanted ${String(code)} ${String(message)}, got ${results.length} results`;
    const sorted = (value: Value): Value => (fields["sort_bindings"] === true && isArray(value) ? SetValue.of(value) : value);
    const got = SetValue.of(
      results.map(({ bindings }) => ObjectValue.of([...bindings].map(([name, value]) => [name, sorted(plain(value))] as const))),
    );
    if (fields["want_defined"] !== undefined)
      return results.length > 0 === fields["want_defined"] ? undefined : "is defined or not, wrongly";
    const wanted = SetValue.of(
      listOf(fields["want_result"]).map((each) =>
        ObjectValue.of(Object.entries(recordOf(each)).map(([name, value]) => [name, sorted(fromYaml(value))] as const)),
      ),
    );
    return equalValues(got, wanted)
      ? undefined
      : `wanted ${formatValue(wanted).slice(0, 200)}, got ${formatValue(got).slice(0, 200)}`;
  } catch (error) {
    return judgeError(error, code, message);
  }
}

function judgeError(error: unknown, code: unknown, message: unknown): string | undefined {
  if (!isPolicyError(error)) throw error;
  const at = error.position === undefined ? "" : `${error.position.file}:${error.position.line}: `;
  const said = `${at}${error.code}: ${error.message} ${error.found ?? ""}`;
  if (code === undefined && message === undefined) return said;
  if (code !== undefined && error.code !== code) return `wanted ${String(code)}, got ${said}`;
  return message === undefined || said.includes(String(message)) ? undefined : `wanted ${String(message)}, got ${said}`;
}

/** A value as OPA writes it in JSON: sets as arrays, keys as texts. */
function plain(value: Value): Value {
  if (value instanceof SetValue) return value.values().map(plain);
  if (isArray(value)) return value.map(plain);
  if (!(value instanceof ObjectValue)) return value;
  return ObjectValue.of(
    value.entries().map(([key, item]) => [typeof key === "string" ? key : encodeJson(key), plain(item)] as const),
  );
}

/** What is wrong with our answer to one of regorus' cases. Of its errors we hold us to there being one: the words are regorus' own. */
export function judgeRegorusCase(rego: RegoCase): string | undefined {
  const { fields } = rego;
  const inputs = manyOf(fields["input"]) ?? [fields["input"]];
  const wanted = manyOf(fields["want_result"]) ?? [fields["want_result"]];
  for (const [i, input] of inputs.entries()) {
    const why = judgeRegorusInput(rego, input, wanted[i]);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** regorus reads a module of version 1 without being told; we are told by whether it compiles. */
function dialectOf(rego: RegoCase): Dialect {
  for (const dialect of ["v1", "v0"] as const) {
    try {
      compileCase({ ...rego, dialect });
      return dialect;
    } catch (error) {
      if (!isPolicyError(error)) throw error;
    }
  }
  return "v1";
}

function manyOf(value: unknown): unknown[] | undefined {
  const many = recordOf(value)["many!"];
  return many === undefined ? undefined : listOf(many);
}

function judgeRegorusInput(rego: RegoCase, input: unknown, wanted: unknown): string | undefined {
  const { fields } = rego;
  const chosen = { ...rego, dialect: dialectOf(rego) };
  try {
    const documents = documentsOf({ ...rego, fields: { ...fields, data: undefined } });
    const data = markedValue(fields["data"] ?? {});
    const given = {
      ...documents,
      ...(input === undefined ? {} : { input: markedValue(input) }),
      ...(data instanceof ObjectValue ? { data } : {}),
    };
    const results = compileCase(chosen).query(String(fields["query"]), {
      ...given,
      strictBuiltinErrors: fields["strict"] !== false,
    });
    if (fields["error"] !== undefined) return `wanted the error ${String(fields["error"])}, got ${results.length} results`;
    const bindings = [...(results[0]?.bindings ?? [])];
    const got = bindings.length > 0 ? ObjectValue.of(bindings) : results[0]?.expressions[0];
    if (fields["no_result"] === true || wanted === "#undefined")
      return got === undefined ? undefined : `wanted nothing, got ${formatValue(got).slice(0, 200)}`;
    if (got === undefined) return "wanted a result, got none";
    const value = markedValue(wanted);
    const asSet = fields["sort_bindings"] === true && isArray(got) && isArray(value);
    const same = asSet ? equalValues(SetValue.of(got), SetValue.of(value)) : equalValues(got, value);
    return same ? undefined : `wanted ${formatValue(value).slice(0, 300)}, got ${formatValue(got).slice(0, 300)}`;
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    return fields["error"] === undefined ? `${error.code}: ${error.message} (line ${error.position?.line})` : undefined;
  }
}

/** A value in regorus' notation: `set!`, `object!` and `#undefined` are marked. */
function markedValue(value: unknown): Value {
  if (Array.isArray(value)) return value.map(markedValue);
  const record = recordOf(value);
  if ("set!" in record) return SetValue.of(listOf(record["set!"]).map(markedValue));
  if ("object!" in record) {
    return ObjectValue.of(
      listOf(record["object!"]).map(
        (pair) => [markedValue(recordOf(pair)["key"]), markedValue(recordOf(pair)["value"])] as const,
      ),
    );
  }
  if (typeof value !== "object" || value === null) return fromYaml(value);
  return ObjectValue.of(Object.entries(record).map(([key, item]) => [key, markedValue(item)] as const));
}
