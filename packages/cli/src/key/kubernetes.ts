// Key pairs in Secrets of Kubernetes: `cosign.key`, `cosign.password` and `cosign.pub`, as cosign keeps them.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { encodeBase64, encodeUtf8, JsonObject, parseBase64, parseJson, parseUtf8, quote } from "@sigillum/library/encoding";
import { describeResponse, request, type TlsTrust } from "@sigillum/library/http";
import { keyError } from "./errors.ts";
import type { PairStore, StoredPair } from "./pair-store.ts";

type Environment = Readonly<Record<string, string | undefined>>;

interface Cluster {
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsTrust;
}

const maxBytes = 4 * 1024 * 1024;
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The Secret that `k8s://NAMESPACE/SECRET` names, in the cluster of the kubeconfig, or the one that this program runs in. */
export async function openKubernetes(reference: string, environment: Environment): Promise<PairStore> {
  const [, namespace = "", name = ""] = /^k8s:\/\/([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(reference) ?? [];
  if (name === "")
    throw keyError("KEY_FORMAT", `Cannot open key ${quote(reference)}: it is not k8s://NAMESPACE/SECRET`, {
      expected: "k8s://NAMESPACE/SECRET",
    });
  const cluster = await clusterOf(reference, environment);
  const url = `${cluster.server}/api/v1/namespaces/${namespace}/secrets`;
  const send = (method: string, path: string, body?: string): ReturnType<typeof request> =>
    request({
      method,
      url: `${url}${path}`,
      headers: { accept: "application/json", "content-type": "application/json", ...cluster.headers },
      tls: cluster.tls,
      maxBytes,
      ...(body === undefined ? {} : { body }),
    });
  return {
    describe: `secret ${name} in namespace ${namespace}`,
    async read(part) {
      const answer = await send("GET", `/${name}`);
      if (answer.status !== 200)
        throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(reference)}: ${describeResponse(answer)}`, {
          found: `HTTP ${answer.status}`,
        });
      return decodeSecret(answer.body, part, reference);
    },
    async write(pair) {
      const answer = await send("POST", "", encodeSecret(namespace, name, pair));
      if (answer.status === 201 || answer.status === 200) return;
      throw keyError("KEY_UNWRITABLE", `Cannot create ${name} in namespace ${namespace}: ${describeResponse(answer)}`, {
        found: `HTTP ${answer.status}`,
      });
    },
  };
}

// A Secret with a pair; immutable, as cosign makes it, so that nobody changes a key in place.
function encodeSecret(namespace: string, name: string, pair: StoredPair): string {
  const data = { "cosign.key": pair.privatePem, "cosign.password": pair.password, "cosign.pub": pair.publicPem };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    type: "Opaque",
    immutable: true,
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, encodeBase64(encodeUtf8(text))])),
  });
}

// The public half, or the private key with its password; nothing else of the Secret is looked at.
function decodeSecret(body: Uint8Array, part: "private" | "public", reference: string): Partial<StoredPair> {
  const data = JsonObject.exact(parseJson(body, { maxBytes }), "secret").optionalObject("data");
  const text = (name: string): string => {
    const value = data?.optionalString(name);
    if (value !== undefined) return parseUtf8(parseBase64(value));
    throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(reference)}: the secret has no ${name}`, { expected: name });
  };
  return part === "public"
    ? { publicPem: text("cosign.pub") }
    : { privatePem: text("cosign.key"), password: text("cosign.password") };
}

async function clusterOf(reference: string, environment: Environment): Promise<Cluster> {
  const path = (environment["KUBECONFIG"] ?? "").split(":")[0] || join(environment["HOME"] ?? homedir(), ".kube", "config");
  const text = await readFile(path, "utf8").catch(() => undefined); // none: the cluster this runs in
  if (text !== undefined) return await fromConfig(text, path, environment);
  const host = environment["KUBERNETES_SERVICE_HOST"];
  if (host === undefined)
    throw keyError("KEY_UNREADABLE", `Cannot open key ${quote(reference)}: there is no ${path}, and this is no pod`, {
      expected: "a kubeconfig",
    });
  const token = (await readFile(join(accountFolder, "token"), "utf8")).trim();
  const address = host.includes(":") ? `[${host}]` : host;
  return {
    server: `https://${address}:${environment["KUBERNETES_SERVICE_PORT"] ?? "443"}`,
    headers: { authorization: `Bearer ${token}` },
    tls: { ca: await readFile(join(accountFolder, "ca.crt"), "utf8") },
  };
}

// The context that is current: its cluster, and its user by token or certificate. Programs that make tokens are not run.
async function fromConfig(text: string, path: string, environment: Environment): Promise<Cluster> {
  const { parse } = await import("yaml");
  const config = JsonObject.exact(parseJson(JSON.stringify(parse(text))), path);
  const named = (list: string, name: string, member: string): JsonObject => {
    const found = config.optionalObjects(list).find((one) => one.optionalString("name") === name);
    if (found !== undefined) return found.object(member);
    throw keyError("KEY_UNREADABLE", `Cannot read ${path}: ${list} has no ${quote(name)}`, { expected: name });
  };
  const context = named("contexts", environment["SIGILLUM_KUBE_CONTEXT"] ?? config.string("current-context"), "context");
  const cluster = named("clusters", context.string("cluster"), "cluster");
  const user = named("users", context.string("user"), "user");
  const file = async (name: string): Promise<string | undefined> => {
    const owner = name === "certificate-authority" ? cluster : user;
    const inline = owner.optionalString(`${name}-data`);
    if (inline !== undefined) return parseUtf8(parseBase64(inline));
    const where = owner.optionalString(name);
    return where === undefined ? undefined : await readFile(isAbsolute(where) ? where : join(dirname(path), where), "utf8");
  };
  const [ca, certificate, key] = [
    await file("certificate-authority"),
    await file("client-certificate"),
    await file("client-key"),
  ];
  const token = user.optionalString("token");
  return {
    server: cluster.string("server").replace(/\/+$/, ""),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { clientCertificate: certificate }),
      ...(key === undefined ? {} : { clientKey: key }),
    },
  };
}
