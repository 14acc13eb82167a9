// From a posted request to an entry that may be added: the part that costs most, and needs nothing but the request.
import { encodeHashedRekordV002, parseCreateEntryRequestV2, verifyEntrySignature } from "@sigillum/library/log-entry";
import { type BodyEntry, bodyEntry, maxLeafBytes } from "../log-engine/index.ts";
import { rekorV2Error } from "./errors.ts";
import { searchKeysOf } from "./search-keys.ts";

/** Read and verify a request; what comes out may be added to the log. Whether a certificate in it is to be trusted was not checked. */
export function prepareEntry(requestBody: Uint8Array): BodyEntry {
  const { entry, message } = parseCreateEntryRequestV2(requestBody);
  verifyEntrySignature(entry, message);
  const body = encodeHashedRekordV002(entry);
  if (body.length > maxLeafBytes) {
    throw rekorV2Error(
      "REKOR_V2_ENTRY_TOO_LARGE",
      `Cannot add entry: its stored form has ${body.length} bytes, at most ${maxLeafBytes} fit`,
      {
        found: String(body.length),
        expected: `at most ${maxLeafBytes}`,
      },
    );
  }
  return bodyEntry(body, searchKeysOf(entry));
}
