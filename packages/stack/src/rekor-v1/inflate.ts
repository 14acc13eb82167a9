// What the parsers of packages need of zlib.
import { inflateRawSync } from "node:zlib";
import type { InflateRaw } from "../legacy-entries/index.ts";

/** Inflate raw deflate data (RFC 1951) at the front of `bytes`; undefined where it is damaged or gives more than `maxBytes`. */
export const inflateRaw: InflateRaw = (bytes, maxBytes) => {
  try {
    // Declared without the option that tells how much was read.
    const told: unknown = inflateRawSync(bytes, { maxOutputLength: Math.max(maxBytes, 1), info: true });
    const [output, engine] = [memberOf(told, "buffer"), memberOf(told, "engine")];
    const consumed = memberOf(engine, "bytesWritten");
    if (!(output instanceof Uint8Array) || typeof consumed !== "number" || output.length > maxBytes) return undefined;
    return { output, consumed };
  } catch {
    return undefined;
  }
};

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
