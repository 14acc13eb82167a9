// NAME=VALUE lists of trusted-root create and signing-config create (signing-client §1.5).
import { parseRfc3339, quote } from "@sigillum/library/encoding";
import type { TimeRange } from "@sigillum/library/trusted-root";
import { setupError } from "./errors.ts";

/** What one flag says of a service. */
export interface ServiceDescription {
  readonly flag: string;
  readonly values: ReadonlyMap<string, string>;
}

/** Read a list; every name is one of `allowed`, and those of `required` are there. */
export function parseDescription(
  flag: string,
  text: string,
  required: readonly string[],
  allowed: readonly string[],
): ServiceDescription {
  const values = new Map<string, string>();
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(0, equals)).trim();
    if (equals < 1 || (!required.includes(name) && !allowed.includes(name))) {
      throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot read --${flag}: ${quote(part)} is none of its parts`, {
        found: part,
        expected: [...required, ...allowed].map((one) => `${one}=…`).join(", "),
      });
    }
    values.set(name, part.slice(equals + 1));
  }
  for (const name of required) {
    if ((values.get(name) ?? "") === "")
      throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot read --${flag}: ${name} is missing`, { expected: `${name}=…` });
  }
  return { flag, values };
}

/** One value; empty where it is not given. */
export function partOf(description: ServiceDescription, name: string): string {
  return description.values.get(name) ?? "";
}

/** start-time and end-time as a period; the start is `startMs` where it is not given. */
export function periodOf(description: ServiceDescription, startMs: number): TimeRange {
  const [start, end] = [partOf(description, "start-time"), partOf(description, "end-time")];
  return {
    startMs: start === "" ? startMs : parseRfc3339(start),
    ...(end === "" ? {} : { endMs: parseRfc3339(end) }),
  };
}
