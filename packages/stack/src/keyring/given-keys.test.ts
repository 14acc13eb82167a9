// Keys that are there already: taken over where they serve, refused where no client could verify what they sign.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { KeyType } from "@sigillum/library/crypto";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { Keyring, type KeyringPlan } from "./index.ts";

const nowMs = Date.UTC(2026, 10, 24);
const plan: KeyringPlan = {
  organization: "Example",
  operator: "localhost",
  publicUrls: {
    logV1: "http://localhost:3000",
    logV2: "http://localhost:3003",
    ca: "http://localhost:5555",
    ct: "http://localhost:6962",
    tsa: "http://localhost:3004",
    identity: "http://localhost:5556",
  },
};

describe("Keyring.create with keys that are there already", () => {
  let directory = "";
  let made = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-given-keys-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const keyFile = async (type: KeyType, bits?: number): Promise<string> => {
    made += 1;
    const path = join(directory, `key-${made}.pem`);
    await writeFile(path, encodePrivateKeyPem(generatePrivateKey(type, bits)), { mode: 0o600 });
    return `file:${path}`;
  };
  const create = (root: string, keyReferences: Record<string, string>): Promise<Keyring> =>
    Keyring.create(join(directory, root), { ...plan, keyReferences }, nowMs);

  it("takes each over under its name, those of logs for their first shards, and makes the others", async () => {
    const given = {
      ca: await keyFile("ecdsa-p384"),
      "ca-root": await keyFile("rsa", 3072),
      tsa: await keyFile("ecdsa-p256"),
      ct: await keyFile("ecdsa-p256"),
      "log-v1": await keyFile("ecdsa-p256"),
      "log-v2": await keyFile("ed25519"),
      oidc: await keyFile("rsa", 2048),
      "tuf-snapshot": await keyFile("ed25519"),
    };
    const keyring = await create("one", given);
    const references = new Map(keyring.document.keys.map(({ name, reference }) => [name.split("/", 1)[0] ?? "", reference]));
    for (const [name, reference] of Object.entries(given)) assert.equal(references.get(name), reference);
    const files = await readdir(join(directory, "one/keys"));
    assert.deepEqual(files.sort(), ["tsa-root.pem", "tuf-root.pem", "tuf-targets.pem", "tuf-timestamp.pem"]);
    assert.equal(keyring.signer("ca").publicKey.type, "ecdsa-p384");
    // Opened again by what the document records, without the settings.
    assert.deepEqual((await Keyring.open(join(directory, "one"))).signer("log-v2/2026-1").publicKey.type, "ed25519");
  });

  for (const [name, type] of [
    ["ca", "ed25519"],
    ["ca-root", "ed25519"],
    ["tsa", "rsa"],
    ["tsa-root", "ed25519"],
    ["ct", "ecdsa-p384"],
    ["log-v1", "ed25519"],
    ["log-v2", "ecdsa-p384"],
    ["oidc", "ecdsa-p256"],
    ["tuf-root", "rsa"],
  ] as const)
    it(`refuses a key of type ${type} for ${name}, and leaves no keyring`, async () => {
      const root = `refused-${name}`;
      await assert.rejects(create(root, { [name]: await keyFile(type) }), {
        code: "KEY_UNSUITABLE",
        found: `a key of type ${type}`,
      });
      assert.equal(await Keyring.exists(join(directory, root)), false);
    });

  it("says that a key is not there", async () => {
    await assert.rejects(create("absent", { ca: `file:${join(directory, "none.pem")}` }), { code: "SIGNER_FILE_MISSING" });
  });
});
