import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { earliestMs, latestMs } from "./calendar.ts";
import {
  fitsUtcTime,
  formatGeneralizedTime,
  formatRfc3339,
  formatUtcTime,
  parseGeneralizedTime,
  parseRfc3339,
  parseUtcTime,
} from "./time.ts";

const anyMs = fc.integer({ min: earliestMs, max: latestMs });

describe("RFC 3339 times", () => {
  // RFC 3339 §5.8
  const examples: readonly (readonly [string, string])[] = [
    ["1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520Z"],
    ["1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"],
    ["1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870Z"],
    ["2026-11-24t02:00:00z", "2026-11-24T02:00:00Z"],
    ["2024-02-29T00:00:00.123999999Z", "2024-02-29T00:00:00.123Z"],
    ["2000-02-29T23:59:59-00:00", "2000-02-29T23:59:59Z"],
  ];
  for (const [text, written] of examples) it(`reads ${text}`, () => assert.equal(formatRfc3339(parseRfc3339(text)), written));

  it("agree with Date over the years 0000 to 9999", () => {
    fc.assert(
      fc.property(anyMs, (ms) => {
        assert.equal(formatRfc3339(ms), new Date(ms).toISOString().replace(".000Z", "Z"));
        assert.equal(parseRfc3339(formatRfc3339(ms)), ms);
        assert.equal(parseGeneralizedTime(formatGeneralizedTime(ms)), ms);
      }),
      { numRuns: 1000 },
    );
    for (const ms of [earliestMs, latestMs, -1, 0, 951_782_400_000])
      assert.equal(formatRfc3339(ms), new Date(ms).toISOString().replace(".000Z", "Z"));
  });

  const refused = [
    "2026-11-24T02:00:00",
    "2026-11-24 02:00:00Z",
    "2026-11-24T02:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T02:60:00Z",
    "1990-12-31T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-13-10T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-04-00T00:00:00Z",
    "2026-11-24T02:00:00.Z",
    "2026-11-24T02:00:00+0100",
    "2026-11-24T02:00:00+24:00",
    "2026-11-24T02:00:00+01:60",
    "26-11-24T02:00:00Z",
    "",
    " 2026-11-24T02:00:00Z",
    "2026-11-24T02:00:00Z\n",
    "+002026-11-24T02:00:00Z",
    `2026-11-24T02:00:00.${"1".repeat(60)}Z`,
  ];
  for (const text of refused)
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseRfc3339(text), { code: "TIME_MALFORMED" }));

  it("formatRfc3339 is a TypeError outside four-digit years and for fractions", () => {
    for (const ms of [latestMs + 1, earliestMs - 1, 0.5, Number.NaN]) assert.throws(() => formatRfc3339(ms), TypeError);
  });
});

describe("DER times", () => {
  it("reads the examples of X.690 §11.7.5 and §11.8.4", () => {
    assert.equal(formatRfc3339(parseGeneralizedTime("19920521000000Z")), "1992-05-21T00:00:00Z");
    assert.equal(formatRfc3339(parseGeneralizedTime("19920722132100.3Z")), "1992-07-22T13:21:00.300Z");
    assert.equal(formatRfc3339(parseUtcTime("920622123421Z")), "1992-06-22T12:34:21Z");
  });

  it("puts the two-digit years 50 to 99 into the last century", () => {
    assert.equal(formatRfc3339(parseUtcTime("491231235959Z")), "2049-12-31T23:59:59Z");
    assert.equal(formatRfc3339(parseUtcTime("500101000000Z")), "1950-01-01T00:00:00Z");
  });

  for (const text of [
    "19920520240000Z",
    "19920622123421.0Z",
    "19920722132100.30Z",
    "19920722132100.Z",
    "199207221321Z",
    "19920722132100",
    "19920722132100+0000",
    "19920230000000Z",
  ]) {
    it(`refuses the GeneralizedTime ${text}`, () =>
      assert.throws(() => parseGeneralizedTime(text), { code: "DER_TIME_MALFORMED" }));
  }
  for (const text of ["920520240000Z", "9207221321Z", "920722132100", "920722132100+0000", "920230000000Z", "920722132160Z"]) {
    it(`refuses the UTCTime ${text}`, () => assert.throws(() => parseUtcTime(text), { code: "DER_TIME_MALFORMED" }));
  }

  it("writes UTCTime within 1950 to 2049 and nowhere else", () => {
    const [first, last] = [Date.UTC(1950, 0, 1), Date.UTC(2050, 0, 1) - 1];
    assert.deepEqual([formatUtcTime(first), formatUtcTime(last)], ["500101000000Z", "491231235959Z"]);
    assert.deepEqual(
      [fitsUtcTime(first), fitsUtcTime(last), fitsUtcTime(first - 1), fitsUtcTime(last + 1)],
      [true, true, false, false],
    );
    for (const ms of [first - 1, last + 1]) assert.throws(() => formatUtcTime(ms), TypeError);
  });
});
