// Token requests of public clients that authenticate with HTTP Basic and an empty secret, as Go's oauth2 and sigstore-python do
// (RFC 6749 §2.3.1 allows a client to have an empty secret; oidc-provider does not know such clients).
import { IncomingMessage } from "node:http";

/** oidc-provider reads no more of a form either. */
const maxFormBytes = 56 * 1024;

/** The client id of `Basic base64(id:)`; undefined for any other header. */
export function emptySecretClient(authorization: string | undefined): string | undefined {
  const match = /^Basic ([A-Za-z0-9+/]{1,400}={0,2})$/iu.exec(authorization ?? "");
  if (match === null) return undefined;
  const text = Buffer.from(match[1] ?? "", "base64").toString("utf8");
  if (!text.endsWith(":") || text.indexOf(":") !== text.length - 1) return undefined;
  try {
    // §2.3.1: both halves are form-encoded.
    return decodeURIComponent(text.slice(0, -1).replaceAll("+", " "));
  } catch {
    // No percent-encoding after all; such a client does not exist here.
    return undefined;
  }
}

/**
 * The same request with this form, which was read from it; for a client that authenticated with an empty secret as a public client makes
 * it, without the header and with `client_id` in the form. A form that names another client is handed on as it is, for oidc-provider to refuse.
 */
export function withForm(request: IncomingMessage, form: URLSearchParams, publicClient: string | undefined): IncomingMessage {
  if (publicClient !== undefined && !form.has("client_id")) form.set("client_id", publicClient);
  const body = Buffer.from(form.toString());
  const fresh = new IncomingMessage(request.socket);
  fresh.method = request.method ?? "POST";
  fresh.url = request.url ?? "/";
  fresh.httpVersion = request.httpVersion;
  fresh.httpVersionMajor = request.httpVersionMajor;
  fresh.httpVersionMinor = request.httpVersionMinor;
  fresh.headers = { ...request.headers, "content-length": String(body.length) };
  if (publicClient !== undefined) delete fresh.headers.authorization;
  delete fresh.headers["transfer-encoding"];
  fresh.push(body);
  fresh.push(null);
  fresh.complete = true;
  return fresh;
}

/** The body of a form, empty when it is longer than any form here. */
export async function readForm(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("token request: the body is no byte stream");
    length += chunk.length;
    // The rest is read and dropped: the form is invalid, and oidc-provider says so.
    if (length <= maxFormBytes) chunks.push(chunk);
  }
  return length <= maxFormBytes ? Buffer.concat(chunks).toString("utf8") : "";
}
