import { compileRegex, encodeJson, parseJson } from "./index.ts";

/** What `npm run fuzz` needs of a target. */
export interface ValuesFuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}

/** A changed document reads to what it writes to; a changed pattern compiles or is refused. */
export function targets(): ValuesFuzzTarget[] {
  const seed = '{"a": [1, -2.5e3, "\\u00e9\\n"], "b": {"c": null, "d": true}, "": 9007199254740993}';
  return [
    {
      name: "parseJson",
      seeds: [latin1(seed)],
      run(input) {
        const text = encodeJson(parseJson(input));
        if (encodeJson(parseJson(text)) !== text) throw new TypeError("a document changes when it is written and read");
      },
    },
    {
      name: "compileRegex",
      seeds: [latin1("^(a+|[b-z]{2,3})*(?P<n>\\pL|\\d)?$")],
      run(input) {
        compileRegex(String.fromCharCode(...input)).test("aaabbb1");
      },
    },
  ];
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
