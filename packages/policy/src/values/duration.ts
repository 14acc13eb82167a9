// Durations in Go's notation, which both languages have; OPA has days, weeks and years besides.

const units: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const longUnits: ReadonlyMap<string, bigint> = new Map([
  ["d", 86_400_000_000_000n],
  ["w", 604_800_000_000_000n],
  ["y", 31_536_000_000_000_000n],
]);
const most = 1n << 63n;

/** The nanoseconds of a duration, or what is wrong with it in Go's words; with `long` units, days, weeks and years are read too. */
export function parseDuration(text: string, long: boolean): bigint | string {
  const shown = JSON.stringify(text.slice(0, 200));
  const invalid = `time: invalid duration ${shown}`;
  const extended = long && /[dwy]/.test(text);
  const negative = text.startsWith("-");
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0n;
  if (rest === "") return invalid;
  let total = 0n;
  while (rest !== "") {
    const number = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest);
    const [digits = "", whole = "", fraction = ""] = number ?? [];
    if (whole + fraction === "") return invalid;
    rest = rest.slice(digits.length);
    const unit = /^[^0-9.]+/.exec(rest)?.[0];
    if (unit === undefined) return extended ? invalid : `time: missing unit in duration ${shown}`;
    const size = units.get(unit) ?? (long ? longUnits.get(unit) : undefined);
    if (size === undefined) return extended ? invalid : `time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`;
    if (whole.length > 20) return invalid;
    total += BigInt(whole || "0") * size;
    if (fraction !== "") total += (BigInt(fraction.slice(0, 20)) * size) / 10n ** BigInt(Math.min(20, fraction.length));
    if (total > most) return invalid;
    rest = rest.slice(unit.length);
  }
  if (negative) return -total;
  return total >= most ? invalid : total;
}
