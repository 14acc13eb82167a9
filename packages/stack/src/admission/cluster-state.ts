// What the cluster holds that decisions depend on, followed by list and watch; compiled anew when it changes. Nothing is decided before
// everything was read once; when the API server is gone afterwards, what was read last goes on to hold.

import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError, type JsonValue, parseUtf8, type SigillumError } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import type { Clock, Logger } from "../host/index.ts";
import { readTrustRoot } from "../image-policy/index.ts";
import { admissionError } from "./errors.ts";
import { type FetchPublicKey, KmsKeys } from "./kms-keys.ts";
import { type KubeClient, type KubeObject, objectAt, textAt } from "./kube-client.ts";
import { hasStatus, policyStatus, trustRootStatus } from "./policy-status.ts";
import type { PolicyThreads } from "./policy-threads.ts";
import { loadPolicies, type NoMatchPolicy, type PolicyView, remoteTexts, textKey } from "./policy-view.ts";
import { TrustRootReader } from "./trust-roots.ts";

/** What the state is read with. */
export interface ClusterStateOptions {
  readonly kube: KubeClient;
  /** The controller's own namespace. */
  readonly namespace: string;
  readonly defaultTrustRoot: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where texts are compiled for the status of their policies. */
  readonly threads: Pick<PolicyThreads, "judge">;
  /** Asks a KMS for a public key; by the signers' own clients where nothing is said. */
  readonly fetchKey?: FetchPublicKey;
  /** Secrets and ConfigMaps with this prefix in their names are not read: the controller's own certificate. */
  readonly ownSecret: string;
}

type Collection = "policies" | "trustRoots" | "secrets" | "configMaps";

const group = "/apis/policy.sigstore.dev";
const configName = "config-policy-controller";
const rootRefreshMs = 3_600_000;
const rootRetryMs = 30_000;
/** How long the texts of a policy may take to compile for its status. */
const compileMs = 5_000;
const textTimeoutMs = 10_000;
const maxTextBytes = 4 * 1024 * 1024;
const maxBackoffMs = 30_000;

interface KnownRoot {
  readonly version: string;
  readonly root: TrustedRoot | SigillumError;
  readonly readMs: number;
}

/** Follows a cluster. A class because of what it follows. */
export class ClusterState {
  readonly #options: ClusterStateOptions;
  readonly #objects: Readonly<Record<Collection, Map<string, KubeObject>>>;
  readonly #read: Set<Collection> = new Set();
  readonly #roots: Map<string, KnownRoot> = new Map();
  readonly #texts: Map<string, string | SigillumError> = new Map();
  readonly #reader: TrustRootReader = new TrustRootReader();
  readonly #keys: KmsKeys;
  readonly #abort: AbortController = new AbortController();
  #running: Promise<unknown> | undefined;
  #view: PolicyView | undefined;
  #generation = 0;
  #loading: Promise<void> | undefined;
  #failOnEmptyAuthorities = true;

  constructor(options: ClusterStateOptions) {
    this.#options = options;
    this.#keys = new KmsKeys(options.fetchKey);
    this.#objects = { policies: new Map(), trustRoots: new Map(), secrets: new Map(), configMaps: new Map() };
  }

  /** Begin to follow; returns at once. */
  start(): void {
    const { namespace } = this.#options;
    const own = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
    this.#running = Promise.all([
      this.#follow("policies", `${group}/v1beta1/clusterimagepolicies`),
      this.#follow("trustRoots", `${group}/v1alpha1/trustroots`),
      this.#follow("secrets", `${own}/secrets`),
      this.#follow("configMaps", `${own}/configmaps`),
    ]);
  }

  /** The policies now; throws ADMISSION_NOT_READY before all was read. */
  view(): PolicyView {
    if (this.#view !== undefined) return this.#view;
    throw admissionError("ADMISSION_NOT_READY", "Cannot decide: the controller has not read the cluster's policies yet", {
      found: [...this.#read].join(", "),
    });
  }

  /** Whether a policy without authorities is refused. */
  get failOnEmptyAuthorities(): boolean {
    return this.#failOnEmptyAuthorities;
  }

  /** Why it is not ready; undefined when it is. */
  get waitsFor(): string | undefined {
    return this.#view === undefined ? `read so far: ${[...this.#read].join(", ") || "nothing"}` : undefined;
  }

  /** Read trust roots and texts that failed or are old again; for a job. */
  async refresh(): Promise<void> {
    if (this.#view !== undefined) await this.#load();
  }

  /** Stop following. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.#loading;
  }

  async #follow(collection: Collection, path: string): Promise<void> {
    const { kube, logger } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const { items, resourceVersion } = await kube.list(path);
        const objects = this.#objects[collection];
        objects.clear();
        for (const item of items) this.#put(collection, item);
        this.#changed(collection);
        failures = 0;
        for (let version = resourceVersion; !signal.aborted; ) version = await this.#watchOnce(collection, path, version);
      } catch (error) {
        if (signal.aborted) return;
        if (!isSigillumError(error)) logger.error("admission.fault", { error });
        else logger.warn("admission.watch-failed", { collection, error });
        failures += 1;
        await pause(Math.min(maxBackoffMs, 250 * 2 ** failures), signal);
      }
    }
  }

  async #watchOnce(collection: Collection, path: string, from: string): Promise<string> {
    let version = from;
    for await (const { type, object } of this.#options.kube.watch(path, from, this.#abort.signal)) {
      version = textAt(object, "metadata", "resourceVersion") ?? version;
      if (type === "BOOKMARK") continue;
      if (type === "DELETED") this.#objects[collection].delete(textAt(object, "metadata", "name") ?? "");
      else this.#put(collection, object);
      this.#changed(collection);
    }
    return version;
  }

  #put(collection: Collection, object: KubeObject): void {
    const name = textAt(object, "metadata", "name") ?? "";
    if (collection === "secrets" && name === this.#options.ownSecret) return;
    this.#objects[collection].set(name, object);
  }

  #changed(collection: Collection): void {
    this.#read.add(collection);
    if (this.#read.size < 4) return;
    this.#compile();
    void this.#load();
  }

  #compile(): void {
    const { namespace, defaultTrustRoot } = this.#options;
    const config = objectAt(this.#objects.configMaps.get(configName), "data");
    this.#failOnEmptyAuthorities = config["fail-on-empty-authorities"] !== "false";
    this.#generation += 1;
    const trustRoots = new Map([...this.#roots].map(([name, { root }]) => [name, root]));
    this.#view = {
      policies: loadPolicies(
        [...this.#objects.policies.values()],
        {
          secrets: this.#objects.secrets,
          configMaps: this.#objects.configMaps,
          trustRoots,
          kmsKeys: this.#keys.keys,
          texts: this.#texts,
          defaultTrustRoot,
        },
        { namespace, failOnEmptyAuthorities: this.#failOnEmptyAuthorities },
      ),
      noMatchPolicy: noMatchOf(config["no-match-policy"]),
      generation: this.#generation,
    };
  }

  // Trust roots and texts come over the network: what they are for refuses until they are there.
  #load(): Promise<void> {
    this.#loading = (this.#loading ?? Promise.resolve()).then(async () => {
      const policies = [...this.#objects.policies.values()];
      const keys = await this.#keys.load(policies, this.#options.clock.nowMs());
      const changed = [await this.#loadRoots(), await this.#loadTexts(), keys].some((one) => one);
      if (changed) this.#compile();
      await this.#report();
    });
    this.#loading.catch((error: unknown) => this.#options.logger.error("admission.fault", { error }));
    return this.#loading;
  }

  // What each object is found to be, in its status, where it does not say so already. That a status cannot be written keeps nothing up.
  async #report(): Promise<void> {
    const { clock, kube, logger, threads } = this.#options;
    const now = new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, "Z");
    const write = async (path: string, object: KubeObject, status: JsonValue): Promise<void> => {
      if (hasStatus(object, status) || this.#abort.signal.aborted) return;
      const name = encodeURIComponent(textAt(object, "metadata", "name") ?? "");
      await kube.patch(`${group}/${path}/${name}/status`, { status }).catch((error: unknown) => {
        if (!isSigillumError(error)) throw error;
        logger.warn("admission.status-not-written", { name, error });
      });
    };
    for (const [name, object] of [...this.#objects.trustRoots]) {
      const known = this.#roots.get(name);
      if (known !== undefined) await write("v1alpha1/trustroots", object, trustRootStatus(object, known.root, now));
    }
    const view = this.#view;
    for (const [at, [, object]] of [...this.#objects.policies].entries()) {
      const loaded = view?.policies[at];
      if (loaded === undefined || loaded.policy.name !== (textAt(object, "metadata", "name") ?? "")) continue;
      const judge = threads.judge({ signal: this.#abort.signal, endsAtMs: performance.now() + compileMs });
      await write("v1beta1/clusterimagepolicies", object, await policyStatus(object, loaded, judge, now));
    }
  }

  async #loadRoots(): Promise<boolean> {
    const { clock, logger } = this.#options;
    const objects = this.#objects.trustRoots;
    let changed = false;
    for (const name of [...this.#roots.keys()]) {
      if (objects.has(name)) continue;
      this.#roots.delete(name);
      this.#reader.forget(name);
      changed = true;
    }
    for (const [name, object] of [...objects]) {
      const version = `${textAt(object, "metadata", "uid")} ${textAt(object, "metadata", "generation")} ${JSON.stringify(object["spec"])}`;
      const known = this.#roots.get(name);
      const failed = known !== undefined && isSigillumError(known.root);
      const age = clock.nowMs() - (known?.readMs ?? 0);
      if (known?.version === version && age < (failed ? rootRetryMs : rootRefreshMs)) continue;
      const root = await this.#readRoot(object);
      if (isSigillumError(root)) logger.warn("admission.trust-root-unavailable", { name, error: root });
      // A repository that cannot be reached just now takes nothing from what was verified before.
      const kept =
        isSigillumError(root) && known?.version === version && !isSigillumError(known.root) && root.kind === "unavailable";
      this.#roots.set(name, { version, root: kept ? known.root : root, readMs: clock.nowMs() });
      changed ||= !kept;
    }
    return changed;
  }

  async #readRoot(object: KubeObject): Promise<TrustedRoot | SigillumError> {
    const { trustRoot, problems } = readTrustRoot(object);
    if (trustRoot === undefined) {
      const text = problems.map(({ message }) => message).join("; ");
      return admissionError(
        "ADMISSION_TRUST_ROOT_UNAVAILABLE",
        `Cannot use TrustRoot ${textAt(object, "metadata", "name")}: ${text}`,
      );
    }
    try {
      return await this.#reader.read(trustRoot, this.#options.clock.nowMs());
    } catch (error) {
      if (isSigillumError(error)) return error;
      throw error;
    }
  }

  async #loadTexts(): Promise<boolean> {
    const wanted = [...this.#objects.policies.values()].flatMap(remoteTexts);
    const keys = new Set(wanted.map(({ url, sha256sum }) => textKey(url, sha256sum)));
    for (const key of [...this.#texts.keys()]) if (!keys.has(key)) this.#texts.delete(key);
    let changed = false;
    for (const { url, sha256sum } of wanted) {
      const key = textKey(url, sha256sum);
      if (typeof this.#texts.get(key) === "string") continue;
      this.#texts.set(key, await fetchText(url, sha256sum));
      changed = true;
    }
    return changed;
  }
}

/** Fetch a policy text; one with another hash than its object says is an error. */
export async function fetchText(url: string, sha256sum: string): Promise<string | SigillumError> {
  try {
    const answer = await request({ url, timeoutMs: textTimeoutMs, maxBytes: maxTextBytes, redirects: 2, retries: 1 });
    const found = encodeHex(sha256(answer.body));
    if (answer.status === 200 && found === sha256sum) return parseUtf8(answer.body);
    const reason = answer.status === 200 ? `its SHA-256 is ${found}` : `HTTP ${answer.status}`;
    return admissionError("ADMISSION_POLICY_TEXT_UNAVAILABLE", `Cannot use the policy text at ${url}: ${reason}`, {
      found,
      expected: sha256sum,
    });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return admissionError("ADMISSION_POLICY_TEXT_UNAVAILABLE", `Cannot use the policy text at ${url}: ${cause.message}`, {
      cause,
    });
  }
}

// Anything but the two words that loosen it denies.
function noMatchOf(value: JsonValue | undefined): NoMatchPolicy {
  return value === "allow" || value === "warn" ? value : "deny";
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
