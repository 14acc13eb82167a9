// The state of the published root: what is out, what went wrong last, one publication after the other.
import { join } from "node:path";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, equalBytes, formatRfc3339, type JsonValue } from "@sigillum/library/encoding";
import { parseRoot, type RootMetadata } from "@sigillum/library/tuf";
import { directoryPlace, readOptional } from "@sigillum/library/tuf-place";
import {
  copyRepository,
  defaultPeriods,
  type PublicationDuty,
  type PublicationPlan,
  type PublishedFile,
  type PublishedState,
  planPublication,
  publicationDuties,
  type RepositoryPlace,
  type RolePeriods,
  readPublished,
  type TargetFile,
  whilePublishing,
  writePublication,
} from "@sigillum/library/tuf-repository";
import type { Clock, ListenerSpec, Logger, MetricsRegistry } from "../host/index.ts";
import { tufPublisherError } from "./errors.ts";
import type { TufKeys } from "./tuf-keys.ts";

/** What a publisher needs. */
export interface TufPublisherOptions {
  /** Where the published files lie; the folder is made if it is missing. */
  readonly directory: string;
  readonly keys: TufKeys;
  /** The targets that should be published now, by path. Asked at every tick, so that a rotation reaches clients by itself. */
  readonly files: () => ReadonlyMap<string, TargetFile> | Promise<ReadonlyMap<string, TargetFile>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: Omit<ListenerSpec, "handler">;
  readonly periods?: RolePeriods;
  /** Where else the repository is kept: each is brought up to date after every publication, and at every tick where it is behind. */
  readonly copies?: readonly RepositoryPlace[];
  /** Where `sigillum_tuf_expires_days` and its siblings are told. */
  readonly metrics?: MetricsRegistry;
}

/** What a publication may be told beside the plan. */
export type PublicationChange = Pick<PublicationPlan, "ceremony" | "restartAt">;

/** How often people are told in the log that they are needed. */
const alarmEveryMs = 86_400_000;

/** The state of a publisher: what is published, and what went wrong last. */
export class Publisher {
  readonly options: TufPublisherOptions;
  readonly #place: RepositoryPlace;
  #state: PublishedState | undefined;
  #failure: string | undefined;
  readonly #copyFailures: Map<string, string> = new Map();
  #running: Promise<unknown> = Promise.resolve();
  #alarmedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TufPublisherOptions) {
    this.options = options;
    this.#place = directoryPlace(options.directory, { ownerOnly: true });
  }

  /** Read what is published, and publish what is due. */
  async open(): Promise<void> {
    this.#state = await readPublished(this.#place);
    await this.tick();
  }

  get state(): PublishedState | undefined {
    return this.#state;
  }

  /** What is published; throws TUF_NOT_FOUNDED. */
  demandState(): PublishedState {
    if (this.#state !== undefined) return this.#state;
    throw tufPublisherError("TUF_NOT_FOUNDED", "Cannot read the root of trust: none has been published yet", {
      expected: "a first root that keyholders signed",
    });
  }

  /** Publish what is due; returns whether anything was. */
  tick(): Promise<boolean> {
    return this.publish({});
  }

  /** Publish what is due and what is given; one publication after the other. A failed one is told by `readiness` until one succeeds. */
  publish(change: PublicationChange): Promise<boolean> {
    return this.#inTurn(() => this.#publish(change));
  }

  /** The next publication as things stand. */
  async plan(root: RootMetadata | undefined = this.#state?.root): Promise<PublicationPlan> {
    const { signers, retiringRootSigners = [] } = this.options.keys.over(root);
    return {
      nowMs: this.options.clock.nowMs(),
      periods: this.options.periods ?? defaultPeriods,
      files: await this.options.files(),
      signers,
      retiringRootSigners,
      thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
    };
  }

  /** What is needed next; nothing before the first root. */
  async duties(): Promise<readonly PublicationDuty[]> {
    return this.#state === undefined ? [] : publicationDuties(this.#state, await this.plan());
  }

  /** Ready while every role is valid; the reason names the first that is not, or what failed last. */
  readiness(): { ready: boolean; reason?: string } {
    const state = this.#state;
    if (state === undefined)
      return { ready: false, reason: "no root of trust has been published: keyholders have to sign the first one" };
    for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
      if (state[role].expiresMs <= this.options.clock.nowMs())
        return { ready: false, reason: `${role} ${state[role].version} expired at ${formatRfc3339(state[role].expiresMs)}` };
    }
    const [copy] = this.#copyFailures;
    if (this.#failure !== undefined) return { ready: true, reason: `the last publication failed: ${this.#failure}` };
    return copy === undefined ? { ready: true } : { ready: true, reason: `the copy ${copy[0]} is behind: ${copy[1]}` };
  }

  /** Hex SHA-256 of the first root. */
  async firstRootSha256(): Promise<string | undefined> {
    const first = await readOptional(join(this.options.directory, "1.root.json"));
    return first === undefined ? undefined : encodeHex(sha256(first));
  }

  /** The first root itself. */
  firstRoot(): Promise<Uint8Array | undefined> {
    return readOptional(join(this.options.directory, "1.root.json"));
  }

  /** Resolves when no publication runs. */
  async settled(): Promise<void> {
    await this.#running.catch(() => undefined); // its caller was told
  }

  tellMetrics(): void {
    const { metrics, clock } = this.options;
    const days = (ms: number): number => (ms - clock.nowMs()) / 86_400_000;
    for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
      const expires = (): number => (this.#state === undefined ? 0 : days(this.#state[role].expiresMs));
      metrics?.gauge("sigillum_tuf_expires_days", "Days until a role of the TUF repository expires", expires, { role });
      const needed = (): number => (this.#isKeyholders(role) ? 1 : 0);
      metrics?.gauge("sigillum_tuf_keyholders", "1 where a role is signed by keyholders, 0 where by this machine", needed, {
        role,
      });
    }
    const behind = (): number => this.#copyFailures.size;
    metrics?.gauge("sigillum_tuf_copies_behind", "Copies of the TUF repository that could not be brought up to date", behind);
  }

  #isKeyholders(role: "root" | "targets" | "snapshot" | "timestamp"): boolean {
    return this.options.keys.over(this.#state?.root).signers[role].length === 0;
  }

  async #publish(change: PublicationChange): Promise<boolean> {
    const isPublished = await this.#publishDue(change);
    await this.#copy();
    await this.#alarm();
    return isPublished;
  }

  /** A tick that has nothing to do, as nearly all have, takes no lock and reads nothing. */
  async #publishDue(change: PublicationChange): Promise<boolean> {
    const planned = await this.#planned(change);
    if (planned.length === 0) return false;
    return whilePublishing(this.#place, async () => {
      let files = planned;
      if (!(await this.#isAsKnown())) {
        // A command has published here while this process looked elsewhere.
        this.#state = await readPublished(this.#place);
        files = await this.#planned(change);
      }
      if (files.length === 0) return false;
      await writePublication(this.#place, files);
      this.#state = await readPublished(this.#place);
      this.options.logger.info("tuf.published", { ...versions(this.#state), files: files.map((file) => file.path) });
      return true;
    });
  }

  async #planned(change: PublicationChange): Promise<readonly PublishedFile[]> {
    const { ceremony } = change;
    const root = ceremony?.root === undefined ? this.#state?.root : parseRoot(ceremony.root);
    const plan = await this.plan(root);
    // Before the first root, where keyholders sign it, there is nothing to do.
    const isWaiting = this.#state === undefined && root === undefined && plan.signers.root.length === 0;
    return isWaiting ? [] : planPublication(this.#state, { ...plan, ...change });
  }

  async #isAsKnown(): Promise<boolean> {
    const there = await this.#place.read("timestamp.json");
    const known = this.#state?.timestamp.bytes;
    return there === undefined || known === undefined ? there === known : equalBytes(there, known);
  }

  /** A copy that cannot be written to is told of, and tried again at the next tick: the repository itself is published. */
  async #copy(): Promise<void> {
    for (const copy of this.options.copies ?? []) {
      try {
        if (await copyRepository(this.#place, copy)) this.options.logger.info("tuf.copied", { to: copy.name });
        this.#copyFailures.delete(copy.name);
      } catch (error) {
        this.#copyFailures.set(copy.name, error instanceof Error ? error.message : String(error));
        this.options.logger.error("tuf.copy-failed", { to: copy.name, error });
      }
    }
  }

  async #alarm(): Promise<void> {
    const nowMs = this.options.clock.nowMs();
    const needed = (await this.duties()).filter((duty) => duty.who === "keyholders" && (duty.state !== "fresh" || duty.outdated));
    if (needed.length === 0 || nowMs - this.#alarmedMs < alarmEveryMs) return;
    this.#alarmedMs = nowMs;
    for (const { role, version, expiresMs, outdated } of needed) {
      const why = outdated === true ? "what should be published has changed" : "it expires";
      this.options.logger.warn("tuf.keyholders-needed", { role, version, expires: formatRfc3339(expiresMs), why });
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#running.then(run, run).then(
      (value) => {
        this.#failure = undefined;
        return value;
      },
      (error: unknown) => {
        this.#failure = error instanceof Error ? error.message : String(error);
        throw error;
      },
    );
    this.#running = result.catch(() => undefined);
    return result;
  }
}

/** Version and expiry of every top-level role. */
export function versions(state: PublishedState | undefined): { [name: string]: JsonValue } {
  const all: { [name: string]: JsonValue } = {};
  for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
    const file = state?.[role];
    if (file !== undefined) all[role] = { version: file.version, expires: formatRfc3339(file.expiresMs) };
  }
  return all;
}
