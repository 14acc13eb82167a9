import { parseJson } from "../values/index.ts";
import { compile, type Dialect } from "./index.ts";

const policies: Readonly<Record<Dialect, string>> = {
  v0: `package signature
import future.keywords.in
default allow = false
allow { some x in input.list; f(x, y); y > 1; not input.bad[x] }
f(a, b) = c { c := a + b * 2 } else = 0 { true }
deny[msg] { msg := concat_all([m | m := input.messages[_]]) with input.x as {"a": {1, 2}} }
concat_all(xs) = xs
p[k] = v { v := input.o[k] }`,
  v1: `package test
import data.other as o
p contains {"k": [x, y]} if { some x, y in input.a; every z in input.b { z != \`raw\` } }
q[a].b := $"t {input.c} \\{" if a := "x" # comment
r := {k: v | some k; v := input.o[k]} | {1.5e3, -2}`,
};

/** What `npm run fuzz` needs of a target. */
export interface RegoFuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}

/** A changed policy, evaluated within a small budget, throws nothing but our errors. */
export function targets(): RegoFuzzTarget[] {
  const input = parseJson('{"list": [1, 2], "a": {"x": 1}, "b": [], "o": {"k": null}, "messages": ["m"]}');
  return (["v0", "v1"] as const).map((dialect) => ({
    name: `compile and query, ${dialect}`,
    seeds: [latin1(policies[dialect])],
    run(bytes) {
      const source = String.fromCharCode(...bytes);
      compile([{ file: "fuzz.rego", source }], { dialect, builtins: new Map() }).query("data", {
        input,
        budget: { steps: 10_000 },
      });
    },
  }));
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
