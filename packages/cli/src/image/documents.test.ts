import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Arguments, type CommandSpec, parseArguments } from "../arguments/index.ts";
import { createTerminal } from "../terminal/index.ts";
import { dockerfileImages, runManifestVerify } from "./index.ts";

const spec: CommandSpec = {
  name: "manifest verify",
  summary: "",
  positionals: { name: "FILE", min: 1, max: 1 },
  flags: ["certificate-identity", "certificate-oidc-issuer", "key"].map((name) => ({ name, type: "string", summary: "" })),
};

describe("dockerfileImages", () => {
  it("finds bases and what is copied from, with variables put in, without stages and scratch", () => {
    const text = [
      "ARG TAG=1.2",
      "FROM --platform=linux/amd64 registry.example/base:\u0024{TAG} AS build",
      "ENV OTHER=x",
      "RUN true \\",
      "  && FROM nothing",
      "FROM build AS again",
      "COPY --from=build /a /b",
      "COPY --from=0 /a /b",
      "COPY --from=registry.example/tools:\u0024{OTHER:-y} /a /b",
      "FROM scratch",
      "FROM registry.example/last:\u0024{MISSING:-9}",
    ].join("\n");
    assert.deepEqual(dockerfileImages(text, false), [
      "registry.example/base:1.2",
      "registry.example/last:9",
      "registry.example/tools:x",
    ]);
    assert.deepEqual(dockerfileImages(text, true), ["registry.example/last:9"]);
  });
});

describe("manifest verify", () => {
  it("says which images it found, and refuses what has none", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-image-"));
    let notes = "";
    const terminal = createTerminal({
      stdout: { write: () => true },
      stderr: { write: (text) => (notes += text) },
      stdinIsTTY: false,
      format: "text",
    });
    const run = async (text: string): Promise<number> => {
      const path = join(directory, "pod.yaml");
      await writeFile(path, text);
      const args: Arguments = parseArguments(spec, [path]);
      return await runManifestVerify(args, terminal);
    };
    try {
      const pod =
        "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: r.example/a:1}], initContainers: [{image: r.example/b:2}]}}}}}\n";
      await assert.rejects(run(`${pod}---\nkind: Pod\nspec: {containers: [{image: r.example/a:1}]}\n`), {
        code: "FLAG_REQUIRED",
      });
      assert.match(notes, /^Extracted image\(s\): r\.example\/a:1, r\.example\/b:2\n$/m);
      await assert.rejects(run("kind: ConfigMap\n"), { code: "FLAG_VALUE_INVALID", message: /no images found/ });
      await assert.rejects(run("kind: [\n"), { code: "FLAG_VALUE_INVALID" });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
