// The policies that decisions are made by, at one moment; from the objects of a cluster or from files.
import type { PublicKey } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import {
  type CompiledPolicy,
  compileImagePolicy,
  type ImagePolicy,
  isGlob,
  type PolicyResources,
  type PolicyRules,
  readImagePolicy,
} from "../image-policy/index.ts";
import { admissionError } from "./errors.ts";
import { isObject, objectAt, textAt } from "./kube-client.ts";

/** What happens to an image that no policy is for. */
export type NoMatchPolicy = "deny" | "warn" | "allow";

/** A policy, and the reason why it refuses everything where it cannot be read. */
export interface LoadedPolicy {
  /** What images and resources it is for. */
  readonly policy: ImagePolicy;
  readonly compiled: CompiledPolicy | SigillumError;
}

/** All policies at one moment. */
export interface PolicyView {
  readonly policies: readonly LoadedPolicy[];
  readonly noMatchPolicy: NoMatchPolicy;
  /** Another number whenever anything that a decision depends on may have changed. */
  readonly generation: number;
}

/** What policies name, by name; a missing one is an error of its own. */
export interface PolicyParts {
  readonly secrets: ReadonlyMap<string, JsonValue>;
  readonly configMaps: ReadonlyMap<string, JsonValue>;
  readonly trustRoots: ReadonlyMap<string, TrustedRoot | SigillumError>;
  /** Keys in a KMS, by reference. */
  readonly kmsKeys: ReadonlyMap<string, PublicKey | SigillumError>;
  /** Texts by address and hash. */
  readonly texts: ReadonlyMap<string, string | SigillumError>;
  /** The TrustRoot of authorities that name none. */
  readonly defaultTrustRoot: string;
}

/** Read and compile policy objects. One that cannot be read keeps refusing the images that it may be for; none is dropped. */
export function loadPolicies(objects: readonly JsonValue[], parts: PolicyParts, rules: PolicyRules): LoadedPolicy[] {
  const resources = resourcesOf(parts);
  return objects.map((object) => {
    const { policy, problems } = readImagePolicy(object, rules);
    if (policy !== undefined) return { policy, compiled: compileImagePolicy(policy, resources) };
    const text = problems.map(({ message }) => message).join("; ");
    return {
      policy: outlineOf(object),
      compiled: admissionError("ADMISSION_POLICY_MALFORMED", `the policy cannot be read: ${text}`, {
        found: problems[0]?.code ?? "",
      }),
    };
  });
}

/** The key of a text in `PolicyParts.texts`. */
export function textKey(url: string, sha256sum: string): string {
  return `${sha256sum} ${url}`;
}

/** The addresses of the texts that a policy object names. */
export function remoteTexts(object: JsonValue): { readonly url: string; readonly sha256sum: string }[] {
  const policy = readImagePolicy(object, { failOnEmptyAuthorities: false }).policy;
  const texts = [
    policy?.policy,
    ...(policy?.authorities ?? []).flatMap(({ attestations }) => attestations.map((one) => one.policy)),
  ];
  return texts.flatMap((text) => (text !== undefined && "remote" in text.from ? [text.from.remote] : []));
}

// What can still be told of an object that is wrong: which images it is for. Where not even that, it is for all of them.
function outlineOf(object: JsonValue): ImagePolicy {
  const images = objectAt(object, "spec")["images"];
  const globs = (Array.isArray(images) ? images : []).map((one) => textAt(one, "glob") ?? "");
  const readable = globs.length > 0 && globs.every(isGlob);
  return {
    name: textAt(object, "metadata", "name") ?? "",
    uid: textAt(object, "metadata", "uid") ?? "",
    resourceVersion: textAt(object, "metadata", "resourceVersion") ?? "",
    images: readable ? globs : ["**"],
    mode: "enforce",
    match: [],
    authorities: [],
  };
}

function resourcesOf(parts: PolicyParts): PolicyResources {
  const trustRoot = (name: string): TrustedRoot => {
    const found = parts.trustRoots.get(name);
    if (found === undefined) {
      throw admissionError("ADMISSION_TRUST_ROOT_UNAVAILABLE", `there is no TrustRoot ${JSON.stringify(name)} in the cluster`, {
        expected: name,
      });
    }
    if (isSigillumError(found)) throw found;
    return found;
  };
  return {
    secret: (name) => onlyEntry(name, parts.secrets.get(name)),
    kms: (reference) => {
      const found = parts.kmsKeys.get(reference);
      if (found !== undefined && !isSigillumError(found)) return found;
      throw found ?? admissionError("ADMISSION_KEY_UNAVAILABLE", `the key ${reference} was not fetched from its KMS yet`);
    },
    configMap: (name, key) => {
      const text = objectAt(parts.configMaps.get(name), "data")[key];
      if (typeof text === "string") return text;
      throw admissionError(
        "ADMISSION_SECRET_UNUSABLE",
        `there is no ConfigMap ${JSON.stringify(name)} with an entry ${JSON.stringify(key)} in the controller's namespace`,
        { expected: `${name}/${key}` },
      );
    },
    remote: (url, sha256sum) => {
      const text = parts.texts.get(textKey(url, sha256sum));
      if (typeof text === "string") return text;
      throw text ?? admissionError("ADMISSION_POLICY_TEXT_UNAVAILABLE", `the policy text at ${url} was not fetched yet`);
    },
    trustRoot,
    defaultTrustRoot: () => trustRoot(parts.defaultTrustRoot),
  };
}

// Exactly one entry, as the original demands: which of several is the key could only be guessed.
function onlyEntry(name: string, secret: JsonValue | undefined): string {
  const data = isObject(secret) ? objectAt(secret, "data") : undefined;
  const entries = Object.values(data ?? {});
  const [only] = entries;
  if (entries.length === 1 && typeof only === "string") return Buffer.from(only, "base64").toString("utf8");
  const found = data === undefined ? "no such Secret" : `${entries.length} entries`;
  throw admissionError(
    "ADMISSION_SECRET_UNUSABLE",
    `the Secret ${JSON.stringify(name)} in the controller's namespace has ${found}, expected exactly one entry with a public key`,
    { found, expected: "one entry" },
  );
}
