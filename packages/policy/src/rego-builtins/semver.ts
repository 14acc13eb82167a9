// Semantic versions (semver.org 2.0.0), with an optional v before them.
import { anyType, type Builtin, booleanType, numberType, stringType } from "../rego/index.ts";
import type { Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";

/** The functions of this file. */
export const semver: readonly Builtin[] = [
  define("semver.compare", [stringType, stringType], numberType, compare),
  define("semver.is_valid", [anyType], booleanType, (call) => {
    const text = call.value(1);
    return typeof text === "string" && typeof parseVersion(text) !== "string";
  }),
];

interface Version {
  readonly numbers: readonly bigint[];
  readonly preRelease: readonly string[];
}

const identifiers = /^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$/;
const partNames = ["major", "minor", "patch"] as const;
const maxNumber = (1n << 63n) - 1n;

/** The version, or what is wrong with the text. */
function parseVersion(text: string): Version | string {
  const [main = "", metadata] = cut(text.replace(/^v/, ""), "+");
  if (metadata !== undefined && !identifiers.test(metadata)) return `invalid metadata identifier: ${metadata}`;
  const [version = "", preRelease] = cut(main, "-");
  const before = preRelease?.split(".") ?? [];
  if (preRelease !== undefined && (!identifiers.test(preRelease) || before.some((part) => /^0[0-9]+$/.test(part))))
    return `invalid pre-release identifier: ${preRelease}`;
  const parts = version.split(".");
  if (parts.length !== 3) return `${version} should contain major, minor, and patch versions`;
  const numbers: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    const valid = /^(0|[1-9][0-9]*)$/.test(part) && part.length < 20 && BigInt(part) <= maxNumber;
    if (!valid) return `invalid ${partNames[i] ?? ""} version: "${part}" is not a valid numeric identifier`;
    numbers.push(BigInt(part));
  }
  return { numbers, preRelease: before };
}

function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function compare(call: Call): Value {
  const [a, b] = [call.string(1), call.string(2)];
  call.text(a.length + b.length);
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (typeof left === "string") throw call.fail(`operand 1: string ${JSON.stringify(a)} is not a valid SemVer: ${left}`);
  if (typeof right === "string") throw call.fail(`operand 2: string ${JSON.stringify(b)} is not a valid SemVer: ${right}`);
  for (const [i, number] of left.numbers.entries()) {
    const other = right.numbers[i] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  return comparePreReleases(left.preRelease, right.preRelease);
}

/** semver.org §11: none is greater than any; numbers by value, below texts; texts by their bytes; a longer list is greater. */
function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(Number(a.length === 0) - Number(b.length === 0));
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x = "", y = ""] = [a[i], b[i]];
    if (x === y) continue;
    const [left, right] = [/^[0-9]+$/.test(x), /^[0-9]+$/.test(y)];
    if (left !== right) return left ? -1 : 1;
    if (left && x.length !== y.length) return x.length < y.length ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}
