// The list of what is outside of the subset: it is what the parser refuses, and what the documentation says.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { compileCue, evaluateCue, subsetFunctions, unsupportedConstructs } from "./index.ts";

const page = new URL("../../../../docs/specs/cue.md", import.meta.url);

/** A policy for each construct of the list. */
const examples: Readonly<Record<string, string>> = {
  "the postfix operator ?": "a: {b?: 1}\nc: a.b?",
  "the postfix operator ... (explicit opening)": "#A: {b: 1}\nc: #A...",
  "the postfix alias ~ (experiment aliasv2)": "a: b~X: 1",
  "a type after the ... of a struct": "a: {...int}",
  try: "a: {try {b: 1}}",
  "else after a comprehension": "a: {if true {b: 1} else {c: 1}}",
  "fallback after a comprehension": "a: {for x in [] {b: 1} fallback {c: 1}}",
  "otherwise after a comprehension": "a: {for x in [] {b: 1} otherwise {c: 1}}",
  "an alias of an embedded value": "a: {X={b: 1}}",
  "a byte escape beside an interpolation": "a: '\\xff\\(1)'",
  self: "a: self",
  "the attribute @if": "@if(x)\na: 1",
  "the attribute @embed": 'a: _ @embed(file="x")',
  "the attribute @extern": '@extern("x")\npackage p\na: 1',
  "the attribute @experiment": "@experiment(aliasv2)\na: 1",
  "the attribute @ignore": "@ignore()\na: 1",
  "a function or package outside the list": 'import "list"\na: list.NoSuch([])',
  "a comprehension that is decided by what it, or another such one, adds": "a: {if a.b == _|_ {b: 1}, b: int}",
  "a struct that gains fields after it was gone through, counted or compared with _|_": 'a: {for k, v in a {(k + "q"): v}, x: 1}',
};

describe("unsupportedConstructs", () => {
  it("are refused by name and place, each of them", () => {
    assert.deepEqual(Object.keys(examples).sort(), [...unsupportedConstructs].sort());
    for (const [name, source] of Object.entries(examples)) {
      const shown = name === "a function or package outside the list" ? "the function list.NoSuch" : name;
      assert.throws(
        () => evaluateCue(compileCue([{ file: "p.cue", source }])),
        (error: { code: string; message: string }) =>
          error.code === "CUE_UNSUPPORTED" && /p\.cue:\d+:\d+: /.test(error.message) && error.message.includes(shown),
        name,
      );
    }
  });

  it("are all that the parser refuses by name", async () => {
    const folder = new URL("./", import.meta.url);
    const files = (await readdir(folder)).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")));
    const named = texts.flatMap((text) => [...text.matchAll(/unsupported\([^"`]*?, (?:"([^"]+)"|`)/g)].map(([, name]) => name));
    for (const name of named) if (name !== undefined) assert.ok(unsupportedConstructs.includes(name), name);
    assert.ok(named.length >= 10);
  });

  it("and the functions of the subset stand in the documentation", async () => {
    const text = await readFile(page, "utf8");
    const between = (mark: string): string =>
      new RegExp(`<!-- ${mark}:begin -->\\n([\\s\\S]*?)<!-- ${mark}:end -->`).exec(text)?.[1] ?? "";
    assert.equal(between("constructs"), unsupportedConstructs.map((name) => `- ${name}\n`).join(""));
    assert.equal(
      between("functions").trim(),
      subsetFunctions()
        .map((name) => `\`${name}\``)
        .join(" "),
    );
  });
});
