// The order of a body's expressions: OPA's, found without going through the body again for each of them.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Body, Expr, Term } from "./ast.ts";
import { orderQuery, outputsOf } from "./safety.ts";
import { collect, exprVars } from "./walk.ts";

const at = { file: "p.rego", line: 1, column: 1 };

/** A variable that counts how often its name is looked at. */
function counted(name: string, count: () => void): Term {
  return {
    kind: "var",
    at,
    get name() {
      count();
      return name;
    },
  };
}

const equation = (left: Term, right: Term): Expr => ({ kind: "eq", assign: false, left, right, negated: false, with: [], at });
const value = (number: number): Term => ({ kind: "value", value: number, at });

describe("orderQuery", () => {
  it("looks at the variables of a chain a few times each, from whichever end it is written", () => {
    const looks = (links: number, make: (variable: (i: number) => Term, links: number) => Body): number => {
      let count = 0;
      orderQuery(
        make((i) => counted(`x${i}`, () => count++), links),
        () => undefined,
      );
      return count;
    };
    const reversed = (variable: (i: number) => Term, links: number): Body => [
      ...Array.from({ length: links }, (_, i) => equation(variable(links - i), variable(links - i - 1))),
      equation(variable(0), value(1)),
    ];
    const asArrays = (variable: (i: number) => Term, links: number): Body => {
      const list = (from: number): Term => ({
        kind: "array",
        items: Array.from({ length: links }, (_, i) => variable(i + from)),
        at,
      });
      return [equation(list(1), list(0)), equation(variable(0), value(1))];
    };
    const nested = (variable: (i: number) => Term, links: number): Body => [
      ...Array.from({ length: links }, (_, i) =>
        equation(variable(links - i), { kind: "array", items: [variable(links - i - 1), variable(0)], at }),
      ),
      equation(variable(0), value(1)),
    ];
    for (const make of [reversed, asArrays, nested]) {
      const [short, long] = [looks(200, make), looks(800, make)];
      assert.ok(long < 5 * short && long < 60 * 800, `${make.name}: ${short} looks for 200 links, ${long} for 800`);
    }
  });

  it("gives the order of passes that each take what is ready when they come by", () => {
    const name = fc.nat(7).map((i): Term => ({ kind: "var", name: `x${i}`, at }));
    const term = fc.oneof({ weight: 3, arbitrary: name }, { weight: 1, arbitrary: fc.nat(3).map(value) });
    const side = fc.oneof(
      term,
      fc.array(term, { minLength: 1, maxLength: 3 }).map((items): Term => ({ kind: "array", items, at })),
    );
    const body = fc.array(
      fc
        .tuple(
          side,
          fc.oneof(side, term, fc.constant(value(1))),
          fc.nat(9).map((n) => n === 0),
        )
        .map(([left, right, negated]): Expr => ({ ...equation(left, right), negated })),
      { minLength: 1, maxLength: 10 },
    );
    let safe = 0;
    fc.assert(
      fc.property(body, (made) => {
        const expected = passes(made);
        if (expected.length < made.length)
          assert.throws(() => orderQuery(made, () => undefined), { code: "rego_unsafe_var_error" });
        else {
          assert.deepEqual(
            orderQuery(made, () => undefined),
            expected,
          );
          safe++;
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(safe > 50, `${safe} bodies are safe`);
  });
});

/** As OPA does it: pass after pass over what is left. */
function passes(body: Body): Expr[] {
  const safe = new Set(["input", "data"]);
  const ordered: Expr[] = [];
  let left = [...body];
  for (let before = -1; before !== ordered.length; ) {
    before = ordered.length;
    left = left.filter((expr) => {
      const out = outputsOf(expr, safe, () => undefined);
      const needs = collect((found) => exprVars(expr, { closures: true }, found));
      if (![...needs].every((needed) => safe.has(needed) || out.has(needed))) return true;
      for (const name of out) safe.add(name);
      ordered.push(expr);
      return false;
    });
  }
  return ordered;
}
