// Comprehensions that wait for what others add, and structs that were gone by before they were known.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileCue, evaluateCue, inspectCue } from "./index.ts";

function text(source: string): string {
  const view = inspectCue(compileCue([{ file: "p.cue", source }]));
  assert.equal(view.error ?? view.inner ?? view.pending, undefined);
  return view.text;
}

function refuses(source: string, message: RegExp): void {
  assert.throws(() => evaluateCue(compileCue([{ file: "p.cue", source }])), message);
}

describe("comprehensions that ask for what others add", () => {
  it("are decided after them, in whatever order they stand", () => {
    assert.equal(text("v: {\n\tif f.x != _|_ {z: 1}\n\tif true {f: x: 1}\n\tf: {}\n}"), "{v:{f:{x:1}, z:1}}");
    assert.equal(
      text("ret: {}\nif ret != _|_ {got: a: 1}\ngot: {}\nif got != _|_ {other: a: 1}"),
      "{ret:{}, got:{a:1}, other:{a:1}}",
    );
  });
  it("may ask for what nothing adds", () => {
    assert.equal(text("a: self={if self.missing == _|_ {c: 1}, d: 1}"), "{a:{d:1, c:1}}");
    assert.equal(text("f: {x?: _, y?: _, if (x | y) == _|_ {z: 1}}"), "{f:{z:1}}");
    refuses("f: {x?: _, y?: _, if (x | y) == _|_ {y: 1}}", /decided by what it, or another such one, adds/);
  });
  it("may ask for what they add themselves, when that is not there", () =>
    assert.equal(text("c: {y: 1, if c.x != _|_ {x: 0}}"), "{c:{y:1}}"));
  it("leave open what they name and do not add", () => {
    assert.equal(text("#A: {y: #A.x | 1, if false {x: 1}}\nc: #A.y"), "{c:1}");
    refuses("#A: {y: #A.x}", /undefined field: x/);
    assert.doesNotThrow(() => evaluateCue(compileCue([{ file: "p.cue", source: "#A: {y: #A.x, if false {x: 1}}\nc: 1" }])));
  });
  it("are a cycle when two wait for each other", () => {
    refuses("f: {}\nif f.x == _|_ {f: y: 1}\nif f.y == _|_ {f: x: 1}", /cyclic reference to field/);
    refuses("a: {}\nif a != _|_ {b: y: 1}\nb: {}\nif b != _|_ {a: x: 1}", /cyclic reference to fields/);
    refuses("a: _\nif a != _|_ {b: y: 1}\nb: _\nif b == _|_ {a: x: 1}", /cyclic reference to fields/);
  });
});

describe("what was gone by before it was known", () => {
  it("gets no further fields", () => {
    const each = 'a: {x: 1, for k, v in b {(k + "q"): v}}\nb: {y: 1, for k, v in a {(k): v}}';
    refuses(each, /adding field [xy]q not allowed as field set was already referenced/);
  });
  it("is no error when it gets none", () =>
    assert.equal(
      text('c: {[or(t.m)]: y: {}}\nt: [_]: [...or([for k, _ in c {k}])]\nt: m: ["p"]\nc: close({p: _})'),
      '{c:{p:{y:{}}}, t:{m:["p"]}}',
    ));
  it("is refused when it was counted", () =>
    refuses("a: {x: {y: 1}, for k, v in a if len(v) > 0 {(k): {z: 1}}}", /gains fields after it was gone through, counted/));
  it("may be a list that goes through itself", () =>
    assert.equal(text("p: [for i, _ in p {n: i}]\np: [{}, {}]"), "{p:[{n:0},{n:1}]}"));
});
