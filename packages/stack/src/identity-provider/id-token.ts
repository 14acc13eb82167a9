// ID tokens and the key that signs them: RS256, because clients take a token only if it is (certificate-authority §6).
import { createPublicKey, type KeyObject, randomUUID } from "node:crypto";
import { type Signer, sha256 } from "@sigillum/library/crypto";
import { encodeBase64Url, encodeJcs, encodeUtf8, type JsonValue } from "@sigillum/library/encoding";

/** The signing key of the provider. */
export interface IdTokenKey {
  readonly signer: Signer;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** Its JWK set, as it is published and as the certificate authority is given it. */
  readonly keySet: { readonly keys: JsonValue[] };
}

/** Who a token speaks of. */
export interface TokenSubject {
  readonly subject: string;
  readonly email: string;
  /** Where somebody signed in who signed in elsewhere. */
  readonly federated?: { readonly connectorId: string; readonly userId: string };
}

/** Derives key id and JWK set from a signer, which must be RSA with SHA-256. */
export function idTokenKey(signer: Signer): IdTokenKey {
  if (signer.scheme.type !== "rsa" || signer.scheme.hash !== "sha256" || signer.scheme.padding === "pss")
    throw new TypeError("idTokenKey: the signer is not RS256");
  const publicKey = createPublicKey({ key: Buffer.from(signer.publicKey.spki), format: "der", type: "spki" });
  const { kty = "", n = "", e = "" } = publicKey.export({ format: "jwk" });
  // RFC 7638: the thumbprint over exactly these members.
  const keyId = encodeBase64Url(sha256(encodeJcs({ e, kty, n })));
  return { signer, keyId, publicKey, keySet: { keys: [{ kty, use: "sig", alg: "RS256", kid: keyId, e, n }] } };
}

/** Signs an ID token without a login; it is valid from now on. */
export async function signIdToken(
  key: IdTokenKey,
  fields: TokenSubject & {
    readonly issuer: string;
    readonly audience: string;
    readonly nowMs: number;
    readonly lifetimeSeconds: number;
  },
): Promise<string> {
  const issuedAt = Math.floor(fields.nowMs / 1000);
  return signClaims(key, {
    iss: fields.issuer,
    aud: fields.audience,
    sub: fields.subject,
    email: fields.email,
    email_verified: true,
    iat: issuedAt,
    exp: issuedAt + fields.lifetimeSeconds,
    jti: randomUUID(),
  });
}

/** Signs claims as they are: RS256, in compact form. */
export async function signClaims(key: IdTokenKey, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const input = `${encodePart({ alg: "RS256", typ: "JWT", kid: key.keyId })}.${encodePart(claims)}`;
  return `${input}.${encodeBase64Url(await key.signer.sign(encodeUtf8(input)))}`;
}

function encodePart(value: Readonly<Record<string, unknown>>): string {
  return encodeBase64Url(encodeUtf8(JSON.stringify(value)));
}
