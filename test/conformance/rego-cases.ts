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

/** The cases below a folder, with their suites: the first folder of their path. regorus means the keys of its maps as YAML has them. */
export function readCases(folder: string, dialect: Dialect, mapAsMap = false): RegoCase[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  const seen = new Map<string, number>();
  return files.sort().flatMap((file) => {
    const document: unknown = parse(readFileSync(join(folder, file), "utf8"), {
      logLevel: "silent",
      intAsBigInt: true,
      mapAsMap,
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
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]: [unknown, unknown]) => [String(key), item]));
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
  const wanted = manyOf(rego.fields["want_result"]) ?? [rego.fields["want_result"]];
  for (const [i, question] of regorusQuestions(rego).entries()) {
    const why = judgeRegorusAnswer(rego, answerOf(question), wanted[i]);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** What a case of regorus asks, about one input. */
export interface RegorusQuestion {
  readonly rego: RegoCase;
  /** regorus reads a module of version 1 without being told; we are told by whether it compiles. */
  readonly dialect: Dialect;
  readonly sources: readonly { readonly file: string; readonly source: string }[];
  readonly query: string;
  readonly strict: boolean;
  readonly input: Value | undefined;
  readonly data: Value;
}

/** The questions of a case: one for each input that it has. */
export function regorusQuestions(rego: RegoCase): readonly RegorusQuestion[] {
  const { fields } = rego;
  return (manyOf(fields["input"]) ?? [fields["input"]]).map((input) => ({
    rego,
    dialect: dialectOf(rego),
    sources: sourcesOf(rego),
    query: String(fields["query"]),
    strict: fields["strict"] !== false,
    input: input === undefined ? undefined : markedValue(input),
    data: markedValue(fields["data"] ?? {}),
  }));
}

/** An answer to a question: each result as its expressions and bindings, or the error. */
export type RegorusAnswer =
  | { readonly results: readonly (readonly [expressions: readonly Value[], bindings: ObjectValue])[] }
  | { readonly error: string; readonly message: string };

/** Our answer. */
export function answerOf(question: RegorusQuestion): RegorusAnswer {
  const { rego, dialect, query, strict, input, data } = question;
  try {
    const results = compileCase({ ...rego, dialect }).query(query, {
      ...documentsOf({ ...rego, fields: { ...rego.fields, data: undefined, input: undefined } }),
      ...(input === undefined ? {} : { input }),
      ...(data instanceof ObjectValue ? { data } : {}),
      strictBuiltinErrors: strict,
    });
    return { results: results.map(({ expressions, bindings }) => [expressions, ObjectValue.of([...bindings])]) };
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    return { error: error.code, message: `${error.message} (line ${error.position?.line})` };
  }
}

/** An answer as OPA writes it in JSON, in an order of its own: equal for equal answers. */
export function printAnswer(answer: RegorusAnswer): string {
  if ("error" in answer) return answer.error;
  const results = answer.results.map(([expressions, bindings]) => [plain(expressions), plain(bindings)]);
  return encodeJson(SetValue.of(results).values());
}

/** The dialect in which a case compiles, else the one in which it is at least read. */
function dialectOf(rego: RegoCase): Dialect {
  let read: Dialect | undefined;
  for (const dialect of ["v1", "v0"] as const) {
    try {
      compileCase({ ...rego, dialect });
      return dialect;
    } catch (error) {
      if (!isPolicyError(error)) throw error;
      if (error.code !== "rego_parse_error") read ??= dialect;
    }
  }
  return read ?? "v1";
}

function manyOf(value: unknown): unknown[] | undefined {
  const many = recordOf(value)["many!"];
  return many === undefined ? undefined : listOf(many);
}

function judgeRegorusAnswer({ fields }: RegoCase, answer: RegorusAnswer, wanted: unknown): string | undefined {
  if ("error" in answer) return fields["error"] === undefined ? `${answer.error}: ${answer.message}` : undefined;
  const { results } = answer;
  if (fields["error"] !== undefined) return `wanted the error ${String(fields["error"])}, got ${results.length} results`;
  const [expressions, bindings] = results[0] ?? [[], undefined];
  const got = bindings !== undefined && bindings.size > 0 ? bindings : expressions[0];
  if (fields["no_result"] === true || wanted === "#undefined")
    return got === undefined ? undefined : `wanted nothing, got ${formatValue(got).slice(0, 200)}`;
  if (got === undefined) return "wanted a result, got none";
  const value = markedValue(wanted);
  const asSet = fields["sort_bindings"] === true && isArray(got) && isArray(value);
  const same = asSet ? equalValues(SetValue.of(got), SetValue.of(value)) : equalValues(got, value);
  return same ? undefined : `wanted ${formatValue(value).slice(0, 300)}, got ${formatValue(got).slice(0, 300)}`;
}

/** A value in regorus' notation: `set!`, `object!` and `#undefined` are marked, and a key of YAML may be no text. */
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
  const entries: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : Object.entries(record);
  return ObjectValue.of(entries.map(([key, item]) => [markedValue(key), markedValue(item)] as const));
}
