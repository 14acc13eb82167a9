// What the Containerfile copies is enough: its entry point serves a whole stack, and the admission controller, as nobody on a read-only root.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { request } from "@sigillum/library/http";
import { findFreePorts, initialiseDataDirectory } from "@sigillum/stack/settings";
import {
  buildStage,
  type Contained,
  containerMissing,
  type Instruction,
  instructionOf,
  makeRoot,
  readContainerfile,
  runContained,
} from "./container.ts";

const missing = containerMissing();
if (missing !== undefined) console.log(`SKIPPED: Containerfile: ${missing}`);

async function answers(url: string, running: Contained): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    assert.equal(running.child.exitCode, null, `it ended\n${running.log()}`);
    const answer = await request({ url, tls: { insecureSkipVerify: true }, timeoutMs: 3000 }).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${url} does not answer\n${running.log()}`);
}

describe("the image of the Containerfile", { skip: missing !== undefined && missing, timeout: 600_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "sigillum-container-"));
  const [source, root] = [join(directory, "src"), join(directory, "root")];
  let stage: Instruction[] = [];
  let running: Contained | undefined;

  before(() => {
    const [build = [], last = []] = readContainerfile();
    stage = last;
    buildStage(build, source);
    makeRoot(last, source, root);
  });
  after(() => {
    running?.child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  it("runs as nobody, with what the chart expects", () => {
    assert.match(instructionOf(stage, "USER"), /^[1-9]\d*:[1-9]\d*$/);
    assert.deepEqual(JSON.parse(instructionOf(stage, "CMD")), ["--help"]);
    assert.match(
      readFileSync(join(import.meta.dirname, "../../charts/sigillum/values.yaml"), "utf8"),
      /readOnlyRootFilesystem: true/,
    );
  });

  it("prints its help where it is told nothing", async () => {
    const { ended, log } = runContained(stage, root, JSON.parse(instructionOf(stage, "CMD")));
    assert.equal(await ended, 0, log());
    assert.match(log(), /sigillum COMMAND|Usage/);
  });

  it("serves a stack from a volume, in threads, and stops when it is told to", async () => {
    const volume = join(directory, "volume");
    mkdirSync(volume);
    const settings = await initialiseDataDirectory(join(volume, "sigillum"), { ports: "free" });
    const serving = runContained(stage, root, ["serve", "--data", "/data/sigillum"], { [volume]: "/data" });
    running = serving;
    await answers(`${settings.services.explorer.publicUrl}/readyz`, serving);
    await answers(`${settings.services.tuf.publicUrl}/trusted_root.json`.replace("trusted_root.json", "timestamp.json"), serving);
    assert.doesNotMatch(serving.log(), /worker\.broken/);
    const pid = readFileSync(`/proc/${serving.child.pid}/task/${serving.child.pid}/children`, "utf8").trim();
    assert.match(
      readFileSync(`/proc/${pid}/status`, "utf8"),
      /^Uid:\t65532\t65532\t65532[\s\S]*^CapEff:\t0+$[\s\S]*^NoNewPrivs:\t1$/m,
    );
    process.kill(Number(pid), "SIGTERM");
    assert.equal(await serving.ended, 0, serving.log());
  });

  it("runs the admission controller, which compiles policies in a thread", async () => {
    const [port = 0, health = 0] = await findFreePorts(2, ["127.0.0.1"]);
    const api = new EmptyApi();
    const config = join(directory, "config");
    mkdirSync(config);
    writeFileSync(join(config, "token"), "token");
    writeFileSync(
      join(config, "sigillum.yaml"),
      `admission:\n  addresses: ["127.0.0.1"]\n  port: ${port}\n  namespace: own\n  apiServer: ${await api.start()}\n  tokenFile: /etc/sigillum/token\nservices:\n  explorer:\n    addresses: ["127.0.0.1"]\n    port: ${health}\n`,
    );
    const args = ["serve", "--only", "admission", "--config", "/etc/sigillum/sigillum.yaml"];
    const controller = runContained(stage, root, args, { [config]: "/etc/sigillum" });
    running = controller;
    try {
      await answers(`https://127.0.0.1:${port}/readyz`, controller);
      const judge = async (data: string): Promise<string> => {
        const { status, body } = await request({
          method: "POST",
          url: `https://127.0.0.1:${port}/validating?timeout=30s`,
          headers: { "content-type": "application/json" },
          tls: { insecureSkipVerify: true },
          body: JSON.stringify(review(data)),
        });
        return `${status} ${new TextDecoder().decode(body)}`;
      };
      assert.match(await judge("a: 1"), /^200 .*"allowed":true/);
      assert.match(await judge("a: {"), /"allowed":false.*spec\.policy\.data does not compile/);
      const pid = readFileSync(`/proc/${controller.child.pid}/task/${controller.child.pid}/children`, "utf8").trim();
      process.kill(Number(pid), "SIGTERM");
      assert.equal(await controller.ended, 0, controller.log());
    } finally {
      await api.stop();
    }
  });
});

function review(data: string): object {
  const object = {
    apiVersion: "policy.sigstore.dev/v1beta1",
    kind: "ClusterImagePolicy",
    metadata: { name: "p" },
    spec: {
      images: [{ glob: "**" }],
      authorities: [{ static: { action: "pass" } }],
      policy: { type: "cue", data },
    },
  };
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u", operation: "CREATE", resource: { resource: "clusterimagepolicies" }, object },
  };
}

/** An API server with nothing in it that keeps what it is given. */
class EmptyApi {
  readonly #server: Server = createServer((incoming, response) => {
    const chunks: Uint8Array[] = [];
    incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    incoming.on("end", () => {
      const reply = (status: number, value: unknown): void =>
        void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
      const [path = "", query = ""] = (incoming.url ?? "").split("?");
      if (incoming.method === "POST") return reply(201, JSON.parse(Buffer.concat(chunks).toString("utf8")));
      if (query.includes("watch=1")) return void response.writeHead(200).flushHeaders();
      if (/\/(?:clusterimagepolicies|trustroots|secrets|configmaps)$/.test(path))
        return reply(200, { kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] });
      return reply(404, {});
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
