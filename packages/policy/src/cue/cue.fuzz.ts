import { parseJson } from "../values/index.ts";
import { compileCue, evaluateCue, validateCue } from "./index.ts";

const policy = `package p
import "strings"
#D: {a: int & >=0, b?: string | *"x", [=~"^c"]: [...number], ...}
let m = 3
_h: {for k, v in d if len(k) > 1 {"\\(k)_": v}}
d: {xy: 1, "q-r": [1, 2.5, "s"][0], t: strings.ToUpper("t") + "u"} & close({xy: int, ...})
e: {#D, a: m * 2, c1: [1, if m > 2 {2}]}
f!: #"raw \\"# | null
g: -1.5e3 | !=2 | =~"a" | {x: d.xy, y: _h.xy_}
`;

/** What `npm run fuzz` needs of a target. */
export interface CueFuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}

/** A changed policy, evaluated and held against a document within a small budget, throws nothing but our errors. */
export function targets(): CueFuzzTarget[] {
  const document = parseJson('{"d": {"xy": 1}, "e": {"a": 6, "c2": [1]}, "f": null, "g": "a"}');
  const limits = { steps: 10_000, bytes: 4 << 20 };
  return [
    {
      name: "compile, validate and evaluate",
      seeds: [Uint8Array.from(policy, (character) => character.charCodeAt(0))],
      run(bytes) {
        const compiled = compileCue([{ file: "fuzz.cue", source: String.fromCharCode(...bytes) }]);
        validateCue(compiled, document, { limits });
        evaluateCue(compiled, limits);
      },
    },
  ];
}
