// UUIDs (RFC 4122).
import { anyType, type Builtin, objectOf, stringType } from "../rego/index.ts";
import { numeric, ObjectBuilder, type Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";
import { digest } from "./crypto/digest.ts";
import { fromHex, toHex, utf8 } from "./encoding/bytes.ts";

/** The functions of this file. */
export const uuids: readonly Builtin[] = [
  define("uuid.rfc4122", [stringType], stringType, make, { nondeterministic: true }),
  define("uuid.parse", [stringType], objectOf(stringType, anyType), parse),
];

/**
 * Divergence: there is no randomness here. The UUID, of version 4 by its form, is the digest of the query's time and the key: one for
 * a key within a query, as OPA's, and the same again when the query is asked again for the same moment.
 */
function make(call: Call): Value {
  const key = call.string(1);
  call.text(key.length);
  const bytes = digest("sha256", utf8(`uuid.rfc4122 ${call.context.nowNs ?? "no time"} ${key}`)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** As the Go library that OPA uses: with dashes, as a URN, between any two characters ("{...}"), or as 32 digits. */
function hexOf(text: string): string | undefined {
  let inner = text;
  if (text.length === 45) {
    if (text.slice(0, 9).toLowerCase() !== "urn:uuid:") return undefined;
    inner = text.slice(9);
  } else if (text.length === 38) inner = text.slice(1, 37);
  else if (text.length === 32) return /^[0-9a-fA-F]{32}$/.test(text) ? text : undefined;
  const parts = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i.exec(inner);
  return parts?.slice(1).join("");
}

const domains = ["Person", "Group", "Org"] as const;
/** Hundreds of nanoseconds from 15 October 1582, where the time of a UUID begins, to 1970. */
const gregorianTicks = 122_192_928_000_000_000n;

function parse(call: Call): Value | undefined {
  const text = call.string(1);
  call.text(Math.min(text.length, 64));
  const bytes = fromHex(hexOf(text) ?? "-");
  if (typeof bytes === "string") return undefined;
  const [version, sequence] = [(bytes[6] ?? 0) >> 4, bytes[8] ?? 0];
  const fields = new ObjectBuilder().set("version", version).set("variant", variantOf(sequence));
  if (version === 1 || version === 2) {
    const node = bytes.slice(10);
    fields.set("time", timeOf(bytes));
    fields.set("nodeid", [...node].map((byte) => byte.toString(16).padStart(2, "0")).join("-"));
    fields.set("macvariables", macVariables(node[0] ?? 0));
    fields.set("clocksequence", ((sequence << 8) | (bytes[9] ?? 0)) & 0x3fff);
  }
  if (version === 2) {
    const domain = bytes[9] ?? 0;
    fields.set("id", new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
    fields.set("domain", domains[domain] ?? `Domain${domain}`);
  }
  return fields.finish();
}

function variantOf(byte: number): string {
  if ((byte & 0xc0) === 0x80) return "RFC4122";
  if ((byte & 0xe0) === 0xc0) return "Microsoft";
  return (byte & 0xe0) === 0xe0 ? "Future" : "Reserved";
}

function timeOf(bytes: Uint8Array): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const low = BigInt(view.getUint32(0));
  const middle = BigInt(view.getUint16(4)) << 32n;
  const high = BigInt(view.getUint16(6) & 0x0fff) << 48n;
  const ns = BigInt.asIntN(64, low + middle + high - gregorianTicks) * 100n;
  return numeric(BigInt.asIntN(64, ns));
}

/** Whether the card's address is local or global, and names one card or a group (RFC 7042 §2.1). */
function macVariables(first: number): string {
  return `${(first & 2) === 0 ? "global" : "local"}:${(first & 1) === 0 ? "unicast" : "multicast"}`;
}
