// CUE policies made at random over the predicates of `documents.ts`.
import type { Json, Predicate } from "./documents.ts";
import type { Choices } from "./random.ts";
import type { MadePolicy } from "./rego-pairs.ts";

interface Part {
  readonly construct: string;
  /** Fields of the predicate. */
  readonly fields: string;
  /** Declarations of the file: definitions, hidden fields, lets. */
  readonly top?: string;
  readonly imports?: readonly string[];
}

interface Context {
  readonly choose: Choices;
  readonly predicate: Predicate;
  name(stem: string): string;
}

type Maker = (context: Context) => Part;

const json = (value: Json): string => JSON.stringify(value);

function at(predicate: Predicate, path: string): Json {
  let value: Json = predicate;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    value = Object.entries(value).find(([name]) => name === key)?.[1] ?? null;
  }
  return value;
}

const nested = (path: string, value: string): string => `${path.split(".").join(": ")}: ${value}`;
const near = (choose: Choices, right: string, wrong: string): string => (choose.chance(0.72) ? right : wrong);
const textPaths = ["scanner.name", "scanner.version", "builder.id", "labels.team", "when"] as const;
const numberPaths = ["counts.low", "counts.high", "counts.total", "ratio", "big"] as const;

const onText = (construct: string, make: (value: string, choose: Choices) => string, imports: readonly string[] = []): Maker => {
  return ({ choose, predicate }) => {
    const path = choose.of(textPaths);
    return { construct, fields: nested(path, make(String(at(predicate, path)), choose)), imports };
  };
};
const onNumber = (
  construct: string,
  make: (value: number, choose: Choices) => string,
  imports: readonly string[] = [],
): Maker => {
  return ({ choose, predicate }) => {
    const path = choose.of(numberPaths);
    return { construct, fields: nested(path, make(Number(at(predicate, path)), choose)), imports };
  };
};
const plain = (construct: string, make: (context: Context) => string, imports: readonly string[] = []): Maker => {
  return (context) => ({ construct, fields: make(context), imports });
};

const high = "CRITICAL";

/** Every part that policies are made of. */
export const cueParts: readonly Maker[] = [
  onText("text value", (value, choose) => json(near(choose, value, "other"))),
  onText("type string", (_value, choose) => near(choose, "string", "int")),
  onText("=~", (value, choose) => `=~${json(near(choose, `^${value.slice(0, 2)}`, "^zz"))}`),
  onText("!~", (value, choose) => `!~${json(near(choose, "^zz", value.slice(0, 3)))}`),
  onText("!= of texts", (value, choose) => `!=${json(near(choose, "other", value))}`),
  onText("disjunction", (value, choose) => `${json(near(choose, value, "other"))} | "x" | "y"`),
  onText("disjunction of types", (_value, choose) => near(choose, "string | int", "int | bool")),
  onText("conjunction", (value, choose) => `string & =~"." & !=${json(near(choose, "other", value))}`),
  onText("default", (value, choose) => `*"fallback" | ${near(choose, "string", json(`${value}x`))}`),
  onText("bounds of texts", (_value, choose) => near(choose, '>="" & <"~"', '<"#"')),
  onText("strings.MinRunes", (_value, choose) => `strings.MinRunes(${near(choose, "1", "90")})`, ["strings"]),
  onText("strings.MaxRunes", (_value, choose) => `strings.MaxRunes(${near(choose, "90", "1")})`, ["strings"]),
  onText("raw text", (value, choose) => `#"${near(choose, value, "other")}"#`),
  onText("bottom", (value, choose) => (choose.chance(0.75) ? json(value) : "_|_")),
  onNumber("number value", (value, choose) => near(choose, String(value), String(value + 1))),
  onNumber("type number", (_value, choose) => near(choose, "number", "string")),
  onNumber("<", (value, choose) => `<${near(choose, String(value + 1), String(value))}`),
  onNumber("<=", (value, choose) => `<=${near(choose, String(value), String(value - 1))}`),
  onNumber(">", (value, choose) => `>${near(choose, String(value - 1), String(value))}`),
  onNumber(">=", (value, choose) => `>=${near(choose, String(value), String(value + 1))}`),
  onNumber("!= of numbers", (value, choose) => `!=${near(choose, String(value + 1), String(value))}`),
  onNumber("range", (value, choose) => `>=0 & <=${near(choose, String(value), String(value - 1))}`),
  onNumber("arithmetic", (value, choose) => `${value - 2} + ${near(choose, "2", "3")}`),
  onNumber("arithmetic *", (value, choose) => `${near(choose, String(value), String(value + 1))} * 1`),
  onNumber("math.MultipleOf", (_value, choose) => `math.MultipleOf(${near(choose, "0.25", "7")})`, ["math"]),
  plain("type int", ({ choose }) => nested("counts.low", near(choose, "int", "bool"))),
  plain("uint", ({ choose }) => nested("counts.low", near(choose, "uint8", "string"))),
  plain("null", ({ choose }) => `nothing: ${near(choose, "null", "string")}`),
  plain("bool", ({ choose, predicate }) => {
    const trusted = at(predicate, "builder.trusted") === true;
    return `builder: trusted: ${near(choose, String(trusted), String(!trusted))}`;
  }),
  plain("top", () => "builder: _"),
  plain(
    "open list",
    ({ choose }) => `findings: [...{severity: ${near(choose, "string", `!="${choose.of(["LOW", "HIGH"])}"`)}, ...}]`,
  ),
  plain("list of a type", ({ choose }) => `tags: [...${near(choose, "string", "int")}]`),
  plain("list value", ({ choose, predicate }) => `tags: ${near(choose, json(at(predicate, "tags")), '["z"]')}`),
  plain("list.MaxItems", ({ choose }) => `findings: list.MaxItems(${near(choose, "9", "1")})`, ["list"]),
  plain("list.MinItems", ({ choose }) => `findings: list.MinItems(${near(choose, "0", "3")})`, ["list"]),
  plain("list.UniqueItems", () => "tags: list.UniqueItems()", ["list"]),
  plain("struct.MinFields", ({ choose }) => `labels: struct.MinFields(${near(choose, "1", "5")})`, ["struct"]),
  plain("struct.MaxFields", ({ choose }) => `labels: struct.MaxFields(${near(choose, "5", "1")})`, ["struct"]),
  plain("time.Time", ({ choose }) => `${near(choose, "when", "builder: id")}: time.Time`, ["time"]),
  plain(
    "time.Parse",
    ({ choose }) => {
      return `when: ${near(choose, ">", "<")}time.Parse(time.RFC3339, "2000-01-01T00:00:00Z")`;
    },
    ["time"],
  ),
  plain("optional field", ({ choose }) => `missing?: int, scanner: name?: ${near(choose, "string", "int")}`),
  plain("required field", ({ choose }) => `${near(choose, "ratio", "missing")}!: number`),
  plain("absent field", () => "approved: true"),
  plain("quoted label", ({ choose }) => `"labels": "team": ${near(choose, "string", "int")}`),
  plain("pattern constraint", ({ choose }) => `counts: [string]: ${near(choose, "int", ">5")}`),
  plain("pattern of names", ({ choose }) => `counts: [=~"^l"]: ${near(choose, ">=0", ">90")}`),
  plain("closed struct", ({ choose }) => `labels: close({team: string${near(choose, ", tier: string", "")}})`),
  plain("ellipsis", () => "labels: {team: string, ...}"),
  ({ choose, name }) => {
    const definition = name("#D");
    return {
      construct: "definition",
      fields: `labels: ${definition}`,
      top: `${definition}: {team: string${near(choose, ", tier: string", "")}}`,
    };
  },
  ({ choose, name }) => {
    const definition = name("#O");
    return {
      construct: "open definition",
      fields: `scanner: ${definition}`,
      top: `${definition}: {name: ${near(choose, "string", "int")}, ...}`,
    };
  },
  ({ choose, name }) => {
    const hidden = name("_h");
    return { construct: "hidden field", fields: `counts: low: ${hidden}`, top: `${hidden}: ${near(choose, ">=0", ">50")}` };
  },
  ({ choose, name }) => {
    const bound = name("m");
    return { construct: "let", fields: `counts: high: <=${bound}`, top: `let ${bound} = ${near(choose, "9", "-1")}` };
  },
  ({ choose, name }) => {
    const base = name("#B");
    return {
      construct: "embedding",
      fields: `scanner: {${base}, name: string}`,
      top: `${base}: {version: ${near(choose, "string", "int")}, ...}`,
    };
  },
  plain(
    "reference to a sibling",
    ({ choose }) => `counts: {low: int, high: int, total: ${near(choose, ">=0 | low", "<low & <0")}}`,
  ),
  plain("selector", ({ choose }) => `counts: {low: int}, ratio: ${near(choose, ">=", "<")}(counts.low - counts.low)`),
  plain("index", ({ choose }) => `labels: {team: string}, scanner: name: !=labels["team"] & ${near(choose, "string", "int")}`),
  plain("if that holds", ({ choose, predicate }) => {
    const low = Number(at(predicate, "counts.low"));
    return `counts: {low: int, if low >= ${near(choose, String(low + 1), String(low))} {low: "Error"}}`;
  }),
  plain("if of len", ({ choose }) => `findings: [...], if len(findings) > ${near(choose, "9", "1")} {findings: "Error"}`),
  plain(
    "for",
    ({ choose }) =>
      `findings: [...{severity: string, ...}], scanner: {for f in findings if f.severity == "${near(choose, "NONE", high)}" {name: "Error"}}`,
  ),
  plain(
    "list comprehension",
    ({ choose }) =>
      `findings: [...{severity: string, ...}], _bad: [for f in findings if f.severity == "${high}" {f}], if len(_bad) > ${near(choose, "5", "0")} {when: 1}`,
  ),
  plain("interpolation", ({ choose, predicate }) => {
    const team = String(at(predicate, "labels.team"));
    return `labels: {team: string, tier: string}, scanner: name: !="\\(labels.team)x" & ${near(choose, "string", json(team))}`;
  }),
  plain("len", ({ choose }) =>
    `tags: [...], counts: total: ${near(choose, ">=0", ">")}${choose.chance(1) ? "" : ""}${"len(tags) * 0"}`.replace(
      ">=0len",
      ">=len",
    ),
  ),
  plain("and", ({ choose }) => `counts: low: and([int, ${near(choose, ">=0", "<0")}])`),
  plain(
    "or",
    ({ choose, predicate }) => `labels: team: or([${json(near(choose, String(at(predicate, "labels.team")), "z"))}, "q"])`,
  ),
  plain(
    "!",
    ({ choose }) => `builder: {trusted: bool, if ${near(choose, "!trusted && trusted", "trusted || !trusted")} {trusted: 1}}`,
  ),
  plain("comparison", ({ choose }) => `counts: {low: int, high: int, if low + high ${near(choose, "<", ">=")} 0 {low: "Error"}}`),
  plain(
    "strings.HasPrefix",
    ({ choose }) => `builder: {id: string, if !strings.HasPrefix(id, "${near(choose, "https://", "ftp://")}") {id: 1}}`,
    ["strings"],
  ),
  plain(
    "strings.Contains",
    ({ choose }) => `scanner: {uri: string, if strings.Contains(uri, "${near(choose, "zz", "pkg")}") {uri: 1}}`,
    ["strings"],
  ),
  plain("list.Contains", ({ choose }) => `tags: [...string], if list.Contains(tags, "${near(choose, "z", "a")}") {tags: 1}`, [
    "list",
  ]),
  plain(
    "several fields",
    ({ choose }) => `scanner: {name: string, version: ${near(choose, "string", "int")}}\n\tbuilder: id: string`,
  ),
  plain("multi-line text", ({ choose }) => `builder: id: !="""\n\t\ttwo\n\t\tlines\n\t\t""" & ${near(choose, "string", "int")}`),
  plain("number literals", ({ choose }) => `counts: low: <${near(choose, "1K", "0x0")}`),
];

/** A policy about a predicate. */
export function makeCue(choose: Choices, predicate: Predicate): MadePolicy {
  let made = 0;
  const context: Context = { choose, predicate, name: (stem) => `${stem}${made++}` };
  const parts = Array.from({ length: 1 + choose.below(3) }, () => choose.of(cueParts)(context));
  const imports = [...new Set(parts.flatMap(({ imports: each = [] }) => each))].map((path) => `import "${path}"`);
  const shorthand =
    parts.length === 1 &&
    choose.chance(0.4) &&
    !parts[0]?.fields.includes("\n") &&
    !/, [a-z_"]+!?\??: |, if /.test(parts[0]?.fields ?? "");
  const body = shorthand
    ? `predicate: ${parts[0]?.fields ?? ""}`
    : `predicate: {\n${parts.map(({ fields }) => `\t${fields}`).join("\n")}\n}`;
  const extra = choose.chance(0.2) ? 'predicateType: "https://sigillum.example/scan/v1"' : "";
  const lines = [...imports, ...parts.flatMap(({ top = "" }) => (top === "" ? [] : [top])), extra, body].filter(
    (line) => line !== "",
  );
  return {
    source: `${lines.join("\n")}\n`,
    constructs: [...parts.map(({ construct }) => construct), shorthand ? "shorthand" : "block"],
  };
}

/** The name of every construct that policies are made of. */
export function cueConstructs(choose: Choices, predicate: Predicate): readonly string[] {
  const context: Context = { choose, predicate, name: (stem) => stem };
  return [...cueParts.map((make) => make(context).construct), "shorthand", "block"];
}
