// The OCI distribution specification's own conformance program (Go) against the embedded registry: pull, push, discovery, management, and
// what it leaves to be switched on: cancelled uploads and digest headers.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createLogger, Host, systemClock } from "@sigillum/stack/host";
import { createRegistry } from "@sigillum/stack/registry";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import { runProgram } from "../interop/clients/program.ts";

/** Tests the program counts as skipped: none may join them unseen. */
const skipped = 4;

describe("the OCI distribution conformance program", { timeout: 120_000 }, () => {
  const { path, missing } = findPeer("oci-conformance");

  it("finds no fault with the embedded registry", { skip: path === undefined ? missing : false }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-oci-"));
    const [port = 0] = await findFreePorts(1, ["127.0.0.1"]);
    const said: string[] = [];
    const logger = createLogger({ level: "error", write: (line) => said.push(line) });
    const listener = { addresses: ["127.0.0.1"], port };
    const host = new Host({ logger, clock: systemClock });
    try {
      await host.start([createRegistry({ directory: join(directory, "registry"), logger, listener })]);
      const env = {
        HOME: directory,
        OCI_REGISTRY: `127.0.0.1:${port}`,
        OCI_TLS: "disabled",
        OCI_VERSION: "1.1",
        OCI_API_BLOBS_UPLOAD_CANCEL: "true",
        OCI_API_BLOBS_DIGEST_HEADER: "true",
        OCI_API_MANIFESTS_DIGEST_HEADER: "true",
      };
      const { exit, stdout, stderr } = await runProgram(path ?? "", [], { env, cwd: directory, timeoutMs: 110_000 });
      const count = (name: string): number => Number(new RegExp(`^ *${name}\\.+: +(\\d+)$`, "m").exec(stdout)?.[1] ?? Number.NaN);
      const failures = stderr.split("\n").filter((line) => line.includes("failed test"));
      assert.deepEqual(failures, []);
      assert.equal(exit, 0, stdout.slice(-2000));
      assert.deepEqual([count("FAIL"), count("Error"), count("Skip")], [0, 0, skipped]);
      assert.ok(count("Pass") > 800, `${count("Pass")} passed`);
      assert.deepEqual(said, []);
      console.log(`oci-conformance: ${count("Pass")} passed, ${count("Skip")} skipped of ${count("Total")}`);
    } finally {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
