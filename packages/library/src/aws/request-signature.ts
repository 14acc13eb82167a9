// AWS Signature Version 4 for requests without a query: everything in path, body and headers.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
import { createHash, createHmac } from "node:crypto";
import type { AwsCredentials } from "./environment.ts";

/** A request to sign. */
export interface UnsignedAwsRequest {
  readonly method: string;
  readonly host: string;
  /** Percent-encoded, as it is sent: `/` for most services. */
  readonly path: string;
  readonly region: string;
  readonly service: string;
  /** The request's own, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly credentials: AwsCredentials;
  readonly nowMs: number;
}

/** The headers of the signed request. */
export function signAwsRequest(request: UnsignedAwsRequest): Record<string, string> {
  const time = new Date(request.nowMs).toISOString().replace(/[:-]|\.\d{3}/gu, "");
  const date = time.slice(0, 8);
  const { accessKeyId, secretAccessKey, sessionToken } = request.credentials;
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    "x-amz-date": time,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const signed = names.join(";");
  const canonical = [
    request.method,
    request.path,
    "",
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/gu, " ")}`),
    "",
    signed,
    awsBodyHash(request.body),
  ].join("\n");
  const scope = `${date}/${request.region}/${request.service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, awsBodyHash(canonical)].join("\n");
  const key = [date, request.region, request.service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

/** Hex SHA-256, as S3 wants it of a body in `x-amz-content-sha256`. */
export function awsBodyHash(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}
