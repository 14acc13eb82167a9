// Keys in a service that signs over HTTPS: what Vault and AWS KMS have in common.
import {
  defaultScheme,
  digest,
  isValidSignature,
  type KeyType,
  type PublicKey,
  type SignatureScheme,
  type Signer,
} from "@sigillum/library/crypto";
import { isSigillumError, JsonObject, type JsonValue, parseJson, quote } from "@sigillum/library/encoding";
import { type HttpResponse, type RequestSettings, request } from "@sigillum/library/http";
import { signersError } from "./errors.ts";

/** How long a service may take for one signature, repeats included, and the longest answer that is read. */
export const remoteLimits: { readonly timeoutMs: number; readonly maxBytes: number; readonly retries: number } = {
  timeoutMs: 10_000,
  maxBytes: 64 * 1024,
  retries: 2,
};

/** Asks a service for a signature over `message`; `digest` is absent where the key hashes by itself (Ed25519). */
export type SignRemotely = (message: Uint8Array, digest: Uint8Array | undefined) => Promise<Uint8Array>;

/**
 * A signer over a service. Each signature is verified with the public key before it is returned: a key that was rotated meanwhile, or a
 * service that answers wrongly, is an error here and not in somebody's verification.
 */
export function remoteSigner(
  reference: string,
  publicKey: PublicKey,
  scheme: Partial<SignatureScheme> | undefined,
  signRemotely: SignRemotely,
): Signer {
  const full: SignatureScheme = { ...defaultScheme(publicKey), ...scheme };
  return {
    publicKey,
    scheme: full,
    sign: async (message) => {
      const signature = await signRemotely(message, full.hash === "none" ? undefined : digest(full.hash, message));
      if (isValidSignature(publicKey, full, message, signature)) return signature;
      throw signersError(
        "SIGNER_REMOTE_SIGNATURE",
        `Cannot sign with ${quote(reference)}: the service answers with a signature that its key did not make`,
        { found: `${signature.length} bytes`, expected: `a signature by the ${publicKey.type} key that it gave at the start` },
      );
    },
  };
}

/** Sends one call and reads its JSON; every way to fail has a code of this room, and no message holds what was sent. */
export async function callService(
  reference: string,
  call: Pick<RequestSettings, "method" | "url" | "headers" | "tls"> & { readonly body?: string },
): Promise<JsonObject> {
  const response = await send(reference, call);
  const body = readBody(reference, response);
  if (response.status === 200 || response.status === 204) return body;
  const said = serviceMessage(body);
  const code = response.status >= 500 || response.status === 429 ? "SIGNER_REMOTE_UNAVAILABLE" : "SIGNER_REMOTE_REFUSED";
  throw signersError(code, `Cannot use key ${quote(reference)}: the service answers ${response.status}${said}`, {
    found: `HTTP ${response.status}`,
    expected: "HTTP 200",
  });
}

async function send(reference: string, call: Parameters<typeof callService>[1]): Promise<HttpResponse> {
  try {
    // Signing twice does no harm, so every call may be repeated.
    return await request({ ...call, ...remoteLimits });
  } catch (cause) {
    const reason = isSigillumError(cause) ? cause.message : "an unexpected failure";
    throw signersError("SIGNER_REMOTE_UNAVAILABLE", `Cannot use key ${quote(reference)}: ${reason}`, { cause });
  }
}

function readBody(reference: string, response: HttpResponse): JsonObject {
  try {
    // Vault and KMS, of what was made and needs no words: no body, or null.
    const isEmpty = response.body.length === 0 && (response.status === 200 || response.status === 204);
    const value = isEmpty ? null : parseJson(response.body, { maxBytes: remoteLimits.maxBytes, maxDepth: 16 });
    return JsonObject.exact(value ?? {}, "answer");
  } catch (cause) {
    const code = response.status >= 500 ? "SIGNER_REMOTE_UNAVAILABLE" : "SIGNER_REMOTE_ANSWER";
    throw signersError(code, `Cannot use key ${quote(reference)}: the service answers ${response.status} without JSON`, {
      cause,
    });
  }
}

/** `errors` of Vault, `__type` and `message` of AWS. */
function serviceMessage(body: JsonObject): string {
  const texts = [body.value("errors"), body.value("__type"), body.value("message"), body.value("Message")].flatMap(textsOf);
  return texts.length === 0 ? "" : `: ${quote(texts.join(" "), 200)}`;
}

function textsOf(value: JsonValue | undefined): string[] {
  return typeof value === "string" ? [value] : Array.isArray(value) ? value.flatMap(textsOf) : [];
}

/** The types of keys that are made where they stay; no service has keys of FIPS 204 that could be tried. */
export type MadeKeyType = Exclude<KeyType, `ml-dsa-${string}`>;

/** Whether a key was made, or one of that name was there. */
export type Created = "made" | "found";

/** Whether a service answers a call for something that it has: false where it says that there is no such thing, and for nothing else. */
export async function exists(ask: () => Promise<unknown>, missing?: RegExp): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "SIGNER_REMOTE_REFUSED") throw error;
    if (missing === undefined ? error.found === "HTTP 404" : missing.test(error.message)) return false;
    throw error;
  }
}

/** The error for a key type that a service has no keys of. */
export function typeUnsupported(reference: string, type: string, expected: string): Error {
  return signersError("SIGNER_TYPE_UNSUPPORTED", `Cannot make key ${quote(reference)}: no ${type} keys are made there`, {
    found: type,
    expected,
  });
}

/** The error for an answer that lacks what it should hold. */
export function answerError(reference: string, problem: string, expected: string, cause?: unknown): Error {
  return signersError("SIGNER_REMOTE_ANSWER", `Cannot use key ${quote(reference)}: ${problem}`, {
    cause,
    found: problem,
    expected,
  });
}

/** The error for a service that nothing says how to reach. */
export function credentialsError(reference: string, missing: string): Error {
  return signersError("SIGNER_CREDENTIALS_MISSING", `Cannot open key ${quote(reference)}: ${missing}`, { expected: missing });
}
