// The little of Kubernetes' API that the controller needs: read, list, watch, write; over the room `http`.
import { readFile } from "node:fs/promises";
import { isSigillumError, type JsonValue, parseJson } from "@sigillum/library/encoding";
import { describeResponse, type HttpResponse, request, requestStream, type TlsTrust } from "@sigillum/library/http";
import { admissionError } from "./errors.ts";

/** Where the API server is, and as whom it is asked. */
export interface KubeAccess {
  /** `https://host:port`. */
  readonly server: string;
  /** Certificates that the server's is held against; the system's where nothing is said. */
  readonly ca?: string;
  /** Read for each request: the cluster replaces a mounted token before it expires. */
  readonly token?: () => Promise<string>;
}

/** An object of the API. */
export type KubeObject = { readonly [name: string]: JsonValue };

/** What a watch tells. */
export interface KubeEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

const accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";
const timeoutMs = 10_000;
const watchSeconds = 300;
const maxListBytes = 64 * 1024 * 1024;
const maxEventBytes = 4 * 1024 * 1024;

/** How the API server is reached from inside a pod, by its service account. */
export async function inClusterAccess(env: Readonly<Record<string, string | undefined>> = process.env): Promise<KubeAccess> {
  const [host, port] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  if (host === undefined || port === undefined) {
    throw admissionError(
      "ADMISSION_API_UNCONFIGURED",
      "Cannot find the Kubernetes API: this is no pod; set admission.apiServer and admission.tokenFile",
      { expected: "KUBERNETES_SERVICE_HOST and _PORT" },
    );
  }
  const ca = await readFile(`${accountDirectory}/ca.crt`, "utf8");
  const address = host.includes(":") ? `[${host}]` : host;
  return { server: `https://${address}:${port}`, ca, token: tokenFile(`${accountDirectory}/token`) };
}

/** A token from a file, read again each time. */
export function tokenFile(path: string): () => Promise<string> {
  return async () => (await readFile(path, "utf8")).trim();
}

/** The namespace of the pod that this is, undefined outside of one. */
export async function ownNamespace(): Promise<string | undefined> {
  return await readFile(`${accountDirectory}/namespace`, "utf8").then(
    (text) => text.trim(),
    () => undefined, // not in a pod: the settings say it
  );
}

/** Speaks to one API server. */
export class KubeClient {
  readonly #access: KubeAccess;

  constructor(access: KubeAccess) {
    this.#access = access;
  }

  /** Read an object; undefined where there is none. */
  async get(path: string, signal?: AbortSignal): Promise<KubeObject | undefined> {
    const answer = await this.#send("GET", path, undefined, undefined, signal);
    return answer.status === 404 ? undefined : objectOf(requireOk(answer, "GET", path));
  }

  /** Every object of a collection, and the version from which to watch. */
  async list(path: string): Promise<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
    const items: KubeObject[] = [];
    for (let cursor = ""; ; ) {
      const query = `limit=500${cursor === "" ? "" : `&continue=${encodeURIComponent(cursor)}`}`;
      const answer = await this.#send("GET", `${path}${path.includes("?") ? "&" : "?"}${query}`);
      const list = objectOf(requireOk(answer, "GET", path));
      const [apiVersion, kind] = [list["apiVersion"], String(list["kind"] ?? "").replace(/List$/, "")];
      for (const item of Array.isArray(list["items"]) ? list["items"] : []) {
        // items of a list carry neither kind nor version of their own
        if (isObject(item)) items.push({ apiVersion: apiVersion ?? "", kind, ...item });
      }
      const metadata = list["metadata"];
      if (!isObject(metadata)) throw malformed(path);
      cursor = typeof metadata["continue"] === "string" ? metadata["continue"] : "";
      if (cursor === "") return { items, resourceVersion: String(metadata["resourceVersion"] ?? "") };
    }
  }

  /** What changes in a collection from a version on, until the server ends it. Throws ADMISSION_API_REFUSED where the version is too old. */
  async *watch(path: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<KubeEvent> {
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`;
    const settings = await this.#settings();
    const answer = await reaching(path, () =>
      requestStream({
        ...settings,
        url: `${this.#access.server}${path}${path.includes("?") ? "&" : "?"}${query}`,
        timeoutMs: (watchSeconds + 30) * 1000,
        signal,
      }),
    );
    if (answer.status !== 200) {
      answer.cancel();
      throw refused("watch", path, `HTTP ${answer.status}`);
    }
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) {
      rest += decoder.decode(chunk, { stream: true });
      if (rest.length > maxEventBytes) throw malformed(path);
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
        yield eventOf(rest.slice(0, end), path);
        rest = rest.slice(end + 1);
      }
    }
  }

  /** Make an object; undefined where there is one already. */
  async create(path: string, object: KubeObject): Promise<KubeObject | undefined> {
    const answer = await this.#send("POST", path, JSON.stringify(object), "application/json");
    return answer.status === 409 ? undefined : objectOf(requireOk(answer, "POST", path));
  }

  /** Replace an object; undefined where somebody else was quicker, told by its resourceVersion. */
  async replace(path: string, object: KubeObject): Promise<KubeObject | undefined> {
    const answer = await this.#send("PUT", path, JSON.stringify(object), "application/json");
    return answer.status === 409 ? undefined : objectOf(requireOk(answer, "PUT", path));
  }

  /** Change an object by a JSON Patch or, for an object, a merge patch. Undefined where there is no such object. */
  async patch(path: string, patch: JsonValue): Promise<KubeObject | undefined> {
    const type = Array.isArray(patch) ? "application/json-patch+json" : "application/merge-patch+json";
    const answer = await this.#send("PATCH", path, JSON.stringify(patch), type);
    return answer.status === 404 ? undefined : objectOf(requireOk(answer, "PATCH", path));
  }

  async #settings(): Promise<{ headers: Record<string, string>; tls?: TlsTrust }> {
    const { token, ca } = this.#access;
    return {
      headers: {
        accept: "application/json",
        "user-agent": "sigillum-admission",
        ...(token === undefined ? {} : { authorization: `Bearer ${await token()}` }),
      },
      ...(ca === undefined ? {} : { tls: { ca } }),
    };
  }

  async #send(method: string, path: string, body?: string, type?: string, signal?: AbortSignal): Promise<HttpResponse> {
    const settings = await this.#settings();
    return await reaching(path, () =>
      request({
        method,
        url: `${this.#access.server}${path}`,
        headers: { ...settings.headers, ...(type === undefined ? {} : { "content-type": type }) },
        ...(settings.tls === undefined ? {} : { tls: settings.tls }),
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
        timeoutMs,
        maxBytes: maxListBytes,
        retries: method === "GET" ? 2 : 0,
      }),
    );
  }
}

async function reaching<T>(path: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw admissionError("ADMISSION_API_UNAVAILABLE", `Cannot ask the Kubernetes API for ${path}: ${cause.message}`, { cause });
  }
}

function requireOk(answer: HttpResponse, method: string, path: string): HttpResponse {
  if (answer.status >= 200 && answer.status < 300) return answer;
  if (answer.status >= 500 || answer.status === 429) {
    throw admissionError(
      "ADMISSION_API_UNAVAILABLE",
      `Cannot ${method} ${path} at the Kubernetes API: ${describeResponse(answer)}`,
      { found: `HTTP ${answer.status}` },
    );
  }
  throw refused(method, path, describeResponse(answer));
}

function refused(method: string, path: string, found: string): Error {
  return admissionError("ADMISSION_API_REFUSED", `Cannot ${method} ${path} at the Kubernetes API: ${found}`, { found });
}

function malformed(path: string): Error {
  return admissionError("ADMISSION_API_MALFORMED", `Cannot read the Kubernetes API's answer for ${path}: it has another form`);
}

function objectOf(answer: HttpResponse): KubeObject {
  const value = parseJson(answer.body, { maxBytes: maxListBytes });
  if (!isObject(value)) throw malformed(answer.url);
  return value;
}

function eventOf(line: string, path: string): KubeEvent {
  const value = parseJson(line, { maxBytes: maxEventBytes });
  if (!isObject(value) || !isObject(value["object"])) throw malformed(path);
  const { type, object } = value;
  if (type === "ADDED" || type === "MODIFIED" || type === "DELETED" || type === "BOOKMARK") return { type, object };
  throw refused("watch", path, JSON.stringify(object).slice(0, 200));
}

/** Whether a value is an object. */
export function isObject(value: JsonValue | undefined): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of an object that is an object itself; an empty one where it is not. */
export function objectAt(value: JsonValue | undefined, ...names: readonly string[]): { [name: string]: JsonValue } {
  let at: JsonValue | undefined = value;
  for (const name of names) at = isObject(at) ? at[name] : undefined;
  return isObject(at) ? at : {};
}

/** A text inside an object; undefined where there is none. */
export function textAt(value: JsonValue | undefined, ...names: readonly string[]): string | undefined {
  const last = names.at(-1) ?? "";
  const found = objectAt(value, ...names.slice(0, -1))[last];
  return typeof found === "string" ? found : undefined;
}
