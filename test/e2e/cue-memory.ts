// What the byte budget of CUE counts beside what the heap holds: run as a program, with --expose-gc, it evaluates sources that grow in
// different ways and prints for each, a line each, how it ended, the bytes counted and those alive at its end or where a limit stopped it.
import { compileCue, inspectCue } from "@sigillum/policy/cue";
import { Budget, isPolicyError } from "@sigillum/policy/values";

const many = (count: number, make: (i: number) => string, between = "\n"): string =>
  Array.from({ length: count }, (_, i) => make(i)).join(between);

/** The sources, each by what grows in it. */
export const growing: Readonly<Record<string, string>> = {
  elements: 'import "list"\na: list.Range(0, 100000, 1)',
  "repeated structs": 'import "list"\na: list.Repeat([{a: 1, b: {c: 2}}], 20000)',
  "turns of comprehensions": `l: [${"1,".repeat(300)}]\na: [for x in l for y in l for z in l {x+y+z}]`,
  "structs of comprehensions": `l: [${"1,".repeat(60)}]\na: [for x in l for y in l {a: x, b: y, c: {d: 1}}]`,
  "terms on trial": many(24, (i) => `a: {x${i}: 1} | {x${i}: 2}`),
  "lists in lists": `a0: [1,1,1,1,1,1,1,1]\n${many(12, (i) => `a${i + 1}: [${`a${i},`.repeat(8)}]`)}`,
  "references to a struct": `a: {${many(300, (i) => `f${i}: 1`)}}\n${many(400, (i) => `b${i}: a`)}`,
  "references to references": `a0: {x: 1}\n${many(4000, (i) => `b${i}: a${i}\na${i + 1}: a${i}`)}`,
  "fields of a pattern": `a: {[string]: {x: 1, y: {z: 2}}}\na: {${many(3000, (i) => `f${i}: {}`)}}`,
  "patterns of a field": `a: {${many(60, (i) => `[=~"f"]: x${i}: ${i}`)}}\na: {${many(200, (i) => `f${i}: {}`)}}`,
  embeddings: `#A: {a: 1, b: 2, c: 3, d: {e: 1}}\n${many(3000, (i) => `x${i}: {#A}`)}`,
  "optional fields": `#A: {${many(200, (i) => `a${i}?: {b?: string, c?: int}`)}}\n${many(500, (i) => `x${i}: #A`)}`,
  text: `a0: "aaaaaaaaaa"\n${many(40, (i) => `a${i + 1}: "\\(a${i})\\(a${i})"`)}`,
};

if (process.argv[1] === import.meta.filename) {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error("run with --expose-gc");
  for (const [name, source] of Object.entries(growing)) {
    const compiled = compileCue([{ file: "p.cue", source }]);
    collect();
    const before = process.memoryUsage().heapUsed;
    let budget: Budget | undefined;
    let alive = 0;
    const measured = (own: Budget, spend: () => void): void => {
      budget = own;
      try {
        spend();
      } catch (error) {
        collect();
        alive = process.memoryUsage().heapUsed - before;
        throw error;
      }
    };
    const { allocate, step } = Budget.prototype;
    Budget.prototype.allocate = function (bytes) {
      measured(this, () => allocate.call(this, bytes));
    };
    Budget.prototype.step = function (count) {
      measured(this, () => step.call(this, count));
    };
    let end = "";
    let view: unknown;
    try {
      view = inspectCue(compiled);
      collect();
      alive = process.memoryUsage().heapUsed - before;
    } catch (error) {
      if (!isPolicyError(error)) throw error;
      end = error.code;
    }
    Object.assign(Budget.prototype, { allocate, step });
    console.log(JSON.stringify([name, end, budget?.bytes, alive, view === undefined]));
  }
}
