// intoto 0.0.2: an envelope without its payload. Rekor pkg/types/intoto/v0.0.2. Read for verification only; nobody writes it now.
//
//   {"content":{"envelope":{"payloadType":string,"signatures":[{"keyid":string (optional),"publicKey":base64(PEM),
//     "sig":base64(base64 text of DSSE)}]},"hash":{…},"payloadHash":{"algorithm":"sha256","value":hex}}}
import { isSigillumError, type JsonObject, parseProtoBase64, parseUtf8 } from "../encoding/index.ts";
import { readSha256 } from "./dsse-v001.ts";
import { logEntryError } from "./errors.ts";
import { parseVerifierPem, type Verifier } from "./verifier.ts";

/** The fields of an intoto 0.0.2 entry that can be compared. */
export interface IntotoV002 {
  readonly kind: "intoto";
  readonly version: "0.0.2";
  readonly payloadType: string;
  /** SHA-256 of the payload, computed by the log. */
  readonly payloadHash: Uint8Array;
  readonly signatures: readonly { readonly signature: Uint8Array; readonly verifier: Verifier }[];
}

const maxSignatures = 64;

/** Read the `spec` of a stored body. No signature was verified. */
export function readIntotoV002(spec: JsonObject): IntotoV002 {
  const content = spec.object("content");
  const envelope = content.object("envelope");
  const signatures = envelope.objects("signatures");
  if (signatures.length === 0 || signatures.length > maxSignatures) {
    throw logEntryError(
      "ENTRY_BODY_MALFORMED",
      `Cannot read ${envelope.path}: it has ${signatures.length} signatures, 1 to ${maxSignatures} are read`,
    );
  }
  return {
    kind: "intoto",
    version: "0.0.2",
    payloadType: envelope.string("payloadType"),
    payloadHash: readSha256(content.object("payloadHash")),
    signatures: signatures.map((item) => ({
      signature: twiceDecoded(item.base64("sig"), item.path),
      verifier: parseVerifierPem(item.base64("publicKey")),
    })),
  };
}

// The DSSE text of a signature, already base64, was encoded once more as a byte field.
function twiceDecoded(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return parseProtoBase64(parseUtf8(bytes));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logEntryError("ENTRY_BODY_MALFORMED", `Cannot read ${path}.sig: it is not base64 of base64`, { cause });
  }
}
