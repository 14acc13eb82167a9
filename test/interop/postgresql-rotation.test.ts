// Both logs of a stack that keeps them in PostgreSQL rotate by the command while clients write: nobody is refused, and what the sealed shards
// have is proved and served after a restart.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { encodeUtf8, JsonObject, parseBase64, parseHex, parseJson } from "@sigillum/library/encoding";
import { encodeCreateEntryRequestV2, encodeProposedHashedRekord } from "@sigillum/library/log-entry";
import { leafHash, verifyInclusion } from "@sigillum/library/merkle";
import { findFreePorts } from "@sigillum/stack/settings";
import { postgresMissing, startTemporaryPostgres, type TemporaryPostgres } from "@sigillum/stack/storage";
import { blobSteps } from "./blob-steps.ts";
import { type Instance, startInstance } from "./instance.ts";

const hands = 6;
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const verifier = { type: "publicKey", der: new Uint8Array(publicKey.export({ type: "spki", format: "der" })) } as const;

function proposal(api: "v1" | "v2", text: string): string {
  const digest = createHash("sha256").update(text).digest();
  const entry = { hashAlgorithm: "sha256", digest, signature: sign("sha256", encodeUtf8(text), privateKey), verifier } as const;
  return api === "v1"
    ? encodeProposedHashedRekord(entry)
    : encodeCreateEntryRequestV2({ ...entry, keyDetails: "PKIX_ECDSA_P256_SHA_256" });
}

interface Acknowledged {
  readonly logId: string;
  readonly index: number;
  readonly body: string;
}

async function add(api: "v1" | "v2", url: string, text: string): Promise<Acknowledged> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const reply = await fetch(`${url}/api/${api}/log/entries`, { method: "POST", headers, body: proposal(api, text) });
  const said = await reply.text();
  assert.equal(reply.status, 201, `${text}: ${said}`);
  const fields = JsonObject.exact(parseJson(encodeUtf8(said)), "entry");
  if (api === "v2") {
    requireIncluded(fields.object("inclusionProof"), parseBase64(fields.string("canonicalizedBody")), parseBase64);
    const logId = fields.object("logId").string("keyId");
    return { logId, index: Number(fields.string("logIndex")), body: fields.string("canonicalizedBody") };
  }
  const [id = ""] = fields.names();
  const entry = fields.object(id);
  requireIncluded(entry.object("verification").object("inclusionProof"), parseBase64(entry.string("body")), parseHex);
  return { logId: entry.string("logID"), index: entry.safeInteger("logIndex"), body: entry.string("body") };
}

function requireIncluded(proof: JsonObject, body: Uint8Array, decode: (text: string) => Uint8Array): void {
  verifyInclusion({
    leafHash: leafHash(body),
    leafIndex: Number(proof.value("logIndex")),
    treeSize: Number(proof.value("treeSize")),
    proof: proof.strings("hashes").map(decode),
    root: decode(proof.string("rootHash")),
  });
}

describe("logs in PostgreSQL rotate", { timeout: 400_000 }, () => {
  const skip = postgresMissing() ?? false;
  let database: TemporaryPostgres;
  let instance: Instance;

  before(async () => {
    if (skip !== false) return;
    database = await startTemporaryPostgres();
    const storage = { kind: "postgresql", postgresqlUrl: database.url };
    instance = await startInstance("signer@example.com", {}, { storage, trust: { cacheWindowHours: 0 } });
  });
  after(async () => {
    await instance?.stop();
    await database?.close();
  });

  const { succeed, verify, signAndVerify } = blobSteps(() => instance);
  const shards = async (api: string): Promise<{ state: string; size: number }[]> =>
    JSON.parse(await succeed("log", "shards", "--data", "data", "--output", "json"))[`log-${api}`];
  const sealed = async (api: string): Promise<{ state: string; size: number }[]> => {
    for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const rows = await shards(api);
      if (rows[0]?.state === "sealed" && rows[1]?.state === "active") return rows;
      assert.ok(Date.now() < end, JSON.stringify(rows));
    }
  };

  // An old shard of log v2 takes entries until the overlap ends, which the restart after it sees to.
  for (const api of ["v2", "v1"] as const) {
    it(`log ${api}, under ${hands} clients that write all the time`, { skip }, async () => {
      await signAndVerify(`${api}-before.txt`);
      const oldUrl = instance.url(`log-${api}`);
      const nextUrl = api === "v1" ? oldUrl : `http://localhost:${(await findFreePorts(1, ["127.0.0.1", "::1"]))[0]}`;
      const written: Acknowledged[] = [];
      let [rotated, left] = [false, hands];
      const write = async (hand: number): Promise<void> => {
        for (let more = 15, number = 0; more > 0; number += 1) {
          if (rotated) more -= 1;
          const url = rotated ? nextUrl : oldUrl;
          written.push(await add(api, url, `${api}, hand ${hand}, entry ${number}`));
        }
        left -= 1;
      };
      const writing = Promise.all(Array.from({ length: hands }, (_, hand) => write(hand)));
      try {
        await succeed("log", "rotate", "--data", "data", "--log", api, ...(api === "v2" ? ["--url", nextUrl] : []));
      } finally {
        rotated = true;
        await writing;
      }
      assert.equal(left, 0);
      assert.equal(new Set(written.map(({ logId }) => logId)).size, 2, "no entry went to the new shard, or none to the old one");
      assert.equal(new Set(written.map(({ logId, index }) => `${logId} ${index}`)).size, written.length);

      await instance.restart((text) =>
        api === "v2" ? text.replace(/overlapHours: \d+/, "overlapHours: 0") : text.replace(/^logLevel: .*$/m, "logLevel: warn"),
      );
      const rows = await sealed(api);
      assert.ok(rows.reduce((sum, { size }) => sum + Number(size), 0) >= written.length, JSON.stringify(rows));
      if (api === "v1") {
        for (const { index, body } of written) {
          const reply = await fetch(`${oldUrl}/api/v1/log/entries?logIndex=${index}`);
          const fields = JsonObject.exact(parseJson(encodeUtf8(await reply.text())), "entry");
          const entry = fields.object(fields.names()[0] ?? "");
          assert.equal(entry.string("body"), body);
          requireIncluded(entry.object("verification").object("inclusionProof"), parseBase64(body), parseHex);
        }
      } else {
        // The sealed shard is still read at its own address.
        const size = Number((await (await fetch(`${oldUrl}/api/v2/checkpoint`)).text()).split("\n")[1]);
        const reply = await fetch(`${oldUrl}/api/v2/tile/entries/000${size < 256 ? `.p/${size}` : ""}`);
        const bundle = Buffer.from(await reply.arrayBuffer());
        const old = written.filter(({ logId, index }) => logId === written[0]?.logId && index < 256);
        assert.ok(old.length > 0);
        for (const { index, body } of old) assert.ok(bundle.includes(Buffer.from(parseBase64(body))), `entry ${index}`);
      }
      await verify(`${api}-before.txt`);
      await signAndVerify(`${api}-after.txt`);
      assert.doesNotMatch(await succeed("log", "fsck", "--data", "data"), /differ(?!ences? *:? *(?:0|none))/i);
    });
  }
});
