import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import { formatName, verifyIssuedBy } from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import { createAuthorityChain, createTimestampChain, Keyring, type KeyringPlan } from "./index.ts";

const url = "http://localhost:1";
const plan: KeyringPlan = {
  organization: "Example",
  operator: "localhost",
  publicUrls: { logV1: url, logV2: url, ca: url, ct: url, tsa: url, identity: url },
};
const startMs = Date.UTC(2026, 10, 24, 2);
const laterMs = startMs + 86_400_000;

describe("chains of a keyring", () => {
  let directory = "";
  let keyring: Keyring;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-chains-"));
    keyring = await Keyring.create(directory, plan, startMs);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("are planned below the same root, published, put to use, and stay published when sealed", async () => {
    for (const service of ["ca", "tsa"] as const) {
      const before = keyring.activeChain(service);
      const planned = await keyring.planChain(service, { nowMs: laterMs, root: "same" });
      assert.equal(planned.id, `${service}-2`);
      assert.equal(planned.state, "planned");
      assert.deepEqual(planned.certificates.at(-1)?.der, before.certificates.at(-1)?.der);
      const [first, root] = planned.certificates;
      assert.ok(first !== undefined && root !== undefined);
      verifyIssuedBy(first, root);
      assert.ok(first.notAfterMs <= root.notAfterMs);
      assert.equal(
        formatName(first.subject),
        `O=Example, CN=${service === "ca" ? "sigillum-intermediate-ca-2" : "sigillum-tsa-2"}`,
      );
      // The trust root has it before anything is signed with it.
      assert.equal(keyring.activeChain(service).id, before.id);
      const published = keyring.trustedRoot();
      assert.equal((service === "ca" ? published.certificateAuthorities : published.timestampAuthorities).length, 2);
      await keyring.activateChain(planned.id, laterMs);
      assert.equal(keyring.activeChain(service).id, planned.id);
      assert.deepEqual(keyring.signer(keyring.activeChain(service).key).publicKey.spki, first.spki);
      const sealed = keyring.chains(service).find((chain) => chain.id === before.id);
      assert.deepEqual([sealed?.state, sealed?.validFor.endMs], ["sealed", laterMs + 86_400_000]);
      assert.equal(keyring.chains(service).length, 2);
    }
    assert.deepEqual((await Keyring.open(directory)).document, keyring.document);
    await assert.rejects(keyring.activateChain("ca-1", laterMs), { code: "CHAIN_NOT_PLANNED", found: "sealed" });
    await assert.rejects(keyring.activateChain("ca-9", laterMs), { code: "CHAIN_NOT_PLANNED" });
  });

  it("are planned below a new root", async () => {
    const planned = await keyring.planChain("ca", { nowMs: laterMs, root: "new" });
    assert.equal(planned.id, "ca-3");
    assert.equal(formatName(planned.certificates.at(-1)?.subject ?? new Uint8Array()), "O=Example, CN=sigillum-root-ca-3");
    assert.deepEqual((await Keyring.open(directory)).document, keyring.document);
  });

  it("go on without the root's key, which may be kept elsewhere, until it is needed", async () => {
    const path = join(directory, "keys", "ca-root.pem");
    const key = await readFile(path);
    await unlink(path);
    const opened = await Keyring.open(directory);
    opened.signer(opened.activeChain("ca").key);
    assert.throws(() => opened.signer("ca-root"), { code: "KEY_OFFLINE" });
    await assert.rejects(opened.planChain("ca", { nowMs: laterMs, root: "same" }), { code: "KEY_OFFLINE" });
    await writeFile(path, key, { mode: 0o600 });
  });

  it("are taken over from elsewhere after every check", async () => {
    const pkcs8 = generatePrivateKey("ecdsa-p384");
    const signer = createSigner(pkcs8);
    const root = ephemeralSigner("ecdsa-p384");
    const keyReference = `file:${join(directory, "mine.pem")}`;
    await writeFile(join(directory, "mine.pem"), encodePem("PRIVATE KEY", pkcs8), { mode: 0o600 });
    const fields = { organization: "HSM", rootName: "root", name: "below", startMs };
    const chain = await createAuthorityChain(fields, root, signer);
    const [first, anchor] = chain;
    assert.ok(first !== undefined && anchor !== undefined);
    const take = (certificates: typeof chain, nowMs = laterMs, service: "ca" | "tsa" = "ca"): Promise<unknown> =>
      keyring.importChain(service, { nowMs, certificates, keyReference });
    const [strangeFirst, strangeAnchor] = await createAuthorityChain(fields, ephemeralSigner("ecdsa-p384"), signer);
    assert.ok(strangeFirst !== undefined && strangeAnchor !== undefined);
    const [otherFirst] = await createAuthorityChain({ ...fields, rootName: "other" }, root, signer);
    assert.ok(otherFirst !== undefined);
    const unrelated = await createAuthorityChain(fields, root, ephemeralSigner());
    const timestamps = await createTimestampChain(fields, root, signer);
    for (const [certificates, pattern, service, nowMs] of [
      [[first], /1 certificates/u],
      [[anchor, first], /for another key/u],
      [unrelated, /for another key/u],
      [[first, strangeAnchor], /sign/u],
      [[otherFirst, anchor], /not followed by its issuer/u],
      [timestamps, /no authority's/u],
      [chain, /an authority's/u, "tsa"],
      [chain, /not valid now/u, "ca", startMs - 1000],
    ] as const)
      await assert.rejects(take([...certificates], nowMs, service), { code: "CHAIN_REFUSED", message: pattern });
    const before = keyring.document;
    assert.equal(keyring.chains("ca").length, 3);
    await take(chain);
    assert.notEqual(keyring.document, before);
    await keyring.activateChain("ca-4", laterMs);
    const opened = await Keyring.open(directory);
    assert.deepEqual(opened.signer(opened.activeChain("ca").key).publicKey.spki, signer.publicKey.spki);
    await keyring.importChain("tsa", { nowMs: laterMs, certificates: timestamps, keyReference });
  });
});

describe("encrypted key files", () => {
  it("are written and read with the environment's passphrase", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-encrypted-"));
    process.env["SIGILLUM_PASSPHRASE"] = "open sesame";
    try {
      await Keyring.create(directory, plan, startMs);
      assert.match(await readFile(join(directory, "keys", "ca.pem"), "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/u);
      await Keyring.open(directory);
      process.env["SIGILLUM_PASSPHRASE"] = "another";
      await assert.rejects(Keyring.open(directory), { code: "SIGNER_PASSPHRASE_WRONG" });
      delete process.env["SIGILLUM_PASSPHRASE"];
      await assert.rejects(Keyring.open(directory), { code: "SIGNER_PASSPHRASE_MISSING" });
      await Keyring.open(directory, { passphrase: "open sesame" });
    } finally {
      delete process.env["SIGILLUM_PASSPHRASE"];
      await rm(directory, { recursive: true, force: true });
    }
  });
});
