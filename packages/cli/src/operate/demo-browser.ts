// What a browser does at a login, for the demonstration: it keeps cookies, follows redirects and presses the one button.
import { type HttpResponse, request } from "@sigillum/library/http";
import { operateError } from "./errors.ts";

const maxHops = 20;

/** Visit a login address and go on until the identity provider has sent the browser back to where the login began. */
export async function walkThroughLogin(start: string): Promise<void> {
  const cookies = new CookieJar();
  let next: { readonly method: string; readonly url: string } = { method: "GET", url: start };
  const provider = new URL(start).origin;
  for (let hop = 0; hop < maxHops; hop += 1) {
    const answer = await request({ ...next, headers: cookies.headers(next.url) });
    cookies.keep(next.url, answer.setCookies);
    const location = answer.headers["location"];
    if (answer.status >= 300 && answer.status < 400 && location !== undefined) {
      next = { method: "GET", url: new URL(location, next.url).href };
      continue;
    }
    if (new URL(next.url).origin !== provider) return; // back where the login began
    const action = formAction(answer);
    if (action === undefined)
      throw operateError(
        "DEMO_LOGIN_STUCK",
        `Cannot log in at ${provider}: ${new URL(next.url).pathname} has no form to go on with`,
        { found: `HTTP ${answer.status}` },
      );
    next = { method: "POST", url: new URL(action, next.url).href };
  }
  throw operateError("DEMO_LOGIN_STUCK", `Cannot log in at ${provider}: it redirects more than ${maxHops} times`);
}

function formAction(answer: HttpResponse): string | undefined {
  const action = /<form [^>]*action="([^"]+)"/.exec(new TextDecoder().decode(answer.body))?.[1];
  return action?.replaceAll("&amp;", "&");
}

class CookieJar {
  readonly #byOrigin: Map<string, Map<string, string>> = new Map();

  headers(url: string): Record<string, string> {
    const own = this.#byOrigin.get(new URL(url).origin);
    return own === undefined || own.size === 0 ? {} : { cookie: [...own].map(([name, value]) => `${name}=${value}`).join("; ") };
  }

  keep(url: string, setCookies: readonly string[]): void {
    const origin = new URL(url).origin;
    const own = this.#byOrigin.get(origin) ?? new Map<string, string>();
    for (const cookie of setCookies) {
      const pair = cookie.split(";")[0] ?? "";
      const equals = pair.indexOf("=");
      if (equals > 0) own.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
    }
    this.#byOrigin.set(origin, own);
  }
}
