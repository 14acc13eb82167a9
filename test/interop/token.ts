// Signs the development user in at the embedded identity provider as a browser would: the authorization code flow of OpenID Connect
// with PKCE (RFC 7636), cookies and one form included, so that foreign clients can be handed a token.
import { createHash, randomBytes } from "node:crypto";

const REDIRECT = "http://localhost:49152/auth/callback"; // nothing listens there: the code is read from the redirect itself

/** A fresh ID token of the provider at `issuer`, for the client of `clientId`. */
export async function fetchIdToken(issuer: string, email: string, clientId = "sigstore"): Promise<string> {
  const discovery = record(await readJson(await fetch(`${issuer}/.well-known/openid-configuration`)));
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: "code",
    scope: "openid email",
    redirect_uri: REDIRECT,
    state: randomBytes(16).toString("base64url"),
    nonce: randomBytes(16).toString("base64url"),
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const back = await followToRedirect(`${text(discovery, "authorization_endpoint")}?${query}`, email);
  const code = back.searchParams.get("code");
  if (code === null) throw new Error(`the identity provider gave no code: ${back.search}`);
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    redirect_uri: REDIRECT,
    client_id: clientId,
    code_verifier: verifier,
  });
  const tokens = record(await readJson(await fetch(text(discovery, "token_endpoint"), { method: "POST", body })));
  return text(tokens, "id_token");
}

/** Follow redirects, sending cookies and filling in the one form that may ask who one is, until the browser is sent back to us. */
async function followToRedirect(start: string, email: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = start;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 12; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const init = {
      redirect: "manual",
      headers: { cookie },
      ...(form === undefined ? {} : { method: "POST", body: form }),
    } as const;
    const response = await fetch(url, init);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location !== null) {
      const target = new URL(location, url);
      if (target.href.startsWith(REDIRECT)) return target;
      url = target.href;
      form = undefined;
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]*\baction="([^"]*)"/.exec(page)?.[1];
    if (!response.ok || action === undefined)
      throw new Error(`the identity provider answered ${response.status} to ${url}: ${page.slice(0, 300)}`);
    url = new URL(action.replaceAll("&amp;", "&"), url).href;
    form = fillIn(page, email);
  }
  throw new Error("the identity provider sends the browser round in circles");
}

function fillIn(page: string, email: string): URLSearchParams {
  const form = new URLSearchParams();
  for (const [tag] of page.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1];
    if (name === undefined || form.has(name)) continue;
    const given = /\bvalue="([^"]*)"/.exec(tag)?.[1];
    form.set(name, given ?? (/\btype="email"/.test(tag) || /email|login/.test(name) ? email : ""));
  }
  return form;
}

async function readJson(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return response.json();
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null)
    throw new Error("the identity provider answered with something else than an object");
  return { ...value };
}

function text(values: Record<string, unknown>, name: string): string {
  const value = values[name];
  if (typeof value !== "string") throw new Error(`the identity provider's answer has no ${name}`);
  return value;
}
