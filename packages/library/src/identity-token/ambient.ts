// Tokens that the surroundings offer (signing-client §3.3): a variable, or a CI job's own identity.
import { isSigillumError, JsonObject, parseJson } from "../encoding/index.ts";
import { request } from "../http/index.ts";
import { identityTokenError } from "./errors.ts";
import { type ProviderOptions, settings } from "./provider.ts";
import { type IdentityToken, parseIdentityToken, requireUnexpired } from "./token.ts";

/** A token, and what it came from, for a message. */
export interface AmbientToken {
  readonly source: "SIGSTORE_ID_TOKEN" | "GitHub Actions";
  readonly token: IdentityToken;
}

const audience = "sigstore";
const maxTokenBytes = 256 * 1024;
const retries = 2;

/**
 * The token that the surroundings offer, undefined where they offer none. An offer that fails is an error: whoever set a
 * job up to sign as itself would not want another identity to sign.
 */
export async function ambientToken(
  env: Readonly<Record<string, string | undefined>>,
  nowMs: number,
  options: ProviderOptions = {},
): Promise<AmbientToken | undefined> {
  const variable = env["SIGSTORE_ID_TOKEN"];
  if (variable !== undefined && variable.trim() !== "") {
    return { source: "SIGSTORE_ID_TOKEN", token: requireUnexpired(parseIdentityToken(variable.trim()), nowMs) };
  }
  const url = env["ACTIONS_ID_TOKEN_REQUEST_URL"];
  const credential = env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
  if (url !== undefined && url !== "" && credential !== undefined && credential !== "") {
    return { source: "GitHub Actions", token: requireUnexpired(await fromGitHub(url, credential, options), nowMs) };
  }
  if (env["GITHUB_ACTIONS"] === "true") {
    throw identityTokenError(
      "AMBIENT_TOKEN_REFUSED",
      'Cannot get an identity token from GitHub Actions: the job has no permission for it; add "permissions: id-token: write" to the job',
      {
        expected: "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN",
      },
    );
  }
  return undefined;
}

async function fromGitHub(base: string, credential: string, options: ProviderOptions): Promise<IdentityToken> {
  if (!URL.canParse(base))
    throw identityTokenError(
      "AMBIENT_TOKEN_REFUSED",
      "Cannot get an identity token from GitHub Actions: ACTIONS_ID_TOKEN_REQUEST_URL is no URL",
    );
  const url = new URL(base);
  url.searchParams.set("audience", audience);
  const answer = await request({
    url,
    headers: { authorization: `bearer ${credential}` },
    maxBytes: maxTokenBytes,
    retries,
    ...settings(options),
  });
  if (answer.status !== 200) {
    throw identityTokenError(
      "AMBIENT_TOKEN_REFUSED",
      `Cannot get an identity token from GitHub Actions: HTTP ${answer.status}; does the job have "permissions: id-token: write"?`,
      { found: `HTTP ${answer.status}` },
    );
  }
  try {
    return parseIdentityToken(JsonObject.exact(parseJson(answer.body, { maxBytes: maxTokenBytes }), "answer").string("value"));
  } catch (error) {
    if (isSigillumError(error) && error.code.startsWith("ID_TOKEN_")) throw error;
    // The answer holds a token: nothing of it may reach the message.
    throw identityTokenError(
      "AMBIENT_TOKEN_REFUSED",
      "Cannot get an identity token from GitHub Actions: its answer has no token",
    );
  }
}
