// Both logs rotate under foreign clients: one that fetched its trust before the rotation signs and verifies throughout, what was signed before
// verifies after, and rekor-cli goes through its own journey.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import type { ClientFactory, ForeignClient } from "./clients/client.ts";
import { cosign3, cosign25, cosign26, cosign26ByConfig } from "./clients/cosign.ts";
import { expectSuccess } from "./clients/program.ts";
import { sigstoreJs } from "./clients/sigstore-js.ts";
import { sigstorePython } from "./clients/sigstore-python.ts";
import { type Instance, startInstance } from "./instance.ts";

const loopback = ["127.0.0.1", "::1"] as const;

interface LoggedBundle {
  readonly verificationMaterial: {
    readonly tlogEntries: readonly { readonly logIndex: string; readonly logId: { readonly keyId: string } }[];
  };
}

/** `keeps`: it uses its copy of the trust for a while without asking; a week later, which the test cannot wait for, it asks. */
interface Participant {
  readonly peer: string;
  readonly make: ClientFactory;
  readonly keeps?: boolean;
}

const forV1: readonly Participant[] = [
  { peer: "sigstore-js", make: sigstoreJs },
  { peer: "cosign-3", make: cosign3, keeps: true },
  { peer: "cosign-2", make: cosign25, keeps: true },
  { peer: "cosign-2-go", make: cosign26, keeps: true },
  { peer: "sigstore-python", make: sigstorePython },
];
const forV2: readonly Participant[] = [
  ...forV1.filter(({ peer }) => !peer.startsWith("cosign-2")),
  { peer: "cosign-2-go", make: cosign26ByConfig, keeps: true },
];

for (const [log, participants] of [
  ["v1", forV1],
  ["v2", forV2],
] as const) {
  describe(`log ${log} rotates`, { timeout: 900_000 }, () => {
    let instance: Instance;
    let artifact = "";
    const clients = new Map<string, ForeignClient>();
    const bundles = new Map<string, string[]>();

    before(async () => {
      instance = await startInstance("signer@example.com", {}, { trust: { defaultLog: log } });
      artifact = join(instance.directory, "artifact.txt");
      await writeFile(artifact, "a file\n");
    });
    after(() => instance?.stop());

    const states = async (): Promise<string[]> => {
      const { exit, stdout, stderr } = await instance.sigillum("log", "shards", "--data", "data", "--output", "json");
      assert.equal(exit, 0, stderr);
      return (JSON.parse(stdout)[`log-${log}`] as { state: string }[]).map(({ state }) => state);
    };
    const rotate = async (...flags: string[]): Promise<string> => {
      const { exit, stdout, stderr } = await instance.sigillum("log", "rotate", "--data", "data", "--log", log, ...flags);
      assert.equal(exit, 0, stderr);
      return stdout;
    };
    const signAndVerify = async (peer: string): Promise<void> => {
      const client = clients.get(peer);
      const own = bundles.get(peer) ?? [];
      const path = join(instance.directory, peer, `${own.length}.sigstore.json`);
      await client?.sign(artifact, path);
      bundles.set(peer, [...own, path]);
      for (const bundle of bundles.get(peer) ?? []) await client?.verify(artifact, bundle);
      const expected = ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
      const { exit, stderr } = await instance.sigillum("verify-blob", "--bundle", path, ...expected, artifact);
      assert.equal(exit, 0, stderr);
    };
    const logOf = async (path: string): Promise<{ keyId: string; index: number }> => {
      const bundle: LoggedBundle = JSON.parse(await readFile(path, "utf8"));
      const [entry] = bundle.verificationMaterial.tlogEntries;
      return { keyId: entry?.logId.keyId ?? "", index: Number(entry?.logIndex) };
    };
    const each = (phase: string, run: (peer: string, keeps: boolean) => Promise<void>): void => {
      for (const { peer, keeps = false } of participants) {
        const found = findPeer(peer);
        it(`${peer} ${phase}`, { skip: found.path === undefined ? (found.missing ?? true) : false }, () => run(peer, keeps));
      }
    };

    each("fetches its trust and signs before the rotation", async (peer) => {
      const home = join(instance.directory, peer);
      await mkdir(home);
      const client = participants.find((one) => one.peer === peer)?.make(instance, findPeer(peer).path ?? "", home);
      assert.ok(client !== undefined);
      await client.bootstrap();
      clients.set(peer, client);
      await signAndVerify(peer);
    });

    it("the next key is published, and nothing else changes", async () => {
      const url = log === "v2" ? ["--url", `http://localhost:${(await findFreePorts(1, loopback))[0]}`] : [];
      assert.match(await rotate(...url), /the shard takes over on/);
      assert.deepEqual(await states(), ["active", "planned"]);
    });
    each("signs and verifies with the trust of before", signAndVerify);

    it("the window for caches ends, entries go to the new shard, and the old one is sealed", async () => {
      await instance.restart((text) =>
        text.replace(/cacheWindowHours: \d+/, "cacheWindowHours: 0").replace(/overlapHours: \d+/, "overlapHours: 0"),
      );
      const end = Date.now() + 30_000;
      while ((await states())[0] !== "sealed" && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 200));
      assert.deepEqual(await states(), ["sealed", "active"]);
    });
    each("signs in the new shard, and verifies what it signed before", async (peer, keeps) => {
      if (keeps) await clients.get(peer)?.bootstrap();
      await signAndVerify(peer);
      const [first, second, third] = await Promise.all((bundles.get(peer) ?? []).map(logOf));
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      assert.equal(first.keyId, second.keyId);
      assert.notEqual(second.keyId, third.keyId);
      // The index of Rekor v1 goes on over all shards; each shard of Rekor v2 begins anew.
      if (log === "v1") assert.ok(third.index > second.index && second.index > first.index);
    });
  });
}

describe("rekor-cli goes through a rotation", { timeout: 600_000 }, () => {
  const peer = findPeer("rekor-cli");
  const skip = peer.path === undefined ? (peer.missing ?? true) : false;
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  let instance: Instance;
  let key = "";
  const hex = (text: string): string => createHash("sha256").update(text).digest("hex");

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance("signer@example.com", {}, { trust: { cacheWindowHours: 0 } });
    key = join(instance.directory, "key.pem");
    await writeFile(key, String(publicKey.export({ type: "spki", format: "pem" })));
  });
  after(() => instance?.stop());

  const run = (...args: string[]): Promise<string> =>
    expectSuccess(peer.path ?? "", [...args, "--rekor_server", instance.logUrl], { env: { HOME: instance.directory } });
  const flagsFor = async (text: string): Promise<string[]> => {
    const signature = join(instance.directory, `${hex(text)}.sig`);
    // Once: each signature over the same text is another, and so is its entry.
    const known = await readFile(signature).catch(() => undefined);
    await writeFile(signature, known ?? sign("sha256", new TextEncoder().encode(text), privateKey));
    return [
      "--type",
      "hashedrekord",
      "--artifact-hash",
      hex(text),
      "--signature",
      signature,
      "--public-key",
      key,
      "--pki-format",
      "x509",
    ];
  };

  it("its tree states, indexes, ids, searches and proofs span the shards", { skip }, async () => {
    const before = await run("upload", ...(await flagsFor("before")));
    const [, index = "", uuid = ""] = /at index (\d+),.*entries\/([0-9a-f]{80})/.exec(before) ?? [];
    assert.match(await run("loginfo"), /Verification Successful!/);
    await run("upload", ...(await flagsFor("growth")));
    assert.match(await run("loginfo"), /Verification Successful!/);
    const { exit, stderr } = await instance.sigillum("log", "rotate", "--data", "data");
    assert.equal(exit, 0, stderr);
    const state = await run("loginfo", "--format", "json");
    assert.ok(JSON.parse(state).TotalTreeSize > JSON.parse(state).ActiveTreeSize, state);
    const after = await run("upload", ...(await flagsFor("after")));
    const [, next = ""] = /at index (\d+),/.exec(after) ?? [];
    // The new shard begins with the trusted root.
    assert.equal(Number(next), Number(index) + 3);
    assert.match(await run("loginfo"), /Verification Successful!/);
    for (const text of ["before", "after"]) {
      assert.match(await run("search", "--sha", hex(text)), /^[0-9a-f]{80}$/m);
      assert.match(await run("verify", ...(await flagsFor(text))), /Computed Root Hash/);
    }
    assert.equal((await run("search", "--public-key", key, "--pki-format", "x509")).trim().split("\n").length, 3);
    assert.match(await run("get", "--log-index", index), new RegExp(uuid));
    assert.match(await run("get", "--uuid", uuid), new RegExp(`Index: ${index}\n`));
    assert.match(await run("get", "--uuid", uuid.slice(16)), new RegExp(`Index: ${index}\n`));
    assert.match(await run("get", "--log-index", next), new RegExp(hex("after")));
    assert.match(await run("verify", "--log-index", index), /Computed Root Hash/);
  });

  it("finds and verifies the provenance that we uploaded, and prints its attestation", { skip }, async () => {
    const subject = hex("an image");
    const payloadType = "application/vnd.in-toto+json";
    const statement = JSON.stringify({
      _type: "https://in-toto.io/Statement/v0.1",
      subject: [{ name: "app", digest: { sha256: subject } }],
      predicateType: "https://slsa.dev/provenance/v0.2",
      predicate: { builder: { id: "https://builder.example" }, buildType: "make", invocation: {}, materials: [] },
    });
    const encoded = new TextEncoder().encode(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement}`);
    const sig = sign("sha256", encoded, privateKey).toString("base64");
    const envelope = join(instance.directory, "provenance.json");
    const payload = Buffer.from(statement).toString("base64");
    await writeFile(envelope, JSON.stringify({ payloadType, payload, signatures: [{ keyid: "", sig }] }));
    const own = ["--type", "intoto", "--artifact", envelope, "--public-key", key];
    const bundle = join(instance.directory, "provenance.sigstore.json");
    const uploaded = await instance.sigillum("log", "upload", ...own, "--bundle", bundle);
    assert.equal(uploaded.exit, 0, uploaded.stderr);
    const uuid = /[0-9a-f]{80}/.exec(uploaded.stdout)?.[0] ?? "";
    assert.ok((await run("search", "--sha", subject)).includes(uuid));
    assert.equal(JSON.parse(await run("get", "--uuid", uuid, "--format", "json")).Attestation, statement);
    assert.match(await run("verify", "--uuid", uuid), /Computed Root Hash/);
    const offline = ["--offline", "--key", key, "--type", "slsaprovenance", "--digest", subject, "--bundle", bundle];
    const verified = await instance.sigillum("verify-blob-attestation", ...offline);
    assert.equal(verified.exit, 0, verified.stderr);
  });
});
