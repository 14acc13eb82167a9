// Keys in a KMS: fetched when a policy names them, kept for an hour, and lost only to a service that says so.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { encodePublicKeyPem, type PublicKey } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { openSigner, signersError } from "@sigillum/signers/signers";
import { fetchKmsKey, KmsKeys, kmsReferences, loadPolicies } from "./index.ts";

const reference = "hashivault://release";
const { publicKey } = generateSigner();
const policy = (...authorities: JsonValue[]): JsonValue => ({
  apiVersion: "policy.sigstore.dev/v1beta1",
  kind: "ClusterImagePolicy",
  metadata: { name: "p" },
  spec: { images: [{ glob: "**" }], authorities },
});
const named = policy({ key: { kms: reference } }, { static: { action: "pass" } });
const hour = 3_600_000;

function told(found: PublicKey | SigillumError | undefined): string {
  return found === undefined ? "nothing" : isSigillumError(found) ? found.code : "a key";
}

describe("KmsKeys", () => {
  it("names what policies name", () => {
    assert.deepEqual(kmsReferences(named), [reference]);
    assert.deepEqual(kmsReferences(policy({ key: { data: encodePublicKeyPem(publicKey) } })), []);
  });
  it("asks once an hour, tries again what failed, and forgets what nobody names", async () => {
    let asked = 0;
    let answer: () => PublicKey = () => publicKey;
    const keys = new KmsKeys(() => {
      asked += 1;
      return Promise.resolve().then(() => answer());
    });
    const at = async (nowMs: number, objects: readonly JsonValue[] = [named]): Promise<string> => {
      const changed = await keys.load(objects, nowMs);
      return `${changed ? "changed" : "same"}, ${told(keys.keys.get(reference))}, asked ${asked}`;
    };
    assert.equal(await at(0), "changed, a key, asked 1");
    assert.equal(await at(hour - 1), "same, a key, asked 1");
    answer = () => {
      throw signersError("SIGNER_REMOTE_UNAVAILABLE", "it is away");
    };
    assert.equal(await at(hour), "same, a key, asked 2");
    answer = () => {
      throw signersError("SIGNER_REMOTE_REFUSED", "the key was taken away");
    };
    assert.equal(await at(2 * hour), "changed, ADMISSION_KEY_UNAVAILABLE, asked 3");
    assert.equal(await at(2 * hour + 1000), "same, ADMISSION_KEY_UNAVAILABLE, asked 3");
    answer = () => publicKey;
    assert.equal(await at(2 * hour + 30_000), "changed, a key, asked 4");
    assert.equal(await at(2 * hour + 30_001, []), "changed, nothing, asked 4");
  });
  it("an authority without its key refuses, and says why", async () => {
    const parts = {
      secrets: new Map(),
      configMaps: new Map(),
      trustRoots: new Map(),
      texts: new Map(),
      defaultTrustRoot: "default",
    };
    const readyWith = async (fetch: () => Promise<PublicKey>): Promise<string> => {
      const kmsKeys = new Map([[reference, await fetchKmsKey(reference, fetch)]]);
      const [loaded] = loadPolicies([named], { ...parts, kmsKeys }, {});
      const compiled = loaded?.compiled;
      assert.ok(compiled !== undefined && !isSigillumError(compiled));
      const ready = compiled.authorities[0]?.ready;
      return isSigillumError(ready) ? `${ready.code}: ${ready.message}` : (ready?.type ?? "");
    };
    assert.equal(await readyWith(() => Promise.resolve(publicKey)), "key");
    assert.match(
      await readyWith(() => Promise.reject(signersError("SIGNER_CREDENTIALS_MISSING", "VAULT_ADDR is not set"))),
      /^ADMISSION_KEY_UNAVAILABLE: the key hashivault:\/\/release cannot be fetched .*VAULT_ADDR is not set \(SIGNER_CREDENTIALS_MISSING\)/,
    );
    await assert.rejects(
      fetchKmsKey(reference, () => Promise.reject(new TypeError("a fault of ours"))),
      TypeError,
    );
  });
  it("fetches by the signers' own client, over HTTP", async () => {
    const server = createServer((request, response) => {
      const known = request.url === "/v1/transit/keys/release" && request.headers["x-vault-token"] === "t";
      const data = { latest_version: 1, type: "ecdsa-p256", keys: { "1": { public_key: encodePublicKeyPem(publicKey) } } };
      response.writeHead(known ? 200 : 403, { "content-type": "application/json" }).end(JSON.stringify(known ? { data } : {}));
    });
    const url = await listen(server);
    try {
      const fetching = (token: string) => async (name: string) =>
        (await openSigner(name, { environment: { VAULT_ADDR: url, VAULT_TOKEN: token } })).publicKey;
      assert.deepEqual(await fetchKmsKey(reference, fetching("t")), publicKey);
      assert.equal(told(await fetchKmsKey(reference, fetching("wrong"))), "ADMISSION_KEY_UNAVAILABLE");
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
