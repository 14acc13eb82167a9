// A stack whose clock the test holds, led through a year: ticks by the hour, a signature a week, and rotations by a calendar.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle } from "@sigillum/library/bundle";
import { type Signer, sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodeUtf8, isSigillumError, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { signBlob } from "@sigillum/library/signing";
import { generateSigner } from "@sigillum/library/testing";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { parseRoot, parseTargets, tufKeyId } from "@sigillum/library/tuf";
import {
  acceptKey,
  type CeremonyEvent,
  finishEvent,
  parseKeySubmission,
  proposeRoot,
  proposeTargets,
  rotateKey,
  signEvent,
  startEvent,
  submitKey,
  type TargetFile,
} from "@sigillum/library/tuf-repository";
import { verifyBundle } from "@sigillum/library/verification";
import { callStack, type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { findFreePorts } from "@sigillum/stack/settings";

const loopback = ["127.0.0.1", "::1"] as const;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A week, in milliseconds. */
export const weekMs: number = 7 * dayMs;
const weeksInYear = 52;

/** Who signs the root of trust. */
export type YearProfile = "default" | "ceremony";

/** What is rotated: a log's shard, an authority's chain, or a key of a TUF role. */
type Rotated = "log-v1" | "log-v2" | "ct" | "ca" | "tsa" | "tuf-timestamp" | "tuf-snapshot" | "tuf-targets" | "tuf-root";
const order: readonly Rotated[] = [
  "log-v1",
  "ca",
  "tuf-timestamp",
  "log-v2",
  "tsa",
  "ct",
  "tuf-snapshot",
  "tuf-targets",
  "tuf-root",
];
/** Keyholders meet so often, in the ceremony profile. */
const meetingWeeks = 3;

interface Made {
  readonly week: number;
  readonly bundle: Bundle;
  readonly artifact: { readonly bytes: Uint8Array };
}

/** One year of one stack. */
export class StackYear {
  readonly startMs: number = Math.floor(Date.now() / 1000) * 1000;
  readonly #directory: string;
  readonly #profile: YearProfile;
  #nowMs: number = this.startMs;
  #stack: Stack | undefined;
  #keyholders: readonly Signer[] = [generateSigner(), generateSigner(), generateSigner()];
  readonly #made: Made[] = [];
  readonly #counts: Map<Rotated, number> = new Map();
  readonly #planned: Set<Rotated> = new Set();
  /** Chains that wait for their turn, and since when their trusted root is published. */
  readonly #chains: Map<string, number | undefined> = new Map();
  /** The week from which on the first new key of a kind is in use. */
  readonly #firstUse: Map<Rotated, number> = new Map();
  readonly #weekly: string[] = [];
  #publications = 0;
  #firstRoot: TrustedRoot | undefined;
  #lastRoot: TrustedRoot | undefined;
  #identity = "";

  constructor(directory: string, profile: YearProfile) {
    this.#directory = directory;
    this.#profile = profile;
  }

  /** Run the year; `atWeek` gets the published folder as it is at the beginning of each week. */
  async run(atWeek: (week: number, published: string) => Promise<void>): Promise<void> {
    const data = join(this.#directory, "data");
    this.#stack = await startStack({
      dataDirectory: data,
      initialise: { ports: "free", values: { trust: { profile: this.#profile } } },
      clock: { nowMs: () => this.#nowMs },
      logger: silentLogger,
    });
    try {
      if (this.#profile === "ceremony") await this.#meet(true);
      const { tuf = "", identity = "" } = this.#stack.urls;
      this.#identity = identity;
      await addRoot({ url: tuf, name: "year", store: this.#directory, nowMs: this.#nowMs });
      for (let hour = 0; hour <= weeksInYear * 7 * 24; hour++) {
        this.#nowMs = this.startMs + hour * hourMs;
        await this.#tick();
        if (hour % (7 * 24) !== 0) continue;
        await this.#week(hour / (7 * 24), join(data, "tuf"), atWeek);
      }
    } finally {
      await this.#stack.stop();
    }
  }

  /** How often each key was rotated; a rotation counts once its new key is in use. */
  rotations(): ReadonlyMap<Rotated, number> {
    return new Map(order.map((key) => [key, this.#counts.get(key) ?? 0]));
  }

  /** Each week with the SHA-256 of the trusted root that was published then. */
  weeklyTrustedRoots(): readonly string[] {
    return this.#weekly;
  }

  summary(): string {
    const rotated = [...this.rotations()].map(([key, count]) => `${key} ${count}`).join(", ");
    return `${this.#made.length} bundles, ${this.#publications} publications, rotations: ${rotated}`;
  }

  /** Every bundle verifies with the trusted root of the last day. */
  verifyEveryBundle(): void {
    assert.equal(this.#made.length, weeksInYear + 1);
    for (const made of this.#made) assert.equal(this.#verify(made, this.#lastRoot), "ok", `week ${made.week}`);
  }

  /**
   * With a trusted root that is older than one kind of key, and as new as can be in everything else, what older keys made verifies and what
   * newer ones made is refused by the code of that kind.
   */
  refuseWithOlderRoots(): void {
    const [first, last] = [this.#firstRoot ?? assert.fail(), this.#lastRoot ?? assert.fail()];
    const kinds = {
      tlogs: "LOG_UNKNOWN",
      ctlogs: "CT_UNKNOWN_LOG",
      certificateAuthorities: "X509_NO_PATH",
      timestampAuthorities: "TIMESTAMP_UNKNOWN_AUTHORITY",
    };
    for (const [kind, code] of Object.entries(kinds)) {
      const older: TrustedRoot = { ...last, [kind]: Reflect.get(first, kind) };
      const codes = this.#made.map((made) => this.#verify(made, older));
      const expected = this.#made.map((made) => (this.#isNewer(kind, made, first) ? code : "ok"));
      assert.deepEqual(codes, expected, kind);
      const refused = codes.filter((one) => one !== "ok").length;
      console.log(
        `a root with the ${kind} of the first day: ${codes.length - refused} verify, ${refused} are refused as ${code}`,
      );
      assert.ok(refused > 0 && refused < codes.length, kind);
    }
  }

  /** Whether a bundle was made with a key of this kind that the first root does not hold. */
  #isNewer(kind: string, { bundle, week }: Made, first: TrustedRoot): boolean {
    if (kind === "tlogs") {
      const hasLog = (logId: Uint8Array): boolean => first.tlogs.some((log) => encodeHex(log.logId) === encodeHex(logId));
      return bundle.tlogEntries.some(({ logId }) => !hasLog(logId));
    }
    const what = kind === "ctlogs" ? "ct" : kind === "certificateAuthorities" ? "ca" : "tsa";
    const since = this.#firstUse.get(what) ?? Number.POSITIVE_INFINITY;
    return week >= since;
  }

  #verify({ bundle, artifact }: Made, trustedRoot: TrustedRoot | undefined): string {
    assert.ok(trustedRoot);
    try {
      verifyBundle({
        bundle,
        artifact,
        trustedRoot,
        expectations: { identity: { san: "dev@example.com", issuer: this.#identity } },
      });
      return "ok";
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      return error.code;
    }
  }

  async #call(action: string, input: JsonValue = null): Promise<JsonObject> {
    return JsonObject.exact(await callStack(join(this.#directory, "data"), action, input), action);
  }

  async #tick(): Promise<void> {
    const answer = await this.#call("tuf.tick");
    if (answer.boolean("published")) this.#publications++;
    for (const role of ["root", "targets", "snapshot", "timestamp"])
      assert.ok(
        answer.object(role).timestampMs("expires") > this.#nowMs,
        `${role} expired at ${new Date(this.#nowMs).toISOString()}`,
      );
  }

  async #week(week: number, published: string, atWeek: (week: number, published: string) => Promise<void>): Promise<void> {
    await this.#continue();
    // The calendar: something new twice in five weeks, each of the nine twice in the year.
    const slot = week % 5 === 1 ? 0 : week % 5 === 3 ? 1 : undefined;
    const turn = slot === undefined ? order.length * 2 : Math.floor(week / 5) * 2 + slot;
    const next = turn < order.length * 2 ? order[turn % order.length] : undefined;
    if (next !== undefined) await this.#begin(next);
    if (this.#profile === "ceremony" && week > 0 && week % meetingWeeks === 0) await this.#meet(false);
    const which = week % 2 === 0 ? "signing_config.v0.2.json" : "signing_config_rekor_v2.v0.2.json";
    const root = await loadRoot({ name: "year", store: this.#directory, nowMs: this.#nowMs, signingConfigTarget: which });
    this.#firstRoot ??= root.trustedRoot;
    this.#lastRoot = root.trustedRoot;
    const { trustedRoot, signingConfig } = root;
    assert.ok(signingConfig && this.#stack);
    this.#observe();
    const artifact = { bytes: encodeUtf8(`week ${week}`) };
    const token = await this.#stack.developmentToken();
    const bundle = await signBlob({ token, trust: { trustedRoot, signingConfig }, nowMs: this.#nowMs, artifact });
    this.#made.push({ week, bundle, artifact });
    const targets = parseTargets(await readFile(join(published, `${await this.#targetsVersion()}.targets.json`)));
    const hash = targets.targets.get("trusted_root.json")?.hashes.get("sha256") ?? new Uint8Array();
    this.#weekly.push(`${week} ${encodeHex(hash)}`);
    await atWeek(week, published);
  }

  async #targetsVersion(): Promise<number> {
    return (await this.#call("tuf.status")).object("targets").safeInteger("version");
  }

  /** Carry on what waits: shards and chains whose keys have been published for a week. */
  async #continue(): Promise<void> {
    const { keyring } = this.#stack ?? assert.fail();
    for (const api of ["v1", "v2"] as const) {
      const shards = keyring.shards(api);
      const isUnderWay =
        shards.some(({ state }) => state === "planned") || shards.filter(({ state }) => state === "active").length > 1;
      if (isUnderWay) await this.#rotate(`log-${api}`);
    }
    if (keyring.shards("ct").some(({ state }) => state === "planned")) await this.#rotate("ct");
    for (const [id, sinceMs] of this.#chains) {
      // The authority's own job may have put it to use: it looks by the machine's timer, and the year is in a hurry.
      const isPlanned = keyring.document.chains.find((chain) => chain.id === id)?.state === "planned";
      if (!isPlanned) this.#chains.delete(id);
      else if (sinceMs === undefined) this.#chains.set(id, (await this.#isPublished(id)) ? this.#nowMs : undefined);
      else if (this.#nowMs - sinceMs >= weekMs) await this.#activate(id);
    }
    this.#observe();
  }

  async #activate(id: string): Promise<void> {
    const { keyring } = this.#stack ?? assert.fail();
    try {
      await keyring.activateChain(id, this.#nowMs);
    } catch (error) {
      if (!isSigillumError(error) || error.code !== "CHAIN_NOT_PLANNED") throw error;
    }
    this.#chains.delete(id);
  }

  /** What is in use now, as the keyring has it: who switched does not matter. */
  #observe(): void {
    const { keyring } = this.#stack ?? assert.fail();
    const shardsOf = (api: "v1" | "v2" | "ct"): number =>
      keyring.shards(api).filter(({ activatedMs }) => activatedMs !== undefined).length;
    const chainsOf = (service: "ca" | "tsa"): number =>
      keyring.document.chains.filter((chain) => chain.service === service && chain.state !== "planned").length - 1;
    const now: readonly (readonly [Rotated, number])[] = [
      ["log-v1", shardsOf("v1")],
      ["log-v2", shardsOf("v2")],
      ["ct", shardsOf("ct")],
      ["ca", chainsOf("ca")],
      ["tsa", chainsOf("tsa")],
    ];
    for (const [what, count] of now) while ((this.#counts.get(what) ?? 0) < count) this.#count(what);
  }

  async #isPublished(id: string): Promise<boolean> {
    const { keyring } = this.#stack ?? assert.fail();
    const chain = keyring.document.chains.find((one) => one.id === id);
    const { trustedRoot } = await loadRoot({ name: "year", store: this.#directory, nowMs: this.#nowMs });
    return [...trustedRoot.certificateAuthorities, ...trustedRoot.timestampAuthorities].some(
      (authority) =>
        encodeHex(authority.chain[0]?.der ?? new Uint8Array()) ===
        encodeHex(chain?.certificates[0]?.der ?? sha256(encodeUtf8(id))),
    );
  }

  async #begin(what: Rotated): Promise<void> {
    const { keyring } = this.#stack ?? assert.fail();
    if (what === "log-v1" || what === "log-v2" || what === "ct") return this.#rotate(what);
    if (what === "ca" || what === "tsa") {
      const { id } = await keyring.planChain(what, {
        nowMs: this.#nowMs,
        root: (this.#counts.get(what) ?? 0) === 0 ? "same" : "new",
      });
      this.#chains.set(id, undefined);
      return void (await this.#call("tuf.tick"));
    }
    if (this.#profile === "ceremony") return void this.#planned.add(what);
    await this.#call("tuf.rotate", { role: what.slice("tuf-".length) });
    this.#count(what);
  }

  /** Begin or carry on the rotation of a log; one that waits for keyholders says so. */
  async #rotate(name: "log-v1" | "log-v2" | "ct"): Promise<void> {
    const { keyring } = this.#stack ?? assert.fail();
    const api = name === "log-v1" ? "v1" : name === "log-v2" ? "v2" : "ct";
    try {
      // On one machine each shard of log v2 has a port of its own.
      const isNew = api === "v2" && !keyring.shards(api).some(({ state }) => state === "planned");
      await this.#call(`${name}.rotate`, isNew ? { publicUrl: `http://localhost:${(await findFreePorts(1, loopback))[0]}` } : {});
    } catch (error) {
      const isWaiting = isSigillumError(error) && error.found === "STACK_TRUST_UNPUBLISHED" && this.#profile === "ceremony";
      if (!isWaiting) throw error;
    }
  }

  #count(what: Rotated): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    if (!this.#firstUse.has(what)) this.#firstUse.set(what, (this.#nowMs - this.startMs) / weekMs);
  }

  /** Keyholders meet: what the stack would publish, keys that were to be replaced, a root for another year. */
  async #meet(isFirst: boolean): Promise<void> {
    const name = `meeting-${this.#nowMs}`;
    const online = ["timestamp", "snapshot"].filter((role) => this.#planned.has(`tuf-${role}` as Rotated));
    const answer = await this.#call("tuf.event", { name, nonce: "00", ...(online.length === 0 ? {} : { rotate: online }) });
    const expiresMs = this.#nowMs + 300 * dayMs;
    let event = startEvent({ name, nonce: "00", nowMs: this.#nowMs, ...liveOf(answer) });
    for (const text of answer.strings("submissions")) event = acceptKey(event, parseKeySubmission(encodeUtf8(text)));
    event = isFirst ? this.#foundedBy(event, expiresMs) : await this.#replaceKeys(event, expiresMs);
    const add = new Map(
      answer.objects("targets").map((one): [string, TargetFile] => {
        const custom = one.value("custom");
        return [one.string("path"), { bytes: one.base64("bytes"), ...(custom === undefined ? {} : { custom }) }];
      }),
    );
    const kept = new Set(add.keys());
    const live = event.live.get("targets");
    const remove = live === undefined ? [] : [...parseTargets(live).targets.keys()].filter((path) => !kept.has(path));
    event = proposeTargets(event, "targets", { add, remove, expiresMs });
    for (const signer of this.#keyholders) event = await signEvent(event, signer).catch(() => event); // a newcomer may be in no role yet
    const { root, targets, files = new Map() } = finishEvent(event);
    const metadata = {
      ...(root === undefined ? {} : { root: encodeBase64(root) }),
      ...(targets === undefined ? {} : { targets: encodeBase64(targets) }),
    };
    await this.#call("tuf.publish", {
      metadata,
      files: Object.fromEntries([...files].map(([path, bytes]) => [path, encodeBase64(bytes)])),
    });
    for (const what of this.#planned) this.#count(what);
    this.#planned.clear();
  }

  #foundedBy(event: CeremonyEvent, expiresMs: number): CeremonyEvent {
    const people = { keys: this.#keyholders.map(({ publicKey }) => publicKey), threshold: 2 };
    const machine = (role: string) => ({
      keys: [...event.submissions.values()].filter((one) => one.role === role).map(({ publicKey }) => publicKey),
      threshold: 1,
    });
    return proposeRoot(event, {
      expiresMs,
      roles: { root: people, targets: people, snapshot: machine("snapshot"), timestamp: machine("timestamp") },
    });
  }

  /** Each role that was to be replaced: a keyholder's key by a new one, the machine's by the one that it offered. */
  async #replaceKeys(before: CeremonyEvent, expiresMs: number): Promise<CeremonyEvent> {
    let event = before;
    const leaver = this.#keyholders[0] ?? assert.fail();
    let newcomer: Signer | undefined;
    for (const what of this.#planned) {
      const role = what.slice("tuf-".length);
      if (role === "root" || role === "targets") {
        newcomer ??= generateSigner();
        const offer = await submitKey(event, { owner: "newcomer", role, signer: newcomer });
        const { keyids = [] } =
          parseRoot(event.proposed.get("root") ?? event.live.get("root") ?? new Uint8Array()).roles.get(role) ?? {};
        const old = keyids.find((keyid) => keyid === tufKeyId(leaver.publicKey)) ?? keyids[0] ?? "";
        event = rotateKey(event, old, offer, expiresMs);
        continue;
      }
      const [old = ""] = parseRoot(event.live.get("root") ?? new Uint8Array()).roles.get(role as "timestamp")?.keyids ?? [];
      const offer = [...event.submissions.values()].find((one) => one.role === role) ?? assert.fail();
      event = rotateKey(event, old, offer, expiresMs);
    }
    if (newcomer !== undefined) this.#keyholders = [...this.#keyholders, newcomer];
    return event;
  }
}

function liveOf(answer: JsonObject): { live?: Parameters<typeof startEvent>[0]["live"] & object } {
  if (!answer.has("firstRoot")) return {};
  const live = answer.object("live");
  const state = { root: parseRoot(live.base64("root")), targets: parseTargets(live.base64("targets")), delegated: new Map() };
  return { live: { state, firstRoot: answer.base64("firstRoot") } };
}
