import type { IdentityToken } from "@sigillum/library/identity-token";
import { type SigningConfig, selectServices } from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { blobError } from "./errors.ts";

/**
 * Get an identity token: the one given, the one the surroundings offer, the development user's where that was asked for,
 * or one from a login in the browser at the provider that the signing config names (signing-client §3.1).
 */
export async function signIn(args: Arguments, signingConfig: SigningConfig, terminal: Terminal): Promise<IdentityToken> {
  args.exclusive("identity-token", "development");
  const { ambientToken, developmentToken, loginInBrowser, readIdentityToken } = await import("@sigillum/library/identity-token");
  const nowMs = Date.now();
  const given = args.string("identity-token");
  if (given !== undefined) return await readIdentityToken(given, nowMs);
  if (args.boolean("development")) return await developmentToken(issuerOf(signingConfig, nowMs), nowMs);
  const provider = args.declares("oidc-provider") ? args.string("oidc-provider") : undefined;
  const flow = args.declares("fulcio-auth-flow") ? args.string("fulcio-auth-flow") : undefined;
  const offered = args.boolean("oidc-disable-ambient-providers") && provider === undefined ? {} : surroundingsOf(provider);
  const ambient = await ambientToken(offered, nowMs);
  if (ambient !== undefined) {
    terminal.note(`Signing as ${ambient.token.identity}, from ${ambient.source}`);
    return ambient.token;
  }
  if (!terminal.interactive || flow === "token" || provider !== undefined) {
    throw blobError(
      "SIGN_IN_IMPOSSIBLE",
      "Cannot sign in: there is no terminal to show a login on; give --identity-token TOKEN or set SIGSTORE_ID_TOKEN",
      {
        found: "no token",
        expected: "--identity-token, SIGSTORE_ID_TOKEN, or a terminal",
      },
    );
  }
  const clientId = args.string("oidc-client-id");
  return await loginInBrowser({
    issuer: issuerOf(signingConfig, nowMs),
    onUrl: (url) => terminal.note(`Your browser will now be opened to:\n${url}`),
    ...(clientId === undefined ? {} : { clientId }),
  });
}

// --oidc-provider leaves one source: what the others read is kept from sight.
function surroundingsOf(provider: string | undefined): Readonly<Record<string, string | undefined>> {
  const { SIGSTORE_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, GITHUB_ACTIONS } = process.env;
  if (provider === "envvar") return { SIGSTORE_ID_TOKEN };
  const gitHub = { ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, GITHUB_ACTIONS };
  return provider === "github-actions" ? gitHub : { SIGSTORE_ID_TOKEN, ...gitHub };
}

/** The identity provider that a signing config names. */
export function issuerOf(signingConfig: SigningConfig, nowMs: number): string {
  const { oidc } = selectServices(signingConfig, nowMs);
  if (oidc === undefined)
    throw blobError(
      "OIDC_ISSUER_MISSING",
      "Cannot sign in: the signing config names no identity provider; give --identity-token TOKEN",
    );
  return oidc.url;
}
