import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseJson } from "./json.ts";
import { type JsonFail, JsonObject } from "./json-object.ts";
import { SigillumError } from "./sigillum-error.ts";

const read = (text: string) => JsonObject.from(parseJson(text), "bundle");

describe("JsonObject", () => {
  it("reads each type", () => {
    const o = read(
      '{"s":"a","n":1.5,"i":7,"b":false,"o":{"x":"y"},"a":[{"z":1}],"l":["p","q"],"d":"AQI=","u":"12","v":13,"t":"2026-11-24T02:00:00Z","h":["AQ==","Ag"]}',
    );
    assert.deepEqual(
      [o.string("s"), o.number("n"), o.safeInteger("i"), o.boolean("b"), o.object("o").string("x")],
      ["a", 1.5, 7, false, "y"],
    );
    assert.deepEqual(
      [o.objects("a").map((one) => one.number("z")), o.strings("l"), o.base64("d")],
      [[1], ["p", "q"], Uint8Array.of(1, 2)],
    );
    assert.deepEqual([o.uint64("u"), o.uint64("v"), o.timestampMs("t")], [12, 13, Date.UTC(2026, 10, 24, 2)]);
    assert.deepEqual(o.optionalBase64s("h"), [Uint8Array.of(1), Uint8Array.of(2)]);
    assert.deepEqual(
      o.array("l").map((item) => item.value),
      ["p", "q"],
    );
    assert.equal(o.names().length, 12);
  });

  it("takes null for absent", () => {
    const o = read('{"a":null}');
    assert.equal(o.has("a"), false);
    const values = [
      o.value("a"),
      o.optionalString("a"),
      o.optionalNumber("a"),
      o.optionalSafeInteger("a"),
      o.optionalBoolean("b"),
      o.optionalObject("a"),
      o.optionalBase64("a"),
      o.optionalUint64("b"),
      o.optionalTimestampMs("a"),
    ];
    assert.deepEqual(
      values,
      values.map(() => undefined),
    );
    assert.deepEqual(
      [o.optionalArray("a"), o.optionalObjects("b"), o.optionalStrings("a"), o.optionalBase64s("a")],
      [[], [], [], []],
    );
    const required = [
      () => o.string("a"),
      () => o.number("a"),
      () => o.safeInteger("b"),
      () => o.boolean("a"),
      () => o.object("a"),
      () => o.array("a"),
      () => o.base64("a"),
      () => o.uint64("a"),
      () => o.timestampMs("a"),
      () => o.objects("b"),
      () => o.strings("b"),
    ];
    for (const act of required) assert.throws(act, { code: "JSON_FIELD_MISSING" });
  });

  it("finds the snake_case spelling of a lowerCamelCase name, and refuses both at once", () => {
    assert.equal(read('{"media_type":"x"}').string("mediaType"), "x");
    assert.throws(() => read('{"media_type":"x","mediaType":"x"}').string("mediaType"), { code: "JSON_DUPLICATE_NAME" });
    assert.throws(() => JsonObject.exact(parseJson('{"media_type":"x"}'), "root").string("mediaType"), {
      code: "JSON_FIELD_MISSING",
    });
    assert.throws(() => read('{"mediaType":"x"}').string("media_type"), { code: "JSON_FIELD_MISSING" });
  });

  it("does not find what every object inherits", () => {
    for (const name of ["toString", "constructor", "__proto__"])
      assert.equal(JsonObject.from(JSON.parse("{}"), "x").has(name), false);
  });

  it("names the path of the field", () => {
    const o = read('{"a":{"b":[{"c":1},{"c":"x"}]}}');
    const [, second] = o.object("a").objects("b");
    assert.throws(() => second?.number("c"), {
      code: "JSON_FIELD_TYPE",
      message: "Cannot read bundle.a.b[1].c: it is a string, not a number",
      found: "a string",
      expected: "a number",
    });
    assert.throws(() => o.string("z"), { code: "JSON_FIELD_MISSING", message: "Cannot read bundle.z: it is missing" });
  });

  it("refuses other types", () => {
    const o = read('{"a":[1],"s":"x","o":{},"t":true}');
    const acts = [
      () => o.string("a"),
      () => o.number("s"),
      () => o.boolean("s"),
      () => o.object("a"),
      () => o.object("t"),
      () => o.array("o"),
      () => o.objects("a"),
      () => o.strings("a"),
      () => o.base64("t"),
      () => o.uint64("t"),
      () => o.timestampMs("o"),
      () => o.optionalBase64s("a"),
    ];
    for (const act of acts) assert.throws(act, { code: "JSON_FIELD_TYPE" });
    for (const value of [null, [], "x", 1]) assert.throws(() => JsonObject.from(value, "bundle"), { code: "JSON_FIELD_TYPE" });
  });

  it("refuses values that cannot be read", () => {
    for (const text of ["1.5", "9007199254740992", "-9007199254740992"])
      assert.throws(() => read(`{"n":${text}}`).safeInteger("n"), { code: "JSON_FIELD_VALUE" });
    for (const text of ['"-1"', "-1", '"01"', '""', '"1e3"', '"9007199254740992"', "1.5", '" 1"', '"99999999999999999999"'])
      assert.throws(() => read(`{"n":${text}}`).uint64("n"), { code: "JSON_FIELD_VALUE" }, text);
    assert.throws(() => read('{"d":"*"}').base64("d"), { code: "JSON_FIELD_VALUE" });
    assert.throws(() => JsonObject.exact(parseJson('{"d":"AQI"}'), "x").base64("d"), { code: "JSON_FIELD_VALUE" });
    assert.throws(() => read('{"t":"yesterday"}').timestampMs("t"), { code: "JSON_FIELD_VALUE" });
  });

  it("onlyNames refuses a field that is not known", () => {
    read('{"mediaType":1,"tlog_entries":2}').onlyNames(["mediaType", "tlogEntries"]);
    assert.throws(() => read('{"a":1,"b":2}').onlyNames(["a"]), { code: "JSON_FIELD_UNKNOWN", found: '"b"' });
    assert.throws(() => JsonObject.exact(parseJson('{"tlog_entries":2}'), "x").onlyNames(["tlogEntries"]), {
      code: "JSON_FIELD_UNKNOWN",
    });
  });

  it("speaks in the codes of the format that passes its own maker", () => {
    const fail: JsonFail = (message, fields, code) => new SigillumError(`BUNDLE_${code}`, "malformed", message, fields);
    const o = JsonObject.from(parseJson('{"a":{"b":[1]}}'), "bundle", fail);
    assert.throws(() => o.object("a").objects("b"), { code: "BUNDLE_JSON_FIELD_TYPE" });
    assert.throws(() => o.string("z"), { code: "BUNDLE_JSON_FIELD_MISSING" });
  });
});
