import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, parseHex } from "./bytes.ts";
import { TlsReader, TlsWriter } from "./tls.ts";

describe("TLS structures", () => {
  it("write the signing input of an SCT with a leaf index", () => {
    const extensions = new TlsWriter().uint8(0).vector16(new TlsWriter().uint40(112).finish()).finish();
    assert.equal(encodeHex(extensions), "0000050000000070");
    const input = new TlsWriter(4)
      .uint8(0)
      .uint8(0)
      .uint64(1_700_000_000_000)
      .uint16(1)
      .bytes(new Uint8Array(32).fill(0xaa))
      .vector24(parseHex("3000"))
      .vector16(extensions)
      .finish();
    assert.equal(encodeHex(input), `00000000018bcfe568000001${"aa".repeat(32)}000002300000080000050000000070`);
    assert.equal(
      encodeHex(new TlsWriter().uint8(0).vector16(new TlsWriter().uint40(1_234_567).finish()).finish()),
      "000005000012d687",
    );
  });

  it("read what they wrote", () => {
    const integer = (octets: number) => fc.nat({ max: Math.min(2 ** 31 - 1, 256 ** octets - 1) });
    const body = fc.uint8Array({ maxLength: 255 });
    fc.assert(
      fc.property(integer(1), integer(2), integer(3), integer(4), fc.maxSafeNat(), body, (a, b, c, d, e, bytes) => {
        const r = new TlsReader(
          new TlsWriter(1)
            .uint8(a)
            .uint16(b)
            .uint24(c)
            .uint32(d)
            .uint64(e)
            .vector8(bytes)
            .vector16(bytes)
            .vector24(bytes)
            .bytes(bytes)
            .finish(),
        );
        assert.deepEqual([r.uint8(), r.uint16(), r.uint24(), r.uint32(), r.uint64()], [a, b, c, d, e]);
        assert.deepEqual([r.vector8(), r.vector16(), r.vector24(), r.bytes(bytes.length)], [bytes, bytes, bytes, bytes]);
        assert.equal(r.atEnd, true);
        r.end("all");
      }),
    );
  });

  it("carry 32 bits and bigints exactly", () => {
    assert.equal(new TlsReader(parseHex("ffffffff")).uint32(), 2 ** 32 - 1);
    assert.equal(encodeHex(new TlsWriter().uint64((1n << 64n) - 1n).finish()), "f".repeat(16));
    assert.equal(new TlsReader(parseHex("001fffffffffffff")).uint64(), Number.MAX_SAFE_INTEGER);
  });

  it("refuse a cut-off field, a rest and an integer beyond 2^53 - 1", () => {
    for (const act of [(r: TlsReader) => r.uint16(), (r: TlsReader) => r.bytes(2), (r: TlsReader) => r.vector8()])
      assert.throws(() => act(new TlsReader(parseHex("05"))), { code: "TLS_TRUNCATED" });
    assert.throws(() => new TlsReader(parseHex("0500")).end("list"), {
      code: "TLS_TRAILING_BYTES",
      message: "Cannot parse TLS structure: 2 bytes follow list",
    });
    assert.throws(() => new TlsReader(parseHex("0020000000000000")).uint64("timestamp"), {
      code: "TLS_INTEGER_TOO_LARGE",
      message: "Cannot parse TLS structure: timestamp is 9007199254740992, beyond 2^53 - 1",
    });
  });

  it("are a TypeError for a value that does not fit", () => {
    const writer = new TlsWriter();
    for (const act of [
      () => writer.uint8(256),
      () => writer.uint16(-1),
      () => writer.uint8(0.5),
      () => writer.uint64(1n << 64n),
      () => writer.uint64(-1n),
      () => writer.vector8(new Uint8Array(256)),
    ])
      assert.throws(act, TypeError);
  });
});
