// An identity provider's discovery document (OpenID Connect Discovery §4) and keys (RFC 7517).
import { encodeEcdsaSignature, isValidSignature, type PublicKey, parsePublicKey, type SignatureScheme } from "../crypto/index.ts";
import {
  concatBytes,
  derBitString,
  derInteger,
  derNull,
  derOid,
  derSequence,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  parseBase64Url,
  parseJson,
  quote,
} from "../encoding/index.ts";
import { describeResponse, request, type TlsTrust } from "../http/index.ts";
import { identityTokenError } from "./errors.ts";
import { type IdentityToken, parseIdentityToken, parseTokenParts, requireUnexpired } from "./token.ts";

/** What a login needs to know of a provider. */
export interface Provider {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  /** Where the login on another device begins, if there is such a thing. */
  readonly deviceAuthorizationEndpoint?: string;
  /** Whether it advertises PKCE with SHA-256. */
  readonly supportsPkce: boolean;
  /** Where a Sigillum provider with a development user hands out its token without a login. */
  readonly developmentTokenEndpoint?: string;
}

/** How requests to a provider are made. */
export interface ProviderOptions {
  readonly tls?: TlsTrust;
  readonly timeoutMs?: number;
}

const maxDocumentBytes = 1024 * 1024;
const retries = 2;

/** Ask a provider where its endpoints are. It must name itself as it was asked for, and be on https or this machine. */
export async function discoverProvider(issuer: string, options: ProviderOptions = {}): Promise<Provider> {
  const base = issuer.replace(/\/$/, "");
  requireSafe(base, issuer);
  const document = await getJson(`${base}/.well-known/openid-configuration`, issuer, options);
  return unusable(issuer, () => {
    const found = document.string("issuer");
    // OpenID Connect Discovery §4.3; a slash at the end is forgiven, signing configs and providers differ in it.
    if (found.replace(/\/$/, "") !== base) {
      throw identityTokenError(
        "OIDC_PROVIDER_UNUSABLE",
        `Cannot log in: the provider at ${issuer} calls itself ${quote(found)}`,
        { found, expected: issuer },
      );
    }
    const endpoint = (name: string): string => requireSafe(document.string(name), issuer);
    const development = document.optionalString("sigillum_development_token_endpoint");
    const device = document.optionalString("device_authorization_endpoint");
    return {
      issuer: found,
      authorizationEndpoint: endpoint("authorization_endpoint"),
      tokenEndpoint: endpoint("token_endpoint"),
      jwksUri: endpoint("jwks_uri"),
      supportsPkce: document.optionalStrings("code_challenge_methods_supported").includes("S256"),
      ...(device === undefined ? {} : { deviceAuthorizationEndpoint: requireSafe(device, issuer) }),
      ...(development === undefined ? {} : { developmentTokenEndpoint: requireSafe(development, issuer) }),
    };
  });
}

/** What a token must say. */
export interface TokenExpectations {
  readonly audience: string;
  readonly nonce?: string;
  readonly nowMs: number;
}

/**
 * Check a token that a provider gave: signed by one of its keys, from it, for this client and login, and not expired.
 * OpenID Connect Core §3.1.3.7. Whether a certificate authority accepts the provider is not checked.
 */
export async function verifyIdentityToken(
  raw: string,
  provider: Provider,
  expected: TokenExpectations,
  options: ProviderOptions = {},
): Promise<IdentityToken> {
  const token = parseIdentityToken(raw);
  const claims: readonly (readonly [string, string, boolean])[] = [
    ["issuer", provider.issuer, token.issuer === provider.issuer],
    ["audience", expected.audience, token.audiences.includes(expected.audience)],
    ["nonce", "that of this login", expected.nonce === undefined || token.nonce === expected.nonce],
  ];
  for (const [name, wanted, holds] of claims) {
    if (!holds)
      throw identityTokenError(
        "ID_TOKEN_CLAIM_MISMATCH",
        `Cannot use identity token of ${provider.issuer}: its ${name} is not ${wanted}`,
        { expected: wanted },
      );
  }
  await verifySignature(raw, provider, options);
  return requireUnexpired(token, expected.nowMs);
}

async function verifySignature(raw: string, provider: Provider, options: ProviderOptions): Promise<void> {
  const { algorithm, keyId, signed, signature } = parseTokenParts(raw);
  const scheme = schemes.get(algorithm);
  const keySet = await getJson(provider.jwksUri, provider.issuer, options);
  const keys = unusable(provider.issuer, () =>
    keySet.objects("keys").filter((key) => keyId === undefined || key.optionalString("kid") === keyId),
  );
  for (const key of scheme === undefined ? [] : keys) {
    const publicKey = readKey(key, provider.issuer);
    if (publicKey === undefined || scheme === undefined || publicKey.type !== scheme.type) continue;
    if (isValid(publicKey, scheme, encodeUtf8(signed), signature)) return;
  }
  const reason =
    scheme === undefined
      ? `it is signed with ${quote(algorithm, 20)}`
      : "no key that the provider publishes verifies its signature";
  throw identityTokenError("ID_TOKEN_SIGNATURE_INVALID", `Cannot use identity token of ${provider.issuer}: ${reason}`, {
    found: quote(algorithm, 20),
    expected: `${[...schemes.keys()].join(", ")} with a published key`,
  });
}

// RFC 7518 §3.1, without the algorithms of shared secrets and without "none".
const schemes: ReadonlyMap<string, SignatureScheme> = new Map([
  ["RS256", { type: "rsa", hash: "sha256", padding: "pkcs1" }],
  ["RS512", { type: "rsa", hash: "sha512", padding: "pkcs1" }],
  ["PS256", { type: "rsa", hash: "sha256", padding: "pss" }],
  ["ES256", { type: "ecdsa-p256", hash: "sha256" }],
  ["ES384", { type: "ecdsa-p384", hash: "sha384" }],
  ["EdDSA", { type: "ed25519", hash: "none" }],
]);

function isValid(key: PublicKey, scheme: SignatureScheme, message: Uint8Array, signature: Uint8Array): boolean {
  if (scheme.type !== "ecdsa-p256" && scheme.type !== "ecdsa-p384") return isValidSignature(key, scheme, message, signature);
  // RFC 7518 §3.4: r and s side by side, each as long as the order.
  const length = scheme.type === "ecdsa-p256" ? 64 : 96;
  return signature.length === length && isValidSignature(key, scheme, message, encodeEcdsaSignature(scheme.type, signature));
}

const ecPublicKeyOid = "1.2.840.10045.2.1";
const rsaEncryptionOid = "1.2.840.113549.1.1.1";
const ed25519Oid = "1.3.101.112";
const curveOids: ReadonlyMap<string, string> = new Map([
  ["P-256", "1.2.840.10045.3.1.7"],
  ["P-384", "1.3.132.0.34"],
]);

// RFC 7518 §6, RFC 8037 §2: a JWK as the SubjectPublicKeyInfo that `parsePublicKey` checks; undefined for kinds not used here.
function readKey(key: JsonObject, issuer: string): PublicKey | undefined {
  return unusable(issuer, () => {
    const part = (name: string): Uint8Array => parseBase64Url(key.string(name));
    const curve = key.optionalString("crv") ?? "";
    switch (key.string("kty")) {
      case "RSA":
        return parsePublicKey(
          derSequence(
            derSequence(derOid(rsaEncryptionOid), derNull()),
            derBitString(derSequence(derInteger(part("n")), derInteger(part("e")))),
          ),
        );
      case "EC": {
        const oid = curveOids.get(curve);
        if (oid === undefined) return undefined;
        return parsePublicKey(
          derSequence(
            derSequence(derOid(ecPublicKeyOid), derOid(oid)),
            derBitString(concatBytes(Uint8Array.of(4), part("x"), part("y"))),
          ),
        );
      }
      case "OKP":
        return curve === "Ed25519"
          ? parsePublicKey(derSequence(derSequence(derOid(ed25519Oid)), derBitString(part("x"))))
          : undefined;
      default:
        return undefined;
    }
  });
}

/** Read a JSON object from a provider. */
export async function getJson(
  url: string,
  issuer: string,
  options: ProviderOptions,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonObject> {
  const answer = await request({ url, headers, maxBytes: maxDocumentBytes, retries, redirects: 3, ...settings(options) });
  if (answer.status !== 200) {
    throw identityTokenError(
      "OIDC_PROVIDER_UNUSABLE",
      `Cannot ask identity provider ${issuer}: ${describeResponse(answer)} from ${new URL(url).pathname}`,
      {
        found: `HTTP ${answer.status}`,
        expected: "HTTP 200",
      },
    );
  }
  return unusable(issuer, () => JsonObject.exact(parseJson(answer.body, { maxBytes: maxDocumentBytes }), "document"));
}

/** The settings of a request to a provider. */
export function settings(options: ProviderOptions): { tls?: TlsTrust; timeoutMs?: number } {
  return {
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  };
}

function requireSafe(url: string, issuer: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const loopback = parsed !== undefined && /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname);
  if (parsed?.protocol === "https:" || (parsed?.protocol === "http:" && loopback)) return url;
  throw identityTokenError("OIDC_PROVIDER_UNUSABLE", `Cannot log in at ${quote(issuer)}: ${quote(url)} is not on https`, {
    found: url,
    expected: "https://… (http only on this machine)",
  });
}

function unusable<T>(issuer: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isSigillumError(error) || error.code === "OIDC_PROVIDER_UNUSABLE") throw error;
    throw identityTokenError("OIDC_PROVIDER_UNUSABLE", `Cannot use identity provider ${issuer}: ${error.message}`, {
      cause: error,
    });
  }
}
