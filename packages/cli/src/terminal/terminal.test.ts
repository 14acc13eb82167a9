import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SigillumError } from "@sigillum/library/encoding";
import { createTerminal, exitCodeOf, formatBytes, formatTime, reportError, type Terminal } from "./index.ts";

function recording(format: "text" | "json", isTTY: boolean): { terminal: Terminal; stdout: () => string; stderr: () => string } {
  let out = "";
  let err = "";
  const terminal = createTerminal({
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text), isTTY },
    stdinIsTTY: isTTY,
    format,
  });
  return { terminal, stdout: () => out, stderr: () => err };
}

describe("createTerminal", () => {
  it("sends results to stdout and notes to stderr", () => {
    const { terminal, stdout, stderr } = recording("text", false);
    terminal.out("result");
    terminal.note("advice");
    assert.equal(stdout(), "result\n");
    assert.equal(stderr(), "advice\n");
    assert.equal(terminal.interactive, false);
  });

  it("shows progress on a terminal only, and wipes it", () => {
    const seen = recording("text", true);
    const progress = seen.terminal.progress("Hashing", 200);
    progress.at(100);
    progress.end();
    assert.equal(seen.stderr(), "\r\u001b[KHashing [==========          ] 100 B of 200 B, 50 %\r\u001b[K");
    const unseen = recording("text", false);
    unseen.terminal.progress("Hashing", 200).at(100);
    assert.equal(unseen.stderr(), "");
    const json = recording("json", true);
    json.terminal.progress("Hashing", 200).at(100);
    assert.equal(json.stderr(), "");
  });

  it("counts files as such, and shows no bar where nobody knows the end", () => {
    const files = recording("text", true);
    files.terminal.progress("Verifying", 40, "items").at(10);
    assert.equal(files.stderr(), "\r\u001b[KVerifying [=====               ] 10 of 40, 25 %");
    const stdin = recording("text", true);
    stdin.terminal.progress("Hashing -", undefined).at(1500);
    assert.equal(stdin.stderr(), "\r\u001b[KHashing - 1.5 kB");
  });

  it("asks whether anybody watches only when it matters", () => {
    const never = (): never => assert.fail("nothing needed it");
    const terminal = createTerminal({
      stdout: { write: () => true },
      stderr: {
        write: () => true,
        get isTTY(): boolean {
          return never();
        },
      },
      get stdinIsTTY(): boolean {
        return never();
      },
      format: "text",
    });
    terminal.out("result");
    terminal.note("advice");
  });
});

describe("reportError", () => {
  const error = new SigillumError("HTTP_UNREACHABLE", "unavailable", "Cannot reach GET http://h/: connection refused", {
    found: "ECONNREFUSED",
    expected: "an answer",
    cause: new Error("connect failed"),
  });

  it("tells message, cause, found, expected, what to try and the code", () => {
    const { terminal, stdout, stderr } = recording("text", false);
    assert.equal(reportError(terminal, error), 14);
    assert.equal(stdout(), "");
    assert.deepEqual(stderr().trimEnd().split("\n"), [
      "Error: Cannot reach GET http://h/: connection refused",
      "  because   connect failed",
      "  found     ECONNREFUSED",
      "  expected  an answer",
      '  try       see whether the service runs ("sigillum serve" starts one) and whether the address is right',
      "  code      HTTP_UNREACHABLE",
    ]);
  });

  it("writes one JSON document when that is wanted", () => {
    const { terminal, stdout } = recording("json", false);
    reportError(terminal, error);
    const value: unknown = JSON.parse(stdout());
    assert.equal(Reflect.get(Object(Reflect.get(Object(value), "error")), "code"), "HTTP_UNREACHABLE");
    assert.equal(Reflect.get(Object(value), "exitCode"), 14);
  });

  it("calls an error that is not ours a defect", () => {
    const { terminal, stderr } = recording("text", false);
    assert.equal(reportError(terminal, new TypeError("x is not a function")), 1);
    assert.match(stderr(), /defect[\s\S]*x is not a function/);
  });
});

describe("exitCodeOf", () => {
  it("keeps apart what failed, what is missing and what could not be looked up", () => {
    const of = (code: string, kind: "malformed" | "verification" | "unavailable" | "state"): number =>
      exitCodeOf(new SigillumError(code, kind, "m"));
    assert.equal(of("IMAGE_NO_SIGNATURES", "verification"), 10);
    assert.equal(of("OCI_NOT_FOUND", "verification"), 11);
    assert.equal(of("IMAGE_NO_MATCHING_SIGNATURE", "verification"), 12);
    assert.equal(of("VERIFY_ANY", "verification"), 12);
    assert.equal(of("OCI_RATE_LIMITED", "unavailable"), 14);
    assert.equal(of("TUF_EXPIRED", "verification"), 15);
    assert.equal(of("TRUST_SERVER", "unavailable"), 14);
    assert.equal(of("ID_TOKEN_EXPIRED", "verification"), 1);
    assert.equal(of("PUBLIC_KEY_EXPECTED", "verification"), 13);
    assert.equal(of("FLAG_UNKNOWN", "malformed"), 1);
    assert.equal(of("PORT_TAKEN", "state"), 1);
    assert.equal(exitCodeOf(new Error("x")), 1);
  });
});

describe("formatBytes and formatTime", () => {
  it("write lengths and times for people", () => {
    assert.deepEqual([0, 999, 1000, 1_500_000, 123_456_789].map(formatBytes), ["0 B", "999 B", "1.0 kB", "1.5 MB", "123 MB"]);
    assert.equal(formatTime(Date.UTC(2026, 10, 24, 2, 0, 0)), "2026-11-24 02:00:00 UTC");
  });
});
