// Packages encoding/json, encoding/base64 and encoding/hex.
import { parseJson } from "../../values/index.ts";
import type { Builtin, Call, Package, Result } from "../builtin.ts";
import { dataExpression } from "../data.ts";
import { tryWith } from "../disjunction.ts";
import { exportVertex, writeJson } from "../document.ts";
import { decodeText, encodeText } from "../text.ts";
import { kinds } from "../value.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const json: Readonly<Record<string, Builtin>> = {
  Marshal: { parameters: 1, call: (call) => marshal(call) },
  MarshalStream: {
    parameters: 1,
    call: (call) =>
      call
        .list(0)
        .map((element) => `${writeJson(exportVertex(call.evaluator, element))}\n`)
        .join(""),
  },
  Unmarshal: { parameters: 1, call: unmarshal },
  Valid: { parameters: 1, validates: kinds.string | kinds.bytes, call: (call) => isJson(textOf(call, 0)) },
  Validate: { parameters: 2, validates: kinds.string | kinds.bytes, call: validate },
};

const base64: Readonly<Record<string, Builtin>> = {
  Decode: { parameters: 2, call: decodeBase64 },
  Encode: { parameters: 2, call: (call) => encodeBase64(call) },
};

const hex: Readonly<Record<string, Builtin>> = {
  Decode: { parameters: 1, call: decodeHex },
  Encode: { parameters: 1, call: (call) => [...bytesOf(call, 0)].map((byte) => byte.toString(16).padStart(2, "0")).join("") },
};

/** The packages of encodings, by import path. */
export const encodingPackages: Readonly<Record<string, Package>> = {
  "encoding/json": json,
  "encoding/base64": base64,
  "encoding/hex": hex,
};

function textOf(call: Call, index: number): string {
  const value = call.scalar(index, kinds.string | kinds.bytes, "string");
  return value instanceof Uint8Array ? decodeText(value) : call.string(index);
}

function bytesOf(call: Call, index: number): Uint8Array {
  const value = call.scalar(index, kinds.string | kinds.bytes, "bytes");
  return value instanceof Uint8Array ? value : encodeText(call.string(index));
}

function readJson(call: Call, text: string): ReturnType<typeof parseJson> {
  call.evaluator.budget.allocate(text.length * 8);
  call.evaluator.budget.step(Math.ceil(text.length / 16));
  try {
    return parseJson(text, { maxDepth: 128 });
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("POLICY_"))
      throw call.fail(`json: ${error.message}`);
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    parseJson(text, { maxDepth: 128 });
    return true;
  } catch {
    // what parseJson throws says that the text is no JSON, which is what was asked
    return false;
  }
}

function marshal(call: Call): Result {
  const text = writeJson(exportVertex(call.evaluator, call.unresolved(0)));
  call.evaluator.budget.allocate(2 * text.length);
  return text;
}

function unmarshal(call: Call): Result {
  const expression = dataExpression(readJson(call, textOf(call, 0)), call.at);
  return { computed: { kind: "conjuncts", conjuncts: [{ ...call.conjunct, expression }] } };
}

function validate(call: Call): Result {
  const data = call.evaluator.inline(call.vertex, {
    ...call.conjunct,
    expression: dataExpression(readJson(call, textOf(call, 0)), call.at),
  });
  const bottom = tryWith(call.evaluator, data, call.conjunct, call.unresolved(1));
  return bottom === undefined ? true : { because: bottom.message };
}

function requireStandard(call: Call): void {
  if (call.value(0) !== null) throw call.fail("unsupported encoding: the first argument is null");
}

function decodeBase64(call: Call): Result {
  requireStandard(call);
  const text = textOf(call, 1);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw call.fail("illegal base64 data");
  call.evaluator.budget.allocate(text.length);
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const character of text.replace(/=+$/, "")) {
    bits = (bits << 6) | alphabet.indexOf(character);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push((bits >> held) & 255);
    bits &= (1 << held) - 1;
  }
  return Uint8Array.from(bytes);
}

function encodeBase64(call: Call): string {
  requireStandard(call);
  const bytes = bytesOf(call, 1);
  call.evaluator.budget.allocate(bytes.length * 3);
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const four = [18, 12, 6, 0].map((shift) => alphabet.charAt((group >> shift) & 63)).join("");
    const present = Math.min(3, bytes.length - i) + 1;
    text += four.slice(0, present).padEnd(4, "=");
  }
  return text;
}

function decodeHex(call: Call): Result {
  const text = textOf(call, 0);
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw call.fail("encoding/hex: invalid text");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
