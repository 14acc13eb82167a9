// Values that refer to what encloses them: where that ends, and where it is an error.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CueView, compileCue, inspectCue } from "./index.ts";

function look(source: string, ...path: string[]): CueView {
  let view = inspectCue(compileCue([{ file: "p.cue", source }]));
  for (const label of path) {
    const next = /^[0-9]/.test(label)
      ? view.elements[Number(label)]
      : view.fields.find((field) => field.label === label)?.value();
    assert.ok(next !== undefined, `there is no ${label} in ${view.text}`);
    view = next;
  }
  return view;
}

function text(source: string, ...path: string[]): string {
  return look(source, ...path).text;
}

function code(source: string, ...path: string[]): string | undefined {
  return look(source, ...path).error?.code;
}

describe("structural cycles", () => {
  it("are errors where a field is nothing but a value that it lies in", () => {
    assert.equal(code("tree: {left: tree}", "tree", "left"), "structural");
    assert.equal(code("tree: {left: [tree]}", "tree", "left", "0"), "structural");
    assert.equal(code("one: {in: two}\ntwo: {in: one}", "two", "in"), "structural");
  });
  it("end where a term of a disjunction is another value", () => {
    assert.equal(text("tree: {left: tree | null}", "tree"), "{left:null}");
    assert.equal(
      text("list: {head: int, tail: list | null}\nmine: list & {head: 1, tail: head: 2}", "mine"),
      "{head:1, tail:{head:2, tail:{head:int, tail:null} | null}}",
    );
  });
  it("are none when the same definition is met again in what something else gives", () => {
    const source = "Pair: {first: _, second: first}\nboth: Pair & {first: Pair & {first: Pair}}";
    assert.equal(text(source, "both", "second", "second"), "{first:_, second:_}");
  });
  it("are none in a pattern that nothing feeds, and an error where one feeds itself", () => {
    assert.equal(
      text("#Node: {kids: [string]: next: #Node}\nn: #Node & {kids: a: next: kids: b: {}}", "n", "kids", "a"),
      ["{next:{kids:{b:{next:{kids:{}}}}}}"][0],
    );
    const fed = "#Node: {kids: [string]: next: #Node, kids: a: {}}";
    assert.equal(code(fed, "#Node", "kids", "a", "next"), "structural");
  });
  it("are errors where an optional field leads back to the struct that is being looked at", () => {
    const back = "Pod: {owner?: Owner}\nOwner: {pod: Pod}";
    assert.equal(code(back, "Owner", "pod"), "structural");
    assert.equal(code("Owner: {pod: Pod}\nPod: {owner?: Owner}", "Owner", "pod"), undefined);
    assert.equal(code("Pod: {owner?: {is: Owner}}\nOwner: {pod: Pod}", "Owner", "pod"), "structural");
    assert.equal(code("Pod: {owner?: Owner & {id: 1}}\nOwner: {pod: Pod}", "Owner", "pod"), undefined);
  });
  it("make an error of what refers to a value that has one", () => {
    const source = "#Node: {kids: [string]: next: #Node, kids: a: {}}\nn: #Node & {kids: b: {}}";
    assert.equal(code(source, "n"), "structural");
    assert.deepEqual(
      look(source, "n", "kids").fields.map(({ label }) => label),
      ["b"],
    );
  });
  it("are none when several references to one value are one", () => {
    const list = '#T: ["a", #T] | ["d", ...#T]\nx: #T\n#X: x\n#X: #T';
    assert.equal(text(list, "#X"), '["d",...]');
  });
  it("are ended by a selection from a value that stands in it", () => {
    assert.equal(text("v: {{p: {x: p, y: 1}}.p.x.y}", "v"), "1");
    assert.equal(text("p: {\n\tlet P = {p}\n\tx: _\n\tP.x\n}", "p"), "{x:_}");
  });
  it("are none where a function is applied to what the struct around it says", () => {
    const source =
      '#pick: {_in: {...}, _out: [if _in.app != _|_ {_in.app.name}]}\nx: X={names: (#pick & {_in: X})._out, app: name: or(["a", "b"]) & "a"}';
    assert.equal(text(source, "x", "names"), '["a"]');
  });
  it("are errors where a call is part of its own arguments", () => {
    assert.equal(code('import "list"\nt: {a: 1.0, sum: list.Sum([for v in t {v}])}', "t", "sum"), "structural");
    assert.equal(text("a: b\nb: close({c})\nc: a", "c"), "{}");
    assert.equal(text("a: d: b\nb: and([for x in a let y = x {y}])\nc: a", "c"), "{d:{}}");
  });
  it("are none where selections go along a chain of data", () => {
    const lib = "lib: {next: has: _, has: ({} & next).has}\nend: has: {name: 1}\nmid: lib & {next: end}\ntop: lib & {next: mid}";
    assert.equal(text(lib, "top", "has"), "{name:1}");
    const listed =
      "lib: {next: [...], has: [for n in next for h in ({} & n).has {h}]}\nend: has: [{name: 1}]\nmid: lib & {next: [end]}\ntop: lib & {next: [mid]}";
    assert.equal(text(listed, "top", "has"), "[{name:1}]");
  });
  it("are none where selections go along fields that are found for themselves", () => {
    const each = 'F: next: _\nE: {for k in [0, 1] {"\\(k)": (F & {next: E["\\(k+1)"]}).next}, "2": 7}';
    assert.equal(text(each, "E", '"0"'), "7");
    const fib = 'f: {n: int, if n > 0 {out: (f & {"n": n-1}).out}, if n <= 0 {out: 0}}\n';
    assert.equal(text(`${fib}a: (f & {n: 1}).out`, "a"), "0");
    assert.equal(code(`${fib}a: (f & {n: 3}).out`, "a"), "structural");
  });
  it("are none where what is selected is given to what it is selected from", () =>
    assert.equal(text("v: {{t: x}.t.y, x: y: x: y: a: 1}", "v"), "{x:{y:{x:{y:{a:1}}, a:1}}, a:1}"));
});
