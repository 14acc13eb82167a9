import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodePem, parsePem } from "./pem.ts";

const block = encodePem("PUBLIC KEY", Uint8Array.of(1, 2, 3));

describe("PEM", () => {
  it("writes 64 columns and line feeds", () => {
    assert.equal(block, "-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n");
    assert.deepEqual(
      encodePem("X", new Uint8Array(49))
        .split("\n")
        .map((line) => line.length),
      [17, 64, 4, 15, 0],
    );
  });

  it("reads what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        assert.deepEqual(parsePem(encodePem("CERTIFICATE", bytes)), [{ label: "CERTIFICATE", bytes }]),
      ),
    );
  });

  it("reads several blocks, explanatory text, either line end and trailing blanks", () => {
    const text = `Subject: CN=a\n${block}more text\n${block.replaceAll("\n", " \r\n")}`;
    assert.deepEqual(
      parsePem(text).map((one) => one.label),
      ["PUBLIC KEY", "PUBLIC KEY"],
    );
    assert.deepEqual(parsePem(block.trimEnd()).length, 1);
  });

  const malformed: readonly (readonly [string, string])[] = [
    ["no block", "hello"],
    ["an empty text", ""],
    ["no end line", "-----BEGIN A-----\nAQID\n"],
    ["another label at the end", "-----BEGIN A-----\nAQID\n-----END B-----\n"],
    ["a block inside a block", `-----BEGIN A-----\n${block}-----END A-----\n`],
    ["a header", "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END A-----\n"],
    ["a body that is not base64", "-----BEGIN A-----\nAQI*\n-----END A-----\n"],
    ["a body without padding", "-----BEGIN A-----\nAQI\n-----END A-----\n"],
    ["an end line first", "-----END A-----\n"],
    ["a lower-case label", "-----BEGIN a-----\nAQID\n-----END a-----\n"],
    ["both lines in one", "-----BEGIN A-----AQID-----END A-----"],
  ];
  for (const [name, text] of malformed)
    it(`refuses ${name}`, () => assert.throws(() => parsePem(text), { code: "PEM_MALFORMED" }));

  it("says that a header is the trouble", () => {
    const text = "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END A-----\n";
    assert.throws(() => parsePem(text), { code: "PEM_MALFORMED", message: /has a header line/ });
  });

  it("holds to its limits", () => {
    assert.equal(parsePem(block, { maxCharacters: block.length, maxBlocks: 1 }).length, 1);
    assert.throws(() => parsePem(block, { maxCharacters: block.length - 1 }), { code: "PEM_TOO_LARGE" });
    assert.throws(() => parsePem(block + block, { maxBlocks: 1 }), { code: "PEM_TOO_LARGE" });
  });
});
