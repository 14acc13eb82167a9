import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { type Signer, sha256 } from "@sigillum/library/crypto";
import {
  encodeSctList,
  parseDataTile,
  parseLeafIndexExtension,
  parseMerkleTreeLeaf,
  parseTreeHeadSignature,
  treeHeadNoteKeyId,
  verifyEmbeddedScts,
  verifyTreeHead,
} from "@sigillum/library/ct";
import { encodeBase64, encodeHex, parseBase64, parseJson, parseUtf8, TlsReader } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { leafHash, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import {
  type Certificate,
  ctPoisonExtension,
  emptyName,
  fulcioLeafExtensions,
  parseCertificate,
  sctListExtension,
  signCertificate,
  subjectKeyId,
} from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { Host, silentLogger } from "../host/index.ts";
import { createAuthorityChain, Keyring, randomSerial } from "../keyring/index.ts";
import { type CtLogService, createCtLogService, ctLogErrors } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0, 250);
const clock = { ms: startMs, nowMs: () => clock.ms };
const code = (expected: string) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, expected, error.message);
  return true;
};

describe("CT log", () => {
  let directory = "";
  let keyring: Keyring;
  let service: CtLogService;
  let host: Host;
  let url = "";
  const open = async (leafIndexExtension = true): Promise<void> => {
    service = await createCtLogService({
      keyring,
      directory: join(directory, leafIndexExtension ? "logs" : "plain"),
      leafIndexExtension,
      clock,
      logger: silentLogger,
      listener: { name: "ct", addresses: ["127.0.0.1"], port: 0 },
    });
    host = new Host({ logger: silentLogger, clock });
    await host.start([service]);
    url = `http://127.0.0.1:${host.addresses()[0]?.port}`;
  };
  const chain = (): readonly Certificate[] => keyring.activeChain("ca").certificates;
  const fieldsOf = (email: string, issuer: Certificate, subject = ephemeralSigner()) => ({
    serial: randomSerial(),
    issuer: issuer.subject,
    subject: emptyName,
    notBeforeMs: startMs - 250,
    notAfterMs: startMs + 600_000,
    spki: subject.publicKey.spki,
    extensions: fulcioLeafExtensions({
      spki: subject.publicKey.spki,
      issuerKeyId: subjectKeyId(issuer),
      subjectAltName: { type: "email", value: email },
      claims: { issuer: "http://i" },
    }),
  });
  const precertificate = async (email = "dev@example.com", issuers = chain(), signer: Signer = keyring.signer("ca")) => {
    const [issuer] = issuers;
    assert.ok(issuer !== undefined);
    const fields = fieldsOf(email, issuer);
    const der = await signCertificate({ ...fields, extensions: [...fields.extensions, ctPoisonExtension()] }, signer);
    return { fields, chain: [der, ...issuers.map((one) => one.der)] };
  };
  const post = (path: string, certificates: readonly Uint8Array[]): Promise<HttpResponse> =>
    request({ method: "POST", url: `${url}${path}`, body: JSON.stringify({ chain: certificates.map(encodeBase64) }) });
  const json = async (path: string): Promise<Record<string, unknown>> => {
    const response = await request({ url: `${url}${path}` });
    assert.equal(response.status, 200, parseUtf8(response.body));
    return parseJson(response.body) as Record<string, unknown>;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ct-"));
    const publicUrls = {
      logV1: "http://localhost:1",
      logV2: "http://localhost:2",
      ca: "http://localhost:3",
      ct: "http://localhost:6962",
      tsa: "http://localhost:5",
      identity: "http://localhost:6",
    };
    keyring = await Keyring.create(directory, { organization: "Example", operator: "localhost", publicUrls }, startMs);
    await open();
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    clock.ms = startMs;
  });

  it("signs an SCT that verifies in the final certificate and names the leaf index", async () => {
    const { fields, chain: submitted } = await precertificate();
    const sct = await service.log.submitPrecertificate(submitted);
    assert.equal(sct.timestampMs, startMs);
    assert.equal(parseLeafIndexExtension(sct.extensions), 0);
    const final = await signCertificate(
      { ...fields, extensions: [...fields.extensions, sctListExtension(encodeSctList([sct]))] },
      keyring.signer("ca"),
    );
    const [issuer] = chain();
    assert.ok(issuer !== undefined);
    verifyEmbeddedScts({ certificate: parseCertificate(final), issuer, logs: keyring.trustedRoot().ctlogs });
    // The final certificate may be logged too.
    const response = await post("/ct/v1/add-chain", [final, ...submitted.slice(1)]);
    assert.equal(response.status, 200, parseUtf8(response.body));
  });

  it("answers add-pre-chain as RFC 6962 §4.1 writes it, also without the root", async () => {
    const { chain: submitted } = await precertificate();
    const response = await post("/ct/v1/add-pre-chain", submitted.slice(0, 2));
    assert.equal(response.status, 200, parseUtf8(response.body));
    const sct = parseJson(response.body) as {
      sct_version: number;
      id: string;
      timestamp: number;
      extensions: string;
      signature: string;
    };
    assert.equal(sct.sct_version, 0);
    assert.deepEqual(parseBase64(sct.id), keyring.shards("ct")[0]?.logId);
    assert.equal(sct.timestamp, startMs);
    assert.equal(parseBase64(sct.extensions).length, 8);
    assert.deepEqual([...parseBase64(sct.signature).subarray(0, 2)], [4, 3]);
  });

  it("answers a repeated submission with the entry that is there", async () => {
    const { chain: submitted } = await precertificate();
    const first = await service.log.submitPrecertificate(submitted);
    const { size } = service.log.shard.head();
    clock.ms += 5000;
    const second = await service.log.submitPrecertificate(submitted);
    assert.equal(second.timestampMs, first.timestampMs);
    assert.deepEqual(second.extensions, first.extensions);
    assert.equal(service.log.shard.head().size, size);
  });

  it("publishes a checkpoint that verifies as static-ct note and as RFC 6962 tree head", async () => {
    const [shard] = keyring.shards("ct");
    assert.ok(shard !== undefined);
    const text = parseUtf8((await request({ url: `${url}/checkpoint` })).body);
    const note = parseSignedNote(text);
    const checkpoint = parseCheckpoint(note.text);
    assert.equal(checkpoint.origin, "localhost:6962");
    const [line, ...more] = note.signatures;
    assert.ok(line !== undefined && more.length === 0);
    assert.equal(line.name, "localhost:6962");
    assert.deepEqual(line.keyHint, treeHeadNoteKeyId("localhost:6962", shard.logId).slice(0, 4));
    const { publicKey } = keyring.signer(shard.key);
    verifyTreeHead({
      treeSize: checkpoint.treeSize,
      root: checkpoint.root,
      signature: parseTreeHeadSignature(line.signature),
      publicKey,
    });
    const sth = await json("/ct/v1/get-sth");
    assert.equal(sth["tree_size"], checkpoint.treeSize);
    assert.equal(sth["sha256_root_hash"], encodeBase64(checkpoint.root));
    const reader = new TlsReader(parseBase64(String(sth["tree_head_signature"])));
    const signature = {
      timestampMs: Number(sth["timestamp"]),
      hashAlgorithm: reader.uint8("h"),
      signatureAlgorithm: reader.uint8("s"),
      signature: reader.vector16("sig"),
    };
    verifyTreeHead({ treeSize: checkpoint.treeSize, root: checkpoint.root, signature, publicKey });
  });

  it("proves inclusion and consistency, and serves entries with their chains", async () => {
    const { size, root } = service.log.shard.head();
    const { chain: submitted } = await precertificate("proof@example.com");
    const sct = await service.log.submitPrecertificate(submitted);
    const head = service.log.shard.head();
    const index = parseLeafIndexExtension(sct.extensions) ?? -1;
    const { entries } = (await json(`/ct/v1/get-entries?start=${index}&end=${index + 50}`)) as {
      entries: { leaf_input: string; extra_data: string }[];
    };
    assert.equal(entries.length, 1);
    const leaf = parseBase64(entries[0]?.leaf_input ?? "");
    assert.equal(parseMerkleTreeLeaf(leaf).timestampMs, startMs);
    const extra = new TlsReader(parseBase64(entries[0]?.extra_data ?? ""));
    assert.deepEqual(extra.vector24("precertificate"), submitted[0]);
    const issuers = new TlsReader(extra.vector24("chain"));
    assert.deepEqual([issuers.vector24("a"), issuers.vector24("b")], submitted.slice(1));
    const hash = leafHash(leaf);
    const proof = (await json(
      `/ct/v1/get-proof-by-hash?tree_size=${head.size}&hash=${encodeURIComponent(encodeBase64(hash))}`,
    )) as { leaf_index: number; audit_path: string[] };
    assert.equal(proof.leaf_index, index);
    verifyInclusion({
      leafHash: hash,
      leafIndex: index,
      treeSize: head.size,
      proof: proof.audit_path.map(parseBase64),
      root: head.root,
    });
    const { consistency } = (await json(`/ct/v1/get-sth-consistency?first=${size}&second=${head.size}`)) as {
      consistency: string[];
    };
    verifyConsistency({ size1: size, root1: root, size2: head.size, root2: head.root, proof: consistency.map(parseBase64) });
    assert.deepEqual({ ...(await json("/ct/v1/get-sth-consistency?first=0&second=1")) }, { consistency: [] });
  });

  it("serves an entry with its proof", async () => {
    const { size, root } = service.log.shard.head();
    for (let index = 0; index < size; index++) {
      const answer = (await json(`/ct/v1/get-entry-and-proof?leaf_index=${index}&tree_size=${size}`)) as {
        leaf_input: string;
        extra_data: string;
        audit_path: string[];
      };
      const proof = answer.audit_path.map(parseBase64);
      verifyInclusion({ leafHash: leafHash(parseBase64(answer.leaf_input)), leafIndex: index, treeSize: size, proof, root });
      const { entries } = (await json(`/ct/v1/get-entries?start=${index}&end=${index}`)) as { entries: unknown[] };
      assert.deepEqual({ leaf_input: answer.leaf_input, extra_data: answer.extra_data }, { ...Object(entries[0]) });
    }
    for (const query of [
      `leaf_index=${size}&tree_size=${size}`,
      `leaf_index=0&tree_size=${size + 1}`,
      "leaf_index=0",
      "leaf_index=0&tree_size=0",
    ])
      assert.equal((await request({ url: `${url}/ct/v1/get-entry-and-proof?${query}` })).status, 400, query);
  });

  it("compresses data tiles for those who ask, and says that it does", async () => {
    const { size } = service.log.shard.head();
    const get = (accept?: string): Promise<HttpResponse> =>
      request({
        url: `${url}/tile/data/000.p/${size}`,
        ...(accept === undefined ? {} : { headers: { "accept-encoding": accept } }),
      });
    const plain = await get();
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(plain.headers["vary"], "accept-encoding");
    for (const accept of ["gzip", "br, GZIP;q=0.5", "*"]) {
      const answer = await get(accept);
      assert.equal(answer.headers["content-encoding"], "gzip", accept);
      assert.deepEqual(new Uint8Array(gunzipSync(answer.body)), new Uint8Array(plain.body));
    }
    for (const accept of ["identity", "gzip;q=0", "gzip;q=0, *", ""])
      assert.equal((await get(accept)).headers["content-encoding"], undefined, accept);
    const hashes = await request({ url: `${url}/tile/0/000.p/${size}`, headers: { "accept-encoding": "gzip" } });
    assert.equal(hashes.headers["content-encoding"], undefined);
  });

  it("serves tiles, data tiles and issuers as static-ct lays them out", async () => {
    const { size } = service.log.shard.head();
    const tile = await request({ url: `${url}/tile/0/000.p/${size}` });
    assert.equal(tile.status, 200);
    assert.equal(tile.body.length, 32 * size);
    const data = parseDataTile((await request({ url: `${url}/tile/data/000.p/${size}` })).body);
    assert.equal(data.length, size);
    for (const record of data) {
      assert.deepEqual(
        record.chainFingerprints,
        chain().map((one) => sha256(one.der)),
      );
      for (const fingerprint of record.chainFingerprints) {
        const issuer = await request({ url: `${url}/issuer/${encodeHex(fingerprint)}` });
        assert.equal(issuer.headers["content-type"], "application/pkix-cert");
        assert.deepEqual(sha256(issuer.body), fingerprint);
      }
    }
    for (const path of [
      "/tile/0/001",
      "/tile/data/000",
      "/tile/entries/000.p/1",
      "/tile/x/000",
      "/tile/0/../../keyring.json",
      `/issuer/${"0".repeat(64)}`,
      "/issuer/..%2f..%2fkeyring.json",
    ]) {
      assert.equal((await request({ url: `${url}${path}` })).status, 404, path);
    }
  });

  it("lists its roots", async () => {
    const { certificates } = (await json("/ct/v1/get-roots")) as { certificates: string[] };
    assert.deepEqual(certificates.map(parseBase64), [chain().at(-1)?.der]);
  });

  it("refuses chains of another authority, without poison, out of order, expired, or unreadable", async () => {
    const { size } = service.log.shard.head();
    const signer = ephemeralSigner();
    const names = { organization: "Example", rootName: "sigillum", name: "sigillum-intermediate" };
    const foreign = await createAuthorityChain({ ...names, startMs: startMs - 250 }, ephemeralSigner("ecdsa-p384"), signer);
    const other = await precertificate("dev@example.com", foreign, signer);
    const { chain: good, fields } = await precertificate();
    const final = await signCertificate(fields, keyring.signer("ca"));
    const refused = async (path: string, certificates: readonly Uint8Array[], expected?: string): Promise<void> => {
      const response = await post(path, certificates);
      assert.equal(response.status, 400, parseUtf8(response.body));
      if (expected !== undefined) assert.equal((parseJson(response.body) as { code: string }).code, expected);
    };
    await refused("/ct/v1/add-pre-chain", other.chain);
    // An issuer that is known must not vouch for a leaf that it did not sign.
    await refused("/ct/v1/add-pre-chain", [other.chain[0] ?? new Uint8Array(), ...good.slice(1)]);
    await refused("/ct/v1/add-pre-chain", [final, ...good.slice(1)], "CT_POISON");
    await refused("/ct/v1/add-chain", good, "CT_POISON");
    await refused("/ct/v1/add-pre-chain", [...good].reverse());
    await refused("/ct/v1/add-pre-chain", [], "CT_CHAIN_MALFORMED");
    await refused("/ct/v1/add-pre-chain", [Uint8Array.of(1, 2, 3)]);
    clock.ms = startMs + 601_000;
    await refused("/ct/v1/add-pre-chain", good);
    clock.ms = startMs;
    assert.equal((await request({ method: "POST", url: `${url}/ct/v1/add-pre-chain`, body: "{}" })).status, 400);
    assert.equal((await request({ method: "POST", url: `${url}/ct/v1/add-pre-chain`, body: '{"chain":["!"]}' })).status, 400);
    assert.equal(service.log.shard.head().size, size);
  });

  it("refuses parameters that are missing or beyond the tree", async () => {
    const codeOf = async (path: string): Promise<[number, unknown]> => {
      const response = await request({ url: `${url}${path}` });
      return [response.status, (parseJson(response.body) as { code: unknown }).code];
    };
    assert.deepEqual(await codeOf("/ct/v1/get-entries?start=0"), [400, "CT_LOG_PARAMETER"]);
    assert.deepEqual(await codeOf("/ct/v1/get-entries?start=5&end=2"), [400, "CT_LOG_PARAMETER"]);
    assert.deepEqual(await codeOf("/ct/v1/get-entries?start=99999&end=99999"), [400, "CT_LOG_PARAMETER"]);
    assert.deepEqual(await codeOf("/ct/v1/get-sth-consistency?first=1&second=99999"), [400, "LOG_INDEX_OUT_OF_RANGE"]);
    assert.deepEqual(
      await codeOf(`/ct/v1/get-proof-by-hash?tree_size=1&hash=${encodeURIComponent(encodeBase64(new Uint8Array(32)))}`),
      [404, "CT_LOG_LEAF_UNKNOWN"],
    );
  });

  it("goes on after a restart with the same tree, and can omit the leaf index", async () => {
    const before = service.log.shard.head();
    await host.stop();
    await open();
    assert.deepEqual(service.log.shard.head(), before);
    assert.deepEqual((await readdir(join(directory, "logs", "ct-2026-1", "issuer"))).length, 2);
    await host.stop();
    await open(false);
    const sct = await service.log.submitPrecertificate((await precertificate()).chain);
    assert.equal(sct.extensions.length, 0);
  });

  it("enters nothing when an issuer cannot be stored", async () => {
    await rm(join(directory, "plain", "ct-2026-1", "issuer"), { recursive: true });
    const { size } = service.log.shard.head();
    await host.stop();
    await open(false);
    await rm(join(directory, "plain", "ct-2026-1", "issuer"), { recursive: true });
    await assert.rejects(service.log.submitPrecertificate((await precertificate()).chain), code("CT_LOG_ISSUER_UNAVAILABLE"));
    assert.equal(service.log.shard.head().size, size);
    assert.ok(Object.values(ctLogErrors).every((entry) => entry.means.endsWith(".")));
  });
});
