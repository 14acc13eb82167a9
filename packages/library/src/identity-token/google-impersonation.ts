// An identity token of a Google service account that one may act for (IAM Credentials API, generateIdToken), and the access token that says
// who asks: application default credentials.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSigner } from "../crypto/index.ts";
import { encodeBase64Url, encodeUtf8, isSigillumError, JsonObject, parseJson, parsePem } from "../encoding/index.ts";
import { request } from "../http/index.ts";

type Surroundings = Readonly<Record<string, string | undefined>>;

/** Where Google's services are; others in tests. */
export interface GoogleEndpoints {
  readonly iamCredentials: string;
}

/** Google's own. */
export const googleEndpoints: GoogleEndpoints = { iamCredentials: "https://iamcredentials.googleapis.com" };

const cloudScope = "https://www.googleapis.com/auth/cloud-platform";
const maxAnswerBytes = 256 * 1024;
const timeoutMs = 10_000;

/** Asks for a token of `account` for an audience, with its address inside. Rejects with an Error whose message is a reason without secrets. */
export async function impersonateServiceAccount(
  account: string,
  audience: string,
  env: Surroundings,
  endpoints: GoogleEndpoints,
): Promise<string> {
  const credential = await accessToken(env);
  const answer = await call({
    method: "POST",
    url: `${endpoints.iamCredentials}/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`,
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ audience, includeEmail: true }),
  });
  return answer.optionalString("token") ?? fail("its answer has no token");
}

/** https://google.aip.dev/auth/4110: a variable, a file, then the metadata server of the machine. */
async function accessToken(env: Surroundings): Promise<string> {
  const given = env["GOOGLE_OAUTH_ACCESS_TOKEN"] ?? env["CLOUDSDK_AUTH_ACCESS_TOKEN"] ?? "";
  if (given !== "") return given;
  const named = env["GOOGLE_APPLICATION_CREDENTIALS"] ?? "";
  const path =
    named !== ""
      ? named
      : join(env["CLOUDSDK_CONFIG"] ?? join(homedir(), ".config", "gcloud"), "application_default_credentials.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined && named !== "") fail(`${path}, which GOOGLE_APPLICATION_CREDENTIALS names, cannot be read`);
  const answer = text === undefined ? await askMetadata(env) : await exchange(credentialsOf(path, text), path);
  return answer.optionalString("access_token") ?? fail("there is no access token for the one who asks");
}

function credentialsOf(path: string, text: string): JsonObject {
  try {
    return JsonObject.exact(parseJson(text, { maxBytes: maxAnswerBytes }), "credentials");
  } catch {
    // The file holds secrets: nothing of it may reach a message.
    return fail(`the credentials in ${path} are no JSON object`);
  }
}

async function exchange(credentials: JsonObject, path: string): Promise<JsonObject> {
  const field = (name: string): string => credentials.optionalString(name) ?? fail(`the credentials in ${path} have no ${name}`);
  const url = credentials.optionalString("token_uri") ?? "https://oauth2.googleapis.com/token";
  const type = credentials.optionalString("type");
  const grants: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
    service_account: async () => ({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: await assertionOf(field, path, url),
    }),
    authorized_user: () =>
      Promise.resolve({
        grant_type: "refresh_token",
        client_id: field("client_id"),
        client_secret: field("client_secret"),
        refresh_token: field("refresh_token"),
      }),
  };
  const grant = grants[type ?? ""] ?? fail(`the credentials in ${path} are neither a service account's nor a user's`);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return call({ method: "POST", url, headers, body: new URLSearchParams(await grant()).toString() });
}

/** RFC 7523: a token that the asking account signs itself. */
async function assertionOf(field: (name: string) => string, path: string, audience: string): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const part = (value: object): string => encodeBase64Url(encodeUtf8(JSON.stringify(value)));
  const claims = { iss: field("client_email"), scope: cloudScope, aud: audience, iat: issuedAt, exp: issuedAt + 3600 };
  const input = `${part({ alg: "RS256", typ: "JWT", kid: field("private_key_id") })}.${part(claims)}`;
  try {
    const [block] = parsePem(field("private_key"));
    const signature = await createSigner(block?.bytes ?? new Uint8Array()).sign(encodeUtf8(input));
    return `${input}.${encodeBase64Url(signature)}`;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return fail(`the private key in ${path} cannot be used`);
  }
}

function askMetadata(env: Surroundings): Promise<JsonObject> {
  const host = env["GCE_METADATA_HOST"] ?? "metadata.google.internal";
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  return call({ method: "GET", url, headers: { "metadata-flavor": "Google" } });
}

async function call(sent: {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}): Promise<JsonObject> {
  const answer = await request({ ...sent, maxBytes: maxAnswerBytes, timeoutMs });
  if (answer.status !== 200) fail(`${new URL(sent.url).host} answers HTTP ${answer.status}`);
  try {
    return JsonObject.from(parseJson(answer.body, { maxBytes: maxAnswerBytes }), "answer");
  } catch {
    // The answer holds a token.
    return fail(`${new URL(sent.url).host} answers no JSON object`);
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}
