// The seal of a shard: what it ended with.
import { encodeHex, encodeUtf8, isSigillumError, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { logError } from "./errors.ts";

/** The end of a shard, as `state/sealed.json` keeps it. */
export interface Seal {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** The last checkpoint, signed: the shard is served under it for ever. */
  readonly checkpoint: string;
  readonly sealedMs: number;
  /** A restored shard: how many entries had been published, where that is more than there are. Their indexes belong to nobody else. */
  readonly publishedSize?: number;
}

/** Write a seal. */
export function encodeSeal(seal: Seal): Uint8Array {
  return encodeUtf8(`${JSON.stringify({ version: 1, ...seal, root: encodeHex(seal.root) }, undefined, 2)}\n`);
}

/** Read a seal; `path` names it in errors. */
export function parseSeal(bytes: Uint8Array, path: string): Seal {
  try {
    const fields = JsonObject.from(parseJson(bytes), "seal");
    if (fields.safeInteger("version") !== 1) throw new RangeError(`version ${fields.safeInteger("version")}`);
    const publishedSize = fields.optionalSafeInteger("publishedSize");
    return {
      ...(publishedSize === undefined ? {} : { publishedSize }),
      origin: fields.string("origin"),
      size: fields.safeInteger("size"),
      root: parseHex(fields.string("root")),
      checkpoint: fields.string("checkpoint"),
      sealedMs: fields.safeInteger("sealedMs"),
    };
  } catch (cause) {
    if (!isSigillumError(cause) && !(cause instanceof RangeError)) throw cause;
    throw logError("LOG_STATE_CORRUPT", `Cannot read ${path}: ${cause.message}`, { cause });
  }
}
