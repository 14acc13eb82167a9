// tuf 0.0.1: TUF metadata and the root that it verifies under. Rekor pkg/types/tuf.
//
//   in:     {"metadata":{"content":object, or base64 of it},"root":{"content":the same}}
//   stored: {"metadata":{"content":base64(canonical)},"root":{"content":base64(canonical)},"spec_version":…}
import { sha256 } from "@sigillum/library/crypto";
import {
  compareBytes,
  encodeBase64,
  encodeHex,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseBase64,
  parseJson,
} from "@sigillum/library/encoding";
import { encodeBody } from "@sigillum/library/log-entry";
import {
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RootMetadata,
  verifyThreshold,
} from "@sigillum/library/tuf";
import { normalizedKeys } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { malformed } from "./refusals.ts";

interface Metadata {
  readonly json: JsonObject;
  readonly signed: JsonObject;
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** Read and verify a tuf 0.0.1 proposal: the root signs itself, and the metadata verifies under it. Expiry is not looked at. */
export function prepareTuf(spec: JsonObject): PreparedBody {
  spec.onlyNames(["metadata", "root", "spec_version"]);
  const root = readMetadata(spec, "root");
  const metadata = readMetadata(spec, "metadata");
  const version = verify(root, metadata);
  const [metadataBytes, rootBytes] = [canonical(metadata), canonical(root)];
  const body = encodeBody("tuf", "0.0.1", {
    metadata: { content: encodeBase64(metadataBytes) },
    root: { content: encodeBase64(rootBytes) },
    spec_version: root.signed.string("spec_version"),
  });
  const keys = [encodeHex(sha256(metadataBytes)), metadata.role, String(version), encodeHex(sha256(rootBytes))];
  return { body, searchKeys: normalizedKeys(keys) };
}

function readMetadata(spec: JsonObject, name: "metadata" | "root"): Metadata {
  const content = spec.object(name).value("content");
  const text = typeof content === "string" ? fromBase64(content, name) : content;
  return reading(name, () => {
    const json = JsonObject.exact(text ?? null, name);
    const signed = json.object("signed");
    return { json, signed, role: signed.string("_type"), bytes: encodeUtf8(JSON.stringify(text)) };
  });
}

function fromBase64(content: string, name: string): JsonValue {
  return reading(name, () => parseJson(parseBase64(content)));
}

function verify(root: Metadata, metadata: Metadata): number {
  return reading("metadata", () => {
    const trusted = parseRoot(root.bytes);
    verifyThreshold(trusted, "root", trusted);
    return verifyRole(trusted, metadata);
  });
}

function verifyRole(trusted: RootMetadata, { role, bytes }: Metadata): number {
  if (role === "root") {
    const parsed = parseRoot(bytes);
    verifyThreshold(trusted, "root", parsed);
    return parsed.version;
  }
  if (role === "timestamp") {
    const parsed = parseTimestamp(bytes);
    verifyThreshold(trusted, "timestamp", parsed);
    return parsed.version;
  }
  if (role === "snapshot") {
    const parsed = parseSnapshot(bytes);
    verifyThreshold(trusted, "snapshot", parsed);
    return parsed.version;
  }
  if (role !== "targets") throw malformed("tuf", `metadata of type ${JSON.stringify(role.slice(0, 40))} has no role in the root`);
  const parsed = parseTargets(bytes);
  verifyThreshold(trusted, "targets", parsed);
  return parsed.version;
}

// As Rekor's: key ids and signatures alone, and the signed part as Go writes JSON, with names in order.
function canonical({ json }: Metadata): Uint8Array {
  const signatures = json
    .objects("signatures")
    .map((item) => ({ keyid: item.string("keyid"), sig: item.string("sig").toLowerCase() }));
  return encodeUtf8(`{"signatures":${goJson(signatures)},"signed":${goJson(json.value("signed") ?? null)}}`);
}

function goJson(value: JsonValue): string {
  if (typeof value === "string") return goString(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => compareBytes(encodeUtf8(a), encodeUtf8(b)));
  return `{${members.map(([name, member]) => `${goString(name)}:${goJson(member)}`).join(",")}}`;
}

// encoding/json escapes what HTML would read.
function goString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("tuf", `${what}: ${cause.message}`, cause);
  }
}
