// Requests to AWS, signed with Signature Version 4. Nothing is sent: a policy hands the headers on.
import { anyType, type Builtin, numberType, objectOf, stringType } from "../rego/index.ts";
import {
  compareStrings,
  encodeJson,
  formatNumber,
  formatTime,
  formatValue,
  ObjectBuilder,
  ObjectValue,
  SetBuilder,
  toBigInt,
  type Value,
} from "../values/index.ts";
import { type Call, define } from "./call.ts";
import { digest, hmac } from "./crypto/digest.ts";
import { chargeDigest } from "./crypto/digests.ts";
import { toHex, utf8 } from "./encoding/bytes.ts";
import { escapeUrl, parseUrl } from "./encoding/go-url.ts";
import { checkRequest } from "./outside.ts";

const requestType = objectOf(stringType, anyType);

/** The functions of this file. */
export const aws: readonly Builtin[] = [
  define("providers.aws.sign_req", [requestType, objectOf(stringType, anyType), numberType], requestType, signRequest),
];

const required = ["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"] as const;
const unsigned = new Set(["authorization", "user-agent", "x-amzn-trace-id"]);

function signRequest(call: Call): Value {
  const request = call.object(1);
  const config = call.object(2);
  demand(call, 2, "AWS config", required, config);
  const time = call.number(3);
  // as OPA: an integer that is written as one
  const ns = /^-?[0-9]+$/.test(formatNumber(time)) ? toBigInt(time) : undefined;
  if (ns === undefined || ns !== BigInt.asIntN(64, ns))
    throw call.operand(3, "could not convert time_ns value into a unix timestamp");
  checkRequest(call);
  const headers = request.get("headers") ?? new ObjectBuilder().finish();
  if (!(headers instanceof ObjectValue)) throw call.wrong(1, "object");
  demand(call, 1, "request", ["method", "url"], request);
  const unsignedPayload = config.get("disable_payload_signing") ?? false;
  if (typeof unsignedPayload !== "boolean") throw call.operand(2, "invalid value for 'disable_payload_signing' in AWS config");
  const signed = sign(call, request, headers, config, ns, unsignedPayload);
  return request.with("headers", signed);
}

/** Each of these keys must be there with a text. */
function demand(call: Call, operand: number, what: string, names: readonly string[], object: ObjectValue): void {
  const [missing, invalid] = [new SetBuilder(), new SetBuilder()];
  for (const name of names) {
    const value = object.get(name);
    if (value === undefined) missing.add(name);
    else if (typeof value !== "string") invalid.add(name);
  }
  if (missing.size > 0) throw call.operand(operand, `missing required ${what} parameters(s): ${formatValue(missing.finish())}`);
  if (invalid.size > 0)
    throw call.operand(operand, `invalid values for required ${what} parameters(s): ${formatValue(invalid.finish())}`);
}

function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

function sha256(call: Call, text: string): string {
  chargeDigest(call, text.length, "sha256");
  return toHex(digest("sha256", utf8(text)));
}

function sign(
  call: Call,
  request: ObjectValue,
  headers: ObjectValue,
  config: ObjectValue,
  ns: bigint,
  unsignedPayload: boolean,
): ObjectValue {
  const url = parseUrl(textOf(request.get("url")));
  if ("invalid" in url) throw call.fail(`parse ${JSON.stringify(textOf(request.get("url")).slice(0, 200))}: ${url.invalid}`);
  const [service, region] = [textOf(config.get("aws_service")), textOf(config.get("aws_region"))];
  const contentHash = unsignedPayload ? "UNSIGNED-PAYLOAD" : sha256(call, bodyOf(call, request));
  const [date, moment] = [
    formatTime({ ns, offset: 0 }, "UTC", "20060102"),
    formatTime({ ns, offset: 0 }, "UTC", "20060102T150405Z"),
  ];
  const added = new Map([
    ["host", url.host],
    ["x-amz-date", moment],
  ]);
  if (service === "s3" || service === "glacier") added.set("x-amz-content-sha256", contentHash);
  const token = textOf(config.get("aws_session_token"));
  if (token !== "") added.set("x-amz-security-token", token);
  const toSign = new Map(added);
  for (const [name, value] of headers.entries()) {
    const lower = textOf(name).toLowerCase();
    if (!unsigned.has(lower)) toSign.set(lower, textOf(value));
  }
  const names = [...toSign.keys()].sort(compareStrings);
  call.elements(names.length);
  const path = url.rawPath === "" ? escapeUrl(url.path, "path") : url.rawPath;
  const canonical = [
    textOf(request.get("method")),
    path,
    url.rawQuery,
    ...names.map((name) => `${name}:${toSign.get(name)}`),
    "",
    names.join(";"),
    contentHash,
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", moment, scope, sha256(call, canonical)].join("\n");
  let key: Uint8Array = utf8(`AWS4${textOf(config.get("aws_secret_access_key"))}`);
  for (const part of [date, region, service, "aws4_request"]) key = hmac("sha256", key, utf8(part));
  const signature = toHex(hmac("sha256", key, utf8(text)));
  const result = new ObjectBuilder();
  for (const [name, value] of headers.entries()) result.set(name, textOf(value));
  const credential = `${textOf(config.get("aws_access_key"))}/${scope}`;
  result.set(
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names.join(";")},Signature=${signature}`,
  );
  for (const [name, value] of added) result.set(name, value);
  return result.finish();
}

function bodyOf(call: Call, request: ObjectValue): string {
  const raw = request.get("raw_body");
  if (raw !== undefined) return textOf(raw);
  const body = request.get("body");
  return body === undefined ? "" : encodeJson(body, { escapeHtml: true, allocate: (length) => call.text(length) });
}
