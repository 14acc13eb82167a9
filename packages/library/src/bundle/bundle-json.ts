// Reading JSON for this room: what goes wrong comes out under a code of the room.
import { type JsonFail, type JsonValue, parseJson } from "../encoding/index.ts";
import { type BundleErrorCode, bundleError } from "./errors.ts";
import { bundleLimits } from "./limits.ts";

/** Read a JSON text within the room's limit. */
export function readJson(json: string | Uint8Array): JsonValue {
  if (json.length > bundleLimits.bytes) {
    throw bundleError("BUNDLE_TOO_LARGE", `Cannot parse bundle: it is ${json.length} bytes long`, {
      found: `${json.length} bytes`,
      expected: `at most ${bundleLimits.bytes} bytes`,
    });
  }
  try {
    return parseJson(json, { maxBytes: bundleLimits.bytes });
  } catch (cause) {
    throw bundleError("BUNDLE_JSON", `Cannot parse bundle: ${cause instanceof Error ? cause.message : "it is no JSON"}`, {
      cause,
    });
  }
}

/** The error for a field that is not as it must be. */
export const fieldError: JsonFail = (message, fields, code) => bundleError(fieldCodes[code] ?? "BUNDLE_JSON", message, fields);

const fieldCodes: { readonly [code: string]: BundleErrorCode } = {
  JSON_FIELD_MISSING: "BUNDLE_FIELD_MISSING",
  JSON_FIELD_UNKNOWN: "BUNDLE_FIELD_UNKNOWN",
  JSON_FIELD_TYPE: "BUNDLE_FIELD_TYPE",
  JSON_FIELD_VALUE: "BUNDLE_FIELD_VALUE",
};
