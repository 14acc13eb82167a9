// Keys in the transit engine of HashiCorp Vault or OpenBao, over its HTTP API. certificate-authority §5.2.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type PublicKey, parsePublicKey, parsePublicKeyPem, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, isSigillumError, type JsonObject, parseBase64, parseHex } from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";
import {
  answerError,
  type Created,
  callService,
  credentialsError,
  exists,
  type MadeKeyType,
  remoteSigner,
} from "./remote-signer.ts";

/** Environment that a remote key reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

const form = /^(hashivault|openbao):\/\/([\w.-]{1,200})$/u;
/** AlgorithmIdentifier and BIT STRING header of an Ed25519 key (RFC 8410 §4). */
const ed25519Prefix = parseHex("302a300506032b6570032100");

/**
 * Opens `hashivault://KEY` or `openbao://KEY` at the newest version of the key, and stays with that version: a rotation in Vault needs the
 * rotation of what was published with it.
 */
export async function openVaultSigner(
  reference: string,
  environment: Environment,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  const { product, key } = nameOf(reference);
  const vault = await connect(reference, product, environment);
  const data = (await vault(`keys/${key}`)).object("data");
  const version = data.safeInteger("latest_version");
  const publicKey = publicKeyOf(reference, data, version);
  return remoteSigner(reference, publicKey, scheme, async (message, digest) => {
    const wanted = { key_version: version, marshaling_algorithm: "asn1" };
    const body =
      digest === undefined
        ? { ...wanted, input: encodeBase64(message) }
        : {
            ...wanted,
            input: encodeBase64(digest),
            prehashed: true,
            hash_algorithm: hashName(digest),
            ...(publicKey.type === "rsa" ? { signature_algorithm: scheme?.padding === "pss" ? "pss" : "pkcs1v15" } : {}),
          };
    const answer = await vault(`sign/${key}`, JSON.stringify(body));
    return signatureOf(reference, answer, version, environment["VAULT_KEY_PREFIX"] ?? "vault");
  });
}

function nameOf(reference: string): { readonly product: "BAO" | "VAULT"; readonly key: string } {
  const [, product, key = ""] = form.exec(reference) ?? [];
  if (product === undefined)
    throw signersError(
      "SIGNER_REFERENCE_UNKNOWN",
      `Cannot open key ${JSON.stringify(reference.slice(0, 100))}: it is no name of a transit key`,
      {
        expected: "hashivault://KEY or openbao://KEY, of letters, digits and ._-",
      },
    );
  return { product: product === "openbao" ? "BAO" : "VAULT", key };
}

const keyTypes: Readonly<Record<MadeKeyType, string>> = {
  "ecdsa-p256": "ecdsa-p256",
  "ecdsa-p384": "ecdsa-p384",
  "ecdsa-p521": "ecdsa-p521",
  ed25519: "ed25519",
  rsa: "rsa-3072",
};

/** Makes a key in the transit engine of Vault or OpenBao. A key of that name is left as it is. */
export async function createVaultKey(reference: string, type: MadeKeyType, environment: Environment): Promise<Created> {
  const { product, key } = nameOf(reference);
  const vault = await connect(reference, product, environment);
  if (await exists(() => vault(`keys/${key}`))) return "found";
  await vault(`keys/${key}`, JSON.stringify({ type: keyTypes[type] }));
  return "made";
}

function hashName(digest: Uint8Array): string {
  return digest.length === 20 ? "sha1" : `sha2-${digest.length * 8}`;
}

type Call = (path: string, body?: string) => Promise<JsonObject>;

/** Address, token and namespace from the environment; the product's own variables before Vault's. */
async function connect(reference: string, prefix: "BAO" | "VAULT", environment: Environment): Promise<Call> {
  const variable = (name: string): string | undefined => environment[`${prefix}_${name}`] ?? environment[`VAULT_${name}`];
  const address = variable("ADDR");
  if (address === undefined || !/^https?:\/\//u.test(address) || !URL.canParse(address))
    throw credentialsError(reference, `the environment variable ${prefix}_ADDR must hold the service's URL`);
  const token = variable("TOKEN") ?? (await tokenOfFile());
  if (token === undefined || !/^[\x21-\x7e]+$/u.test(token))
    throw credentialsError(reference, `the environment variable ${prefix}_TOKEN, or the file ~/.vault-token, must hold a token`);
  const engine = (environment["TRANSIT_SECRET_ENGINE_PATH"] ?? "transit").replace(/^\/+|\/+$/gu, "");
  const namespace = variable("NAMESPACE");
  const caFile = variable("CACERT");
  const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8").catch(() => undefined);
  if (caFile !== undefined && ca === undefined)
    throw credentialsError(reference, `the file that ${prefix}_CACERT names cannot be read`);
  return (path, body) =>
    callService(reference, {
      method: body === undefined ? "GET" : "POST",
      url: `${address.replace(/\/+$/u, "")}/v1/${engine}/${path}`,
      headers: {
        "x-vault-token": token,
        "x-vault-request": "true",
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
}

async function tokenOfFile(): Promise<string | undefined> {
  try {
    return (await readFile(join(homedir(), ".vault-token"), "utf8")).trim();
  } catch {
    // Nobody logged in on this machine; the caller says what is missing.
    return undefined;
  }
}

function publicKeyOf(reference: string, data: JsonObject, version: number): PublicKey {
  try {
    const text = data.object("keys").object(String(version)).string("public_key");
    if (data.string("type") === "ed25519") return parsePublicKey(concatBytes(ed25519Prefix, parseBase64(text)));
    return parsePublicKeyPem(text);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw answerError(
      reference,
      `the service gives no public key that can sign: ${cause.message}`,
      "an ECDSA, RSA or Ed25519 key",
      cause,
    );
  }
}

/** `vault:v3:BASE64`: the version must be the one that was asked for. */
function signatureOf(reference: string, answer: JsonObject, version: number, prefix: string): Uint8Array {
  const text = answer.optionalObject("data")?.optionalString("signature") ?? "";
  const [name, found, encoded = "", ...more] = text.split(":");
  if (name !== prefix || found !== `v${version}` || more.length > 0)
    throw answerError(
      reference,
      "the service answers with no signature of the version that was asked for",
      `${prefix}:v${version}:…`,
    );
  try {
    return parseBase64(encoded);
  } catch (cause) {
    throw answerError(reference, "the service answers with a signature that is not base64", "base64", cause);
  }
}
