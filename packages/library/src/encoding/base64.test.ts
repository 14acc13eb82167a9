import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeBase64, encodeBase64Url, parseBase64, parseBase64Url, parseProtoBase64 } from "./base64.ts";
import { encodeUtf8 } from "./utf8.ts";

// RFC 4648 §10
const vectors: readonly (readonly [string, string])[] = [
  ["", ""],
  ["f", "Zg=="],
  ["fo", "Zm8="],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg=="],
  ["fooba", "Zm9vYmE="],
  ["foobar", "Zm9vYmFy"],
];

describe("base64", () => {
  it("gives the vectors of RFC 4648", () => {
    for (const [text, base64] of vectors) {
      assert.equal(encodeBase64(encodeUtf8(text)), base64);
      assert.deepEqual(parseBase64(base64), encodeUtf8(text));
      assert.equal(encodeBase64Url(encodeUtf8(text)), base64.replaceAll("=", ""));
    }
  });

  it("agrees with Buffer and reads what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        assert.equal(encodeBase64(bytes), buffer.toString("base64"));
        assert.equal(encodeBase64Url(bytes), buffer.toString("base64url"));
        assert.deepEqual(parseBase64(encodeBase64(bytes)), bytes);
        assert.deepEqual(parseBase64Url(encodeBase64Url(bytes)), bytes);
        for (const text of [encodeBase64(bytes), encodeBase64Url(bytes), encodeBase64(bytes).replaceAll("=", "")])
          assert.deepEqual(parseProtoBase64(text), bytes);
      }),
    );
  });

  it("writes long texts alike, however much was written before", () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, i) => (i * 193) & 0xff);
    for (let times = 0; times < 40; times++) {
      const part = bytes.subarray(times, 3000 - 40 * times);
      assert.equal(encodeBase64(part), Buffer.from(part).toString("base64"));
      assert.equal(encodeBase64Url(part), Buffer.from(part).toString("base64url"));
    }
    const long = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 193) & 0xff);
    assert.equal(encodeBase64(long), Buffer.from(long).toString("base64"));
  });

  it("has one text for each byte string: a text that parses is the text that is written", () => {
    const character = fc.constantFrom(..."AZaz09+/-_=Qg \n");
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        const parsed = attempt(() => parseBase64(text));
        if (parsed !== undefined) assert.equal(encodeBase64(parsed), text);
        const parsedUrl = attempt(() => parseBase64Url(text));
        if (parsedUrl !== undefined) assert.equal(encodeBase64Url(parsedUrl), text);
      }),
      { numRuns: 2000 },
    );
  });

  const refused: readonly (readonly [string, string])[] = [
    ["no padding", "Zg"],
    ["half a padding", "Zg="],
    ["too much padding", "Zg==="],
    ["padding alone", "===="],
    ["padding in the middle", "Zg==Zg=="],
    ["a line end", "Zm9v\nZm9v"],
    ["a space", "Zm9 "],
    ["the other alphabet", "-_-_"],
    ["unused bits set, two characters", "Zh=="],
    ["unused bits set, three characters", "Zm9="],
    ["a character beyond Latin", "Zm9\u0161"],
    ["a character that is a letter modulo 256", "Zm9\u0141"],
  ];
  for (const [name, text] of refused)
    it(`parseBase64 refuses ${name}`, () => assert.throws(() => parseBase64(text), { code: "BASE64_MALFORMED" }));

  const refusedUrl: readonly (readonly [string, string])[] = [
    ["padding", "Zg=="],
    ["the other alphabet", "+/+/"],
    ["one character", "Z"],
    ["unused bits set", "Zh"],
    ["unused bits set, three characters", "Zm9"],
  ];
  for (const [name, text] of refusedUrl)
    it(`parseBase64Url refuses ${name}`, () => assert.throws(() => parseBase64Url(text), { code: "BASE64_MALFORMED" }));

  for (const text of ["Zg=", "+_+_", "Z", "Zh", "====", "Zg==="]) {
    it(`parseProtoBase64 refuses ${text}`, () => assert.throws(() => parseProtoBase64(text), { code: "BASE64_MALFORMED" }));
  }
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
