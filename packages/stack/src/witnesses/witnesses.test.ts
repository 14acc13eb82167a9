import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, describe, test } from "node:test";
import {
  cosignCheckpoint,
  cosignerKey,
  encodeSignatureLine,
  encodeVerifierKey,
  noteKey,
  parseCheckpoint,
  parseSignedNote,
  parseVerifierKey,
  signCheckpoint,
  verifyCheckpoint,
  verifyCosignature,
} from "@sigillum/library/checkpoint";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8, isSigillumError, JsonObject } from "@sigillum/library/encoding";
import { createLogger, MetricsRegistry } from "../host/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard } from "../log-engine/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import { parseWitnesses, ShardWitnesses, type WitnessOptions } from "./index.ts";
import { type Misbehaviour, WitnessDouble } from "./witness-double.ts";

const origin = "log.example";
const nowMs = 1_767_225_600_000;

function newSigner(type: "ed25519" | "ml-dsa-44" = "ed25519"): Signer {
  const { privateKey } = type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ml-dsa-44");
  return createSigner(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })));
}

const logSigner = newSigner();
const logKey = noteKey(origin, logSigner.publicKey);
const doubles: WitnessDouble[] = [];
after(() => Promise.all(doubles.map((double) => double.close())));

/** A witness that listens and knows the log. */
async function witness(name: string, signer: Signer = newSigner()): Promise<WitnessDouble> {
  const double = new WitnessDouble(name, signer, () => nowMs).trust(origin, logKey);
  doubles.push(double);
  await double.listen();
  return double;
}

interface Disk {
  readonly files: MemoryFileSystem;
  readonly keyValues: MemoryKeyValueStore;
}

async function newDisk(): Promise<Disk> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/data/log");
  return { files, keyValues: new MemoryKeyValueStore() };
}

interface Opened {
  readonly shard: LogShard<BodyEntry>;
  readonly metrics: MetricsRegistry;
  readonly logged: { event: string; [name: string]: unknown }[];
  add(...texts: readonly string[]): Promise<void>;
  status(): JsonObject;
  /** Resolves when `holds` does. */
  until(holds: () => boolean): Promise<void>;
}

type Options = Partial<WitnessOptions>;

async function open(disk: Disk, doubles: readonly WitnessDouble[], options: Options = {}): Promise<Opened> {
  const logged: Opened["logged"] = [];
  const write = (line: string): void => void logged.push(JSON.parse(line));
  const [clock, metrics] = [{ nowMs: () => nowMs }, new MetricsRegistry()];
  const logger = createLogger({ level: "info", write });
  const named = doubles.map(({ port, verifierKey }) => ({ url: `http://127.0.0.1:${port}`, verifierKey }));
  const [quorum, waitMs, everyMs] = [0, 60_000, 0];
  const cosigner = new ShardWitnesses({
    witnesses: parseWitnesses(named),
    ...{ quorum, waitMs, everyMs, clock, logger, metrics },
    ...options,
  });
  const shard = await LogShard.open({
    directory: "/data/log",
    format: bodyEntryFormat,
    origin,
    clock,
    logger,
    signCheckpoint: ({ size, root }) => signCheckpoint({ origin, treeSize: size, root, extensions: [] }, origin, logSigner),
    fileSystem: disk.files,
    openKeyValues: async () => disk.keyValues,
    cosigner,
  });
  return {
    shard,
    metrics,
    logged,
    add: async (...texts) => void (await Promise.all(texts.map((text) => shard.add(bodyEntry(encodeUtf8(text), []))))),
    status: () => JsonObject.from(shard.cosigners() ?? null, "status"),
    until: async (holds) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

const linesOf = (note: string): number => parseSignedNote(note).signatures.length;
const cosignedBy = (note: string, double: WitnessDouble): number =>
  verifyCosignature(note, parseVerifierKey(double.verifierKey)).checkpoint.treeSize;
const oldOf = (body: string | undefined): string | undefined => body?.split("\n", 1)[0];

describe("a log with witnesses", () => {
  test("publishes every checkpoint with the cosignatures of the quorum, which verify beside the log's own line", async () => {
    const [one, two] = [await witness("one.example/w"), await witness("two.example/w", newSigner("ml-dsa-44"))];
    const { shard, add, status } = await open(await newDisk(), [one, two], { quorum: 2 });
    for (const [at, text] of ["a", "b", "c"].entries()) {
      await add(text);
      const { text: plain, cosigned, size } = shard.checkpoint();
      assert.deepEqual([size, linesOf(plain), linesOf(cosigned)], [at + 1, 1, 3]);
      assert.equal(verifyCheckpoint(cosigned, logKey).treeSize, size);
      assert.deepEqual([cosignedBy(cosigned, one), cosignedBy(cosigned, two)], [size, size]);
    }
    const proof = await shard.proof(1);
    assert.deepEqual([linesOf(proof.checkpoint), linesOf(proof.cosignedCheckpoint)], [1, 3]);
    assert.deepEqual(one.asked.map(oldOf), ["old 0", "old 1", "old 2"]);
    assert.deepEqual([status().safeInteger("quorum"), status().safeInteger("cosignatures")], [2, 2]);
    assert.deepEqual(
      status()
        .objects("witnesses")
        .map((each) => [each.string("name"), each.string("state"), each.string("time")]),
      [one, two].map(({ name }) => [name, "cosigned", "2026-01-01T00:00:00.000Z"]),
    );
    await shard.close();
  });

  test("a cosignature that comes after the checkpoint was published is added to it", async () => {
    const late = await witness("late.example");
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    late.misbehaves = (answer) => held.then(() => answer);
    const { shard, add, until } = await open(await newDisk(), [late]);
    await add("a");
    assert.equal(shard.checkpoint().cosigned, shard.checkpoint().text);
    release();
    await until(() => linesOf(shard.checkpoint().cosigned) === 2);
    assert.equal(cosignedBy(shard.checkpoint().cosigned, late), 1);
    await shard.close();
  });

  test("where nobody waits a witness is shown the newest checkpoint, at most once in the time that is set", async () => {
    const [slow] = [await witness("slow.example")];
    let steadyMs = 0;
    const { shard, add, until, status } = await open(await newDisk(), [slow], { everyMs: 60_000, steadyMs: () => steadyMs });
    await add("a");
    await until(() => slow.asked.length === 1 && status().safeInteger("cosignatures") === 1);
    for (const text of ["b", "c", "d"]) await add(text);
    assert.equal(slow.asked.length, 1);
    steadyMs += 60_000;
    await add("e");
    await until(() => status().safeInteger("cosignatures") === 1);
    assert.deepEqual(slow.asked.map(oldOf), ["old 0", "old 1"]);
    assert.equal(cosignedBy(shard.checkpoint().cosigned, slow), 5);
    await shard.close();
  });

  test("a 409 is answered with a proof from the size in it, in both directions", async () => {
    const double = await witness("moved.example");
    const before = await open(await newDisk(), [double], { quorum: 1 });
    await before.add("a", "b", "c");
    await before.shard.close();
    // The same log again, whose memory of the witness is gone.
    const again = await open(await newDisk(), [double], { quorum: 1 });
    await again.add("a", "b", "c", "d", "e");
    assert.deepEqual(double.asked.map(oldOf), ["old 0", "old 0", "old 3"]);
    assert.equal(cosignedBy(again.shard.checkpoint().cosigned, double), 5);
    double.forget(origin);
    await again.add("f");
    assert.deepEqual(double.asked.slice(3).map(oldOf), ["old 5", "old 0"]);
    assert.equal(cosignedBy(again.shard.checkpoint().cosigned, double), 6);
    await again.shard.close();
  });

  test("growth across the edges of tiles is proved to a witness in steps of every size, and from where it stood when it was away", async () => {
    const [steady, away] = [await witness("steady.example"), await witness("away.example")];
    const limits = { firstPauseMs: 1, longestPauseMs: 1 };
    const { shard, add, until } = await open(await newDisk(), [steady, away], { quorum: 1, limits });
    let count = 0;
    for (const step of [1, 254, 1, 1, 255, 3, 300]) {
      // The second one comes to know the log in the middle of its second tile.
      away.misbehaves = () => (count < 500 ? { status: 503, body: "" } : undefined);
      await add(...Array.from({ length: step }, (_, at) => `entry ${count + at}`));
      count += step;
      assert.equal(cosignedBy(shard.checkpoint().cosigned, steady), count);
    }
    await until(() => linesOf(shard.checkpoint().cosigned) === 3);
    assert.equal(cosignedBy(shard.checkpoint().cosigned, away), 815);
    assert.ok(steady.asked.length >= 7);
    await shard.close();
  });

  test("after a restart the lines stand again before any witness is asked, and questions go on from the size that was kept", async () => {
    const [double, removed] = [await witness("kept.example"), await witness("removed.example")];
    const disk = await newDisk();
    const first = await open(disk, [double, removed], { quorum: 2 });
    await first.add("a", "b");
    await first.shard.close();
    double.misbehaves = () => "hang";
    const second = await open(disk, [double], { quorum: 1, waitMs: 1 });
    const { cosigned } = second.shard.checkpoint();
    assert.deepEqual([cosignedBy(cosigned, double), cosignedBy(cosigned, removed)], [2, 2]);
    assert.equal(double.asked.length, 1);
    double.misbehaves = () => undefined;
    await second.add("c");
    await second.until(() => double.asked.length === 2);
    assert.equal(oldOf(double.asked[1]), "old 2");
    await second.shard.close();
  });

  test("what was kept and cannot be believed is left out, and the log goes on", async () => {
    const double = await witness("changed.example");
    const disk = await newDisk();
    const first = await open(disk, [double], { quorum: 1 });
    await first.add("a");
    await first.shard.close();
    const path = "/data/log/state/cosigners.json";
    const kept = Buffer.from((await disk.files.readFile(path)) ?? []).toString("utf8");
    for (const changed of [kept.replace(/"size": 1,/, '"size": 2,'), "{", kept.replace('"version": 1', '"version": 2')]) {
      const file = await disk.files.openFile(path, "create");
      await file.append([encodeUtf8(changed.replaceAll(/"root": "../g, '"root": "00'))]);
      await file.close();
      double.misbehaves = () => "hang";
      const again = await open(disk, [double]);
      assert.equal(linesOf(again.shard.checkpoint().cosigned), 1);
      assert.equal(again.logged.filter(({ event }) => event === "log.witness-memory-unreadable").length, 1);
      await again.shard.close();
    }
  });

  test("a sealed shard is shown too, and keeps its last checkpoint with the lines", async () => {
    const double = await witness("sealed.example");
    const disk = await newDisk();
    const unwitnessed = await open(disk, []);
    await unwitnessed.add("a", "b");
    await unwitnessed.shard.seal();
    const { text } = unwitnessed.shard.checkpoint();
    await unwitnessed.shard.close();
    const sealed = await open(disk, [double]);
    await sealed.until(() => linesOf(sealed.shard.checkpoint().cosigned) === 2);
    assert.equal(sealed.shard.checkpoint().text, text);
    await sealed.shard.close();
    double.misbehaves = () => "hang";
    const again = await open(disk, [double]);
    assert.equal(cosignedBy(again.shard.checkpoint().cosigned, double), 2);
    await again.shard.close();
  });

  test("a checkpoint that is not durable is shown to nobody", async () => {
    const double = await witness("durable.example");
    const disk = await newDisk();
    const { shard, add } = await open(disk, [double], { quorum: 1 });
    await add("a");
    disk.files.fail({ operation: "sync", path: "/wal/", when: "before" });
    await assert.rejects(add("b"), { code: "STORAGE_SYNC_FAILED" });
    assert.equal(double.asked.length, 1);
    assert.equal(double.sizeOf(origin), 1);
    await shard.close();
  });
});

const other = newSigner();
const lineOver = async (body: string, change: (text: string) => string, timeS: number, name: string, signer: Signer) => {
  const text = parseSignedNote(body.slice(body.indexOf("\n\n") + 2)).text;
  return { status: 200, body: encodeSignatureLine(await cosignCheckpoint(change(text), timeS, name, signer)) };
};
const nowS = nowMs / 1000;
const witnessSigner = newSigner();

/** Each way in which a witness may not do what it should, and how that is told. */
const refusals: readonly (readonly [string, string, Misbehaviour])[] = [
  ["signs with another key", "WITNESS_ANSWER_FALSE", (_, body) => lineOver(body, (text) => text, nowS, "w.example", other)],
  [
    "signs under another name",
    "WITNESS_ANSWER_FALSE",
    (_, body) => lineOver(body, (text) => text, nowS, "x.example", witnessSigner),
  ],
  [
    "signs another tree",
    "WITNESS_ANSWER_FALSE",
    (_, body) => lineOver(body, (text) => text.replace("\n1\n", "\n2\n"), nowS, "w.example", witnessSigner),
  ],
  [
    "signs a text with more in it",
    "WITNESS_ANSWER_FALSE",
    async (_, body) => {
      const { body: line } = await lineOver(body, (text) => `${text}more\n`, nowS, "w.example", witnessSigner);
      return { status: 200, body: `more\n\n${line}` };
    },
  ],
  ["gives no time", "WITNESS_TIME_WRONG", (_, body) => lineOver(body, (text) => text, 0, "w.example", witnessSigner)],
  [
    "gives a time to come",
    "WITNESS_TIME_WRONG",
    (_, body) => lineOver(body, (text) => text, nowS + 601, "w.example", witnessSigner),
  ],
  [
    "gives a time long past",
    "WITNESS_TIME_WRONG",
    (_, body) => lineOver(body, (text) => text, nowS - 601, "w.example", witnessSigner),
  ],
  ["answers something else", "WITNESS_ANSWER_FALSE", () => ({ status: 200, body: "<html>fine</html>" })],
  ["answers nothing", "WITNESS_ANSWER_FALSE", () => ({ status: 200, body: "" })],
  ["answers no text", "SERVICE_ANSWER", () => ({ status: 200, body: Uint8Array.of(0xff, 0x0a) })],
  ["answers over the limit", "SERVICE_UNAVAILABLE", (answer) => ({ ...answer, body: answer.body + "x".repeat(17 * 1024) })],
  ["does not know the log", "SERVICE_REFUSED", () => ({ status: 404, body: "unknown log\n" })],
  ["does not know the key", "SERVICE_REFUSED", () => ({ status: 403, body: "no\n" })],
  ["refuses the proof", "SERVICE_REFUSED", () => ({ status: 422, body: "no\n" })],
  ["refuses the form", "SERVICE_REFUSED", () => ({ status: 400, body: "no\n" })],
  ["fails", "SERVICE_UNAVAILABLE", () => ({ status: 500, body: "no\n" })],
  ["sends elsewhere", "SERVICE_REFUSED", () => ({ status: 302, body: "" })],
  ["saw a larger tree", "WITNESS_AHEAD", () => ({ status: 409, body: "7\n", type: "text/x.tlog.size" })],
  ["never agrees on a size", "WITNESS_UNSTEADY", () => ({ status: 409, body: "0\n", type: "text/x.tlog.size" })],
  ["gives a 409 without its type", "SERVICE_ANSWER_MISMATCH", () => ({ status: 409, body: "0\n" })],
  ["gives a 409 that is no size", "SERVICE_ANSWER_MISMATCH", () => ({ status: 409, body: "00\n", type: "text/x.tlog.size" })],
  [
    "gives a 409 beyond what is exact",
    "SERVICE_ANSWER_MISMATCH",
    () => ({ status: 409, body: "9007199254740993\n", type: "text/x.tlog.size" }),
  ],
];

describe("a witness that", () => {
  for (const [what, code, misbehaviour] of refusals) {
    test(`${what} is ${code}: nothing of it is published, the checkpoint is, and the rest of the quorum counts`, async () => {
      const [bad, good] = [await witness("w.example", witnessSigner), await witness("good.example")];
      bad.misbehaves = misbehaviour;
      const { shard, add, logged, status, metrics } = await open(await newDisk(), [bad, good], { quorum: 2 });
      await add("a");
      const { cosigned } = shard.checkpoint();
      assert.equal(linesOf(cosigned), 2);
      assert.equal(cosignedBy(cosigned, good), 1);
      const [line] = logged.filter(({ event }) => event === "log.witness-failed");
      assert.deepEqual([line?.["witness"], codeIn(line?.["error"])], ["w.example", code]);
      const [listed] = status().objects("witnesses");
      assert.equal(listed?.string("state"), "failing");
      assert.match(listed?.string("error") ?? "", /^Cannot /);
      const [missed] = logged.filter(({ event }) => event === "log.witness-quorum-missed");
      assert.deepEqual([missed?.["cosignatures"], missed?.["quorum"], missed?.["missing"]], [1, 2, ["w.example"]]);
      assert.match(metrics.text(), /sigillum_log_witness_quorum_missed_total\{origin="log.example"\} 1/);
      // It is the misbehaviour alone: without it the same witness cosigns.
      bad.misbehaves = () => undefined;
      await shard.close();
    });
  }

  test("hangs is waited for by nobody once the others are enough", async () => {
    const [hanging, good] = [await witness("hanging.example"), await witness("good.example")];
    hanging.misbehaves = () => "hang";
    const { shard, add } = await open(await newDisk(), [hanging, good], { quorum: 1, waitMs: 600_000_000 });
    for (const text of ["a", "b", "c"]) await add(text);
    assert.equal(cosignedBy(shard.checkpoint().cosigned, good), 3);
    assert.equal(hanging.asked.length, 1);
    await shard.close();
  });

  test("hangs costs the time of one checkpoint, and later ones do not wait for it until it has answered", async () => {
    const hanging = await witness("hanging.example");
    hanging.misbehaves = () => "hang";
    const options = { quorum: 1, waitMs: 1500, limits: { requestMs: 60_000 } };
    const { shard, add, metrics, logged } = await open(await newDisk(), [hanging], options);
    await add("a");
    const begun = performance.now();
    for (const text of ["b", "c", "d", "e", "f", "g"]) await add(text);
    assert.ok(performance.now() - begun < 6 * 1500, "each of them waited");
    assert.match(metrics.text(), /quorum_missed_total\{origin="log.example"\} 7/);
    assert.equal(logged.filter(({ event }) => event === "log.witness-quorum-missed").length, 1);
    await shard.close();
  });

  test("is down for an hour delays nothing, and cosigns again when it is back", async () => {
    const double = await witness("down.example");
    const port = double.port;
    let steadyMs = 0;
    const { shard, add, logged, status } = await open(await newDisk(), [double], { quorum: 1, steadyMs: () => steadyMs });
    await add("a");
    await double.close();
    for (let minute = 0; minute < 60; minute++) {
      steadyMs += 60_000;
      await add(`minute ${minute}`);
    }
    const [listed] = status().objects("witnesses");
    assert.ok((listed?.safeInteger("failures") ?? 0) > 1);
    assert.equal(logged.filter(({ event }) => event === "log.witness-failed").length, 1);
    const back = new WitnessDouble("down.example", double.signer, () => nowMs).trust(origin, logKey);
    doubles.push(back);
    await back.listen(port);
    // The first answer is not waited for, as the witness was down.
    for (let later = 0; status().safeInteger("cosignatures") === 0; later++) {
      steadyMs += 60_000;
      await add(`later ${later}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(cosignedBy(shard.checkpoint().cosigned, back), shard.head().size);
    assert.equal(logged.filter(({ event }) => event === "log.witness-recovered").length, 1);
    await add("waited for again");
    assert.equal(cosignedBy(shard.checkpoint().cosigned, back), shard.head().size);
    assert.equal(logged.filter(({ event }) => event === "log.witness-quorum-reached").length, 1);
    await shard.close();
  });

  test("was down is asked again by itself, with nothing added meanwhile", async () => {
    const double = await witness("idle.example");
    let failing = true;
    double.misbehaves = () => (failing ? { status: 503, body: "" } : undefined);
    const limits = { firstPauseMs: 1, longestPauseMs: 20 };
    const { shard, add, until } = await open(await newDisk(), [double], { limits });
    await add("a");
    await until(() => double.asked.length > 3);
    failing = false;
    await until(() => linesOf(shard.checkpoint().cosigned) === 2);
    await shard.close();
  });
});

describe("parseWitnesses", () => {
  const key = cosignerKey("w.example", other.publicKey);
  const url = "https://w.example";
  test("takes keys of cosigners and refuses those of logs, and one key twice", () => {
    const [parsed] = parseWitnesses([{ url, verifierKey: encodeVerifierKey(key) }]);
    assert.deepEqual([parsed?.url, parsed?.key.name], [url, "w.example"]);
    const unusable = (...keys: readonly string[]): void =>
      assert.throws(() => parseWitnesses(keys.map((verifierKey) => ({ url, verifierKey }))), { code: "WITNESS_KEY_UNUSABLE" });
    unusable(encodeVerifierKey(noteKey("w.example", other.publicKey)));
    unusable(encodeVerifierKey(key), encodeVerifierKey(cosignerKey("second.example", other.publicKey)));
    assert.throws(() => parseWitnesses([{ url, verifierKey: "w.example+00000000+AAAA" }]), { code: "NOTE_KEY_UNSUPPORTED" });
  });

  test("the double keeps the rules that our questions rely on", async () => {
    const double = await witness("rules.example");
    const at = (size: number, byte: number) => ({ origin, treeSize: size, root: new Uint8Array(32).fill(byte), extensions: [] });
    const send = async (old: number, checkpoint: Parameters<typeof signCheckpoint>[0], signer = logSigner) => {
      const body = `old ${old}\n\n${await signCheckpoint(checkpoint, checkpoint.origin, signer)}`;
      const answer = await fetch(`http://127.0.0.1:${double.port}/add-checkpoint`, { method: "POST", body });
      return answer.status;
    };
    assert.equal(await send(0, at(1, 1)), 200);
    assert.equal(await send(1, at(1, 1)), 200);
    assert.equal(await send(1, at(1, 2)), 422);
    assert.equal(await send(1, at(2, 2)), 422);
    assert.equal(await send(0, at(2, 2)), 409);
    assert.equal(await send(3, at(2, 2)), 400);
    assert.equal(await send(1, at(1, 1), other), 403);
    assert.equal(await send(0, { ...at(1, 1), origin: "unknown.example" }), 404);
    assert.equal(parseCheckpoint(`${origin}\n1\n${Buffer.alloc(32).toString("base64")}\n`).treeSize, 1);
  });
});

/** The code in a logged error. */
function codeIn(error: unknown): unknown {
  return isSigillumError(error) ? error.code : typeof error === "object" && error !== null ? Reflect.get(error, "code") : error;
}
