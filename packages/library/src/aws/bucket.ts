// Objects in an S3 bucket, or in any server that speaks its protocol: get and put, each whole. The path of an object is the one under which
// the bucket serves it over HTTP.
import { quote } from "../encoding/index.ts";
import { describeResponse, type HttpResponse, request } from "../http/index.ts";
import { type AwsEnvironment, awsCredentials, awsRegion } from "./credentials.ts";
import { awsError } from "./errors.ts";
import { awsBodyHash, signAwsRequest } from "./request-signature.ts";

/** How an object is served. */
export interface ObjectHeaders {
  readonly contentType: string;
  readonly cacheControl: string;
}

/** A bucket, or a folder in one. */
export interface Bucket {
  /** Its address. */
  readonly name: string;
  /** The object at a percent-encoded path below the prefix; undefined where there is none. */
  get(path: string, maxBytes?: number): Promise<Uint8Array | undefined>;
  /** Store an object whole; a reader sees the old one or the new one. */
  put(path: string, bytes: Uint8Array, headers: ObjectHeaders): Promise<void>;
}

const form = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/?)*))?$/u;
const timeoutMs = 60_000;

/** Whether a place is named as a bucket. */
export function isBucketAddress(address: string): boolean {
  return address.startsWith("s3://");
}

/**
 * A bucket by its address, s3://BUCKET/PREFIX; no request is made. AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL name a server of one's own, which
 * is then asked with the bucket in the path.
 */
export function openBucket(address: string, environment: AwsEnvironment): Bucket {
  const [, bucket, prefix = ""] = form.exec(address) ?? [];
  if (bucket === undefined) {
    throw awsError("BUCKET_ADDRESS", `Cannot use bucket ${quote(address)}: s3://BUCKET/PREFIX expected`, {
      found: address,
      expected: "s3://BUCKET/PREFIX",
    });
  }
  const folder = prefix.replace(/\/+$/u, "");
  const own = environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"];
  const region = awsRegion(environment) ?? (own === undefined ? undefined : "us-east-1");
  if (region === undefined) {
    throw awsError("AWS_CREDENTIALS_MISSING", `Cannot use bucket ${quote(address)}: AWS_REGION must name its region`, {
      expected: "AWS_REGION",
    });
  }
  const base =
    own !== undefined && URL.canParse(own)
      ? new URL(`${own.replace(/\/+$/u, "")}/${bucket}`)
      : new URL(`https://${bucket}.s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`);
  const send = async (method: "GET" | "PUT", path: string, parts: Sent): Promise<HttpResponse> => {
    const url = new URL(base);
    url.pathname = [base.pathname.replace(/\/+$/u, ""), folder, path].filter((part) => part !== "").join("/");
    const body = parts.body ?? new Uint8Array();
    const headers = signAwsRequest({
      method,
      host: url.host,
      path: url.pathname,
      region,
      service: "s3",
      headers: { ...parts.headers, "x-amz-content-sha256": awsBodyHash(body) },
      body,
      credentials: await awsCredentials(environment),
      nowMs: Date.now(),
    });
    const { maxBytes } = parts;
    // Both may be repeated: what is put is put whole.
    return request({
      method,
      url,
      headers,
      ...(method === "PUT" ? { body } : {}),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      timeoutMs,
      retries: 3,
    });
  };
  return {
    name: address,
    async get(path, maxBytes) {
      const answer = await send("GET", path, { headers: {}, ...(maxBytes === undefined ? {} : { maxBytes }) });
      if (answer.status === 200) return answer.body;
      // A bucket that is not there is no object that is not there.
      if (answer.status === 404 && !/NoSuchBucket/u.test(new TextDecoder().decode(answer.body.subarray(0, 2000))))
        return undefined;
      throw refused(address, `get ${path}`, answer);
    },
    async put(path, bytes, { contentType, cacheControl }) {
      const answer = await send("PUT", path, {
        body: bytes,
        headers: { "content-type": contentType, "cache-control": cacheControl },
      });
      if (answer.status !== 200) throw refused(address, `put ${path}`, answer);
    },
  };
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes?: number;
}

function refused(address: string, action: string, answer: HttpResponse): Error {
  const code = answer.status >= 500 || answer.status === 429 ? "BUCKET_UNAVAILABLE" : "BUCKET_REFUSED";
  return awsError(code, `Cannot ${action} in ${address}: the store answers ${describeResponse(answer)}`, {
    found: `HTTP ${answer.status}`,
    expected: "HTTP 200",
  });
}
