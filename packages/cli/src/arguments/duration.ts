import { quote } from "@sigillum/library/encoding";
import { argumentError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Read a duration as Go writes it, "1h30m" or "90s", in milliseconds; FLAG_VALUE_INVALID if it is none. */
export function parseDuration(text: string, flag: string): number {
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ns|us|\u00b5s|ms|s|m|h)/g)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot read --${flag}: ${quote(text)} is no duration`, {
      found: text,
      expected: 'a number with a unit, such as "90s" or "3m"',
    });
  }
  return parts.reduce((total, [, number = "0", unit = "s"]) => total + Number(number) * (unitMs[unit] ?? 0), 0);
}
