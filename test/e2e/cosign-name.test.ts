// Installed under the name cosign: a link to our program, called with the words, variables and streams of `syft attest` (Syft since January 2023
// runs the cosign that it finds on PATH), and of goreleaser's older default.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { silentLogger } from "@sigillum/stack/host";
import { createRegistry } from "@sigillum/stack/registry";
import { type Outcome, runProgram } from "../interop/clients/program.ts";
import { pushImage } from "../interop/image.ts";
import { compileCache } from "../interop/instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");

describe("the program under the name cosign", () => {
  it("is what syft attest calls, and what a pipeline of cosign 2 calls", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-cosign-"));
    const listener = { addresses: ["127.0.0.1"], port: 0 };
    const service = createRegistry({ directory: join(directory, "registry"), logger: silentLogger, listener });
    const server = createServer(service.listeners[0]?.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await mkdir(join(directory, "bin"));
      await symlink(sigillum, join(directory, "bin", "cosign"));
      // node stands on PATH where the program is installed; its first line asks for it
      const PATH = [join(directory, "bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
      const cosign = async (...words: string[]): Promise<Outcome> => {
        const env = { PATH, HOME: directory, SIGILLUM_HOME: join(directory, "home"), COSIGN_PASSWORD: "pw", ...compileCache() };
        const outcome = await runProgram("/bin/sh", ["-c", 'exec cosign "$@"', "sh", ...words], { env, cwd: directory });
        assert.equal(outcome.exit, 0, `${words[0]}: ${outcome.stdout}${outcome.stderr}`);
        return outcome;
      };
      const image = await pushImage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "app", "1");
      await writeFile(join(directory, "sbom.json"), '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1}');
      await writeFile(join(directory, "file"), "a file\n");
      await cosign("generate-key-pair");

      const unlogged = ["--tlog-upload=false"]; // Syft says nothing of logs; here is none
      await cosign(
        "attest",
        image,
        "--predicate",
        join(directory, "sbom.json"),
        "--type",
        "cyclonedx",
        "-y",
        "--key",
        "cosign.key",
        ...unlogged,
      );
      await cosign("verify-attestation", "--type", "cyclonedx", "--key", "cosign.pub", "--insecure-ignore-tlog", image);
      const { stdout } = await cosign("download", "attestation", image);
      assert.equal(JSON.parse(stdout).payloadType, "application/vnd.in-toto+json");

      await cosign("sign-blob", "--yes", "--key=cosign.key", ...unlogged, "--output-signature=file.sig", "file");
      assert.ok((await stat(join(directory, "file.sig"))).size > 50);
      await cosign("verify-blob", "--key", "cosign.pub", "--signature", "file.sig", "--insecure-ignore-tlog", "file");
      assert.match((await cosign("version", "--json")).stdout, /"gitVersion": ?"v\d/);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    }
  });
});
