// A predicate of 50 MB with a log: Rekor v1 is sent the whole statement and takes 4 MiB, from cosign as from us; Rekor v2 is sent its digest, so ours
// goes in, and both verify it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { compileCache, type Instance, startInstance } from "./instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const timeoutMs = 300_000; // a second or two where nothing else runs
const cosign = findPeer("cosign-3");
const skip = cosign.path === undefined ? (cosign.missing ?? "cosign-3 is not here") : false;

describe("an attestation of 50 MB", { skip, timeout: 900_000 }, () => {
  let instance: Instance;
  const at = (file: string): string => join(instance.directory, file);
  const theirs = (...words: string[]): Promise<Outcome> =>
    runProgram(cosign.path ?? "", words, {
      cwd: instance.directory,
      env: { HOME: at("cosign"), TUF_ROOT: at("tuf"), COSIGN_PASSWORD: "pw" },
      timeoutMs,
    });
  const ours = (...words: string[]): Promise<Outcome> =>
    runProgram(process.execPath, [sigillum, ...words], {
      cwd: instance.directory,
      env: { HOME: instance.directory, SIGILLUM_HOME: at("home"), COSIGN_PASSWORD: "pw", ...compileCache() },
      timeoutMs,
    });
  const succeed = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    const { exit, stdout, stderr } = await outcome;
    assert.equal(exit, 0, `${stdout.slice(0, 2000)}${stderr}`);
    return { exit, stdout, stderr };
  };

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance();
    await succeed(theirs("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath));
    await succeed(theirs("generate-key-pair"));
    const component = '{"type":"library","name":"a-component-with-a-name","version":"1.2.3","purl":"pkg:npm/a-component@1.2.3"}';
    const components = Array(Math.ceil(50_000_000 / (component.length + 1))).fill(component);
    await writeFile(
      at("large.json"),
      `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[${components.join(",")}]}`,
    );
  });
  after(() => instance?.stop());

  it("goes into a log of Rekor v2, and both verify it; Rekor v1 refuses it, and says what it takes", async () => {
    const image = await pushImage(instance.url("registry"), "large/app");
    const attest = ["attest", "-y", "--key", at("cosign.key"), "--predicate", at("large.json"), "--type", "cyclonedx"];
    const verify = ["verify-attestation", "--key", at("cosign.pub"), "--type", "cyclonedx", image];
    const refused = await ours(...attest, image);
    assert.match(refused.stderr, /at most 4194304 are accepted[\s\S]*SIGNING_STATEMENT_TOO_LARGE/);
    assert.notEqual((await theirs(...attest, image)).exit, 0);
    assert.equal((await ours(...verify)).exit, 10, "nothing was pushed");

    await succeed(ours(...attest, "--rekor-v2", image));
    for (const run of [theirs, ours]) {
      const { stdout } = await succeed(run(...verify));
      assert.ok(stdout.length > 60_000_000);
    }
  });
});
