// Lists of a document whose elements are seen to fit without being unified: the same problems as unification finds, in fewer steps.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isPolicyError, parseJson } from "../values/index.ts";
import { compileCue, validateCue } from "./compile.ts";

const literals = fc.constantFrom("1", "1.0", "2", '"a"', '"b"', '""', "true", "null");
const bounds = fc.constantFrom('!=""', '!="a"', ">=1", "<2", ">1.5", "!=1", "!=null", '=~"^a"', '!~"b$"', '=~"("', '<"b"');
const types = fc.constantFrom("string", "int", "number", "bool", "float", "bytes", "_", "uint8", "null");

const { constraint } = fc.letrec<{ constraint: string; field: string }>((tie) => ({
  constraint: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    literals,
    bounds,
    types,
    fc.tuple(tie("constraint"), fc.constantFrom("&", "|", "| *"), tie("constraint")).map(([a, by, b]) => `(${a} ${by} ${b})`),
    fc
      .tuple(fc.array(tie("field"), { maxLength: 3 }), fc.boolean())
      .map(([fields, open]) => `{${[...fields, ...(open ? ["..."] : [])].join(", ")}}`),
    fc
      .tuple(fc.array(tie("constraint"), { maxLength: 2 }), fc.option(tie("constraint")), fc.boolean())
      .map(([own, rest, open]) => `[${[...own, ...(rest !== null ? [`...${rest}`] : open ? ["..."] : [])].join(", ")}]`),
  ),
  field: fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("", "?", "!"), tie("constraint"))
    .map(([name, mark, value]) => `${name}${mark}: ${value}`),
}));

const document = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("1", "1.0", "2", "300", "-1", '"a"', '"b"', '"ab"', '""', "true", "null"),
    fc.array(tie("value"), { maxLength: 3 }).map((values) => `[${values.join(",")}]`),
    fc
      .dictionary(fc.constantFrom("a", "b", "c", "d"), tie("value"), { maxKeys: 3 })
      .map((fields) => `{${Object.entries(fields).map(([name, value]) => `"${name}":${value}`)}}`),
  ),
})).value;

function problems(source: string, text: string): string[] | string {
  try {
    const found = validateCue(compileCue([{ file: "p.cue", source }]), parseJson(text), { documentFields: true });
    return found.map(({ path, message }) => `${path}: ${message}`).sort();
  } catch (error) {
    assert.ok(isPolicyError(error), String(error));
    return error.code;
  }
}

describe("lists of a document under a constraint on their elements", () => {
  // a let clause of any value says nothing, and is nothing that is checked without unification
  const everyWay = (inner: string): readonly (readonly [fast: string, slow: string])[] => [
    [`l: [...${inner}]`, `let any = _\nl: [...${inner} & any]`],
    [`l: [...${inner}]\nl: [...{a?: _}|*string|_]`, `let any = _\nl: [...${inner} & any]\nl: [...{a?: _}|*string|_]`],
    [`#D: l: [...${inner}]\n#D`, `let any = _\n#D: l: [...${inner} & any]\n#D`],
    [`#F: ${inner}\nl: [...#F]`, `let any = _\n#F: ${inner}\nl: [...#F & any]`],
    [`_f: ${inner}\nl: [..._f]`, `let any = _\n_f: ${inner}\nl: [..._f & any]`],
    [
      `#F: ${inner}\nl: [...{a?: #F, b?: {c?: #F, ...}, ...}|*_]`,
      `let any = _\n#F: ${inner}\nl: [...{a?: #F & any, b?: {c?: #F & any, ...}, ...}|*_]`,
    ],
    [
      `#F: ${inner}\nl: [...{a?: #F, b?: {c?: #F, ...}, ...}]`,
      `let any = _\n#F: ${inner}\nl: [...{a?: #F & any, b?: {c?: #F & any, ...}, ...}]`,
    ],
    [
      `#F: ${inner}\n#G: #F\nl: [...#G]\n_n: len(l)\nif _n > 1 {#F: {a?: 1}}`,
      `let any = _\n#F: ${inner}\n#G: #F\nl: [...#G & any]\n_n: len(l)\nif _n > 1 {#F: {a?: 1}}`,
    ],
    [
      `#F: ${inner}\nl: [...#F]\n_s: {for e in l {"x": 1}}\nif _s.x != _|_ {#F: !="a"}`,
      `let any = _\n#F: ${inner}\nl: [...#F & any]\n_s: {for e in l {"x": 1}}\nif _s.x != _|_ {#F: !="a"}`,
    ],
    [
      `#T: {a?: ${inner}, b?: [...#T], ...}\nl: [...#T]`,
      `let any = _\n#T: {a?: ${inner}, b?: [...#T & any], ...}\nl: [...#T & any]`,
    ],
    [`l: close({a: [...${inner}]}) | [...${inner}]`, `let any = _\nl: close({a: [...${inner} & any]}) | [...${inner} & any]`],
  ];
  it("have the problems that unification finds", () => {
    let fitting = 0;
    let refused = 0;
    fc.assert(
      fc.property(constraint, fc.array(document, { minLength: 1, maxLength: 3 }), (inner, elements) => {
        const text = `{"l": [${elements.join(",")}]}`;
        for (const [fast, slow] of everyWay(inner)) {
          const found = problems(fast, text);
          assert.deepEqual(found, problems(slow, text), `${fast}\n${text}`);
          if (found.length === 0) fitting++;
          else refused++;
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(fitting > 50 && refused > 50, `${fitting} fit, ${refused} do not`);
  });
  it("can be asked for one by one, from the end, and in a comprehension", () => {
    const source = `l: [...{n: <3, ...}]
      _last: l[2].n & 3
      _first: l[0].n & 2
      _all: [for e in l {e.m}] & [1, 1, 1]
      _few: len(l) & <3`;
    assert.deepEqual(problems(source, '{"l": [{"n": 1, "m": 1}, {"n": 2, "m": 2}, {"n": 3, "m": 1}]}'), [
      "_all.1: conflicting values 2 and 1",
      "_few: invalid value 3 (out of bound <3)",
      "_first: conflicting values 1 and 2",
      "_last: invalid value 3 (out of bound <3)",
      "l.2.n: invalid value 3 (out of bound <3)",
    ]);
  });
  it("name what does not fit in the order of the list, whichever was asked for first", () => {
    const found = validateCue(
      compileCue(
        [{ file: "p.cue", source: "a: l[4]\nb: l[1]\nl: [..._, ...]\nl: [...<3]" }].map((it) => ({
          ...it,
          source: it.source.replace("[..._, ...]\nl: ", ""),
        })),
      ),
      parseJson('{"l": [1, 4, 2, 5, 6]}'),
    );
    assert.deepEqual(
      found.map(({ path }) => path).filter((path) => path.startsWith("l.")),
      ["l.1", "l.3", "l.4"],
    );
  });
  it("cost a few steps for each value that a constraint names, and none for another", () => {
    const compiled = compileCue([{ file: "p.cue", source: 'l: [...{severity: !="HIGH" & !="CRITICAL", ...}]' }]);
    const finding = `{"severity": "LOW", "rest": [{"a": {"b": [1, 2, 3]}}, "c", "d"], "id": "e", "more": {"f": 1}}`;
    const document = parseJson(`{"l": [${Array.from({ length: 1000 }, () => finding).join(",")}]}`);
    assert.deepEqual(validateCue(compiled, document, { limits: { steps: 3 * 1000 + 100 } }), []);
  });
  it("cost no more under a definition, and are looked at anew when it gets another constraint", () => {
    const finding = '{"severity": "LOW", "more": {"f": 1}}';
    const document = parseJson(`{"l": [${Array.from({ length: 1000 }, () => finding).join(",")}]}`);
    const source = 'l: [...#Finding]\n#Finding: {severity: #Severity, ...}\n#Severity: !="HIGH" & !="CRITICAL"';
    const compiled = compileCue([{ file: "p.cue", source }]);
    assert.deepEqual(validateCue(compiled, document, { limits: { steps: 3 * 1000 + 200 } }), []);
    // decided in the second pass, when the list was finished in the first
    const late = `${source}\n_x: {y?: int}\n_w: {a: _x.y} | {a: 1}\nif _w.a == 1 {#Severity: !="LOW"}`;
    const found = validateCue(compileCue([{ file: "p.cue", source: late }]), document);
    assert.equal(found.filter(({ path }) => /^l\.[0-9]+\.severity$/.test(path)).length, 1000);
  });
  it("are bounded in what their constraint costs", () => {
    const compiled = compileCue([{ file: "p.cue", source: 'l: [...=~"^(a|b)*$"]' }]);
    const document = parseJson(`{"l": [${Array.from({ length: 100 }, () => `"${"ab".repeat(500)}"`).join(",")}]}`);
    assert.throws(
      () => validateCue(compiled, document, { limits: { steps: 10_000 } }),
      (error) => isPolicyError(error) && error.code === "POLICY_STEPS_EXCEEDED",
    );
  });
});
