// Functions over certificates, certificate requests and keys.
import { anyType, arrayOf, type Builtin, booleanType, objectOf, stringType, tupleOf } from "../../rego/index.ts";
import { isArray, isNumeric, SetValue, toBigInt, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { fromBase64, fromUtf8, toBase64, utf8 } from "../encoding/bytes.ts";
import { type Certificate, parseCertificates, parseRequest } from "./certificate.ts";
import { type ChainOptions, findChain } from "./chain.ts";
import { Malformed } from "./der.ts";
import { type PrivateKey, parseEcPrivateKey, parsePkcs1, parsePkcs8 } from "./keys.ts";
import { decodePem } from "./pem.ts";
import { certificateValue, extendedKeyUsages, jwkValue, privateKeyValue, requestValue, structure } from "./shape.ts";

const anyObject = objectOf(stringType, anyType);
const certificates = arrayOf(anyObject);

/** The functions of this file. */
export const x509: readonly Builtin[] = [
  define("crypto.x509.parse_certificates", [stringType], certificates, (call) =>
    certificatesOf(call).map((certificate) => certificateValue(certificate, true)),
  ),
  define("crypto.x509.parse_and_verify_certificates", [stringType], tupleOf(booleanType, certificates), (call) =>
    verify(call, {}, true),
  ),
  define(
    "crypto.x509.parse_and_verify_certificates_with_options",
    [stringType, anyObject],
    tupleOf(booleanType, certificates),
    (call) => verify(call, optionsOf(call), false),
  ),
  define("crypto.x509.parse_certificate_request", [stringType], anyObject, request),
  define("crypto.x509.parse_keypair", [stringType, stringType], anyObject, keyPair),
  define("crypto.x509.parse_rsa_private_key", [stringType], anyObject, (call) => {
    const text = charged(call, 1);
    if (text === "") throw call.fail("input PEM data was empty");
    const pem = text.startsWith("-----BEGIN") ? text : fromUtf8(base64(call, text));
    const [key] = privateKeysOf(call, pem);
    return key === undefined ? null : jwkValue(key);
  }),
  define("crypto.parse_private_keys", [stringType], arrayOf(anyObject), (call) => {
    const text = charged(call, 1);
    return text === "" ? null : privateKeysOf(call, text).map(privateKeyValue);
  }),
];

/** An operand, charged for what reading it builds. */
function charged(call: Call, operand: number): string {
  const text = call.string(operand);
  call.text(4 * text.length);
  call.step(16 + (text.length >> 1));
  return text;
}

function base64(call: Call, text: string): Uint8Array {
  const bytes = fromBase64(text, "standard");
  if (typeof bytes === "number") throw call.fail(`illegal base64 data at input byte ${bytes}`);
  return bytes;
}

/** Run a reader; what it finds wrong is an error of the function. */
function reading<T>(call: Call, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw call.fail(`${what}: ${error.message}`, error);
    throw error;
  }
}

function certificatesOf(call: Call): Certificate[] {
  const text = charged(call, 1);
  const bytes = text.startsWith("-----BEGIN") ? utf8(text) : base64(call, text);
  const decoded = fromUtf8(bytes.subarray(0, 16)).startsWith("-----BEGIN") ? pemCertificates(call, fromUtf8(bytes)) : bytes;
  return reading(call, "x509: malformed certificate", () => parseCertificates(decoded));
}

function pemCertificates(call: Call, text: string): Uint8Array {
  const parts: number[] = [];
  let found = decodePem(text);
  while (found !== undefined) {
    const { block, rest } = found;
    if (block.label !== "CERTIFICATE") throw call.fail(`PEM block type is '${block.label}', expected CERTIFICATE`);
    parts.push(...block.bytes);
    found = decodePem(rest);
  }
  return Uint8Array.from(parts);
}

interface VerifyOptions {
  readonly dnsName?: string;
  readonly at?: bigint;
  readonly keyUsages?: readonly string[];
}

/** Root first, leaf last, intermediates between; a path that does not hold is false, not an error. */
function verify(call: Call, options: VerifyOptions, withUriStrings: boolean): Value {
  const at = options.at ?? call.context.nowNs;
  const failed: Value = [false, []];
  let list: Certificate[];
  try {
    list = certificatesOf(call);
  } catch (error) {
    if (error instanceof Error && error.cause instanceof Malformed) return failed;
    if (error instanceof Error && /illegal base64|PEM block type/.test(error.message)) return failed;
    throw error;
  }
  if (at === undefined) throw call.fail("the caller gave this evaluation no time, and 'CurrentTime' is not given");
  const [root, leaf] = [list[0], list.at(-1)];
  if (root === undefined || leaf === undefined || list.length < 2) return failed;
  const chainOptions: ChainOptions = {
    at: at / 1_000_000_000n,
    dnsName: options.dnsName ?? "",
    keyUsages: options.keyUsages ?? ["1.3.6.1.5.5.7.3.1"],
    spend: (steps) => call.step(steps),
  };
  const chain = findChain(leaf, list.slice(1, -1), root, chainOptions);
  return chain === undefined ? failed : [true, chain.map((certificate) => certificateValue(certificate, withUriStrings))];
}

const usageNames = [
  "KeyUsageAny",
  "KeyUsageServerAuth",
  "KeyUsageClientAuth",
  "KeyUsageCodeSigning",
  "KeyUsageEmailProtection",
  "KeyUsageIPSECEndSystem",
  "KeyUsageIPSECTunnel",
  "KeyUsageIPSECUser",
  "KeyUsageTimeStamping",
  "KeyUsageOCSPSigning",
  "KeyUsageMicrosoftServerGatedCrypto",
  "KeyUsageNetscapeServerGatedCrypto",
  "KeyUsageMicrosoftCommercialCodeSigning",
  "KeyUsageMicrosoftKernelCodeSigning",
];

function optionsOf(call: Call): VerifyOptions {
  let options: VerifyOptions = {};
  for (const [key, value] of call.object(2).entries()) {
    if (typeof key !== "string") continue;
    switch (key) {
      case "DNSName":
        if (typeof value !== "string") throw call.fail("'DNSName' should be a string");
        options = { ...options, dnsName: value };
        break;
      case "CurrentTime": {
        if (!isNumeric(value)) throw call.fail("'CurrentTime' should be a number");
        const at = toBigInt(value);
        if (at === undefined || at !== BigInt.asIntN(64, at)) throw call.fail("'CurrentTime' should be a valid int64 number");
        options = { ...options, at };
        break;
      }
      case "MaxConstraintComparisons":
        // what it bounds is bounded by the budget here
        if (!isNumeric(value)) throw call.fail("'MaxConstraintComparisons' should be a number");
        break;
      case "KeyUsages":
        options = { ...options, keyUsages: usagesOf(call, value) };
        break;
      default:
        throw call.fail("invalid key option");
    }
  }
  return options;
}

function usagesOf(call: Call, value: Value): readonly string[] {
  if (!isArray(value) && !(value instanceof SetValue)) throw call.fail("'KeyUsages' should be an Array or Set");
  const names = (isArray(value) ? value : value.values()).filter((name) => typeof name === "string");
  const unknown = names.filter((name) => !usageNames.includes(name));
  if (unknown.length > 0) throw call.fail(`invalid entries for 'KeyUsages' found: [${unknown.join(" ").slice(0, 200)}]`);
  return names.map((name) => extendedKeyUsages[usageNames.indexOf(name)] ?? "");
}

function request(call: Call): Value {
  const text = charged(call, 1);
  const bytes = text.startsWith("-----BEGIN CERTIFICATE REQUEST-----") ? utf8(text) : base64(call, text);
  const pem = decodePem(fromUtf8(bytes));
  if (pem !== undefined && pem.block.label !== "CERTIFICATE REQUEST")
    throw call.fail("invalid PEM-encoded certificate signing request");
  return reading(call, "asn1: structure error", () => requestValue(parseRequest(pem?.block.bytes ?? bytes)));
}

/** Private keys of a text of PEM blocks, or of its base64. */
function privateKeysOf(call: Call, text: string): PrivateKey[] {
  const bytes = fromBase64(text, "standard");
  const keys: PrivateKey[] = [];
  let found = decodePem(typeof bytes === "number" ? text : fromUtf8(bytes));
  while (found !== undefined) {
    const { block, rest } = found;
    call.step(1000);
    const parse = parsers.get(block.label);
    if (parse !== undefined) keys.push(reading(call, "x509: failed to parse private key", () => parse(block.bytes)));
    found = decodePem(rest);
  }
  return keys;
}

const parsers: ReadonlyMap<string, (bytes: Uint8Array) => PrivateKey> = new Map<string, (bytes: Uint8Array) => PrivateKey>([
  ["RSA PRIVATE KEY", parsePkcs1],
  ["PRIVATE KEY", parsePkcs8],
  ["EC PRIVATE KEY", (bytes) => parseEcPrivateKey(bytes)],
]);

/** A certificate chain and the private key of its first certificate, which must belong together. */
function keyPair(call: Call): Value {
  const list = pairBlocks(call, charged(call, 1), "CERTIFICATE").filter(({ label }) => label === "CERTIFICATE");
  if (list.length === 0) throw call.fail("tls: failed to find any PEM data in certificate input");
  const keyBlock = pairBlocks(call, charged(call, 2), "PRIVATE KEY").find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (keyBlock === undefined) throw call.fail("tls: failed to find any PEM data in key input");
  const key = reading(call, "tls: failed to parse private key", () =>
    (parsers.get(keyBlock.label) ?? parsePkcs8)(keyBlock.bytes),
  );
  const [leaf] = reading(call, "x509: malformed certificate", () => parseCertificates(list[0]?.bytes ?? new Uint8Array(0)));
  if (leaf === undefined || !belongTogether(leaf, key)) throw call.fail("tls: private key does not match public key");
  return structure({
    Certificate: list.map(({ bytes }) => toBase64(bytes, "standard")),
    PrivateKey: privateKeyValue(key),
    SupportedSignatureAlgorithms: null,
    OCSPStaple: null,
    SignedCertificateTimestamps: null,
    Leaf: certificateValue(leaf, false),
  });
}

function pairBlocks(call: Call, text: string, label: string): { readonly label: string; readonly bytes: Uint8Array }[] {
  const bytes = text.startsWith("-----BEGIN ") ? utf8(text) : base64(call, text);
  const pem = fromUtf8(bytes);
  if (!pem.startsWith("-----BEGIN ")) return [{ label, bytes }];
  const blocks: { readonly label: string; readonly bytes: Uint8Array }[] = [];
  for (let found = decodePem(pem); found !== undefined; found = decodePem(found.rest)) blocks.push(found.block);
  return blocks;
}

function belongTogether({ publicKey }: Certificate, key: PrivateKey): boolean {
  if (publicKey.kind === "rsa" && key.kind === "rsa")
    return publicKey.modulus === key.modulus && publicKey.exponent === key.exponent;
  if (publicKey.kind === "ec" && key.kind === "ec")
    return publicKey.curve === key.curve && publicKey.x === key.x && publicKey.y === key.y;
  return publicKey.kind === "ed25519" && key.kind === "ed25519" && publicKey.bytes.every((byte, i) => byte === key.bytes[i]);
}
