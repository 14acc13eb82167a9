// Attestations across clients: a statement that @sigstore/sign logs on Rekor v2 (it sends the envelope, which the log stores as a hash) verifies
// in cosign 3, sigstore-python and here; one of cosign 3 verifies in @sigstore/verify; all of them after a rotation too.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";

const loopback = ["127.0.0.1", "::1"] as const;

const [js, cosign, python] = [findPeer("sigstore-js"), findPeer("cosign-3"), findPeer("sigstore-python")];
const missing = [js, cosign, python].find(({ path }) => path === undefined);
const skip = missing === undefined ? false : (missing.missing ?? "a client is not here");
const predicateType = "https://slsa.dev/provenance/v1";

describe("attestations of one client in the other", { skip, timeout: 600_000 }, () => {
  let instance: Instance;
  let artifact = "";
  let statement = "";
  let fromJs = "";
  let fromCosign = "";
  const home = (): string => join(instance.directory, "attesting");

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance("signer@example.com", {}, { trust: { cacheWindowHours: 0 } });
    await mkdir(home());
    artifact = join(home(), "artifact.txt");
    statement = join(home(), "statement.json");
    [fromJs, fromCosign] = [join(home(), "js.sigstore.json"), join(home(), "cosign.sigstore.json")];
    await writeFile(artifact, "an artifact\n");
    const digest = { sha256: createHash("sha256").update("an artifact\n").digest("hex") };
    const subject = [{ name: "artifact.txt", digest }];
    await writeFile(
      statement,
      JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate: { builder: {} } }),
    );
    await cosignDoes("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath);
    await pythonDoes("trust-instance", instance.rootPath);
    await jsDoes("bootstrap");
  });
  after(() => instance?.stop());

  const jsDoes = (...args: string[]): Promise<string> => {
    const script = join(import.meta.dirname, "clients/sigstore-js-program.mjs");
    const words = [script, js.path ?? "", home(), instance.tufUrl, instance.rootPath, ...args];
    return expectSuccess(process.execPath, words, { cwd: home(), env: { HOME: home() } });
  };
  const cosignDoes = (...args: string[]): Promise<string> =>
    expectSuccess(cosign.path ?? "", args, { cwd: home(), env: { HOME: home(), TUF_ROOT: join(home(), "tuf") } });
  const pythonDoes = (...args: string[]): Promise<string> =>
    expectSuccess(python.path ?? "", ["--instance", instance.tufUrl, ...args], { cwd: home(), env: { HOME: home() } });
  const expected = (): string[] => ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
  const cosignVerifies = (bundle: string, file = artifact): Promise<string> =>
    cosignDoes("verify-blob-attestation", "--bundle", bundle, "--type", predicateType, ...expected(), file);
  const pythonVerifies = (bundle: string, file = artifact): Promise<string> =>
    pythonDoes(
      "verify",
      "identity",
      "--bundle",
      bundle,
      "--cert-identity",
      instance.identity,
      "--cert-oidc-issuer",
      instance.issuer,
      file,
    );
  const jsVerifies = (bundle: string): Promise<string> => jsDoes("verify", artifact, bundle, instance.identity, instance.issuer);
  const weVerify = async (bundle: string): Promise<void> => {
    const { exit, stderr } = await instance.sigillum(
      "verify-blob-attestation",
      "--bundle",
      bundle,
      "--type",
      predicateType,
      ...expected(),
      artifact,
    );
    assert.equal(exit, 0, stderr);
  };
  const kindOf = async (bundle: string): Promise<string> => {
    const [entry] = JSON.parse(await readFile(bundle, "utf8")).verificationMaterial.tlogEntries;
    return `${entry.kindVersion.kind} ${entry.kindVersion.version}`;
  };

  it("what @sigstore/sign logs on Rekor v2 verifies in cosign 3, sigstore-python and here, and for no other file", async () => {
    await jsDoes("attest", statement, fromJs, await instance.token(), "signing_config_rekor_v2.v0.2.json");
    assert.equal(await kindOf(fromJs), "hashedrekord 0.0.2");
    await cosignVerifies(fromJs);
    await pythonVerifies(fromJs);
    await jsVerifies(fromJs);
    await weVerify(fromJs);
    const other = join(home(), "other.txt");
    await writeFile(other, "another\n");
    await assert.rejects(cosignVerifies(fromJs, other));
    await assert.rejects(pythonVerifies(fromJs, other));
  });

  // sigstore-python takes statements of version 1 alone, and cosign writes 0.1.
  it("what cosign 3 attests verifies in @sigstore/verify and here", async () => {
    const predicate = join(home(), "predicate.json");
    await writeFile(predicate, "{}");
    const flags = ["--predicate", predicate, "--type", predicateType, "--bundle", fromCosign];
    await cosignDoes("attest-blob", "--yes", "--identity-token", await instance.token(), ...flags, artifact);
    await jsVerifies(fromCosign);
    await weVerify(fromCosign);
  });

  it("both verify after a rotation of both logs", async () => {
    for (const flags of [
      ["--log", "v1"],
      ["--url", `http://localhost:${(await findFreePorts(1, loopback))[0]}`],
    ]) {
      const { exit, stderr } = await instance.sigillum("log", "rotate", "--data", "data", ...flags);
      assert.equal(exit, 0, stderr);
    }
    for (const bundle of [fromJs, fromCosign]) {
      await cosignVerifies(bundle);
      if (bundle === fromJs) await pythonVerifies(bundle);
      await jsVerifies(bundle);
      await weVerify(bundle);
    }
  });
});
