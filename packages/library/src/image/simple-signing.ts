// The payload of a container signature in the layout of cosign 1 and 2, "simple signing" (signing-client §2.1):
//
//   {"critical": {"identity": {"docker-reference": R}, "image": {"docker-manifest-digest": D}, "type": T}, "optional": {…} | null}
import { encodeUtf8, type JsonValue, parseJson } from "../encoding/index.ts";
import { type OciDigest, parseOciDigest } from "../oci/index.ts";
import { imageError } from "./errors.ts";

/** What a container signature says: the manifest's digest, and the signer's annotations. The reference proves nothing. */
export interface SimpleSigning {
  readonly dockerReference: string;
  readonly digest: OciDigest;
  readonly type: string;
  readonly optional: Readonly<Record<string, JsonValue>> | undefined;
}

/** Media type of the layer that holds the payload. */
export const simpleSigningMediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
const signatureType = "cosign container image signature";
const maxPayloadBytes = 1024 * 1024;

/** Write a payload as cosign does: two members, no white space, what HTML has a meaning for escaped as Go escapes it. */
export function encodeSimpleSigning(image: {
  readonly dockerReference: string;
  readonly digest: OciDigest;
  readonly annotations?: Readonly<Record<string, string>>;
}): Uint8Array {
  const annotations = Object.entries(image.annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({
    critical: {
      identity: { "docker-reference": image.dockerReference },
      image: { "docker-manifest-digest": image.digest },
      type: signatureType,
    },
    optional: annotations.length === 0 ? null : Object.fromEntries(annotations),
  });
  return encodeUtf8(
    text.replaceAll(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

/** Read a payload; names match whatever their case, as in Go. Whether it is signed, or about an image at hand, was not checked. */
export function parseSimpleSigning(bytes: Uint8Array): SimpleSigning {
  const document = asObject(read(bytes), "payload");
  const critical = asObject(member(document, "critical"), "critical");
  const optional = member(document, "optional");
  return {
    dockerReference: asText(
      member(asObject(member(critical, "identity"), "identity"), "docker-reference") ?? "",
      "docker-reference",
    ),
    digest: parseOciDigest(asText(member(asObject(member(critical, "image"), "image"), "docker-manifest-digest"), "digest")),
    type: asText(member(critical, "type") ?? "", "type"),
    optional: optional === undefined || optional === null ? undefined : asObject(optional, "optional"),
  };
}

function read(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: maxPayloadBytes, maxDepth: 32 });
  } catch (cause) {
    throw imageError("IMAGE_PAYLOAD_MALFORMED", "Cannot read signature payload: it is no JSON", { cause });
  }
}

function member(object: Readonly<Record<string, JsonValue>>, name: string): JsonValue | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  const found = Object.keys(object).find((key) => key.toLowerCase() === name);
  return found === undefined ? undefined : object[found];
}

function asObject(value: JsonValue | undefined, name: string): Readonly<Record<string, JsonValue>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.fromEntries(Object.entries(value));
  throw imageError("IMAGE_PAYLOAD_MALFORMED", `Cannot read signature payload: its ${name} is no object`);
}

function asText(value: JsonValue | undefined, name: string): string {
  if (typeof value === "string") return value;
  throw imageError("IMAGE_PAYLOAD_MALFORMED", `Cannot read signature payload: its ${name} is no text`);
}
