// Kills a log that serves HTTP while many requests are in flight, again and again. The clients live in this process, which records what was
// acknowledged. SIGILLUM_KILLS sets how many kills (200 for the full run), SIGILLUM_SEED the moments.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { encodeUtf8, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { encodeProposedHashedRekord } from "@sigillum/library/log-entry";
import { verifyConsistency } from "@sigillum/library/merkle";
import { killWhileServing, partsOf, plannedKills, plannedSeed } from "./kill-harness.ts";
import { openRotatingLog } from "./rotating-log.ts";

const inFlight = 16;
const kills = plannedKills(20);
const seed = plannedSeed(20_261_129);

interface Acknowledged {
  readonly id: string;
  readonly integratedTime: number;
  readonly body: string;
}

describe(`a log that is killed ${kills} times under ${inFlight} requests (seed ${seed})`, () => {
  console.log(`log-server: seed ${seed}, ${kills} kills, ${inFlight} requests in flight`);
  const acknowledged = new Map<number, Acknowledged>();
  const heads = new Map<number, string>();
  const unchecked = new Set<number>();
  const client = newClient(acknowledged, heads, unchecked);
  let directory = "";
  let cutOff = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-server-faults-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const check = async (round: number): Promise<void> => {
    // Every third kill is followed by another without a clean stop between them.
    if (round % 3 === 1 && round < kills - 1) return;
    const log = await openRotatingLog(directory);
    try {
      const [report] = JsonObject.from({ reports: await log.fsck() }, "fsck").objects("reports");
      assert.deepEqual(report?.value("differences"), [], `round ${round}`);
      // Those of the last kills each time, all of them at the end.
      for (const index of round === kills - 1 ? acknowledged.keys() : unchecked)
        assert.deepEqual(await readEntry(log.url, index), acknowledged.get(index), `round ${round}: entry ${index}`);
      unchecked.clear();
      await requireNoFork(log.url, heads, round);
    } finally {
      await log.close();
    }
  };

  for (const { from, count } of partsOf(kills)) {
    test(`kills ${from + 1} to ${from + count}: keeps every acknowledged entry and never forks`, async () => {
      await killWhileServing({
        seed,
        from,
        kills: count,
        command: () => [join(import.meta.dirname, "log-server-victim.ts"), directory],
        maxAnswers: 120,
        maxExtraMs: 25,
        hands: inFlight,
        work: (url, round, hand, number) => client.add(url, `round ${round}, hand ${hand}, entry ${number}`),
        onCutOff: () => {
          cutOff += 1;
        },
        afterKill: check,
      });
      console.log(`log-server: ${from + count} kills, ${acknowledged.size} acknowledged, ${cutOff} requests cut off by kills`);
      assert.ok(cutOff >= (from + count) * 10, `${cutOff} requests were in flight at ${from + count} kills`);
    });
  }
});

interface Client {
  add(url: string, text: string): Promise<void>;
}

function newClient(acknowledged: Map<number, Acknowledged>, heads: Map<number, string>, unchecked: Set<number>): Client {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const verifier = { type: "publicKey", der: publicKey.export({ type: "spki", format: "der" }) } as const;
  const agent = new Agent({ keepAlive: true });
  return {
    async add(url, text) {
      const digest = createHash("sha256").update(text).digest();
      const signature = sign("sha256", encodeUtf8(text), privateKey);
      const body = encodeProposedHashedRekord({ hashAlgorithm: "sha256", digest, signature, verifier });
      const answer = await exchange(agent, `${url}/api/v1/log/entries`, body);
      const fields = JsonObject.exact(parseJson(answer), "entry");
      const [id = ""] = Object.keys(JSON.parse(answer));
      const entry = fields.object(id);
      const index = entry.safeInteger("logIndex");
      assert.equal(acknowledged.has(index), false, `index ${index} was given twice`);
      acknowledged.set(index, { id, integratedTime: entry.safeInteger("integratedTime"), body: entry.string("body") });
      unchecked.add(index);
      const proof = entry.object("verification").object("inclusionProof");
      const [size, root] = [proof.safeInteger("treeSize"), proof.string("rootHash")];
      assert.equal(heads.get(size) ?? root, root, `two roots at size ${size}`);
      heads.set(size, root);
    },
  };
}

function exchange(agent: Agent, url: string, body: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", agent, headers: { "content-type": "application/json" } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("error", reject);
      // An answer that was cut off acknowledges nothing.
      answer.on("end", () => {
        if (!answer.complete) reject(Object.assign(new Error("cut off"), { code: "ECONNRESET" }));
        else if (answer.statusCode === 201) resolve(text);
        else reject(new Error(`a write was answered ${answer.statusCode}: ${text}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function readEntry(url: string, index: number): Promise<Acknowledged> {
  const reply = await fetch(`${url}/api/v1/log/entries?logIndex=${index}`);
  const [[id, entry] = ["", undefined]] = Object.entries((await reply.json()) as Record<string, Acknowledged>);
  return { id, integratedTime: entry?.integratedTime ?? 0, body: entry?.body ?? "" };
}

/** Every tree head that a client was given is extended by the tree of now. */
async function requireNoFork(url: string, heads: ReadonlyMap<number, string>, round: number): Promise<void> {
  const now = JsonObject.from(parseJson(await (await fetch(`${url}/api/v1/log`)).text()), "log");
  const [size, root] = [now.safeInteger("treeSize"), parseHex(now.string("rootHash"))];
  for (const [size1, root1] of [...heads].slice(-40)) {
    assert.ok(size1 <= size, `round ${round}: the tree of ${size1} shrank to ${size}`);
    const text = await (await fetch(`${url}/api/v1/log/proof?firstSize=${size1}&lastSize=${size}`)).text();
    const proof = JsonObject.from(parseJson(text), "proof")
      .array("hashes")
      .map((item) => parseHex(item.string()));
    verifyConsistency({ size1, root1: parseHex(root1), size2: size, root2: root, proof });
  }
}
