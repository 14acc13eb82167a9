// rekor-cli on our log: every kind of entry that it can make is uploaded (it verifies what it is answered), read back, found and proved.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { concatBytes, encodeUtf8 } from "@sigillum/library/encoding";
import { encodeTimestampRequest } from "@sigillum/library/timestamp";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const hex = (value: Uint8Array | string): string => createHash("sha256").update(value).digest("hex");
const payloadType = "application/vnd.in-toto+json";
const subject = hex("the image");
const statement = JSON.stringify({
  _type: "https://in-toto.io/Statement/v0.1",
  subject: [{ name: "image", digest: { sha256: subject } }],
  predicateType: "https://slsa.dev/provenance/v0.2",
  predicate: { builder: { id: "https://builder.example" }, buildType: "x", invocation: {}, materials: [] },
});

describe("rekor-cli uploads", { timeout: 180_000 }, () => {
  const peer = findPeer("rekor-cli");
  const skip = peer.path === undefined ? peer.missing : false;
  let instance: Instance;
  let key = "";

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance();
    key = await file("key.pem", String(publicKey.export({ type: "spki", format: "pem" })));
  });
  after(() => instance?.stop());

  const file = async (name: string, contents: string | Uint8Array): Promise<string> => {
    const path = join(instance.directory, name);
    await writeFile(path, contents);
    return path;
  };
  const run = (...args: string[]): Promise<string> =>
    expectSuccess(peer.path ?? "", [...args, "--rekor_server", instance.logUrl, "--store_tree_state=false"], {
      env: { HOME: instance.directory },
    });

  /** Upload, and again (rekor-cli then says that the entry exists, or is answered the same one), get, and find by hash. */
  const journey = async (type: string, sha: string, ...args: string[]): Promise<string> => {
    const answer = await run("upload", "--type", type, ...args);
    const uuid = /entries\/([0-9a-f]{80})/.exec(answer)?.[1] ?? "";
    assert.notEqual(uuid, "", answer);
    assert.ok((await run("upload", "--type", type, ...args)).includes(uuid));
    const found = await run("search", "--sha", sha);
    assert.ok(found.includes(uuid), `${type}: ${found}`);
    return run("get", "--uuid", uuid, "--format", "json");
  };

  it("hashedrekord and rekord with an x509 key, and verifies them", { skip }, async () => {
    const artifact = await file("artifact.txt", "an artifact\n");
    const signature = await file("artifact.sig", sign("sha256", encodeUtf8("an artifact\n"), privateKey));
    const sha = hex("an artifact\n");
    const x509 = ["--signature", signature, "--public-key", key, "--pki-format", "x509"];
    await journey("hashedrekord", sha, "--artifact-hash", sha, ...x509);
    assert.match(await run("verify", "--type", "hashedrekord", "--artifact-hash", sha, ...x509), /Computed Root Hash/);
    await journey("rekord", sha, "--artifact", artifact, ...x509);
    assert.match(await run("verify", "--type", "rekord", "--artifact", artifact, ...x509), /Computed Root Hash/);
    assert.match(await run("search", "--public-key", key, "--pki-format", "x509"), /^[0-9a-f]{80}$/m);
  });

  it("rekord with a minisign key", { skip }, async () => {
    const content = encodeUtf8("for minisign\n");
    const id = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
    const raw = new Uint8Array(ed.publicKey.export({ type: "spki", format: "der" })).subarray(12);
    const line = (...parts: Uint8Array[]): string => Buffer.from(concatBytes(encodeUtf8("Ed"), id, ...parts)).toString("base64");
    const artifact = await file("minisign.txt", content);
    const own = await file("minisign.pub", `untrusted comment: key\n${line(raw)}\n`);
    const detached = await file("minisign.sig", `untrusted comment: signature\n${line(sign(null, content, ed.privateKey))}\n`);
    const keys = ["--signature", detached, "--public-key", own, "--pki-format", "minisign"];
    await journey("rekord", hex(content), "--artifact", artifact, ...keys);
    assert.match(await run("search", "--public-key", own, "--pki-format", "minisign"), /^[0-9a-f]{80}$/m);
  });

  it("dsse and intoto, and prints the stored attestation", { skip }, async () => {
    const sig = sign("sha256", preAuthenticationEncoding(payloadType, encodeUtf8(statement)), privateKey).toString("base64");
    const payload = Buffer.from(statement).toString("base64");
    const envelope = await file("envelope.json", JSON.stringify({ payloadType, payload, signatures: [{ keyid: "", sig }] }));
    const args = ["--artifact", envelope, "--public-key", key, "--pki-format", "x509"];
    await journey("dsse", subject, ...args);
    for (const type of ["intoto:0.0.1", "intoto:0.0.2"]) {
      const json = JSON.parse(await journey(type, subject, ...args)) as { Attestation: string };
      assert.equal(json.Attestation, statement, type);
    }
  });

  it("cose", { skip }, async () => {
    const head = (major: number, length: number): Uint8Array =>
      length < 24
        ? Uint8Array.of((major << 5) | length)
        : length < 256
          ? Uint8Array.of((major << 5) | 24, length)
          : Uint8Array.of((major << 5) | 25, length >> 8, length & 255);
    const bytes = (value: Uint8Array): Uint8Array => concatBytes(head(2, value.length), value);
    const header = Uint8Array.of(0xa1, 0x01, 0x26);
    const payload = encodeUtf8("a cose payload");
    const context = concatBytes(head(3, 10), encodeUtf8("Signature1"));
    const signed = concatBytes(Uint8Array.of(0x84), context, bytes(header), bytes(new Uint8Array(0)), bytes(payload));
    const signature = sign("sha256", signed, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const message = concatBytes(Uint8Array.of(0xd2, 0x84), bytes(header), Uint8Array.of(0xa0), bytes(payload), bytes(signature));
    const path = await file("message.cose", message);
    await journey("cose", hex(payload), "--artifact", path, "--public-key", key, "--pki-format", "x509");
  });

  it("rfc3161 from our own timestamp authority", { skip }, async () => {
    const request = encodeTimestampRequest({ hash: "sha256", digest: createHash("sha256").update("x").digest(), certReq: true });
    const reply = await fetch(`${instance.timestampUrl}/api/v1/timestamp`, {
      method: "POST",
      headers: { "content-type": "application/timestamp-query" },
      body: request,
    });
    const response = new Uint8Array(await reply.arrayBuffer());
    await journey("rfc3161", hex(response), "--artifact", await file("response.tsr", response));
  });

  it("tuf metadata of our own repository", { skip }, async () => {
    const fetched = async (name: string): Promise<Uint8Array> =>
      new Uint8Array(await (await fetch(`${instance.tufUrl}/${name}`)).arrayBuffer());
    const root = await file("root.json", await fetched("1.root.json"));
    const timestamp = await file("timestamp.json", await fetched("timestamp.json"));
    const answer = await run("upload", "--type", "tuf", "--artifact", timestamp, "--public-key", root, "--pki-format", "tuf");
    const uuid = /entries\/([0-9a-f]{80})/.exec(answer)?.[1] ?? "";
    assert.match(await run("get", "--uuid", uuid), /"TufObj"/);
  });

  it("reads the log's state twice with growth between", { skip }, async () => {
    const state = (): Promise<string> =>
      expectSuccess(peer.path ?? "", ["loginfo", "--rekor_server", instance.logUrl], { env: { HOME: instance.directory } });
    assert.match(await state(), /Verification Successful!/);
    const signature = await file("growth.sig", sign("sha256", encodeUtf8("growth"), privateKey));
    const args = ["--artifact-hash", hex("growth"), "--signature", signature, "--public-key", key, "--pki-format", "x509"];
    await run("upload", "--type", "hashedrekord", ...args);
    assert.match(await state(), /Verification Successful!/);
  });
});
