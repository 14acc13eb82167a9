import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { noteKey, parseSignedNote, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { createSigner, encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodePem, encodeUtf8, parseBase64, parseHex } from "@sigillum/library/encoding";
import { encodeProposedHashedRekord, verifySet } from "@sigillum/library/log-entry";
import { leafHash, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { encodeName, fulcioLeafExtensions, signCertificate } from "@sigillum/library/x509";
import { type Service, silentLogger } from "../host/index.ts";
import { createRekorV1, openRekorV1Shard, type RekorV1Shard, rekorV1LogId } from "./index.ts";

const hostname = "rekor.example";
const nowMs = 1_767_225_600_999;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

function newKey(): { signer: Signer; sign: (message: Uint8Array) => Buffer } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    signer: createSigner(privateKey.export({ type: "pkcs8", format: "der" })),
    sign: (message) => sign("sha256", message, privateKey),
  };
}

/** Refused with this status, this code of ours, and this code in Rekor's error model. */
function assertRefused(answer: Answer, status: number, ownCode: string, code = status): void {
  assert.deepEqual([answer.status, answer.headers["x-error-code"]], [status, ownCode], answer.text);
  if (status !== 422 || code !== status) assert.equal(JSON.parse(answer.text).code, code, answer.text);
}

interface EntryJson {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly checkpoint: string;
      readonly hashes: string[];
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
    };
  };
}

function onlyEntry(json: string): { id: string; entry: EntryJson } {
  const members = Object.entries(JSON.parse(json) as Record<string, EntryJson>);
  assert.equal(members.length, 1);
  const [[id, entry] = ["", undefined]] = members;
  assert.ok(entry !== undefined);
  return { id, entry };
}

const client = newKey();

function hashedRekord(text: string): string {
  return encodeProposedHashedRekord({
    hashAlgorithm: "sha256",
    digest: createHash("sha256").update(text).digest(),
    signature: client.sign(encodeUtf8(text)),
    verifier: { type: "publicKey", der: client.signer.publicKey.spki },
  });
}

function certificateOf(email: string): Promise<Uint8Array> {
  const name = encodeName({ organization: "example", commonName: "ca" });
  const { spki } = client.signer.publicKey;
  const subjectAltName = { type: "email", value: email } as const;
  const extensions = fulcioLeafExtensions({
    spki,
    issuerKeyId: undefined,
    subjectAltName,
    claims: { issuer: "https://issuer.example" },
  });
  return signCertificate(
    { serial: Uint8Array.of(1), issuer: name, subject: name, notBeforeMs: 0, notAfterMs: 1e12, spki, extensions },
    client.signer,
  );
}

describe("createRekorV1", () => {
  let directory = "";
  const servers: Server[] = [];
  const services: Service[] = [];
  let old: RekorV1Shard;
  let active: RekorV1Shard;
  let ask: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

  const openShard = (name: string, treeId: bigint): Promise<RekorV1Shard> =>
    openRekorV1Shard({
      directory: join(directory, name),
      hostname,
      treeId,
      signer: newKey().signer,
      clock: { nowMs: () => nowMs },
      logger: silentLogger,
    });

  const serve = async (shards: readonly RekorV1Shard[], duplicates?: "existing" | "conflict"): Promise<typeof ask> => {
    const service = createRekorV1({
      shards,
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
      ...(duplicates === undefined ? {} : { duplicates }),
    });
    services.push(service);
    const server = createServer(service.listeners[0]?.handler);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const { port } = address;
    return (method, path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(
          {
            host: "127.0.0.1",
            port,
            method,
            path,
            headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
          },
          (incoming) => {
            let text = "";
            incoming.setEncoding("utf8").on("data", (part: string) => (text += part));
            incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
          },
        );
        outgoing.on("error", reject);
        outgoing.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
      });
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-rekor-v1-"));
    old = await openShard("old", 1193050959916656506n);
    active = await openShard("active", 2605736670972794746n);
    const before = await serve([old]);
    for (const text of ["old 0", "old 1", "old 2"])
      assert.equal((await before("POST", "/api/v1/log/entries", hashedRekord(text))).status, 201);
    await old.shard.seal();
    ask = await serve([old, active]);
  });
  after(async () => {
    for (const server of servers) server.close();
    for (const service of services) await service.close();
    await rm(directory, { recursive: true, force: true });
  });

  const verify = ({ id, entry }: { id: string; entry: EntryJson }, owner: RekorV1Shard): void => {
    const body = parseBase64(entry.body);
    assert.equal(id, `${owner.treeId.toString(16).padStart(16, "0")}${Buffer.from(leafHash(body)).toString("hex")}`);
    const logId = rekorV1LogId(owner.signer);
    assert.equal(entry.logID, Buffer.from(logId).toString("hex"));
    assert.equal(entry.integratedTime, Math.floor(nowMs / 1000));
    verifySet(
      { body, integratedTime: entry.integratedTime, logId, logIndex: entry.logIndex },
      parseBase64(entry.verification.signedEntryTimestamp),
      owner.signer,
    );
    const proof = entry.verification.inclusionProof;
    assert.equal(parseSignedNote(proof.checkpoint).signatures.length, 1);
    const checkpoint = verifyCheckpoint(proof.checkpoint, noteKey(hostname, owner.signer.publicKey), {
      origin: `${hostname} - ${owner.treeId}`,
    });
    assert.deepEqual([checkpoint.treeSize, Buffer.from(checkpoint.root).toString("hex")], [proof.treeSize, proof.rootHash]);
    verifyInclusion({
      leafHash: leafHash(body),
      leafIndex: proof.logIndex,
      treeSize: proof.treeSize,
      proof: proof.hashes.map(parseHex),
      root: checkpoint.root,
    });
  };

  test("POST /log/entries answers 201 with ETag, Location, a virtual index, a promise and a proof that verify", async () => {
    const answer = await ask("POST", "/api/v1/log/entries", hashedRekord("first"));
    assert.equal(answer.status, 201, answer.text);
    const { id, entry } = onlyEntry(answer.text);
    verify({ id, entry }, active);
    assert.deepEqual([answer.headers.etag, answer.headers.location], [id, `/api/v1/log/entries/${id}`]);
    assert.deepEqual([entry.logIndex, entry.verification.inclusionProof.logIndex], [3, 0]);
  });

  test("POST /log/entries answers a repeated entry with the existing one, or 409 whose Location is readable when set so", async () => {
    const request = hashedRekord("twice");
    const first = onlyEntry((await ask("POST", "/api/v1/log/entries", request)).text);
    const second = await ask("POST", "/api/v1/log/entries", request);
    assert.deepEqual([second.status, onlyEntry(second.text).entry.logIndex], [201, first.entry.logIndex]);
    const strict = await serve([old, active], "conflict");
    const conflict = await strict("POST", "/api/v1/log/entries", request);
    assertRefused(conflict, 409, "REKOR_V1_DUPLICATE");
    assert.equal(conflict.headers.location, `/api/v1/log/entries/${first.id}`);
    assert.match(JSON.parse(conflict.text).message, new RegExp(`${first.id}$`));
    verify(onlyEntry((await ask("GET", conflict.headers.location ?? "")).text), active);
  });

  test("POST /log/entries takes a dsse envelope, and finds it by payload, envelope, key and subject digests", async () => {
    const digest = "ab".repeat(32);
    const payload = JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "file", digest: { sha256: digest } }],
      predicateType: "https://slsa.dev/provenance/v0.2",
      predicate: { materials: [{ uri: "git", digest: { sha1: "cd".repeat(20) } }] },
    });
    const type = "application/vnd.in-toto+json";
    const envelope = JSON.stringify({
      payload: encodeBase64(encodeUtf8(payload)),
      payloadType: type,
      signatures: [{ sig: client.sign(preAuthenticationEncoding(type, encodeUtf8(payload))).toString("base64") }],
    });
    const pem = encodePublicKeyPem(client.signer.publicKey);
    const proposal = {
      kind: "dsse",
      apiVersion: "0.0.1",
      spec: { proposedContent: { envelope, verifiers: [encodeBase64(encodeUtf8(pem))] } },
    };
    const answer = await ask("POST", "/api/v1/log/entries", proposal);
    assert.equal(answer.status, 201, answer.text);
    const { id, entry } = onlyEntry(answer.text);
    verify({ id, entry }, active);
    const stored = JSON.parse(Buffer.from(parseBase64(entry.body)).toString());
    const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
    assert.deepEqual([stored.spec.envelopeHash.value, stored.spec.payloadHash.value], [hash(envelope), hash(payload)]);
    for (const query of [
      { hash: digest },
      { hash: `sha1:${"CD".repeat(20)}` },
      { hash: hash(payload) },
      { hash: `sha256:${hash(envelope)}` },
      { hash: hash(pem) },
    ]) {
      assert.deepEqual(JSON.parse((await ask("POST", "/api/v1/index/retrieve", query)).text), [id]);
    }
    const retrieved = await ask("POST", "/api/v1/log/entries/retrieve", {
      // As cosign 2 asks for an attestation: the same envelope as both kinds.
      entries: [
        proposal,
        { kind: "intoto", apiVersion: "0.0.1", spec: { content: { envelope }, publicKey: encodeBase64(encodeUtf8(pem)) } },
      ],
    });
    const jar = { kind: "jar", apiVersion: "0.0.1", spec: {} };
    assertRefused(await ask("POST", "/api/v1/log/entries/retrieve", { entries: [jar] }), 400, "REKOR_V1_KIND_UNSUPPORTED");
    assert.deepEqual(
      JSON.parse(retrieved.text).map((found: object) => Object.keys(found)[0]),
      [id],
    );
  });

  test("POST /log/entries takes intoto, keeps its payload, and finds both by payload hash and subject", async () => {
    const digest = "ef".repeat(32);
    const payload = encodeUtf8(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v0.1",
        subject: [{ name: "image", digest: { sha256: digest } }],
        predicateType: "https://slsa.dev/provenance/v0.2",
        predicate: {},
      }),
    );
    const payloadType = "application/vnd.in-toto+json";
    const sig = client.sign(preAuthenticationEncoding(payloadType, payload)).toString("base64");
    const publicKey = encodeBase64(encodeUtf8(encodePublicKeyPem(client.signer.publicKey)));
    const twice = (text: string): string => encodeBase64(encodeUtf8(text));
    const envelope = { payload: twice(encodeBase64(payload)), payloadType, signatures: [{ sig: twice(sig), publicKey }] };
    const hash = { algorithm: "sha256", value: "12".repeat(32) };
    const proposal = { kind: "intoto", apiVersion: "0.0.2", spec: { content: { envelope, hash } } };
    const answer = await ask("POST", "/api/v1/log/entries", proposal);
    assert.equal(answer.status, 201, answer.text);
    const { id, entry } = onlyEntry(answer.text);
    verify({ id, entry }, active);
    for (const path of [`/api/v1/log/entries/${id}`, `/api/v1/log/entries?logIndex=${entry.logIndex}`]) {
      const read = onlyEntry((await ask("GET", path)).text).entry as EntryJson & { attestation?: { data: string } };
      assert.deepEqual(Buffer.from(read.attestation?.data ?? "", "base64"), Buffer.from(payload));
    }
    const payloadHash = createHash("sha256").update(payload).digest("hex");
    for (const query of [{ hash: digest }, { hash: payloadHash }, { hash: digest, publicKey: undefined, operator: "and" }])
      assert.deepEqual(JSON.parse((await ask("POST", "/api/v1/index/retrieve", query)).text), [id]);
  });

  test("POST /log/entries refuses an entry that no bundle can hold", async () => {
    const type = "application/octet-stream";
    const message = preAuthenticationEncoding(type, encodeUtf8("x"));
    const signatures = Array.from({ length: 64 }, () => ({ sig: encodeBase64(client.sign(message)) }));
    const pem = encodeUtf8(encodePem("CERTIFICATE", await certificateOf(`${"x".repeat(1000)}@example.org`)));
    const envelope = JSON.stringify({ payload: encodeBase64(encodeUtf8("x")), payloadType: type, signatures });
    const spec = { proposedContent: { envelope, verifiers: [encodeBase64(pem)] } };
    const answer = await ask("POST", "/api/v1/log/entries", { kind: "dsse", apiVersion: "0.0.1", spec });
    assert.deepEqual([answer.status, answer.headers["x-error-code"]], [400, "REKOR_V1_ENTRY_TOO_LARGE"]);
    assert.match(JSON.parse(answer.text).message, /^error processing entry: its stored form has \d+ bytes, at most 65535 fit$/);
  });

  test("POST /log/entries refuses bad entries with Rekor's statuses and codes", async () => {
    const forged = JSON.parse(hashedRekord("forged"));
    forged.spec.data.hash.value = "00".repeat(32);
    const cases: readonly [unknown, number, number, string, RegExp][] = [
      ["{", 400, 400, "REKOR_V1_ENTRY_INVALID", /^error processing entry: /],
      [forged, 400, 400, "REKOR_V1_ENTRY_INVALID", /signature does not verify/],
      [
        { ...forged, kind: "jar" },
        400,
        400,
        "REKOR_V1_KIND_UNSUPPORTED",
        /"jar 0\.0\.1".*accepts hashedrekord 0\.0\.1, .*tuf 0\.0\.1$/,
      ],
      [{ ...forged, apiVersion: "9.9.9" }, 400, 400, "REKOR_V1_KIND_UNSUPPORTED", /accepts hashedrekord/],
      [{ kind: "hashedrekord", apiVersion: "0.0.1" }, 422, 602, "REKOR_V1_INVALID", /^spec in body is required$/],
      [{ kind: "hashedrekord", spec: {} }, 422, 602, "REKOR_V1_INVALID", /^apiVersion in body is required$/],
      [{ ...forged, apiVersion: "one" }, 422, 605, "REKOR_V1_INVALID", /^apiVersion in body should match/],
    ];
    for (const [body, status, code, ownCode, message] of cases) {
      const answer = await ask("POST", "/api/v1/log/entries", body);
      assertRefused(answer, status, ownCode, code);
      assert.match(JSON.parse(answer.text).message, message);
    }
    assertRefused(
      await ask("POST", "/api/v1/log/entries", "x", { "content-type": "text/plain" }),
      415,
      "CONTENT_TYPE_UNSUPPORTED",
    );
    assertRefused(await ask("POST", "/api/v1/log/entries", `"${"x".repeat(4 << 20)}"`), 413, "REQUEST_TOO_LARGE");
    assertRefused(await ask("GET", "/api/v1/log", undefined, { accept: "text/html" }), 406, "REKOR_V1_NOT_ACCEPTABLE");
    assertRefused(await ask("PUT", "/api/v1/log", {}), 405, "METHOD_NOT_ALLOWED");
  });

  test("GET of an entry takes virtual indexes, UUIDs and entry ids, over all shards", async () => {
    const byIndex = await ask("GET", "/api/v1/log/entries?logIndex=1");
    assert.equal(byIndex.headers["cache-control"], "no-cache, no-store, must-revalidate");
    const { id, entry } = onlyEntry(byIndex.text);
    verify({ id, entry }, old);
    assert.deepEqual([entry.logIndex, entry.verification.inclusionProof.logIndex], [1, 1]);
    for (const name of [id, id.slice(16), id.toUpperCase()])
      assert.equal(onlyEntry((await ask("GET", `/api/v1/log/entries/${name}`)).text).id, id);
    const elsewhere = `${active.treeId.toString(16)}${id.slice(16)}`;
    for (const absent of [
      `/api/v1/log/entries/${elsewhere}`,
      `/api/v1/log/entries/${"0".repeat(64)}`,
      "/api/v1/log/entries?logIndex=4000000000",
    ]) {
      const answer = await ask("GET", absent);
      assert.deepEqual([answer.status, answer.text, answer.headers["x-error-code"]], [404, "", "REKOR_V1_NOT_FOUND"], absent);
    }
    const cases: readonly [string, number, number][] = [
      ["/api/v1/log/entries", 422, 602],
      ["/api/v1/log/entries?logIndex=x", 422, 601],
      ["/api/v1/log/entries?logIndex=-1", 422, 609],
      ["/api/v1/log/entries/abc", 422, 605],
      [`/api/v1/log/entries/${"0".repeat(80)}`, 400, 400],
    ];
    for (const [path, status, code] of cases) {
      assertRefused(await ask("GET", path), status, status === 422 ? "REKOR_V1_INVALID" : "ENTRY_ID_MALFORMED", code);
    }
  });

  test("POST /log/entries/retrieve combines lists, leaves out what is not there and counts to ten", async () => {
    const { id } = onlyEntry((await ask("GET", "/api/v1/log/entries?logIndex=0")).text);
    const answer = await ask("POST", "/api/v1/log/entries/retrieve", {
      logIndexes: [2, 99999],
      entryUUIDs: [id, "0".repeat(64)],
      entries: [JSON.parse(hashedRekord("old 0"))],
    });
    assert.equal(answer.status, 200);
    // ECDSA signatures differ each time: the proposal above is another leaf than the stored one.
    assert.deepEqual(
      JSON.parse(answer.text).map((found: Record<string, EntryJson>) => Object.values(found)[0]?.logIndex),
      [2, 0],
    );
    assert.deepEqual(JSON.parse((await ask("POST", "/api/v1/log/entries/retrieve", { logIndexes: [99999] })).text), []);
    const cases: readonly [unknown, number, string][] = [
      [{ logIndexes: Array.from({ length: 11 }, (_, at) => at) }, 422, "REKOR_V1_INVALID"],
      [{ logIndexes: [0, 1, 2, 3, 4, 5], entryUUIDs: Array.from({ length: 5 }, () => id) }, 422, "REKOR_V1_INVALID"],
      [{ logIndexes: [] }, 422, "REKOR_V1_INVALID"],
      [{ logIndexes: [-1] }, 422, "REKOR_V1_INVALID"],
      [{ logIndexes: ["1"] }, 422, "REKOR_V1_INVALID"],
      [{ entryUUIDs: ["zz"] }, 422, "REKOR_V1_INVALID"],
      [{ entries: [{ kind: "nothing", apiVersion: "0.0.1", spec: {} }] }, 400, "REKOR_V1_KIND_UNSUPPORTED"],
      ["[", 400, "REKOR_V1_SEARCH_INVALID"],
    ];
    for (const [body, status, code] of cases)
      assertRefused(await ask("POST", "/api/v1/log/entries/retrieve", body), status, code);
  });

  test("GET /log, /log/publicKey and /log/proof answer for each shard", async () => {
    const info = JSON.parse((await ask("GET", "/api/v1/log")).text);
    assert.deepEqual(
      [info.treeID, info.treeSize, info.inactiveShards.length, info.inactiveShards[0].treeID, info.inactiveShards[0].treeSize],
      [String(active.treeId), active.shard.head().size, 1, String(old.treeId), 3],
    );
    verifyCheckpoint(info.signedTreeHead, noteKey(hostname, active.signer.publicKey), {
      origin: `${hostname} - ${active.treeId}`,
    });
    const alone = await serve([active]);
    assert.equal(JSON.parse((await alone("GET", "/api/v1/log")).text).inactiveShards, null);
    const key = await ask("GET", `/api/v1/log/publicKey?treeID=${old.treeId}`, undefined, { accept: "application/x-pem-file" });
    assert.deepEqual(
      [key.headers["content-type"], key.text],
      ["application/x-pem-file", encodePublicKeyPem(old.signer.publicKey)],
    );
    const proof = JSON.parse((await ask("GET", `/api/v1/log/proof?firstSize=1&lastSize=2&treeID=${old.treeId}`)).text);
    assert.equal(proof.rootHash, Buffer.from(old.shard.head().root).toString("hex"));
    verifyConsistency({
      size1: 1,
      root1: await old.shard.rootAt(1),
      size2: 2,
      root2: await old.shard.rootAt(2),
      proof: proof.hashes.map(parseHex),
    });
    assert.deepEqual(
      JSON.parse((await ask("GET", `/api/v1/log/proof?firstSize=2&lastSize=2&treeID=${old.treeId}`)).text).hashes,
      [],
    );
    const cases: readonly [string, number, number, string][] = [
      ["/api/v1/log/publicKey?treeID=7", 400, 400, "REKOR_V1_TREE_UNKNOWN"],
      ["/api/v1/log/proof?lastSize=1&treeID=7", 400, 400, "REKOR_V1_TREE_UNKNOWN"],
      ["/api/v1/log/publicKey?treeID=x", 422, 605, "REKOR_V1_INVALID"],
      ["/api/v1/log/proof?firstSize=3&lastSize=2", 400, 400, "REKOR_V1_SIZE_INVALID"],
      ["/api/v1/log/proof?lastSize=1000000", 400, 400, "REKOR_V1_SIZE_INVALID"],
      ["/api/v1/log/proof", 422, 602, "REKOR_V1_INVALID"],
      ["/api/v1/log/proof?firstSize=0&lastSize=2", 422, 609, "REKOR_V1_INVALID"],
      ["/api/v1/log/proof?lastSize=9007199254740993", 422, 601, "REKOR_V1_INVALID"],
    ];
    for (const [path, status, code, ownCode] of cases) assertRefused(await ask("GET", path), status, ownCode, code);
  });

  test("POST /index/retrieve finds by e-mail, subject, key and hash, joined by or and and", async () => {
    const der = await certificateOf("Jo@Example.org");
    const digest = createHash("sha256").update("mail").digest();
    const proposal = encodeProposedHashedRekord({
      hashAlgorithm: "sha256",
      digest,
      signature: client.sign(encodeUtf8("mail")),
      verifier: { type: "certificate", der },
    });
    const { id } = onlyEntry((await ask("POST", "/api/v1/log/entries", proposal)).text);
    const search = async (query: unknown): Promise<unknown> =>
      JSON.parse((await ask("POST", "/api/v1/index/retrieve", query)).text);
    const certificate = { format: "x509", content: encodeBase64(encodeUtf8(encodePem("CERTIFICATE", der))) };
    for (const query of [
      { email: "jo@example.ORG" },
      { subject: "JO@example.org" },
      { hash: digest.toString("hex") },
      { publicKey: certificate },
    ])
      assert.deepEqual(await search(query), [id]);
    assert.deepEqual(await search({ email: "jo@example.org", hash: "00".repeat(32), operator: "and" }), []);
    assert.deepEqual(await search({ email: "jo@example.org", hash: "00".repeat(32) }), [id]);
    assert.deepEqual(await search({}), []);
    const invalid = [
      { email: "nobody" },
      { hash: "xyz" },
      { subject: "" },
      { operator: "nor" },
      { unknown: 1 },
      { publicKey: { content: "AA==" } },
      { publicKey: { format: "png", content: "AA==" } },
    ];
    for (const query of invalid) assertRefused(await ask("POST", "/api/v1/index/retrieve", query), 422, "REKOR_V1_INVALID");
    for (const format of ["x509", "pgp", "tuf"]) {
      const answer = await ask("POST", "/api/v1/index/retrieve", { publicKey: { format, content: "AA==" } });
      assertRefused(answer, 400, "REKOR_V1_SEARCH_INVALID");
    }
  });

  test("GET /tlog/v1/<treeID>/ serves a shard's tree as tiles", async () => {
    const base = `/tlog/v1/${old.treeId}`;
    assert.equal((await ask("GET", `${base}/checkpoint`)).text, old.shard.checkpoint().text);
    assert.equal((await ask("GET", `${base}/tile/0/000.p/3`)).status, 200);
    assert.equal((await ask("GET", `${base}/tile/0/000`)).status, 404);
    assertRefused(await ask("GET", "/tlog/v1/7/checkpoint"), 400, "REKOR_V1_TREE_UNKNOWN");
    assert.equal((await ask("GET", "/ping")).text, ".");
  });
});
