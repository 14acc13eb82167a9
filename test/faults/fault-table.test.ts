// The fault table: every step of a shard's store fails before it did anything, fails after it had its effect, or never answers; after each,
// everything that was acknowledged is there, at its index and with its time, the tree extends every published one, and fsck finds nothing.
// It runs over every implementation of the contract.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openBucket } from "@sigillum/library/aws";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { verifyConsistency } from "@sigillum/library/merkle";
import { silentLogger } from "@sigillum/stack/host";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard, type TreeHead } from "@sigillum/stack/log-engine";
import {
  BucketObjectStore,
  DirectoryObjectStore,
  MemoryFileSystem,
  MemoryKeyValueStore,
  openPosixShardStore,
  openPostgresShardStore,
  postgresMissing,
  type ShardStore,
  type StepWatcher,
  type StoreStep,
  startTemporaryMoto,
  startTemporaryPostgres,
  syncFault,
  type TemporaryMoto,
  type TemporaryPostgres,
  watchShardStore,
  writeFault,
} from "@sigillum/stack/storage";
import { findPeer } from "../../tools/peers-list.mjs";

const origin = "log.example";
const steps: readonly StoreStep[] = [
  "journal.append",
  "journal.begin-segment",
  "journal.remove-before",
  "objects.write",
  "objects.remove",
  "objects.sync",
  "documents.write",
  "index.write",
  "index.read",
];
const peer = findPeer("moto");
const noMoto = peer.path === undefined ? `SKIPPED: ${peer.missing ?? "moto is not here"}` : false;
const outcomes = ["fails before", "fails after it had its effect", "never answers"] as const;

const entryOf = (text: string): BodyEntry => bodyEntry(encodeUtf8(text), [text.split(":", 1)[0] ?? ""]);
const names = (count: number, from: number): string[] =>
  Array.from({ length: count }, (_, at) => `subject${at % 7}:${from + at}`);

async function textCheckpoint({ size, root }: TreeHead): Promise<string> {
  return `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`;
}

function openShard(store: ShardStore, clock: { nowMs: () => number }): Promise<LogShard<BodyEntry>> {
  return LogShard.open({
    directory: "",
    store,
    format: bodyEntryFormat,
    origin,
    clock,
    logger: silentLogger,
    signCheckpoint: textCheckpoint,
    limits: { maxWriteAheadBytes: 3000, maxBatchEntries: 40 },
  });
}

/** A store's watcher that can be told to spoil one step, and to let the process die. */
class Saboteur {
  #plan: { readonly step: StoreStep; readonly outcome: (typeof outcomes)[number] } | undefined;
  #dead = false;
  readonly #release: (() => void)[] = [];
  hasStruck = false;
  /** Resolves when the step was spoilt. */
  readonly struck: Promise<void>;
  #strike: () => void = () => undefined;

  constructor() {
    this.struck = new Promise((resolve) => {
      this.#strike = resolve;
    });
  }

  arm(step: StoreStep, outcome: (typeof outcomes)[number]): void {
    this.#plan = { step, outcome };
  }

  /** From now on nothing of this process has any effect. */
  die(): void {
    this.#dead = true;
    for (const release of this.#release) release();
  }

  readonly watch: StepWatcher = async (step, moment, detail) => {
    if (this.#dead) throw syncFault(detail, "the process is dead");
    const plan = this.#plan;
    const due = moment === (plan?.outcome === "fails after it had its effect" ? "after" : "before");
    if (plan?.step !== step || !due) return;
    this.#plan = undefined;
    this.hasStruck = true;
    this.#strike();
    if (plan.outcome === "never answers") {
      await new Promise<void>((resolve) => this.#release.push(resolve));
      throw syncFault(detail, "the process is dead");
    }
    // What failed after its effect on the journal left nobody knowing; every other step can be done again.
    throw step === "journal.append" && moment === "after" ? syncFault(detail, "EIO") : writeFault(detail, "EIO");
  };
}

async function runFault(open: () => Promise<ShardStore>, step: StoreStep, outcome: (typeof outcomes)[number]): Promise<void> {
  let now = 1_700_000_000_000;
  const clock = { nowMs: () => (now += 3) };
  const saboteur = new Saboteur();
  const shard = await openShard(watchShardStore(await open(), saboteur.watch), clock);
  await Promise.all(names(250, 0).map((text) => shard.add(entryOf(text))));
  saboteur.arm(step, outcome);
  const acknowledged = new Map<string, { index: number; timeMs: number }>();
  const add = async (text: string): Promise<void> => {
    const { index, timeMs } = await shard.add(entryOf(text));
    acknowledged.set(text, { index, timeMs });
  };
  // Segments follow each other as fast as the disk lets them: work goes on until the step was met, and some rounds after it.
  const work = async (): Promise<void> => {
    let left = 3;
    for (let round = 0; left > 0 && round < 300; round += 1) {
      // One repeats an entry: what is new is seldom looked for in the index.
      await Promise.allSettled([...names(1, 0), ...names(40, 250 + round * 40)].map(add));
      if (saboteur.hasStruck || step === "objects.remove") left -= 1;
    }
  };
  const working = work();
  // A step that never answers may hold up everything that comes after it: the process is killed then.
  if (outcome === "never answers") await Promise.race([working, saboteur.struck.then(turns)]);
  else await working;
  assert.ok(saboteur.hasStruck || step === "objects.remove", "the step was never met");
  const { size, text } = shard.checkpoint();
  const { root } = shard.head();
  assert.ok(text.length > 0);
  const kept = new Map(acknowledged);
  saboteur.die();
  await shard.close().catch(() => undefined);
  await working;

  const again = await openShard(await open(), clock);
  try {
    const report = await again.fsck();
    assert.deepEqual(report.differences, []);
    for (const [name, { index, timeMs }] of kept) {
      const entry = await again.entry(index);
      assert.deepEqual([Buffer.from(entry.leaf).toString(), entry.timeMs], [name, timeMs]);
      if (index % 10 > 0) continue;
      const repeated = await again.add(entryOf(name));
      assert.deepEqual([repeated.index, repeated.timeMs, repeated.duplicate], [index, timeMs, true]);
    }
    const head = again.head();
    const proof = await again.consistencyProof(size, head.size);
    verifyConsistency({ size1: size, root1: root, size2: head.size, root2: head.root, proof });
    assert.equal((await again.add(entryOf("later:1"))).index, head.size);
  } finally {
    await again.close();
  }
}

/** Long enough for what does not wait for the spoilt step to go on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function runTable(newStore: () => () => Promise<ShardStore>, some: readonly StoreStep[] = steps): void {
  for (const step of some) {
    for (const outcome of outcomes) {
      test(`LogShard keeps what it acknowledged when ${step} ${outcome}`, () => runFault(newStore(), step, outcome));
    }
  }
}

describe("fault table: POSIX files in memory, power cut", () => {
  runTable(() => {
    let files = new MemoryFileSystem();
    let keyValues = new MemoryKeyValueStore();
    return async () => {
      files = files.afterPowerCut();
      keyValues = keyValues.afterPowerCut();
      await files.makeDirectory("/data");
      await files.syncDirectory("/");
      return openPosixShardStore({ directory: "/data/log", fileSystem: files, openKeyValues: async () => keyValues });
    };
  });
});

describe("fault table: POSIX files", () => {
  let directory = "";
  let stores = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-faults-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  runTable(() => {
    stores += 1;
    const place = join(directory, String(stores));
    return () => openPosixShardStore({ directory: place });
  });
});

describe("fault table: PostgreSQL and a directory of objects", { skip: postgresMissing() ?? false }, () => {
  let server: TemporaryPostgres;
  let directory = "";
  let stores = 0;
  before(async () => {
    server = await startTemporaryPostgres();
    directory = await mkdtemp(join(tmpdir(), "sigillum-faults-"));
  });
  after(async () => {
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });
  const newStore = (): (() => Promise<ShardStore>) => {
    stores += 1;
    const schema = `faults_${stores}`;
    const objects = (): DirectoryObjectStore => new DirectoryObjectStore(join(directory, schema));
    return () => openPostgresShardStore({ url: server.url, schema, objects: objects() });
  };
  runTable(newStore);

  describe("and an S3 bucket instead", { skip: noMoto }, () => {
    let moto: TemporaryMoto;
    before(async () => {
      moto = await startTemporaryMoto(peer.path ?? "", "faults");
    });
    after(() => moto?.close());
    runTable(
      () => {
        stores += 1;
        const schema = `faults_${stores}`;
        const objects = new BucketObjectStore(openBucket(`s3://faults/${schema}`, moto.environment));
        return () => openPostgresShardStore({ url: server.url, schema, objects });
      },
      steps.filter((step) => step.startsWith("objects.")),
    );
  });

  test("LogShard keeps what it acknowledged when the server's machine loses power under load", async () => {
    const open = newStore();
    const clock = { nowMs: () => 1_700_000_000_000 };
    const saboteur = new Saboteur();
    const shard = await openShard(watchShardStore(await open(), saboteur.watch), clock);
    const acknowledged = new Map<string, number>();
    const work = async (): Promise<void> => {
      for (let round = 0; round < 30; round += 1) {
        const adding = names(20, round * 20).map(
          async (text) => void acknowledged.set(text, (await shard.add(entryOf(text))).index),
        );
        await Promise.allSettled(adding);
      }
    };
    const working = work();
    while (acknowledged.size < 100) await new Promise((resolve) => setImmediate(resolve));
    await server.crashAndRestart();
    await working;
    // The log waited for the server, found out what had been committed, and goes on.
    acknowledged.set("back:1", (await shard.add(entryOf("back:1"))).index);
    saboteur.die();
    await shard.close().catch(() => undefined);
    const again = await openShard(await open(), clock);
    assert.deepEqual((await again.fsck()).differences, []);
    for (const [text, index] of acknowledged) assert.equal(Buffer.from((await again.entry(index)).leaf).toString(), text);
    await again.close();
  });

  test("LogShard that was fenced acknowledges nothing more, and the one that fenced it goes on", async () => {
    const open = newStore();
    const clock = { nowMs: () => 1_700_000_000_000 };
    const first = await openShard(await open(), clock);
    await first.add(entryOf("a:1"));
    const second = await openShard(await open(), clock);
    await second.add(entryOf("b:1"));
    await assert.rejects(first.add(entryOf("c:1")), { code: "STORAGE_FENCED" });
    await assert.rejects(first.add(entryOf("d:1")), { code: "LOG_STOPPED" });
    await first.close();
    assert.equal((await second.add(entryOf("d:1"))).index, 2);
    await second.close();
  });
});
