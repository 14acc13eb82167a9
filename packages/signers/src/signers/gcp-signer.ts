// Keys in Google Cloud KMS, over its REST API: getPublicKey once, asymmetricSign for each signature. certificate-authority §5.2.
import { createPrivateKey, sign as nodeSign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type PublicKey, parsePublicKeyPem, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeBase64Url,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  parseBase64,
  parseJson,
  quote,
} from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";
import {
  answerError,
  type Created,
  callService,
  credentialsError,
  exists,
  type MadeKeyType,
  remoteSigner,
  typeUnsupported,
} from "./remote-signer.ts";
import type { Environment } from "./vault-signer.ts";

const part = "[A-Za-z0-9_-]{1,63}";
const form = new RegExp(
  `^gcpkms://(projects/[a-z0-9:._-]{1,63}/locations/${part}/keyRings/${part}/cryptoKeys/${part})(?:/(?:cryptoKeyVersions|versions)/(\\d{1,9}))?$`,
  "u",
);
const scope = "https://www.googleapis.com/auth/cloudkms";
/** An access token is taken for expired this long before it is. */
const earlyMs = 60_000;

/**
 * Opens `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/V]`; without a version the newest that is enabled, and it
 * stays with that. Credentials are the application default ones: a service account's file, a user's refresh token, the metadata server.
 */
export async function openGcpSigner(
  reference: string,
  environment: Environment,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  const { key, givenVersion, call } = connectGcp(reference, environment);
  const version = givenVersion ?? (await newestVersion(reference, key, call));
  const name = `${key}/cryptoKeyVersions/${version}`;
  const answer = await call(`${name}/publicKey`);
  const publicKey = publicKeyOf(reference, answer);
  const padding: SignatureScheme["padding"] =
    answer.optionalString("algorithm")?.startsWith("RSA_SIGN_PSS_") === true ? "pss" : undefined;
  const hash = hashOf(answer.optionalString("algorithm") ?? "");
  const full = { ...(padding === undefined ? {} : { padding }), ...(hash === undefined ? {} : { hash }), ...scheme };
  return remoteSigner(reference, publicKey, full, async (message, digest) => {
    const input =
      digest === undefined ? { data: encodeBase64(message) } : { digest: { [`sha${digest.length * 8}`]: encodeBase64(digest) } };
    return bytesOf(reference, await call(`${name}:asymmetricSign`, JSON.stringify(input)), "signature");
  });
}

type GcpCall = (path: string, body?: string) => Promise<JsonObject>;

function connectGcp(
  reference: string,
  environment: Environment,
): { readonly key: string; readonly givenVersion: string | undefined; readonly call: GcpCall } {
  const [, key = "", givenVersion] = form.exec(reference) ?? [];
  if (key === "")
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(reference)}: it names no key of Google Cloud KMS`, {
      expected: "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K, with /cryptoKeyVersions/V if any",
    });
  const base = (environment["SIGILLUM_GCP_KMS_ENDPOINT"] ?? "https://cloudkms.googleapis.com").replace(/\/+$/u, "");
  const accessToken = tokenSource(reference, environment);
  const call: GcpCall = async (path, body) =>
    callService(reference, {
      method: body === undefined ? "GET" : "POST",
      url: `${base}/v1/${path}`,
      headers: {
        authorization: `Bearer ${await accessToken()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
  return { key, givenVersion, call };
}

const keyAlgorithms: Readonly<Record<MadeKeyType, string | undefined>> = {
  "ecdsa-p256": "EC_SIGN_P256_SHA256",
  "ecdsa-p384": "EC_SIGN_P384_SHA384",
  "ecdsa-p521": undefined, // the service has no such keys
  ed25519: "EC_SIGN_ED25519",
  rsa: "RSA_SIGN_PKCS1_3072_SHA256",
};
const generationMs = 60_000;

/**
 * Makes a signing key in Google Cloud KMS, with its key ring where there is none, and waits until it can sign. A key of that name is left as
 * it is.
 */
export async function createGcpKey(reference: string, type: MadeKeyType, environment: Environment): Promise<Created> {
  const { key, givenVersion, call } = connectGcp(reference, environment);
  const algorithm = keyAlgorithms[type];
  if (givenVersion !== undefined)
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot make key ${quote(reference)}: the service numbers versions itself`, {
      expected: "a reference without a version",
    });
  if (algorithm === undefined) throw typeUnsupported(reference, type, "ecdsa-p256, ecdsa-p384, ed25519 or rsa");
  const [, location = "", ring = "", name = ""] = /^(.*)\/keyRings\/([^/]+)\/cryptoKeys\/([^/]+)$/u.exec(key) ?? [];
  if (!(await exists(() => call(`${location}/keyRings/${ring}`)))) await call(`${location}/keyRings?keyRingId=${ring}`, "{}");
  if (await exists(() => call(key))) return "found";
  const template = { purpose: "ASYMMETRIC_SIGN", versionTemplate: { algorithm, protectionLevel: "SOFTWARE" } };
  await call(`${location}/keyRings/${ring}/cryptoKeys?cryptoKeyId=${name}`, JSON.stringify(template));
  const end = Date.now() + generationMs;
  for (let waitMs = 100; Date.now() < end; waitMs = Math.min(waitMs * 2, 2000)) {
    if ((await call(`${key}/cryptoKeyVersions/1`)).optionalString("state") === "ENABLED") return "made";
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  throw signersError("SIGNER_REMOTE_UNAVAILABLE", `Cannot use key ${quote(reference)}: it was made and cannot sign yet`, {
    expected: `the state ENABLED within ${generationMs / 1000} s`,
  });
}

/** The key's algorithm fixes its hash: EC_SIGN_P384_SHA384, RSA_SIGN_PKCS1_4096_SHA512. */
function hashOf(algorithm: string): SignatureScheme["hash"] | undefined {
  const [, bits] = /_SHA(256|384|512)$/u.exec(algorithm) ?? [];
  return bits === "256" ? "sha256" : bits === "384" ? "sha384" : bits === "512" ? "sha512" : undefined;
}

async function newestVersion(reference: string, key: string, call: (path: string) => Promise<JsonObject>): Promise<string> {
  const answer = await call(`${key}/cryptoKeyVersions?filter=state%3DENABLED&pageSize=100`);
  const numbers = (answer.has("cryptoKeyVersions") ? answer.objects("cryptoKeyVersions") : [])
    .filter((one) => one.optionalString("state") === "ENABLED")
    .map((one) => Number(/\/cryptoKeyVersions\/(\d{1,9})$/u.exec(one.string("name"))?.[1] ?? 0));
  const newest = Math.max(0, ...numbers);
  if (newest > 0) return String(newest);
  throw signersError("SIGNER_REMOTE_REFUSED", `Cannot open key ${quote(reference)}: it has no version that is enabled`, {
    expected: "a version in the state ENABLED",
  });
}

function publicKeyOf(reference: string, answer: JsonObject): PublicKey {
  try {
    return parsePublicKeyPem(answer.string("pem"));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw answerError(
      reference,
      `the service gives no public key that can sign: ${cause.message}`,
      "an asymmetric signing key",
      cause,
    );
  }
}

function bytesOf(reference: string, answer: JsonObject, name: string): Uint8Array {
  try {
    return parseBase64(answer.string(name));
  } catch (cause) {
    throw answerError(reference, `the service's answer has no ${name} in base64`, name, cause);
  }
}

/** Google's application default credentials, an access token kept until it is about to end. */
function tokenSource(reference: string, environment: Environment): () => Promise<string> {
  let known: { readonly token: string; readonly untilMs: number } | undefined;
  return async () => {
    const given = environment["GOOGLE_OAUTH_ACCESS_TOKEN"] ?? environment["CLOUDSDK_AUTH_ACCESS_TOKEN"];
    if (given !== undefined && given !== "") return given;
    if (known !== undefined && Date.now() < known.untilMs) return known.token;
    const answer = await askForToken(reference, environment);
    known = { token: answer.string("access_token"), untilMs: Date.now() + answer.safeInteger("expires_in") * 1000 - earlyMs };
    return known.token;
  };
}

async function askForToken(reference: string, environment: Environment): Promise<JsonObject> {
  const file = environment["GOOGLE_APPLICATION_CREDENTIALS"];
  const path =
    file ?? join(environment["CLOUDSDK_CONFIG"] ?? join(homedir(), ".config", "gcloud"), "application_default_credentials.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined && file !== undefined)
    throw credentialsError(reference, `the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read: ${path}`);
  if (text === undefined) return askMetadata(reference, environment);
  const credentials = readCredentials(reference, path, text);
  const type = credentials.optionalString("type");
  const url = credentials.optionalString("token_uri") ?? "https://oauth2.googleapis.com/token";
  if (type === "service_account") {
    const assertion = serviceAccountAssertion(credentials, url);
    return exchange(reference, url, { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
  }
  if (type === "authorized_user") {
    const [id, secret, token] = ["client_id", "client_secret", "refresh_token"].map((name) => credentials.string(name));
    return exchange(reference, url, {
      grant_type: "refresh_token",
      client_id: id ?? "",
      client_secret: secret ?? "",
      refresh_token: token ?? "",
    });
  }
  throw credentialsError(reference, `the credentials in ${path} must be a service account's or a user's`);
}

function readCredentials(reference: string, path: string, text: string): JsonObject {
  try {
    return JsonObject.exact(parseJson(text, { maxBytes: 256 * 1024 }), "credentials");
  } catch {
    // The file holds secrets: nothing of it may reach a message.
    throw credentialsError(reference, `the credentials in ${path} must be a JSON object`);
  }
}

/** RFC 7523: a token that the account signs itself. */
function serviceAccountAssertion(credentials: JsonObject, audience: string): string {
  const issuedAt = Math.floor(Date.now() / 1000);
  const encode = (value: object): string => encodeBase64Url(encodeUtf8(JSON.stringify(value)));
  const claims = { iss: credentials.string("client_email"), scope, aud: audience, iat: issuedAt, exp: issuedAt + 3600 };
  const header = { alg: "RS256", typ: "JWT", kid: credentials.optionalString("private_key_id") };
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = nodeSign("sha256", encodeUtf8(input), createPrivateKey(credentials.string("private_key")));
  return `${input}.${encodeBase64Url(new Uint8Array(signature))}`;
}

function exchange(reference: string, url: string, fields: Readonly<Record<string, string>>): Promise<JsonObject> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return callService(reference, { method: "POST", url, headers, body: new URLSearchParams(fields).toString() });
}

/** On machines of Google Cloud; elsewhere nobody answers, and that is what the error says. */
async function askMetadata(reference: string, environment: Environment): Promise<JsonObject> {
  const host = environment["GCE_METADATA_HOST"] ?? "metadata.google.internal";
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  try {
    return await callService(reference, { method: "GET", url, headers: { "metadata-flavor": "Google" } });
  } catch (cause) {
    if (!isSigillumError(cause) || environment["GCE_METADATA_HOST"] !== undefined) throw cause;
    throw credentialsError(
      reference,
      "GOOGLE_APPLICATION_CREDENTIALS must name a credentials file, as there is none in the usual place and no metadata server",
    );
  }
}
