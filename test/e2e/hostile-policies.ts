// Hostile policies and documents in both languages, each with how it ends. Run as a program it tries them all and prints, a line each, how the
// case ended and what it took of the processor: `hostile-policies.test.ts` starts it in a process of its own with little memory.
import { evaluate, type PolicyLanguage } from "@sigillum/policy/contracts";
import { encodeJson, isPolicyError, parseJson } from "@sigillum/policy/values";

/** A hostile case. */
export interface HostileCase {
  readonly name: string;
  readonly language: PolicyLanguage;
  readonly source: string;
  readonly document?: string;
  /** How it ends: the code of the message that refuses it, or true where nothing is refused. */
  readonly ends: string | true;
}

const many = (count: number, make: (i: number) => string): string => Array.from({ length: count }, (_, i) => make(i)).join("\n");
const rego = (source: string): string =>
  `package sigillum\nimport rego.v1\ndigits := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n${source}\n`;
const nines = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const deep = (depth: number): string => `{"deep": ${"[".repeat(depth)}${"]".repeat(depth)}}`;
const long = "a".repeat(50_000);

/** Every case. */
export const hostileCases: readonly HostileCase[] = [
  {
    name: "a comprehension without end",
    language: "rego",
    source: rego(`allow if count([1 | ${nines.map((name) => `some ${name} in digits`).join("; ")}]) > 0`),
    ends: "POLICY_STEPS_EXCEEDED",
  },
  {
    name: "a cross product of the document",
    language: "rego",
    source: rego("allow if count({[a, b] | some a in input.list; some b in input.list}) > 0"),
    document: `{"list": [${Array.from({ length: 3000 }, (_, i) => i).join(",")}]}`,
    ends: "POLICY_BYTES_EXCEEDED",
  },
  {
    name: "a range without end",
    language: "rego",
    source: rego("allow if count(numbers.range(1, 100000000)) > 0"),
    ends: "POLICY_STEPS_EXCEEDED",
  },
  {
    name: "an exponential regular expression",
    language: "rego",
    source: rego(`allow if regex.match("^(a+)+b$", "${long}")`),
    ends: "CONTRACT_REGO_UNDEFINED",
  },
  {
    name: "a regular expression that repeats repetitions",
    language: "rego",
    source: rego('allow if regex.match("((a{100}){100}){100}", "a")'),
    ends: "CONTRACT_REGO_UNDEFINED",
  },
  {
    name: "a regular expression that repeats a class of Unicode",
    language: "rego",
    source: rego(`allow if regex.match("${"\\\\pL{1000}".repeat(1600)}", "a")`),
    ends: "CONTRACT_REGO_UNDEFINED",
  },
  {
    name: "many regular expressions that are large",
    language: "rego",
    source: rego('allow if { some i in numbers.range(1, 1000); regex.match(sprintf("%da{1000}a{1000}a{1000}", [i]), "b") }'),
    ends: "POLICY_STEPS_EXCEEDED",
  },
  { name: "a rule that needs itself", language: "rego", source: rego("allow if allow"), ends: "rego_recursion_error" },
  {
    name: "rules that need each other, 300 deep",
    language: "rego",
    source: rego(`r0 := 1\n${many(300, (i) => `r${i + 1} := r${i}`)}\nallow if r300 == 1`),
    ends: "POLICY_DEPTH_EXCEEDED",
  },
  {
    name: "rules that need each other, 5,000 deep",
    language: "rego",
    source: rego(`r0 := 1\n${many(5000, (i) => `r${i + 1} := r${i}`)}\nallow if r5000 == 1`),
    ends: "rego_compile_error",
  },
  {
    name: "brackets 20,000 deep",
    language: "rego",
    source: rego(`allow if ${"[".repeat(20_000)}`),
    ends: "rego_parse_error",
  },
  {
    name: "a walk of a document 500 deep",
    language: "rego",
    source: rego("allow if count([1 | walk(input, _)]) > 0"),
    document: deep(500),
    ends: true,
  },
  {
    name: "200 MB of text",
    language: "rego",
    source: rego(
      `t0 := "${"x".repeat(1000)}"\n${many(18, (i) => `t${i + 1} := concat("", [t${i}, t${i}])`)}\nallow if t18 != ""`,
    ),
    ends: "POLICY_BYTES_EXCEEDED",
  },
  {
    name: "200 MB of violations",
    language: "rego",
    source: rego(
      `text := concat("", [x | some _ in numbers.range(1, 2000); x := "${"x".repeat(100)}"])\nviolation contains sprintf("%d%s", [i, text]) if some i in numbers.range(1, 1000)`,
    ),
    ends: "POLICY_BYTES_EXCEEDED",
  },
  {
    name: "names of prototypes",
    language: "rego",
    source: rego(
      'o := {"__proto__": {"polluted": true}, "constructor": 2}\nallow if { o.__proto__.polluted; o.constructor == 2; input.__proto__ == {"polluted": true}; not input.toString; object.union(o, input).__proto__.polluted }',
    ),
    document: '{"__proto__": {"polluted": true}, "valueOf": 1}',
    ends: true,
  },
  {
    name: "integers past 2^53",
    language: "rego",
    source: rego(
      "allow if { input.n == 9007199254740993; input.n != 9007199254740992; input.n * input.n == 81129638414606699710187514626049 }",
    ),
    document: '{"n": 9007199254740993}',
    ends: true,
  },
  {
    name: "a comprehension without end",
    language: "cue",
    source: `l: [${"1,".repeat(300)}]\na: [for x in l for y in l for z in l {x+y+z}]`,
    ends: "POLICY_STEPS_EXCEEDED",
  },
  {
    name: "a range without end",
    language: "cue",
    source: 'import "list"\na: list.Range(0, 100000000, 1)',
    ends: "POLICY_STEPS_EXCEEDED",
  },
  {
    name: "disjunctions that multiply",
    language: "cue",
    source: many(24, (i) => `a: {x${i}: 1} | {x${i}: 2}`),
    ends: "POLICY_STEPS_EXCEEDED",
  },
  {
    name: "an exponential regular expression",
    language: "cue",
    source: `a: "${long}" & =~"^(a+)+b$"`,
    ends: "CONTRACT_CUE_UNSATISFIED",
  },
  {
    name: "a regular expression that repeats repetitions",
    language: "cue",
    source: 'a: "a" & =~"((a{100}){100}){100}"',
    ends: "CONTRACT_CUE_UNSATISFIED",
  },
  {
    name: "a regular expression that repeats a class of Unicode",
    language: "cue",
    source: `a: "a" & =~"${"\\\\pL{1000}".repeat(1600)}"`,
    ends: "CONTRACT_CUE_UNSATISFIED",
  },
  {
    name: "many regular expressions that are large",
    language: "cue",
    source: many(300, (i) => `a${i}: "b" & !~"${i}a{1000}a{1000}a{1000}"`),
    ends: "POLICY_STEPS_EXCEEDED",
  },
  { name: "a value that needs itself", language: "cue", source: "a: {b: a}", ends: "CONTRACT_CUE_UNSATISFIED" },
  {
    name: "a definition that calls itself",
    language: "cue",
    source: "#f: {n: int, m: n, r: #f & {n: m+1}}\nx: #f & {n: 1}",
    ends: "CONTRACT_CUE_UNSATISFIED",
  },
  { name: "brackets 100,000 deep", language: "cue", source: `a: ${"[".repeat(100_000)}`, ends: "CUE_SYNTAX" },
  { name: "a document 500 deep", language: "cue", source: "deep: [...]", document: deep(500), ends: "POLICY_DEPTH_EXCEEDED" },
  {
    name: "200 MB of text",
    language: "cue",
    source: `a0: "${"x".repeat(1000)}"\n${many(18, (i) => `a${i + 1}: a${i}+a${i}`)}`,
    ends: "POLICY_BYTES_EXCEEDED",
  },
  {
    name: "200 MB of lists",
    language: "cue",
    source: `a0: [1,1,1,1,1,1,1,1]\n${many(12, (i) => `a${i + 1}: [${`a${i},`.repeat(8)}]`)}`,
    ends: "POLICY_BYTES_EXCEEDED",
  },
  {
    name: "names of prototypes",
    language: "cue",
    source: '"__proto__": polluted: true\nconstructor: int\ntoString?: _|_',
    document: '{"__proto__": {"polluted": true}, "constructor": 1}',
    ends: true,
  },
  {
    name: "integers past 2^53",
    language: "cue",
    source: "n: 9007199254740993 & !=9007199254740992 & int64\nm: n * n\nm: 81129638414606699710187514626049",
    document: '{"n": 9007199254740993, "m": 81129638414606699710187514626049}',
    ends: true,
  },
];

/** How a case ends: the code of its first message, or true. */
export function endOf({ language, source, document = "{}" }: HostileCase): string | true {
  const file = `policy.${language}`;
  try {
    const verdict = evaluate("strict", [{ language, file, source }], parseJson(document), { nowNs: 0n });
    return verdict.pass ? true : (verdict.messages[0]?.code ?? "no message");
  } catch (error) {
    if (isPolicyError(error)) return `thrown ${error.code}`;
    throw error;
  }
}

/** Try every case and print a line about each, then one about the prototypes. */
export function tryAll(print: (line: string) => void): void {
  const own = (): number => Reflect.ownKeys(Object.prototype).length + Reflect.ownKeys(Array.prototype).length;
  const before = own();
  // what is loaded and compiled once is no case's
  for (const language of ["rego", "cue"] as const)
    endOf({ name: "", language, source: language === "rego" ? rego("allow if input") : "a: 1", ends: true });
  for (const each of hostileCases) {
    let end: string | true = "";
    let took = Number.POSITIVE_INFINITY;
    // a machine that others use makes the processor slower too: what takes long is tried again, and the least counts
    for (let times = 0; times < 3 && took > 700; times++) {
      const start = process.cpuUsage();
      end = endOf(each);
      const { user, system } = process.cpuUsage(start);
      took = Math.min(took, (user + system) / 1000);
    }
    const resident = process.resourceUsage().maxRSS / 1024;
    print(encodeJson([each.language, each.name, end, Math.round(took), Math.round(resident)]));
  }
  print(encodeJson(["", "prototypes", own() === before && !("polluted" in {}), 0, 0]));
}

if (import.meta.main) tryAll((line) => console.log(line));
