// References to keys in tokens: PKCS #11 URIs (RFC 7512), and the configuration file of crypto11, which Fulcio uses.
import { JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";

/** Which token, which key in it, and how it is reached. */
export interface Pkcs11Reference {
  readonly modulePath?: string;
  readonly token?: string;
  readonly serial?: string;
  readonly slotId?: number;
  /** CKA_LABEL of the key. */
  readonly object?: string;
  /** CKA_ID of the key. */
  readonly id?: Uint8Array;
  readonly pin?: string;
  /** `file:PATH` or a path. */
  readonly pinSource?: string;
  /** The most sessions that are open at a time. */
  readonly maxSessions?: number;
}

const texts: ReadonlyMap<string, "token" | "serial" | "object" | "modulePath" | "pin" | "pinSource"> = new Map([
  ["token", "token"],
  ["serial", "serial"],
  ["object", "object"],
  ["module-path", "modulePath"],
  ["pin-value", "pin"],
  ["pin-source", "pinSource"],
]);
const form = "pkcs11:token=LABEL;object=KEY?module-path=FILE&pin-source=file:FILE";

/** Reads `pkcs11:…`. Attributes that are not used here are refused: what they would exclude might be meant. */
export function parsePkcs11Uri(uri: string): Pkcs11Reference {
  const [, path = "", query] = /^pkcs11:([^?]*)(?:\?(.*))?$/iu.exec(uri) ?? [];
  const found: Record<string, string | number | Uint8Array> = {};
  const attributes = [...path.split(";"), ...(query ?? "").split("&")].filter((part) => part !== "");
  for (const attribute of attributes) {
    const at = attribute.indexOf("=");
    const name = attribute.slice(0, Math.max(0, at)).toLowerCase();
    const octets = percentDecode(attribute.slice(at + 1));
    const target = texts.get(name) ?? { id: "id", "slot-id": "slotId", "max-sessions": "maxSessions", type: "type" }[name];
    if (at < 1 || octets === undefined || target === undefined || found[target] !== undefined)
      throw badUri(uri, `the attribute ${quote(attribute.split("=", 1)[0] ?? "", 40)} is unknown, repeated or not readable`);
    const text = octets.toString("utf8");
    if (target === "id") found[target] = new Uint8Array(octets);
    else if (target === "slotId" || target === "maxSessions") {
      if (!/^\d{1,10}$/u.test(text) || (target === "maxSessions" && !/^[1-9]/u.test(text)))
        throw badUri(uri, `${name} is no number`);
      found[target] = Number(text);
    } else if (target === "type" && text !== "private") throw badUri(uri, "only private keys sign");
    else found[target] = text;
  }
  delete found["type"];
  return found;
}

/** The reference without its PIN, as it may be stored and shown. */
export function withoutPin(uri: string): string {
  return uri
    .replace(/([?&])pin-value=[^&]*/iu, (_all, before: string) => `${before}pin-value=`)
    .replace(/[?&]pin-value=(?=&|$)/iu, "");
}

/** The URI of an object in the token of another URI. */
export function withObject(uri: string, object: string): string {
  const [path = "", ...query] = uri.split("?");
  const separator = path.endsWith(":") || path.endsWith(";") ? "" : ";";
  return `${path}${separator}object=${encodeURIComponent(object)}${query.length === 0 ? "" : `?${query.join("?")}`}`;
}

/**
 * Reads crypto11's JSON: module, token by label, serial number or slot, and the PIN. What else it may say is about symmetric keys, or
 * about waiting, which is bounded here.
 */
export function parseCrypto11Configuration(text: string): Pkcs11Reference {
  const root = JsonObject.exact(parseJson(text, { maxBytes: 64 * 1024 }), "configuration");
  const token = root.optionalString("TokenLabel");
  const serial = root.optionalString("TokenSerial");
  const slotId = root.has("SlotNumber") ? root.safeInteger("SlotNumber") : undefined;
  if ([token, serial, slotId].filter((one) => one !== undefined && one !== "").length !== 1)
    throw signersError("SIGNER_REFERENCE_UNKNOWN", "Cannot read PKCS #11 configuration: it names not exactly one token", {
      expected: "one of TokenLabel, TokenSerial and SlotNumber",
    });
  const pin = root.optionalString("Pin");
  const maxSessions = root.has("MaxSessions") ? root.safeInteger("MaxSessions") : undefined;
  return {
    modulePath: root.string("Path"),
    ...(token === undefined || token === "" ? {} : { token }),
    ...(serial === undefined || serial === "" ? {} : { serial }),
    ...(slotId === undefined ? {} : { slotId }),
    ...(pin === undefined ? {} : { pin }),
    ...(maxSessions === undefined || maxSessions < 1 ? {} : { maxSessions: Math.min(maxSessions, 64) }),
  };
}

/** Writes a reference as a URI, without its PIN. */
export function encodePkcs11Uri(reference: Pkcs11Reference): string {
  const path = [
    ...(reference.token === undefined ? [] : [`token=${encodeURIComponent(reference.token)}`]),
    ...(reference.serial === undefined ? [] : [`serial=${encodeURIComponent(reference.serial)}`]),
    ...(reference.slotId === undefined ? [] : [`slot-id=${reference.slotId}`]),
    ...(reference.id === undefined
      ? []
      : [`id=${Array.from(reference.id, (octet) => `%${octet.toString(16).padStart(2, "0")}`).join("")}`]),
    ...(reference.object === undefined ? [] : [`object=${encodeURIComponent(reference.object)}`]),
  ];
  const query = [
    ...(reference.modulePath === undefined ? [] : [`module-path=${encodeURI(reference.modulePath)}`]),
    ...(reference.pinSource === undefined ? [] : [`pin-source=${encodeURI(reference.pinSource)}`]),
    ...(reference.maxSessions === undefined ? [] : [`max-sessions=${reference.maxSessions}`]),
  ];
  return `pkcs11:${path.join(";")}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}

function percentDecode(text: string): Buffer | undefined {
  if (/%(?![0-9a-fA-F]{2})/u.test(text)) return undefined;
  const octets: number[] = [];
  for (let at = 0; at < text.length; ) {
    if (text[at] === "%") {
      octets.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
      at += 3;
    } else {
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
      octets.push(...Buffer.from(character, "utf8"));
      at += character.length;
    }
  }
  return Buffer.from(octets);
}

function badUri(uri: string, problem: string): Error {
  return signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(withoutPin(uri), 200)}: ${problem}`, {
    expected: form,
  });
}
