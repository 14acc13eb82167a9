import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { identityTokenError } from "./errors.ts";
import { notSignedInPage, signedInPage } from "./login-page.ts";

type Outcome = { readonly code: string } | { readonly error: Error };

/** Waits on this machine for the browser to come back with the code of one login. */
export class RedirectListener {
  readonly redirectUri: string;
  readonly #servers: readonly Server[];
  readonly #outcome: Promise<Outcome>;

  private constructor(servers: readonly Server[], port: number, outcome: Promise<Outcome>) {
    this.#servers = servers;
    this.#outcome = outcome;
    this.redirectUri = `http://localhost:${port}/auth/callback`;
  }

  /** Listen on a free port of loopback, of both families where there are two: a browser may take either for "localhost". */
  static async open(state: string): Promise<RedirectListener> {
    let settle = (_: Outcome): void => undefined;
    const outcome = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    const handler = (request: IncomingMessage, response: ServerResponse): void => answer(request, response, state, settle);
    const first = createServer(handler);
    const port = await listen(first, "127.0.0.1", 0);
    if (port === undefined) throw new Error("no free port on 127.0.0.1");
    const second = createServer(handler);
    const both = (await listen(second, "::1", port)) !== undefined;
    return new RedirectListener(both ? [first, second] : [first], port, outcome);
  }

  /** The code that the provider gave. */
  async code(waitMs: number, issuer: string): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<Outcome>((resolve) => {
      const error = identityTokenError(
        "OIDC_LOGIN_TIMEOUT",
        `Cannot log in at ${issuer}: nobody came back from the browser within ${waitMs / 1000} s`,
      );
      timer = setTimeout(() => resolve({ error }), waitMs);
    });
    const outcome = await Promise.race([this.#outcome, timeout]);
    clearTimeout(timer);
    if ("error" in outcome) throw outcome.error;
    return outcome.code;
  }

  /** Stop listening; what was being answered is answered. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      ),
    );
  }
}

function answer(request: IncomingMessage, response: ServerResponse, state: string, settle: (outcome: Outcome) => void): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  response.setHeader("connection", "close");
  if (url.pathname !== "/auth/callback" || request.method !== "GET") {
    response.writeHead(404).end();
    return;
  }
  const outcome = read(url.searchParams, state);
  page(response, outcome);
  settle(outcome);
}

function read(parameters: URLSearchParams, state: string): Outcome {
  if (parameters.get("state") !== state) {
    return {
      error: identityTokenError("OIDC_STATE_MISMATCH", "Cannot log in: the browser came back with the answer to another login", {
        expected: "the state of this login",
      }),
    };
  }
  const refusal = parameters.get("error");
  if (refusal !== null) {
    const description = parameters.get("error_description");
    const found = `${refusal}${description === null ? "" : `: ${description}`}`.slice(0, 200);
    return {
      error: identityTokenError("OIDC_LOGIN_REFUSED", `Cannot log in: the identity provider says ${JSON.stringify(found)}`, {
        found,
      }),
    };
  }
  const code = parameters.get("code");
  return code === null || code === ""
    ? { error: identityTokenError("OIDC_LOGIN_REFUSED", "Cannot log in: the identity provider sent neither a code nor an error") }
    : { code };
}

function page(response: ServerResponse, outcome: Outcome): void {
  response.writeHead("code" in outcome ? 200 : 400, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end("code" in outcome ? signedInPage() : notSignedInPage(outcome.error.message));
}

function listen(server: Server, address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined)); // the second family is a convenience; the caller judges the first
    server.listen(port, address, () => {
      const bound = server.address();
      resolve(bound === null || typeof bound === "string" ? undefined : bound.port);
    });
  });
}
