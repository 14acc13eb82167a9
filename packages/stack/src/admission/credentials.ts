// Registry credentials as Kubernetes keeps them: pull secrets that the workload names, then those of its service account, then the
// controller's own configuration.

import { isSigillumError, JsonObject, parseBase64, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { type CredentialSource, type Credentials, dockerCredentials, type Repository } from "@sigillum/library/oci";
import { admissionError } from "./errors.ts";
import { type KubeClient, type KubeObject, objectAt, textAt } from "./kube-client.ts";
import type { Workload } from "./workload.ts";

const maxConfigBytes = 1024 * 1024;

/** Credentials for the registries of a workload: nothing is read before a registry is asked for the first time. */
export function workloadCredentials(
  kube: KubeClient,
  namespace: string,
  workload: Workload,
  own: CredentialSource = dockerCredentials(),
): (pullSecrets: readonly string[]) => CredentialSource {
  const secrets = new Map<string, Promise<KubeObject | undefined>>();
  const secret = (name: string): Promise<KubeObject | undefined> => {
    const known =
      secrets.get(name) ?? kube.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`);
    secrets.set(name, known);
    return known;
  };
  let account: Promise<readonly string[]> | undefined;
  return (pullSecrets) => async (repository) => {
    account ??= accountSecrets(kube, namespace, workload.serviceAccount);
    // named by a policy for its signatures: these must be there
    for (const name of pullSecrets) {
      const found = await secret(name);
      if (found === undefined) throw missing(namespace, name);
      const credentials = fromSecret(found, repository);
      if (credentials !== undefined) return credentials;
    }
    for (const name of new Set([...workload.imagePullSecrets, ...(await account)])) {
      // a pull secret that is not there is none, as for the kubelet
      const found = await secret(name);
      const credentials = found === undefined ? undefined : fromSecret(found, repository);
      if (credentials !== undefined) return credentials;
    }
    return await own(repository);
  };
}

async function accountSecrets(kube: KubeClient, namespace: string, name: string): Promise<readonly string[]> {
  const account = await kube.get(
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}`,
  );
  const secrets = account?.["imagePullSecrets"];
  return (Array.isArray(secrets) ? secrets : []).flatMap((one) => textAt(one, "name") ?? []);
}

/** The credentials that a pull secret (kubernetes.io/dockerconfigjson, or the older dockercfg) has for a repository. */
export function fromSecret(secret: KubeObject, repository: Repository): Credentials | undefined {
  const data = objectAt(secret, "data");
  const config = data[".dockerconfigjson"];
  const older = data[".dockercfg"];
  const encoded = typeof config === "string" ? config : typeof older === "string" ? older : undefined;
  const name = textAt(secret, "metadata", "name") ?? "";
  if (encoded === undefined) return undefined;
  try {
    const document = JsonObject.exact(parseJson(parseBase64(encoded), { maxBytes: maxConfigBytes }), "config");
    const auths = typeof config === "string" ? document.optionalObject("auths") : document;
    if (auths === undefined) return undefined;
    for (const key of keysOf(repository, auths.names())) {
      const entry = auths.optionalObject(key);
      const found = entry === undefined ? undefined : fromEntry(entry);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    // nothing of a secret may stand in a message, nor in its cause
    throw admissionError(
      "ADMISSION_SECRET_UNUSABLE",
      `Cannot read pull secret ${JSON.stringify(name)}: it is no Docker configuration`,
      {
        found: name,
      },
    );
  }
}

// The longest matching prefix of registry and repository; keys may have a scheme, or Docker Hub's path.
function keysOf({ registry, name }: Repository, names: readonly string[]): string[] {
  const plain = (key: string): string => key.replace(/^https?:\/\//, "").replace(/\/(?:v1|v2)?\/?$/, "");
  const hosts = registry === "index.docker.io" ? [registry, "docker.io"] : [registry];
  const matching = names.filter((key) => hosts.some((host) => `${host}/${name}/`.startsWith(`${plain(key)}/`)));
  return matching.sort((left, right) => plain(right).length - plain(left).length);
}

function fromEntry(entry: JsonObject): Credentials | undefined {
  const token = entry.optionalString("identitytoken");
  if (token !== undefined && token !== "") return { type: "identity-token", token };
  const auth = entry.optionalString("auth");
  const pair = auth === undefined || auth === "" ? undefined : parseUtf8(parseBase64(auth));
  const colon = pair?.indexOf(":") ?? -1;
  if (pair !== undefined && colon > 0)
    return { type: "password", username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  const [username, password] = [entry.optionalString("username"), entry.optionalString("password")];
  return username === undefined || username === "" || password === undefined
    ? undefined
    : { type: "password", username, password };
}

function missing(namespace: string, name: string): Error {
  return admissionError(
    "ADMISSION_SECRET_UNUSABLE",
    `there is no Secret ${JSON.stringify(name)} in namespace ${namespace}, which the policy names for its signatures`,
    { expected: name },
  );
}
