import type { IdentityToken } from "@sigillum/library/identity-token";
import { type SigningConfig, selectServices } from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { blobError } from "./errors.ts";

/**
 * Get an identity token: the one given, the one the surroundings offer, the development user's where that was asked for,
 * or one from a login at the provider that the signing config names (signing-client §3.1): in the browser here, on another device, or in a
 * browser elsewhere with the code that it shows.
 */
export async function signIn(args: Arguments, signingConfig: SigningConfig, terminal: Terminal): Promise<IdentityToken> {
  args.exclusive("identity-token", "development");
  const { ambientProviders, ambientToken, developmentToken, loginInBrowser, loginOnDevice, loginWithCode, readIdentityToken } =
    await import("@sigillum/library/identity-token");
  const nowMs = Date.now();
  const given = args.string("identity-token");
  if (given !== undefined) return await readIdentityToken(given === "-" ? await standardInput(terminal) : given, nowMs);
  if (args.boolean("development")) return await developmentToken(issuerOf(signingConfig, nowMs), nowMs);
  const provider = args.declares("oidc-provider") ? args.string("oidc-provider") : undefined;
  const flow = args.declares("fulcio-auth-flow") ? args.string("fulcio-auth-flow") : undefined;
  const known = ambientProviders.find((name) => name === provider);
  if (provider !== undefined && known === undefined)
    throw blobError("SIGN_IN_IMPOSSIBLE", `Cannot sign in: --oidc-provider ${JSON.stringify(provider)} is not known`, {
      found: provider,
      expected: ambientProviders.join(", "),
    });
  const isLooking = known !== undefined || !args.boolean("oidc-disable-ambient-providers");
  const ambient = isLooking ? await ambientToken(process.env, nowMs, known === undefined ? {} : { provider: known }) : undefined;
  if (ambient !== undefined) {
    terminal.note(`Signing as ${ambient.token.identity}, from ${ambient.source}`);
    return ambient.token;
  }
  const clientId = args.string("oidc-client-id");
  if (flow === "device" && provider === undefined)
    return await loginOnDevice({
      issuer: issuerOf(signingConfig, nowMs),
      onCode: ({ userCode, url, completeUrl, expiresInSeconds }) =>
        terminal.note(
          `Enter the verification code ${userCode} in your browser at: ${url === completeUrl ? url : completeUrl}\nCode will be valid for ${expiresInSeconds} seconds`,
        ),
      ...(clientId === undefined ? {} : { clientId }),
    });
  if (flow === "oob" && provider === undefined)
    return await loginWithCode({
      issuer: issuerOf(signingConfig, nowMs),
      onUrl: (url) => terminal.note(`Go to the following link in a browser:\n\n\t${url}\n`),
      readCode: () => terminal.ask("Enter verification code: "),
      ...(clientId === undefined ? {} : { clientId }),
    });
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
  return await loginInBrowser({
    issuer: issuerOf(signingConfig, nowMs),
    onUrl: (url) => terminal.note(`Your browser will now be opened to:\n${url}`),
    ...(clientId === undefined ? {} : { clientId }),
  });
}

/** The token on standard input. */
async function standardInput(terminal: Terminal): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of terminal.stdin) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
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
