// rekor-cli on our log: its tree head, an entry, the search index and the proof of an entry that we made.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";

interface JsonBundle {
  readonly verificationMaterial: {
    readonly certificate: { readonly rawBytes: string };
    readonly tlogEntries: readonly { readonly logIndex: string }[];
  };
  readonly messageSignature: { readonly signature: string };
}

describe("rekor-cli", { timeout: 180_000 }, () => {
  const peer = findPeer("rekor-cli");
  const skip = peer.path === undefined ? peer.missing : false;
  let instance: Instance;
  let artifact = "";
  let bundle: JsonBundle;

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance();
    artifact = join(instance.directory, "artifact.txt");
    await writeFile(artifact, "a file for rekor-cli\n");
    const path = join(instance.directory, "bundle.json");
    const { exit, stderr } = await instance.sigillum(
      "sign-blob",
      "--identity-token",
      await instance.token(),
      "--bundle",
      path,
      artifact,
    );
    assert.equal(exit, 0, stderr);
    bundle = JSON.parse(await readFile(path, "utf8"));
    const certificate = bundle.verificationMaterial.certificate.rawBytes;
    await writeFile(`${artifact}.crt`, `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`);
    await writeFile(`${artifact}.sig`, Buffer.from(bundle.messageSignature.signature, "base64"));
  });
  after(() => instance?.stop());

  const run = (...args: string[]): Promise<string> =>
    expectSuccess(peer.path ?? "", [...args, "--rekor_server", instance.logUrl, "--store_tree_state=false"], {
      env: { HOME: instance.directory },
    });
  const verify = (hash: string): Promise<string> => {
    const entry = ["--type", "hashedrekord", "--artifact-hash", hash, "--pki-format", "x509"];
    return run("verify", ...entry, "--signature", `${artifact}.sig`, "--public-key", `${artifact}.crt`);
  };
  const digest = async (): Promise<string> =>
    createHash("sha256")
      .update(await readFile(artifact))
      .digest("hex");

  it("verifies the tree head", { skip }, async () => assert.match(await run("loginfo"), /Verification Successful!/));

  it("gets the entry of a bundle by its index", { skip }, async () => {
    const index = bundle.verificationMaterial.tlogEntries[0]?.logIndex ?? "";
    assert.match(await run("get", "--log-index", index), new RegExp(await digest()));
  });

  it("finds the entry by its file and by its signer", { skip }, async () => {
    const uuid = /^[0-9a-f]{80}$/m;
    assert.match(await run("search", "--artifact", artifact), uuid);
    assert.match(await run("search", "--email", instance.identity), uuid);
    await assert.rejects(run("search", "--email", "nobody@example.com"), /no matching entries found/);
  });

  it("verifies the inclusion of the entry, and refuses one that is not there", { skip }, async () => {
    assert.match(await verify(await digest()), /Computed Root Hash/);
    await assert.rejects(verify("0".repeat(64)));
  });
});
