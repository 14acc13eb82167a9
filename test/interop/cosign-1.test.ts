// cosign 1.3 of November 2021 and 1.13, the last of the first: what they sign we verify, what we sign they verify, with the flags of their time.
// SIGILLUM_WRITE_FIXTURES=DIRECTORY keeps what they made, for fixtures.test.ts, which verifies it where neither program is.
import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

const password = "hello";
const fixtures = process.env["SIGILLUM_WRITE_FIXTURES"];

describe("cosign 1", { timeout: 300_000 }, () => {
  let instance: Instance;
  before(async () => {
    if (["cosign-1-3", "cosign-1-13"].some((name) => findPeer(name).path !== undefined)) instance = await startInstance();
  });
  after(() => instance?.stop());

  for (const name of ["cosign-1-3", "cosign-1-13"]) {
    const { path, missing } = findPeer(name);
    it(`${name} and we read each other's signatures, attestations, SBOMs and keys`, {
      skip: path === undefined ? missing : false,
    }, async () => {
      const home = join(instance.directory, name);
      const at = (file: string): string => join(home, file);
      await mkdir(home);
      await writeFile(at("file"), "a file\n");
      await writeFile(at("sbom.json"), '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[]}');
      const theirs = (...words: string[]): Promise<Outcome> =>
        runProgram(path ?? "", words, { cwd: home, env: { HOME: home, TUF_ROOT: at("tuf"), COSIGN_PASSWORD: password } });
      const ours = (...words: string[]): Promise<Outcome> => instance.sigillumWith({ COSIGN_PASSWORD: password }, ...words);
      const succeed = async (outcome: Promise<Outcome>): Promise<Outcome> => {
        const { exit, stdout, stderr } = await outcome;
        assert.equal(exit, 0, `${stdout}${stderr}`);
        return { exit, stdout, stderr };
      };
      const ignored = ["--insecure-ignore-tlog"];

      await succeed(theirs("generate-key-pair"));
      assert.match(await readFile(at("cosign.key"), "utf8"), /BEGIN ENCRYPTED COSIGN PRIVATE KEY/);
      const image = await pushImage(instance.url("registry"), `cosign-1/${name}`);
      // the dialect of their time: one dash
      await succeed(theirs("sign", "-key", "cosign.key", "-a", "by=them", image));
      const { stdout } = await succeed(ours("verify", "--key", at("cosign.pub"), ...ignored, "-a", "by=them", image));
      assert.equal(JSON.parse(stdout)[0].optional.by, "them");
      assert.equal((await ours("verify", "--key", at("cosign.pub"), ...ignored, "-a", "by=us", image)).exit, 12);
      assert.equal((await ours("triangulate", image)).stdout, (await theirs("triangulate", image)).stdout);

      await succeed(theirs("attest", "--key", "cosign.key", "--predicate", "sbom.json", "--type", "custom", image));
      const check = ["verify-attestation", "--key", at("cosign.pub"), ...ignored, "--type"];
      await succeed(ours(...check, "custom", image));
      assert.equal((await ours(...check, "spdx", image)).exit, 12);

      await succeed(theirs("attach", "sbom", "--sbom", "sbom.json", "--type", "cyclonedx", image));
      assert.equal((await succeed(ours("download", "sbom", image))).stdout, await readFile(at("sbom.json"), "utf8"));

      const signature = (await succeed(theirs("sign-blob", "--key", "cosign.key", "file"))).stdout;
      await writeFile(at("file.sig"), signature.trim());
      const blob = ["verify-blob", "--key", at("cosign.pub"), ...ignored, "--signature", at("file.sig")];
      await succeed(ours(...blob, at("file")));
      assert.notEqual((await ours(...blob, at("sbom.json"))).exit, 0);

      // Ours to them: signed with the key they made, and with one of ours in the form they know.
      const own = await pushImage(instance.url("registry"), `cosign-1/${name}-ours`);
      await succeed(ours("generate-key-pair", "--cosign1", "--output-key-prefix", at("ours")));
      await succeed(theirs("public-key", "--key", "ours.key"));
      await succeed(ours("sign", "--key", at("cosign.key"), "--tlog-upload=false", "--layout", "tag", own));
      await succeed(theirs("verify", "--key", "cosign.pub", own));
      assert.notEqual((await theirs("verify", "--key", "ours.pub", own)).exit, 0);

      if (fixtures === undefined) return;
      const target = join(fixtures, name);
      await mkdir(target, { recursive: true });
      await succeed(ours("save", image, "--dir", join(target, "image")));
      for (const file of ["cosign.key", "cosign.pub", "file", "file.sig"]) await cp(at(file), join(target, file));
    });
  }
});
