// AWS Signature Version 4 for one kind of request: a POST to the root of a service, everything in body and headers.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
import { createHash, createHmac } from "node:crypto";

/** Who signs a request. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The headers of a signed POST to `/` of `host`; `headers` are the request's own, in lower case. */
export function signAwsPost(p: {
  readonly host: string;
  readonly region: string;
  readonly service: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly credentials: AwsCredentials;
  readonly nowMs: number;
}): Record<string, string> {
  const time = new Date(p.nowMs).toISOString().replace(/[:-]|\.\d{3}/gu, "");
  const date = time.slice(0, 8);
  const { accessKeyId, secretAccessKey, sessionToken } = p.credentials;
  const headers: Record<string, string> = {
    ...p.headers,
    host: p.host,
    "x-amz-date": time,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const signed = names.join(";");
  const canonical = [
    "POST",
    "/",
    "",
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/gu, " ")}`),
    "",
    signed,
    hexSha256(p.body),
  ].join("\n");
  const scope = `${date}/${p.region}/${p.service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, hexSha256(canonical)].join("\n");
  const key = [date, p.region, p.service, "aws4_request"].reduce<string | Buffer>(
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

function hexSha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
