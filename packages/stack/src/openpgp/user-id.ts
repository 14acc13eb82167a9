// The e-mail address in a user id, by the convention `Name (Comment) <address>`; and whether it is one, as Rekor judges it.
import { isSigillumError, parseUtf8 } from "@sigillum/library/encoding";

/** The address in a user id, lower case or not as it stands there; undefined where there is none or it is no address. */
export function emailOf(userId: Uint8Array): string | undefined {
  const text = textOf(userId);
  const opened = /^[^(<]*(?:\([^)]*\)[^<]*)?<([^>]*)/.exec(text)?.[1]?.trim() ?? "";
  // RFC 2822 §3.4: the address alone.
  const name = /^[^(<]*/.exec(text)?.[0].trim() ?? "";
  const address = opened === "" && name.includes("@") ? name : opened;
  return isEmail(address) ? address : undefined;
}

function textOf(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    // Of another character set: its ASCII part may still hold an address.
    return Array.from(bytes, (octet) => (octet < 0x80 ? String.fromCharCode(octet) : "\ufffd")).join("");
  }
}

const letter = "A-Za-z\\u{a0}-\\u{d7ff}\\u{f900}-\\u{fdcf}\\u{fdf0}-\\u{ffef}";
const local = new RegExp(`^[${letter}\\d!#$%&'*+\\-/=?^_\`{|}~.]+$`, "u");
const rest = new RegExp(`^[${letter}\\d](?:[${letter}\\d\\-._~]*[${letter}\\d])?$`, "u");
const topLevel = new RegExp(`^[${letter}](?:[${letter}\\d\\-_~]*[${letter}])?$`, "u");

function isEmail(text: string): boolean {
  if (text.length > 320) return false;
  const at = text.lastIndexOf("@");
  const name = text.slice(0, Math.max(at, 0));
  const domain = text.slice(at + 1).replace(/\.$/, "");
  const dot = domain.lastIndexOf(".");
  if (at < 1 || dot < 1) return false;
  const isLocal = local.test(name) && !name.startsWith(".") && !name.endsWith(".") && !name.includes("..");
  return isLocal && rest.test(domain.slice(0, dot)) && topLevel.test(domain.slice(dot + 1));
}
