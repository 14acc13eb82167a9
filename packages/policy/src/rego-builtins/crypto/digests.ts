// Digests and message authentication codes of texts, in lower-case hexadecimal.
import { type Builtin, booleanType, stringType } from "../../rego/index.ts";
import { type Call, define } from "../call.ts";
import { toHex, utf8 } from "../encoding/bytes.ts";
import { type DigestName, digest, hmac } from "./digest.ts";

const plain = ["md5", "sha1", "sha256"] as const;
const keyed = ["md5", "sha1", "sha256", "sha512"] as const;

/** The functions of this file. */
export const digests: readonly Builtin[] = [
  ...plain.map((name) =>
    define(`crypto.${name}`, [stringType], stringType, (call) => toHex(digest(name, hashed(call, 1, name)))),
  ),
  ...keyed.map((name) =>
    define(`crypto.hmac.${name}`, [stringType, stringType], stringType, (call) => {
      const message = hashed(call, 1, name);
      return toHex(hmac(name, hashed(call, 2, name), message));
    }),
  ),
  define("crypto.hmac.equal", [stringType, stringType], booleanType, (call) => call.string(1) === call.string(2)),
];

/** The bytes of an operand, charged as what hashing them costs. */
export function hashed(call: Call, operand: number, name: DigestName): Uint8Array {
  const text = call.string(operand);
  chargeDigest(call, text.length, name);
  return utf8(text);
}

/** Spend the steps of a digest over so many bytes. */
export function chargeDigest(call: Call, length: number, name: DigestName): void {
  call.text(length);
  call.step(4 + (name === "sha384" || name === "sha512" ? length >> 1 : length >> 4));
}
