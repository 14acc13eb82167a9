// Credentials that AWS lends to a machine for some hours: to a pod by its projected token (STS AssumeRoleWithWebIdentity), to a container or a pod by
// an agent beside it, to a machine by its metadata service (IMDSv2). Kept until a few minutes before their end.
import { readFile } from "node:fs/promises";
import { isSigillumError, JsonObject, parseJson, parseUtf8 } from "../encoding/index.ts";
import { type HttpRequestOptions, type HttpResponse, request } from "../http/index.ts";
import type { AwsCredentials, AwsEnvironment } from "./environment.ts";
import { awsError } from "./errors.ts";

/** Credentials and when they end. */
interface Lent extends AwsCredentials {
  readonly endsMs: number;
}

const maxBytes = 64 * 1024;
const timeoutMs = 5_000;
/** Renewed so long before their end: a request that is under way must not outlive them. */
const earlyMs = 5 * 60_000;
/** Agents of ECS and EKS; besides them loopback alone may be asked without TLS. */
const agentHosts: ReadonlySet<string> = new Set([
  "169.254.170.2",
  "169.254.170.23",
  "[fd00:ec2::23]",
  "127.0.0.1",
  "localhost",
  "[::1]",
]);
const metadataAddress = "http://169.254.169.254";
/** Where Linux says what a machine is; elsewhere the metadata service is asked only where the environment names it. */
const vendorFile = "/sys/class/dmi/id/sys_vendor";

const kept = new Map<string, Lent>();
const maxKept = 32;

/** The credentials of a role by a web identity, where the environment names one; what EKS gives the pods of a service account. */
export async function webIdentityCredentials(environment: AwsEnvironment): Promise<AwsCredentials | undefined> {
  const [file, role] = [environment["AWS_WEB_IDENTITY_TOKEN_FILE"], environment["AWS_ROLE_ARN"]];
  if (file === undefined || role === undefined) return undefined;
  const endpoint = stsEndpoint(environment);
  return keep(`sts ${endpoint} ${role} ${file}`, async () => {
    const token = await readSecret(file);
    const body = new URLSearchParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      RoleSessionName: environment["AWS_ROLE_SESSION_NAME"] ?? "sigillum",
      WebIdentityToken: token,
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const text = parseUtf8((await ask({ method: "POST", url: endpoint, headers, body })).body);
    const field = (name: string): string => new RegExp(`<${name}>([^<>&]{1,4096})</${name}>`, "u").exec(text)?.[1] ?? "";
    return lent(endpoint, field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken"), field("Expiration"));
  });
}

/** The credentials of the machine: of the agent that the environment names, else of EC2's metadata service; undefined elsewhere. */
export async function machineCredentials(environment: AwsEnvironment): Promise<AwsCredentials | undefined> {
  const agent = agentUrl(environment);
  if (agent !== undefined) {
    return keep(`agent ${agent}`, async () => {
      const file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
      const authorization = file === undefined ? environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] : await readSecret(file);
      return lentInJson(agent, await ask({ url: agent, headers: authorization === undefined ? {} : { authorization } }));
    });
  }
  const base = await metadataBase(environment);
  if (base === undefined) return undefined;
  return keep(`metadata ${base}`, async () => {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": "300" };
    const session = parseUtf8((await ask({ method: "PUT", url: `${base}/latest/api/token`, headers })).body).trim();
    const path = `${base}/latest/meta-data/iam/security-credentials/`;
    const get = (url: string): Promise<HttpResponse> => ask({ url, headers: { "x-aws-ec2-metadata-token": session } });
    const role =
      parseUtf8((await get(path)).body)
        .split("\n", 1)[0]
        ?.trim() ?? "";
    return lentInJson(base, await get(`${path}${encodeURIComponent(role)}`));
  });
}

async function keep(name: string, fetch: () => Promise<Lent>): Promise<AwsCredentials> {
  const known = kept.get(name);
  if (known !== undefined && Date.now() < known.endsMs - earlyMs) return known;
  const fresh = await fetch();
  kept.delete(name);
  kept.set(name, fresh);
  for (const oldest of kept.keys()) {
    if (kept.size <= maxKept) break;
    kept.delete(oldest);
  }
  return fresh;
}

function stsEndpoint(environment: AwsEnvironment): string {
  const own = environment["AWS_ENDPOINT_URL_STS"] ?? environment["AWS_ENDPOINT_URL"];
  if (own !== undefined) return own;
  const region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "";
  if (!/^[a-z0-9-]{1,40}$/u.test(region)) return "https://sts.amazonaws.com/";
  return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`;
}

function agentUrl(environment: AwsEnvironment): string | undefined {
  const relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const text = relative === undefined ? environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] : `http://169.254.170.2${relative}`;
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "https:" || agentHosts.has(url.hostname))) return url.href;
  throw missing("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or on this machine", text.slice(0, 200));
}

async function metadataBase(environment: AwsEnvironment): Promise<string | undefined> {
  if (environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
  const named = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
  if (named !== undefined) return named.replace(/\/+$/u, "");
  // Nobody answers elsewhere, or somebody else does.
  const vendor = await readFile(vendorFile, "utf8").catch(() => "");
  return vendor.startsWith("Amazon EC2") ? metadataAddress : undefined;
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    throw missing(`${file} must be readable`, "a file that cannot be read");
  }
}

async function ask(call: HttpRequestOptions): Promise<HttpResponse> {
  const answer = await request({ ...call, maxBytes, timeoutMs, retries: 2 });
  if (answer.status === 200) return answer;
  // What it says may hold a token.
  throw missing(`${new URL(call.url).host} must lend credentials`, `HTTP ${answer.status}`);
}

function lentInJson(from: string, { body }: HttpResponse): Lent {
  try {
    const answer = JsonObject.from(parseJson(body, { maxBytes, maxDepth: 4 }), "credentials");
    const [id, secret, token, end] = ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"].map(
      (name) => answer.optionalString(name) ?? "",
    );
    return lent(from, id ?? "", secret ?? "", token ?? "", end ?? "");
  } catch (error) {
    if (isSigillumError(error) && error.code === "AWS_CREDENTIALS_MISSING") throw error;
    throw missing(`${new URL(from).host} must lend credentials`, "an answer that is no JSON object");
  }
}

function lent(from: string, accessKeyId: string, secretAccessKey: string, sessionToken: string, expiration: string): Lent {
  const endsMs = Date.parse(expiration);
  if (accessKeyId === "" || secretAccessKey === "" || sessionToken === "" || Number.isNaN(endsMs))
    throw missing(`${new URL(from).host} must lend credentials`, "an answer without them");
  return { accessKeyId, secretAccessKey, sessionToken, endsMs };
}

function missing(expected: string, found: string): Error {
  return awsError("AWS_CREDENTIALS_MISSING", `Cannot sign a request to AWS: ${expected}; found ${found}`, { found, expected });
}
