// Keys in AWS KMS, over its JSON API: GetPublicKey once, Sign for each signature. certificate-authority §5.2.
import { type AwsCredentials, awsCredentials, awsRegion, signAwsRequest } from "@sigillum/library/aws";
import { type PublicKey, parsePublicKey, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, isSigillumError, type JsonObject, parseBase64, quote } from "@sigillum/library/encoding";
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

/** The longest message that KMS takes (Sign, parameter Message). */
const maxRawBytes = 4096;
const keyId = "(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";
const arn = `arn:(?:aws|aws-us-gov|aws-cn):kms:([a-z0-9-]{1,40}):\\d{12}:(?:key/${keyId}|alias/[A-Za-z0-9/_-]{1,250})`;
const form = new RegExp(`^awskms://([^/\\s?#@]*)/(${keyId}|alias/[A-Za-z0-9/_-]{1,250}|${arn})$`, "u");

/** Opens `awskms://[ENDPOINT]/KEY`. Region and credentials are the environment's, or the shared files of the AWS tools. */
export async function openAwsSigner(
  reference: string,
  environment: Environment,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  const { key, call: send } = connectAws(reference, environment);
  const call: AwsCall = (target, body) => send(target, { KeyId: key, ...body });
  const publicKey = publicKeyOf(reference, await call("GetPublicKey", {}));
  return remoteSigner(reference, publicKey, scheme, async (message, digest) => {
    // KMS hashes what is short enough; of what is longer, which Ed25519 never takes, it is given the digest.
    const isRaw = digest === undefined || message.length <= maxRawBytes;
    const answer = await call("Sign", {
      Message: encodeBase64(isRaw ? message : digest),
      MessageType: isRaw ? "RAW" : "DIGEST",
      SigningAlgorithm: algorithmOf(publicKey, digest, scheme?.padding),
    });
    return bytesOf(reference, answer, "Signature");
  });
}

type AwsCall = (target: string, body: Readonly<Record<string, string>>) => Promise<JsonObject>;

function connectAws(reference: string, environment: Environment): { readonly key: string; readonly call: AwsCall } {
  const [, endpoint = "", key = "", regionOfArn] = form.exec(reference) ?? [];
  if (key === "")
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(reference)}: it names no key of AWS KMS`, {
      expected: "awskms:///UUID, awskms:///alias/NAME or awskms:///arn:aws:kms:…, with an endpoint before the third slash if any",
    });
  const region = regionOfArn ?? awsRegion(environment);
  if (region === undefined) throw credentialsError(reference, "the environment variable AWS_REGION must name the region");
  const url = endpointUrl(endpoint, region, environment);
  const call: AwsCall = async (target, body) => {
    const text = JSON.stringify(body);
    const headers = signAwsRequest({
      method: "POST",
      path: "/",
      host: url.host,
      region,
      service: "kms",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${target}` },
      body: text,
      // Read anew each time: whoever renews session tokens writes them into the same file.
      credentials: await credentialsOf(reference, environment),
      nowMs: Date.now(),
    });
    return callService(reference, { method: "POST", url, headers, body: text });
  };
  return { key, call };
}

const keySpecs: Readonly<Record<MadeKeyType, string | undefined>> = {
  "ecdsa-p256": "ECC_NIST_P256",
  "ecdsa-p384": "ECC_NIST_P384",
  "ecdsa-p521": "ECC_NIST_P521",
  rsa: "RSA_3072",
  ed25519: undefined, // KMS has it under a name that no double of it knows; what cannot be tried is not offered
};

/**
 * Makes a signing key in AWS KMS under the alias that `awskms://[ENDPOINT]/alias/NAME` names, as cosign does. A key that the alias names
 * already is left as it is.
 */
export async function createAwsKey(reference: string, type: MadeKeyType, environment: Environment): Promise<Created> {
  const { key, call } = connectAws(reference, environment);
  const spec = keySpecs[type];
  if (!key.startsWith("alias/"))
    throw signersError(
      "SIGNER_REFERENCE_UNKNOWN",
      `Cannot make key ${quote(reference)}: KMS chooses ids itself; an alias is needed`,
      {
        found: key,
        expected: "awskms:///alias/NAME",
      },
    );
  if (spec === undefined) throw typeUnsupported(reference, type, "ecdsa-p256, ecdsa-p384, ecdsa-p521 or rsa");
  if (await exists(() => call("DescribeKey", { KeyId: key }), /NotFoundException/u)) return "found";
  const made = await call("CreateKey", { KeySpec: spec, KeyUsage: "SIGN_VERIFY", Description: "made by sigillum" });
  const id = made.object("KeyMetadata").string("KeyId");
  try {
    await call("CreateAlias", { AliasName: key, TargetKeyId: id });
  } catch (cause) {
    const why = isSigillumError(cause) ? cause.message : "an unexpected failure";
    throw signersError("SIGNER_REMOTE_REFUSED", `Cannot name key ${id}, which was made, ${quote(key)}: ${why}`, {
      cause,
      expected: "the right kms:CreateAlias, and an alias that is free",
    });
  }
  return "made";
}

function endpointUrl(endpoint: string, region: string, environment: Environment): URL {
  const own = environment["AWS_ENDPOINT_URL_KMS"] ?? environment["AWS_ENDPOINT_URL"];
  if (endpoint !== "") return new URL(`https://${endpoint}/`);
  if (own !== undefined && URL.canParse(own)) return new URL("/", own);
  return new URL(`https://kms.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`);
}

function algorithmOf(key: PublicKey, digest: Uint8Array | undefined, padding: SignatureScheme["padding"]): string {
  if (digest === undefined) return "ED25519_SHA_512";
  const hash = `SHA_${digest.length * 8}`;
  if (key.type !== "rsa") return `ECDSA_${hash}`;
  return `${padding === "pss" ? "RSASSA_PSS" : "RSASSA_PKCS1_V1_5"}_${hash}`;
}

function publicKeyOf(reference: string, answer: JsonObject): PublicKey {
  const spki = bytesOf(reference, answer, "PublicKey");
  try {
    return parsePublicKey(spki);
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

function bytesOf(reference: string, answer: JsonObject, name: string): Uint8Array {
  const value = answer.value(name);
  try {
    if (typeof value === "string" && value !== "") return parseBase64(value);
  } catch (cause) {
    throw answerError(reference, `${name} in the service's answer is not base64`, "base64", cause);
  }
  throw answerError(reference, `the service's answer has no ${name}`, name);
}

async function credentialsOf(reference: string, environment: Environment): Promise<AwsCredentials> {
  try {
    return await awsCredentials(environment);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw credentialsError(reference, cause.expected ?? cause.message);
  }
}
