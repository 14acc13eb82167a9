// Objects in an S3 bucket, or in any server that speaks its protocol: get and put, each whole. The path of an object is the one under which
// the bucket serves it over HTTP.
import { quote } from "../encoding/index.ts";
import { describeResponse, type HttpResponse, request } from "../http/index.ts";
import { awsCredentials, awsRegion } from "./credentials.ts";
import type { AwsEnvironment } from "./environment.ts";
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
  /** The same, with what tells this version from others. */
  getVersion(path: string, maxBytes?: number): Promise<ObjectVersion | undefined>;
  /**
   * Store an object whole; a reader sees the old one or the new one. With a condition only where there is none (RFC 9110 §13.1.2) or where it is
   * still a certain version (§13.1.1); rejects BUCKET_CONDITION_FAILED otherwise. Old stores pass conditions over.
   */
  put(path: string, bytes: Uint8Array, headers: ObjectHeaders, condition?: PutCondition): Promise<void>;
  /** Remove an object; one that is not there is no error. */
  remove(path: string): Promise<void>;
}

/** An object as it was at one moment. */
export interface ObjectVersion {
  readonly bytes: Uint8Array;
  /** Its entity tag. */
  readonly tag: string;
  /** How long ago it was stored, by the store's clock; 0 where the store does not say. */
  readonly ageMs: number;
}

/** When an object may be stored. */
export type PutCondition = "ifNoneMatch" | { readonly ifMatch: string };

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
  const send = async (method: "GET" | "PUT" | "DELETE", path: string, parts: Sent): Promise<HttpResponse> => {
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
    // Each may be repeated: what is put is put whole.
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
  const getVersion = async (path: string, maxBytes?: number): Promise<ObjectVersion | undefined> => {
    const answer = await send("GET", path, { headers: {}, ...(maxBytes === undefined ? {} : { maxBytes }) });
    if (answer.status === 200) return { bytes: answer.body, tag: answer.headers["etag"] ?? "", ageMs: ageOf(answer) };
    if (answer.status === 404 && !isBucketMissing(answer)) return undefined;
    throw refused(address, `get ${path}`, answer);
  };
  return {
    name: address,
    get: async (path, maxBytes) => (await getVersion(path, maxBytes))?.bytes,
    getVersion,
    async put(path, bytes, { contentType, cacheControl }, condition) {
      const conditions = condition === undefined ? {} : conditionHeaders(condition);
      const answer = await send("PUT", path, {
        body: bytes,
        headers: { "content-type": contentType, "cache-control": cacheControl, ...conditions },
      });
      // 409: somebody stored the same object at the same moment. 404: there is none that could match.
      if (condition !== undefined && [404, 409, 412].includes(answer.status) && !isBucketMissing(answer)) {
        throw awsError("BUCKET_CONDITION_FAILED", `Cannot put ${path} in ${address}: it is not as it was, or there already`, {
          found: `HTTP ${answer.status}`,
          expected: condition === "ifNoneMatch" ? "no such object" : `version ${condition.ifMatch}`,
        });
      }
      if (answer.status !== 200) throw refused(address, `put ${path}`, answer);
    },
    async remove(path) {
      const answer = await send("DELETE", path, { headers: {} });
      if (![200, 204].includes(answer.status) && (answer.status !== 404 || isBucketMissing(answer)))
        throw refused(address, `remove ${path}`, answer);
    },
  };
}

function conditionHeaders(condition: PutCondition): Readonly<Record<string, string>> {
  return condition === "ifNoneMatch" ? { "if-none-match": "*" } : { "if-match": condition.ifMatch };
}

/** A bucket that is not there is no object that is not there. */
function isBucketMissing({ body }: HttpResponse): boolean {
  return /NoSuchBucket/u.test(new TextDecoder().decode(body.subarray(0, 2000)));
}

/** Both by the store's clock, in whole seconds (RFC 9110 §5.6.7). */
function ageOf({ headers }: HttpResponse): number {
  const [now, stored] = [headers["date"], headers["last-modified"]].map((text) => Date.parse(text ?? ""));
  return now === undefined || stored === undefined || !(now >= stored) ? 0 : now - stored;
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
