// Rego policies made at random over the predicates of `documents.ts`: conditions that hold or do not, in rules of every form.
import type { Json, Predicate } from "./documents.ts";
import type { Choices } from "./random.ts";

/** A policy, and what it is made of. */
export interface MadePolicy {
  readonly source: string;
  /** The constructs that stand in it. */
  readonly constructs: readonly string[];
}

interface Condition {
  readonly construct: string;
  /** Expressions of a body, one a line. */
  readonly lines: readonly string[];
  /** Rules and functions that it needs. */
  readonly rules?: readonly string[];
}

type Maker = (context: Context) => Condition;

interface Context {
  readonly choose: Choices;
  readonly predicate: Predicate;
  /** A name that is used nowhere else. */
  name(stem: string): string;
}

const json = (value: Json): string => JSON.stringify(value);

function at(predicate: Predicate, ...path: readonly string[]): Json {
  let value: Json = predicate;
  for (const key of path) value = isObject(value) ? (value[key] ?? null) : null;
  return value;
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const p = "input.predicate";
const textPaths = ["scanner.name", "scanner.version", "scanner.uri", "builder.id", "when", "labels.team"] as const;
const numberPaths = ["counts.low", "counts.high", "counts.total", "ratio", "big"] as const;

function textAt({ choose, predicate }: Context): readonly [path: string, value: string] {
  const path = choose.of(textPaths);
  return [`${p}.${path}`, String(at(predicate, ...path.split(".")))];
}

function numberAt({ choose, predicate }: Context): readonly [path: string, value: number] {
  const path = choose.of(numberPaths);
  return [`${p}.${path}`, Number(at(predicate, ...path.split(".")))];
}

/** A value that is right, or one that is wrong. */
function near(choose: Choices, right: string, wrong: string): string {
  return choose.chance(0.72) ? right : wrong;
}

const simple = (construct: string, make: (context: Context) => string | readonly string[]): Maker => {
  return (context) => {
    const made = make(context);
    return { construct, lines: typeof made === "string" ? [made] : made };
  };
};

const comparison = (operator: string, holds: (order: number) => boolean): Maker =>
  simple(`operator ${operator}`, (context) => {
    const [path, value] = numberAt(context);
    const candidates = [value - 1, value, value + 1];
    const fitting = candidates.filter((candidate) => holds(value - candidate) === context.choose.chance(0.75));
    return `${path} ${operator} ${context.choose.of(fitting.length > 0 ? fitting : candidates)}`;
  });

const arithmetic = (operator: "+" | "-" | "*" | "/" | "%"): Maker =>
  simple(`arithmetic ${operator}`, (context) => {
    const low = Number(at(context.predicate, "counts", "low"));
    const by = 1 + context.choose.below(3);
    const results = { "+": low + by, "-": low - by, "*": low * by, "/": low / by, "%": low % by };
    return `${p}.counts.low ${operator} ${by} == ${near(context.choose, `(${low} ${operator} ${by})`, String(results[operator] + 1))}`;
  });

const textFunction = (name: string, call: (path: string, value: string, choose: Choices) => string): Maker =>
  simple(name, (context) => {
    const [path, value] = textAt(context);
    return call(path, value, context.choose);
  });

const findings = `${p}.findings`;

/** Every condition that policies are made of. */
export const regoConditions: readonly Maker[] = [
  simple("equality ==", (context) => {
    const [path, value] = textAt(context);
    return `${path} == ${json(near(context.choose, value, "other"))}`;
  }),
  simple("unification =", (context) => {
    const [path, value] = textAt(context);
    return `${path} = ${json(near(context.choose, value, "other"))}`;
  }),
  simple("inequality !=", (context) => {
    const [path, value] = textAt(context);
    return `${path} != ${json(near(context.choose, "other", value))}`;
  }),
  comparison("<", (order) => order < 0),
  comparison("<=", (order) => order <= 0),
  comparison(">", (order) => order > 0),
  comparison(">=", (order) => order >= 0),
  arithmetic("+"),
  arithmetic("-"),
  arithmetic("*"),
  arithmetic("/"),
  arithmetic("%"),
  textFunction("startswith", (path, value, choose) => `startswith(${path}, ${json(near(choose, value.slice(0, 3), "zz"))})`),
  textFunction("endswith", (path, value, choose) => `endswith(${path}, ${json(near(choose, value.slice(-2), "zz"))})`),
  textFunction("contains", (path, value, choose) => `contains(${path}, ${json(near(choose, value.slice(1, 4), "zz"))})`),
  textFunction(
    "lower and upper",
    (path, value, choose) => `upper(lower(${path})) == ${json(near(choose, value.toUpperCase(), value))}`,
  ),
  textFunction(
    "split",
    (path, value, choose) => `count(split(${path}, ".")) == ${near(choose, String(value.split(".").length), "9")}`,
  ),
  textFunction("concat", (path, value, choose) => `concat("/", [${path}, "x"]) == ${json(near(choose, `${value}/x`, value))}`),
  textFunction(
    "sprintf",
    (path, value, choose) => `sprintf("%s-%d", [${path}, 7]) == ${json(near(choose, `${value}-7`, value))}`,
  ),
  textFunction(
    "replace",
    (path, value, choose) => `replace(${path}, "a", "b") == ${json(near(choose, value.replaceAll("a", "b"), `${value}x`))}`,
  ),
  textFunction("regex.match", (path, _value, choose) => `regex.match(${near(choose, '"^[a-z0-9]"', '"^[A-Z]{3}$"')}, ${path})`),
  textFunction(
    "substring",
    (path, value, choose) => `substring(${path}, 0, 2) == ${json(near(choose, value.slice(0, 2), "zz"))}`,
  ),
  textFunction(
    "trim_prefix",
    (path, value, choose) => `trim_prefix(${path}, ${json(value.slice(0, 2))}) == ${json(near(choose, value.slice(2), value))}`,
  ),
  textFunction(
    "base64",
    (path, value, choose) => `base64.encode(${path}) == ${json(near(choose, Buffer.from(value).toString("base64"), "AA=="))}`,
  ),
  textFunction(
    "glob.match",
    (path, value, choose) => `glob.match(${json(near(choose, `${value.slice(0, 2)}**`, "zz*"))}, [], ${path})`,
  ),
  simple("count", ({ choose, predicate }) => {
    const list = at(predicate, "findings");
    const length = Array.isArray(list) ? list.length : 0;
    return `count(${findings}) == ${near(choose, String(length), "77")}`;
  }),
  simple("sum", ({ choose }) => `sum([f.score | f := ${findings}[_]]) ${near(choose, ">=", "<")} 0`),
  simple(
    "max of a non-empty list",
    ({ choose }) => `max(array.concat([0], [f.score | f := ${findings}[_]])) <= ${near(choose, "10", "3")}`,
  ),
  simple("sort", ({ choose }) => `sort([3, 1, 2]) == ${near(choose, "[1, 2, 3]", "[3, 2, 1]")}`),
  simple("not", ({ choose }) => `not ${p}.${near(choose, "missing", "builder.id")}`),
  simple("not of a body", (context) => {
    const [path, value] = numberAt(context);
    return `not ${path} < ${near(context.choose, String(value), String(value + 1))}`;
  }),
  simple("iteration [_]", ({ choose }) => `${findings}[_].severity == ${json(choose.of(["HIGH", "LOW", "MEDIUM", "CRITICAL"]))}`),
  (context) => {
    const i = context.name("i");
    return { construct: "some", lines: [`some ${i}`, `${p}.tags[${i}] == ${json(near(context.choose, "a", "z"))}`] };
  },
  simple("in", ({ choose, predicate }) => {
    const team = String(at(predicate, "labels", "team"));
    return `${p}.labels.team in ${near(choose, `{${json(team)}, "x"}`, '{"x", "y"}')}`;
  }),
  (context) => {
    const f = context.name("f");
    const low = context.choose.chance(0.7);
    return { construct: "every", lines: [`every ${f} in ${findings} { ${f}.score <= ${low ? 10 : 4} }`] };
  },
  (context) => {
    const [k, v] = [context.name("k"), context.name("v")];
    return {
      construct: "some in with key",
      lines: [`some ${k}, ${v} in ${p}.counts`, `${k} == "low"`, `${v} >= ${near(context.choose, "0", "9")}`],
    };
  },
  (context) => {
    const a = context.name("a");
    return {
      construct: "array comprehension",
      lines: [`${a} := [f | f := ${findings}[_]; f.severity == "CRITICAL"]`, `count(${a}) ${near(context.choose, "<=", ">")} 2`],
    };
  },
  (context) => {
    const s = context.name("s");
    return {
      construct: "set comprehension",
      lines: [
        `${s} := {f.severity | f := ${findings}[_]}`,
        `count(${s} - {"LOW", "MEDIUM"}) <= ${near(context.choose, "2", "0")}`,
      ],
    };
  },
  (context) => {
    const o = context.name("o");
    return {
      construct: "object comprehension",
      lines: [`${o} := {k: v | v := ${p}.counts[k]}`, `object.get(${o}, "total", 0) >= ${near(context.choose, "0", "9")}`],
    };
  },
  simple("set union", ({ choose }) => `count({"a"} | {"b"}) == ${near(choose, "2", "1")}`),
  simple("set intersection", ({ choose }) => `{"a", "b"} & {"b"} == ${near(choose, '{"b"}', '{"a"}')}`),
  simple(
    "object.get with default",
    ({ choose }) => `object.get(${p}, "missing", "none") == ${json(near(choose, "none", "some"))}`,
  ),
  simple("type checks", ({ choose }) => `${near(choose, "is_string", "is_number")}(${p}.scanner.name)`),
  simple("null", ({ choose }) => `${p}.nothing == ${near(choose, "null", "false")}`),
  simple("boolean", (context) => {
    const trusted = at(context.predicate, "builder", "trusted") === true;
    return `${p}.builder.trusted == ${near(context.choose, String(trusted), String(!trusted))}`;
  }),
  simple("big integers", (context) => `${p}.big + 1 ${near(context.choose, ">", "<=")} ${p}.big`),
  (context) => {
    const [a, b] = [context.name("a"), context.name("b")];
    return {
      construct: "destructuring",
      lines: [`[${a}, ${b}] := split("x:y", ":")`, `${a} == ${json(near(context.choose, "x", "y"))}`, `${b} == "y"`],
    };
  },
  simple("object literal", ({ choose }) => `{"a": 1, "b": [2]} == ${near(choose, '{"b": [2], "a": 1}', '{"a": 1}')}`),
  (context) => {
    const name = context.name("f");
    const [path, value] = textAt(context);
    return {
      construct: "function",
      lines: [`${name}(${path})`],
      rules: [`${name}(x) { x == ${json(near(context.choose, value, "other"))} }`],
    };
  },
  (context) => {
    const name = context.name("g");
    return {
      construct: "function with a value",
      lines: [`${name}(${p}.counts.low) >= ${near(context.choose, "0", "50")}`],
      rules: [`${name}(x) = y { y := x * 10 }`],
    };
  },
  (context) => {
    const name = context.name("r");
    return {
      construct: "complete rule",
      lines: [`${name} == ${near(context.choose, '"yes"', '"no"')}`],
      rules: [`${name} = "yes" { ${p}.counts.low >= 0 }`],
    };
  },
  (context) => {
    const name = context.name("e");
    return {
      construct: "else",
      lines: [`${name} ${near(context.choose, "!=", "==")} "unknown"`],
      rules: [`${name} = "many" { ${p}.counts.total > 4 } else = "few" { ${p}.counts.total >= 0 } else = "unknown" { true }`],
    };
  },
  (context) => {
    const name = context.name("s");
    return {
      construct: "partial set",
      lines: [`count(${name}) <= ${near(context.choose, "5", "0")}`],
      rules: [`${name}[f.id] { f := ${findings}[_]; f.fixed == false }`],
    };
  },
  (context) => {
    const name = context.name("o");
    return {
      construct: "partial object",
      lines: [`${name}["low"] >= ${near(context.choose, "0", "9")}`],
      rules: [`${name}[k] = v { v := ${p}.counts[k] }`],
    };
  },
  (context) => {
    const name = context.name("d");
    return {
      construct: "default of a helper",
      lines: [`${name} == ${near(context.choose, "false", "true")}`],
      rules: [`default ${name} = false`, `${name} { ${p}.counts.total > 100 }`],
    };
  },
  (context) => {
    const name = context.name("w");
    return {
      construct: "with",
      lines: [`${name} with input.predicate.counts.low as ${near(context.choose, "50", "1")}`],
      rules: [`${name} { ${p}.counts.low == 50 }`],
    };
  },
  simple("semver.compare", (context) => `semver.compare(${p}.scanner.version, "0.1.0") == ${near(context.choose, "1", "-1")}`),
  simple(
    "time.parse_rfc3339_ns",
    (context) => `time.parse_rfc3339_ns(${p}.when) ${near(context.choose, ">", "<")} 1500000000000000000`,
  ),
  simple("json.marshal", (context) => `json.marshal(${p}.labels) ${near(context.choose, "!=", "==")} "{}"`),
  simple(
    "to_number",
    ({ choose, predicate }) => `to_number(${p}.labels.tier) == ${near(choose, String(at(predicate, "labels", "tier")), "7")}`,
  ),
  simple("numbers.range", ({ choose }) => `numbers.range(1, 3) == ${near(choose, "[1, 2, 3]", "[1, 2]")}`),
  (context) => {
    const [path, value] = [context.name("w"), context.name("w")];
    return {
      construct: "walk",
      lines: [
        `[${path}, ${value}] := walk(${p}.scanner)`,
        `${value} == ${p}.scanner.${near(context.choose, "name", "nothing")}`,
        `count(${path}) == 1`,
      ],
    };
  },
  simple(
    "division by zero",
    ({ choose }) => `x := 1 / ${near(choose, "1", "(input.predicate.counts.low - input.predicate.counts.low)")}; x == 1`,
  ),
  simple("undefined reference", ({ choose }) => `${p}.${near(choose, "scanner", "nowhere")}.${near(choose, "name", "nothing")}`),
];

const forms = ["body", "default", "helper", "violations", "else", "value", "two bodies", "set", "object", "negated"] as const;

/** A policy about a predicate. */
export function makeRego(choose: Choices, predicate: Predicate): MadePolicy {
  let made = 0;
  const context: Context = { choose, predicate, name: (stem) => `${stem}${made++}` };
  const conditions = Array.from({ length: 1 + choose.below(3) }, () => choose.of(regoConditions)(context));
  const drawn = choose.of(forms);
  // a set and an object never allow anything: fewer of them
  const form = (drawn === "set" || drawn === "object") && choose.chance(0.7) ? "body" : drawn;
  const body = conditions.flatMap(({ lines }) => lines);
  const rules = conditions.flatMap(({ rules = [] }) => rules);
  const block = (lines: readonly string[]): string => `{\n${lines.map((line) => `\t${line}`).join("\n")}\n}`;
  const texts: Readonly<Record<(typeof forms)[number], readonly string[]>> = {
    body: [`allow ${block(body)}`],
    default: ["default allow = false", `allow ${block(body)}`],
    helper: ["allow { ok }", `ok ${block(body)}`],
    violations: [
      "default allow = false",
      "allow { count(violation) == 0 }",
      'violation[msg] { not ok; msg := "not ok" }',
      `ok ${block(body)}`,
    ],
    else: [`allow = true ${block(body)} else = false { true }`],
    value: [`allow = x ${block([...body, "x := true"])}`],
    "two bodies": [`allow ${block(body)}`, "allow { input.predicate.counts.total > 6 }"],
    set: [`allow["x"] ${block(body)}`],
    object: [`allow = {"ok": true} ${block(body)}`],
    negated: ["allow { not denied }", `denied ${block(["input.predicate.counts.total > 7", ...body])}`],
  };
  const source = `${["package signature", "import future.keywords.in", "import future.keywords.every", ...texts[form], ...rules].join("\n\n")}\n`;
  return { source, constructs: [...conditions.map(({ construct }) => construct), `form ${form}`] };
}

/** The name of every construct that policies are made of. */
export function regoConstructs(choose: Choices, predicate: Predicate): readonly string[] {
  const context: Context = { choose, predicate, name: (stem) => stem };
  return [...regoConditions.map((make) => make(context).construct), ...forms.map((form) => `form ${form}`)];
}
