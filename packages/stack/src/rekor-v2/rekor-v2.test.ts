import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { noteKey, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8, isSigillumError, JsonObject, parseBase64, parseJson } from "@sigillum/library/encoding";
import { parseLogEntryBody } from "@sigillum/library/log-entry";
import { leafHash, verifyInclusion } from "@sigillum/library/merkle";
import { encodeExtension, encodeName, fulcioLeafExtensions, signCertificate } from "@sigillum/library/x509";
import fc from "fast-check";
import { type Service, silentLogger, systemClock } from "../host/index.ts";
import { type BodyEntry, type LogShard, splitTileBundle } from "../log-engine/index.ts";
import { createRekorV2, openRekorV2Shard, prepareEntry, rekorV2KeyId } from "./index.ts";

const origin = "log2026-1.example";

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function ask(port: number, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, method, path }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts) }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function newKey(type: "ec" | "ed25519"): { signer: Signer; sign: (message: Uint8Array) => Buffer } {
  const { privateKey } = type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  return {
    signer: createSigner(privateKey.export({ type: "pkcs8", format: "der" })),
    sign: (message) => sign(type === "ec" ? "sha256" : null, message, privateKey),
  };
}

const client = newKey("ec");

function hashedRekord(text: string, change: Record<string, unknown> = {}): string {
  const digest = createHash("sha256").update(text).digest("base64");
  const verifier = { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes: encodeBase64(client.signer.publicKey.spki) } };
  const request = { digest, signature: { content: client.sign(encodeUtf8(text)).toString("base64"), verifier }, ...change };
  return JSON.stringify({ hashedRekordRequestV002: request });
}

describe("createRekorV2", () => {
  const log = newKey("ed25519");
  let directory = "";
  let server: Server;
  let port = 0;
  let shard: LogShard<BodyEntry>;
  const services: Service[] = [];

  const serve = async (duplicates: "existing" | "conflict"): Promise<number> => {
    const service = createRekorV2({
      shard,
      keyId: rekorV2KeyId(origin, log.signer),
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
      duplicates,
    });
    services.push(service);
    server = createServer(service.listeners[0]?.handler);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    return address.port;
  };
  const servers: Server[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-rekor-v2-"));
    shard = await openRekorV2Shard({
      directory: join(directory, "shard"),
      origin,
      signer: log.signer,
      clock: systemClock,
      logger: silentLogger,
    });
    port = await serve("existing");
  });
  after(async () => {
    for (const one of servers) one.close();
    for (const service of services) await service.close();
    await rm(directory, { recursive: true, force: true });
  });

  const verified = (answer: Answer): { index: number; body: Uint8Array } => {
    assert.equal(answer.status, 201, answer.body.toString());
    const entry = JsonObject.from(parseJson(answer.body), "entry");
    assert.deepEqual([entry.string("integratedTime"), entry.object("kindVersion").string("version")], ["0", "0.0.2"]);
    assert.ok(answer.body.toString().includes('"inclusionPromise":null'));
    const proof = entry.object("inclusionProof");
    const body = entry.base64("canonicalizedBody");
    const key = noteKey(origin, log.signer.publicKey);
    assert.deepEqual(Buffer.from(entry.object("logId").base64("keyId")), Buffer.from(key.keyId));
    const checkpoint = verifyCheckpoint(proof.object("checkpoint").string("envelope"), key);
    assert.deepEqual(
      [checkpoint.treeSize, Buffer.from(checkpoint.root)],
      [proof.uint64("treeSize"), Buffer.from(proof.base64("rootHash"))],
    );
    const index = entry.uint64("logIndex");
    verifyInclusion({
      leafHash: leafHash(body),
      leafIndex: index,
      treeSize: checkpoint.treeSize,
      proof: proof.array("hashes").map((item) => parseBase64(item.string())),
      root: checkpoint.root,
    });
    return { index, body };
  };

  test("createRekorV2 answers a hashedrekord with a proof that verifies under a checkpoint of the log", async () => {
    const { index, body } = verified(await ask(port, "POST", "/api/v2/log/entries", hashedRekord("first")));
    assert.equal(index, 0);
    const entry = parseLogEntryBody(body, { kind: "hashedrekord", version: "0.0.2" });
    assert.ok(entry.kind === "hashedrekord" && Buffer.from(entry.digest).equals(createHash("sha256").update("first").digest()));
  });

  test("createRekorV2 answers a repeated request with the existing entry, or 409 with x-log-index when set so", async () => {
    const request = hashedRekord("twice");
    const first = verified(await ask(port, "POST", "/api/v2/log/entries", request));
    const second = verified(await ask(port, "POST", "/api/v2/log/entries", request));
    assert.equal(second.index, first.index);
    const strict = await serve("conflict");
    const conflict = await ask(strict, "POST", "/api/v2/log/entries", request);
    assert.equal(JSON.parse(conflict.body.toString()).details[0].reason, "REKOR_V2_DUPLICATE");
    assert.deepEqual(
      [conflict.status, conflict.headers["x-log-index"], JSON.parse(conflict.body.toString()).code],
      [409, String(first.index), 6],
    );
  });

  test("createRekorV2 stores a DSSE envelope as hashedrekord over its pre-authentication encoding", async () => {
    const payload = encodeUtf8('{"_type":"https://in-toto.io/Statement/v1"}');
    const message = preAuthenticationEncoding("application/vnd.in-toto+json", payload);
    const envelope = {
      payload: encodeBase64(payload),
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: client.sign(message).toString("base64") }],
    };
    const verifiers = [
      { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes: encodeBase64(client.signer.publicKey.spki) } },
    ];
    const { body } = verified(
      await ask(port, "POST", "/api/v2/log/entries", JSON.stringify({ dsseRequestV002: { envelope, verifiers } })),
    );
    const entry = parseLogEntryBody(body);
    assert.ok(entry.kind === "hashedrekord" && Buffer.from(entry.digest).equals(createHash("sha256").update(message).digest()));
  });

  test("createRekorV2 refuses what does not verify or cannot be read with 400 and a sentence", async () => {
    const cases: readonly [string, string][] = [
      ["{", "ENTRY_REQUEST_MALFORMED"],
      [hashedRekord("other", { digest: createHash("sha256").update("else").digest("base64") }), "ENTRY_SIGNATURE_INVALID"],
      [hashedRekord("other", { unknown: 1 }), "ENTRY_REQUEST_MALFORMED"],
      [JSON.stringify({}), "ENTRY_REQUEST_MALFORMED"],
    ];
    for (const [request, reason] of cases) {
      const answer = await ask(port, "POST", "/api/v2/log/entries", request);
      const error = JSON.parse(answer.body.toString());
      assert.deepEqual([answer.status, error.code, error.details[0].reason], [400, 3, reason]);
    }
    const large = await ask(port, "POST", "/api/v2/log/entries", "x".repeat(4 * 1024 * 1024 + 1));
    assert.equal(large.status, 413);
  });

  test("createRekorV2 serves checkpoint, tiles and bundles under both prefixes, cacheable as C2SP says", async () => {
    const { index } = verified(await ask(port, "POST", "/api/v2/log/entries", hashedRekord("read me")));
    for (const prefix of ["", "/api/v2"]) {
      const checkpoint = await ask(port, "GET", `${prefix}/checkpoint`);
      assert.equal(checkpoint.headers["content-type"], "text/plain; charset=utf-8");
      const { treeSize } = verifyCheckpoint(checkpoint.body.toString(), noteKey(origin, log.signer.publicKey));
      const tile = await ask(port, "GET", `${prefix}/tile/0/000.p/${treeSize}`);
      assert.deepEqual(
        [tile.status, tile.body.length, tile.headers["cache-control"]],
        [200, treeSize * 32, "public, max-age=604800, immutable"],
      );
      const bundle = await ask(port, "GET", `${prefix}/tile/entries/000.p/${treeSize}`);
      const record = splitTileBundle(bundle.body)[index];
      assert.deepEqual(
        Buffer.from(leafHash(record?.subarray(2) ?? new Uint8Array(0))),
        tile.body.subarray(index * 32, index * 32 + 32),
      );
      for (const absent of ["tile/0/000", "tile/1/000.p/1", "tile/entries/001", "tile/x", "tile/0/../../state/head.json"]) {
        const answer = await ask(port, "GET", `${prefix}/${absent}`);
        const error = JSON.parse(answer.body.toString());
        assert.deepEqual([answer.status, error.code], [404, 5], absent);
        if (absent === "tile/0/000") assert.equal(error.details[0].reason, "REKOR_V2_NOT_FOUND");
      }
    }
    assert.deepEqual(JSON.parse((await ask(port, "GET", "/healthz")).body.toString()), { status: "SERVING" });
  });

  test("prepareEntry gives the keys under which an entry is found, the names of its certificate among them", async () => {
    const name = encodeName({ organization: "example", commonName: "ca" });
    const spki = client.signer.publicKey.spki;
    const der = await signCertificate(
      {
        serial: Uint8Array.of(1),
        issuer: name,
        subject: name,
        notBeforeMs: 0,
        notAfterMs: 1e12,
        spki,
        extensions: fulcioLeafExtensions({
          spki,
          issuerKeyId: undefined,
          subjectAltName: { type: "email", value: "Jo@Example.org" },
          claims: { issuer: "https://issuer.example" },
        }),
      },
      client.signer,
    );
    const text = "signed";
    const verifier = { keyDetails: "PKIX_ECDSA_P256_SHA_256", x509Certificate: { rawBytes: encodeBase64(der) } };
    const signature = { content: client.sign(encodeUtf8(text)).toString("base64"), verifier };
    const entry = prepareEntry(encodeUtf8(hashedRekord(text, { signature })));
    await shard.add(entry);
    for (const key of ["jo@example.org", `sha256:${createHash("sha256").update(text).digest("hex")}`])
      assert.equal((await shard.search(encodeUtf8(key), 5)).length, 1, key);
  });

  test("prepareEntry refuses an entry that no bundle can hold", async () => {
    const name = encodeName({ organization: "example", commonName: "ca" });
    const spki = client.signer.publicKey.spki;
    const fields = { serial: Uint8Array.of(1), issuer: name, subject: name, notBeforeMs: 0, notAfterMs: 1e12, spki };
    const extensions = [encodeExtension("1.3.6.1.4.1.99999.1", false, new Uint8Array(50_000))];
    const der = await signCertificate({ ...fields, extensions }, client.signer);
    const verifier = { keyDetails: "PKIX_ECDSA_P256_SHA_256", x509Certificate: { rawBytes: encodeBase64(der) } };
    const signature = { content: client.sign(encodeUtf8("x")).toString("base64"), verifier };
    assert.throws(() => prepareEntry(encodeUtf8(hashedRekord("x", { signature }))), { code: "REKOR_V2_ENTRY_TOO_LARGE" });
  });

  test("createRekorV2 prepares entries in threads with the same answers and refusals", async () => {
    const service = createRekorV2({
      shard,
      keyId: rekorV2KeyId(origin, log.signer),
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
      threads: 1,
    });
    services.push(service);
    const threaded = createServer(service.listeners[0]?.handler);
    servers.push(threaded);
    await new Promise<void>((resolve) => threaded.listen(0, "127.0.0.1", resolve));
    const address = threaded.address();
    assert.ok(address !== null && typeof address === "object");
    for (let round = 0; round < 20; round += 1) {
      const good = ask(address.port, "POST", "/api/v2/log/entries", hashedRekord(`threaded ${round}`));
      const bad = await ask(address.port, "POST", "/api/v2/log/entries", hashedRekord("bad", { digest: "" }));
      assert.deepEqual([bad.status, JSON.parse(bad.body.toString()).code], [400, 3]);
      verified(await good);
    }
  });

  test("prepareEntry refuses every mutated request with an error of ours", () => {
    const request = encodeUtf8(hashedRekord("mutated"));
    const edits = fc.array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(edits, (changes) => {
        const mutated = request.slice();
        for (const [at, value] of changes) mutated[at] = value;
        try {
          // A change that the parser does not see (a space, an escape, the base64 alphabet) leaves the same entry.
          assert.deepEqual(Buffer.from(prepareEntry(mutated).body), Buffer.from(prepareEntry(request).body));
        } catch (error) {
          assert.ok(isSigillumError(error) && (error.kind === "malformed" || error.kind === "verification"), String(error));
        }
      }),
      { numRuns: 200 },
    );
  });
});
