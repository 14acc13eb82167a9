// Keys in Azure Key Vault and Managed HSM, over their REST API: the key once, `sign` for each signature. certificate-authority §5.2.
import { readFile } from "node:fs/promises";
import {
  encodeEcdsaSignature,
  type PublicKey,
  parsePkcs1PublicKey,
  parsePublicKey,
  type SignatureScheme,
  type Signer,
} from "@sigillum/library/crypto";
import {
  concatBytes,
  derBitString,
  derInteger,
  derOid,
  derSequence,
  encodeBase64Url,
  isSigillumError,
  type JsonObject,
  parseBase64Url,
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

const form = /^azurekms:\/\/([a-z0-9.-]{1,253}(?::\d{1,5})?)\/([A-Za-z0-9-]{1,127})(?:\/([0-9a-f]{32}))?$/u;
const apiVersion = "7.4";
/** An access token is taken for expired this long before it is. */
const earlyMs = 60_000;

/** The clouds of AZURE_ENVIRONMENT: where tokens come from, and the resource that they are for. */
const clouds: ReadonlyMap<string, { readonly authority: string; readonly vault: string }> = new Map([
  ["AZUREPUBLICCLOUD", { authority: "https://login.microsoftonline.com", vault: "vault.azure.net" }],
  ["AZURECHINACLOUD", { authority: "https://login.chinacloudapi.cn", vault: "vault.azure.cn" }],
  ["AZUREUSGOVERNMENTCLOUD", { authority: "https://login.microsoftonline.us", vault: "vault.usgovcloudapi.net" }],
]);

const curves: ReadonlyMap<string, { readonly oid: string; readonly octets: number }> = new Map([
  ["P-256", { oid: "1.2.840.10045.3.1.7", octets: 32 }],
  ["P-384", { oid: "1.3.132.0.34", octets: 48 }],
  ["P-521", { oid: "1.3.132.0.35", octets: 66 }],
]);

/**
 * Opens `azurekms://HOST/KEY[/VERSION]`; without a version the newest, and it stays with that. Credentials are a client secret, a federated
 * token (workload identity) or the machine's managed identity, from the variables of Azure's own libraries.
 */
export async function openAzureSigner(
  reference: string,
  environment: Environment,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  const { key, givenVersion, call } = connectAzure(reference, environment);
  const { publicKey, version } = keyOf(reference, await call(givenVersion === undefined ? key : `${key}/${givenVersion}`));
  return remoteSigner(reference, publicKey, scheme, async (_message, digest) => {
    if (digest === undefined) throw new TypeError("azure: keys there do not hash by themselves");
    const input = { alg: algorithmOf(publicKey, digest, scheme?.padding), value: encodeBase64Url(digest) };
    const answer = await call(`${key}/${version}/sign`, JSON.stringify(input));
    const signature = octetsOf(reference, answer, "value");
    const { type } = publicKey;
    // JSON Web Algorithms: r and s side by side.
    return type === "ecdsa-p256" || type === "ecdsa-p384" || type === "ecdsa-p521"
      ? encodeEcdsaSignature(type, signature)
      : signature;
  });
}

type AzureCall = (path: string, body?: string) => Promise<JsonObject>;

function connectAzure(
  reference: string,
  environment: Environment,
): { readonly key: string; readonly givenVersion: string | undefined; readonly call: AzureCall } {
  const [, host = "", key = "", givenVersion] = form.exec(reference) ?? [];
  if (key === "")
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(reference)}: it names no key of Azure Key Vault`, {
      expected: "azurekms://VAULT.vault.azure.net/KEY, with /VERSION if any",
    });
  const accessToken = tokenSource(reference, host, environment);
  // For a vault of one's own making in tests; Azure has no other scheme.
  const base = environment["SIGILLUM_AZURE_VAULT_ENDPOINT"] ?? `https://${host}`;
  const call: AzureCall = async (path, body) =>
    callService(reference, {
      method: body === undefined ? "GET" : "POST",
      url: `${base}/keys/${path}?api-version=${apiVersion}`,
      headers: {
        authorization: `Bearer ${await accessToken()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
  return { key, givenVersion, call };
}

const keyForms: Readonly<Record<MadeKeyType, Readonly<Record<string, string | number>> | undefined>> = {
  "ecdsa-p256": { kty: "EC", crv: "P-256" },
  "ecdsa-p384": { kty: "EC", crv: "P-384" },
  "ecdsa-p521": { kty: "EC", crv: "P-521" },
  ed25519: undefined, // the service has no such keys
  rsa: { kty: "RSA", key_size: 3072 },
};

/** Makes a signing key in Azure Key Vault. A key of that name is left as it is. */
export async function createAzureKey(reference: string, type: MadeKeyType, environment: Environment): Promise<Created> {
  const { key, givenVersion, call } = connectAzure(reference, environment);
  const form = keyForms[type];
  if (givenVersion !== undefined)
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot make key ${quote(reference)}: the service names versions itself`, {
      expected: "a reference without a version",
    });
  if (form === undefined) throw typeUnsupported(reference, type, "ecdsa-p256, ecdsa-p384, ecdsa-p521 or rsa");
  if (await exists(() => call(key))) return "found";
  await call(`${key}/create`, JSON.stringify({ ...form, key_ops: ["sign", "verify"] }));
  return "made";
}

function algorithmOf(key: PublicKey, digest: Uint8Array, padding: SignatureScheme["padding"]): string {
  if (key.type !== "rsa") return { 32: "ES256", 48: "ES384", 64: "ES512" }[digest.length] ?? "ES256";
  return `${padding === "pss" ? "PS" : "RS"}${digest.length * 8}`;
}

function keyOf(reference: string, answer: JsonObject): { readonly publicKey: PublicKey; readonly version: string } {
  try {
    const key = answer.object("key");
    const version = /\/([0-9a-f]{32})$/u.exec(key.string("kid"))?.[1];
    if (version === undefined)
      throw answerError(reference, "the service names no version of the key", "a kid that ends in a version");
    const octets = (name: string): Uint8Array => parseBase64Url(key.string(name));
    if (key.string("kty").startsWith("RSA"))
      return { version, publicKey: parsePkcs1PublicKey(derSequence(derInteger(octets("n")), derInteger(octets("e")))) };
    const curve = curves.get(key.string("crv"));
    if (curve === undefined)
      throw answerError(reference, `the key is on the curve ${quote(key.string("crv"))}`, "P-256, P-384 or P-521");
    const padded = (name: string): Uint8Array =>
      concatBytes(new Uint8Array(Math.max(0, curve.octets - octets(name).length)), octets(name));
    const point = concatBytes(Uint8Array.of(4), padded("x"), padded("y"));
    const algorithm = derSequence(derOid("1.2.840.10045.2.1"), derOid(curve.oid));
    return { version, publicKey: parsePublicKey(derSequence(algorithm, derBitString(point))) };
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("SIGNER_")) throw cause;
    throw answerError(reference, `the service gives no public key that can sign: ${cause.message}`, "an EC or RSA key", cause);
  }
}

function octetsOf(reference: string, answer: JsonObject, name: string): Uint8Array {
  try {
    return parseBase64Url(answer.string(name));
  } catch (cause) {
    throw answerError(reference, `the service's answer has no ${name} in base64url`, name, cause);
  }
}

/** The default credentials of Azure, as far as services use them; an access token is kept until it is about to end. */
function tokenSource(reference: string, host: string, environment: Environment): () => Promise<string> {
  let known: { readonly token: string; readonly untilMs: number } | undefined;
  return async () => {
    if (known !== undefined && Date.now() < known.untilMs) return known.token;
    const answer = await askForToken(reference, host, environment);
    // Managed identities answer with a number in a string.
    const seconds = Number(answer.value("expires_in"));
    known = {
      token: answer.string("access_token"),
      untilMs: Date.now() + (Number.isFinite(seconds) ? seconds * 1000 : 0) - earlyMs,
    };
    return known.token;
  };
}

async function askForToken(reference: string, host: string, environment: Environment): Promise<JsonObject> {
  const cloud = clouds.get((environment["AZURE_ENVIRONMENT"] ?? "AZUREPUBLICCLOUD").toUpperCase());
  if (cloud === undefined) throw credentialsError(reference, `AZURE_ENVIRONMENT must be one of ${[...clouds.keys()].join(", ")}`);
  const isHsm = host.includes(".managedhsm.");
  const resource = `https://${isHsm ? cloud.vault.replace(/^vault\./u, "managedhsm.") : cloud.vault}`;
  const [tenant, client, secret] = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"].map((name) => environment[name]);
  const tokenFile = environment["AZURE_FEDERATED_TOKEN_FILE"];
  if (tenant !== undefined && client !== undefined && (secret !== undefined || tokenFile !== undefined)) {
    const proof = secret === undefined ? await federated(reference, tokenFile ?? "") : { client_secret: secret };
    const authority = (environment["AZURE_AUTHORITY_HOST"] ?? cloud.authority).replace(/\/+$/u, "");
    const fields = { grant_type: "client_credentials", client_id: client, scope: `${resource}/.default`, ...proof };
    return callService(reference, {
      method: "POST",
      url: `${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    });
  }
  return askManagedIdentity(reference, resource, client, environment);
}

async function federated(reference: string, path: string): Promise<Readonly<Record<string, string>>> {
  const assertion = await readFile(path, "utf8").catch(() => undefined);
  if (assertion === undefined)
    throw credentialsError(reference, `the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read: ${path}`);
  return {
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion.trim(),
  };
}

async function askManagedIdentity(
  reference: string,
  resource: string,
  client: string | undefined,
  environment: Environment,
): Promise<JsonObject> {
  const own = environment["IDENTITY_ENDPOINT"];
  const query = new URLSearchParams({
    "api-version": own === undefined ? "2018-02-01" : "2019-08-01",
    resource,
    ...(client === undefined ? {} : { client_id: client }),
  });
  const url = `${own ?? "http://169.254.169.254/metadata/identity/oauth2/token"}?${query}`;
  const headers: Record<string, string> =
    own === undefined ? { metadata: "true" } : { "x-identity-header": environment["IDENTITY_HEADER"] ?? "" };
  try {
    return await callService(reference, { method: "GET", url, headers });
  } catch (cause) {
    if (!isSigillumError(cause) || own !== undefined) throw cause;
    throw credentialsError(
      reference,
      "AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE must be there, as there is no managed identity",
    );
  }
}
