// Quay 3.6 of October 2021: a registry that takes OCI-typed images from an allow list and has no referrers. What is signed for it in the
// tag layout is listed as signed by its API, shown by `tree`, and verifies; what it never took it still does not take.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { request } from "@sigillum/library/http";
import { silentLogger } from "@sigillum/stack/host";
import { createRegistry } from "@sigillum/stack/registry";
import { type Outcome, runProgram } from "../interop/clients/program.ts";
import { pushImage } from "../interop/image.ts";
import { compileCache } from "../interop/instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");

describe("a registry like Quay 3.6", () => {
  it("lists an image signed in the tag layout as signed, and takes nothing newer", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-quay-"));
    const listener = { addresses: ["127.0.0.1"], port: 0 };
    const service = createRegistry({
      directory: join(directory, "registry"),
      logger: silentLogger,
      listener,
      accepts: "quay-3.6",
    });
    const server = createServer(service.listeners[0]?.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ours = (...words: string[]): Promise<Outcome> => {
      const env = { HOME: directory, SIGILLUM_HOME: join(directory, "home"), COSIGN_PASSWORD: "", ...compileCache() };
      return runProgram(process.execPath, [sigillum, ...words], { env, cwd: directory });
    };
    const weDo = async (...words: string[]): Promise<Outcome> => {
      const outcome = await ours(...words);
      assert.equal(outcome.exit, 0, `${words[0]}: ${outcome.stdout}${outcome.stderr}`);
      return outcome;
    };
    try {
      await weDo("generate-key-pair");
      const reference = await pushImage(`http://127.0.0.1:${port}`, "quay/app", "1.0");
      const digest = reference.slice(reference.indexOf("@") + 1);
      const tag = reference.replace(/@.*/, ":1.0");
      const listed = async (): Promise<{ readonly name: string; readonly signed: boolean }> => {
        const answer = await request({ url: `http://127.0.0.1:${port}/api/v1/repository/quay/app/tag/` });
        const { tags } = JSON.parse(new TextDecoder().decode(answer.body));
        assert.equal(tags.length, 1, "attachments are no images");
        return tags[0];
      };
      assert.equal((await listed()).signed, false);
      assert.equal((await ours("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", tag)).exit, 10);

      await weDo("sign", "--key", "cosign.key", "--tlog-upload=false", "--layout", "tag", tag);

      const sig = `${digest.replace(":", "-")}.sig`;
      const found = await listed();
      assert.deepEqual(
        [found.name, found.signed, Reflect.get(found, "cosign_signature_tag"), Reflect.get(found, "signatures")],
        ["1.0", true, sig, { tag: 1, referrers: 0 }],
      );
      const tree = (await weDo("tree", tag)).stdout;
      assert.match(tree, new RegExp(`🔐 Signatures for an image tag: 127.0.0.1:${port}/quay/app:${sig}\n {3}└── 🍒 sha256:`));
      await weDo("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", tag);

      // An administrator had to allow envelopes and SBOMs; bundles are newer than it. It says so, and nothing is called signed for it.
      await writeFile(join(directory, "sbom.json"), "{}");
      const attest = ["attest", "--key", "cosign.key", "--tlog-upload=false", "--layout", "tag", "--type", "cyclonedx"];
      for (const words of [
        [...attest, "--predicate", "sbom.json"],
        ["sign", "--key", "cosign.key", "--tlog-upload=false", "--layout", "bundle"],
      ]) {
        const { exit, stderr } = await ours(...words, tag);
        assert.equal(exit, 14, stderr);
        assert.match(stderr, /MANIFEST_INVALID.*this registry is set not to take/);
      }
      assert.deepEqual(Reflect.get(await listed(), "signatures"), { tag: 1, referrers: 0 });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    }
  });
});
