// Pairs kept in Kubernetes, GitLab and GitHub, on servers of this file: shaped like their interfaces, and no proof of them.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openSealedBox } from "@sigillum/signers/signers";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

type Answer = { readonly status: number; readonly body: unknown };

async function withServer(
  answer: (request: IncomingMessage, body: string) => Answer,
  use: (url: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-stored-"));
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { status, body: value } = answer(request, body);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const names = ["COSIGN_PASSWORD", "KUBECONFIG", "GITLAB_TOKEN", "GITLAB_HOST", "GITHUB_TOKEN", "GITHUB_HOST"];
  const kept = names.map((name) => [name, process.env[name]] as const);
  process.env["COSIGN_PASSWORD"] = "pw";
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, directory);
  } finally {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  }
}

async function signsAndVerifies(reference: string, directory: string): Promise<void> {
  const prefix = join(directory, "cosign");
  const made = await run("generate-key-pair", reference, "--output-key-prefix", prefix);
  assert.equal(made.code, 0, made.stderr);
  const pem = await readFile(`${prefix}.pub`, "utf8");
  assert.equal((await run("public-key", "--key", reference)).stdout, pem);
  await writeFile(join(directory, "file"), "a file\n");
  process.env["COSIGN_PASSWORD"] = "another, which is not asked for";
  const bundle = join(directory, "bundle");
  const signed = await run("sign-blob", "--key", reference, "--tlog-upload=false", "--bundle", bundle, join(directory, "file"));
  assert.equal(signed.code, 0, signed.stderr);
  for (const key of [reference, `${prefix}.pub`]) {
    const verified = await run(
      "verify-blob",
      "--key",
      key,
      "--insecure-ignore-tlog",
      "--bundle",
      bundle,
      join(directory, "file"),
    );
    assert.equal(verified.code, 0, verified.stderr);
  }
}

describe("a key pair kept in", () => {
  it("a Secret of Kubernetes is made immutable, signs and verifies", async () => {
    const secrets = new Map<string, { immutable: boolean; data: Record<string, string> }>();
    const answer = (request: IncomingMessage, body: string): Answer => {
      if (request.headers.authorization !== "Bearer t0ken") return { status: 401, body: {} };
      const [, name] = /^\/api\/v1\/namespaces\/default\/secrets(?:\/(.+))?$/.exec(request.url ?? "") ?? [];
      if (request.method === "POST") {
        const secret = JSON.parse(body);
        if (secrets.has(secret.metadata.name)) return { status: 409, body: { message: "already exists" } };
        secrets.set(secret.metadata.name, secret);
        return { status: 201, body: secret };
      }
      const found = secrets.get(name ?? "");
      return found === undefined ? { status: 404, body: { message: "not found" } } : { status: 200, body: found };
    };
    await withServer(answer, async (url, directory) => {
      const config = join(directory, "config");
      process.env["KUBECONFIG"] = config;
      await writeFile(
        config,
        [
          "current-context: c",
          "contexts: [{name: c, context: {cluster: k, user: u}}]",
          `clusters: [{name: k, cluster: {server: "${url}"}}]`,
          "users: [{name: u, user: {token: t0ken}}]",
        ].join("\n"),
      );
      await signsAndVerifies("k8s://default/release", directory);
      assert.equal(secrets.get("release")?.immutable, true);
      assert.deepEqual(Object.keys(secrets.get("release")?.data ?? {}).sort(), ["cosign.key", "cosign.password", "cosign.pub"]);
      process.env["COSIGN_PASSWORD"] = "pw";
      const again = await run("generate-key-pair", "k8s://default/release");
      assert.match(again.stderr, /HTTP 409.*\n(?:.*\n)*.*KEY_UNWRITABLE/);
      assert.match((await run("public-key", "--key", "k8s://default/none")).stderr, /KEY_UNREADABLE/);
      assert.match((await run("public-key", "--key", "k8s://release")).stderr, /KEY_FORMAT/);
      secrets.set("half", { immutable: false, data: {} });
      assert.match((await run("public-key", "--key", "k8s://default/half")).stderr, /has no cosign.pub/);
      process.env["KUBECONFIG"] = join(directory, "missing");
      assert.match((await run("public-key", "--key", "k8s://default/release")).stderr, /KEY_UNREADABLE/);
    });
  });

  it("variables of a GitLab project or group signs and verifies", async () => {
    const variables = new Map<string, string>();
    const answer = (request: IncomingMessage, body: string): Answer => {
      const [, place, name] =
        /^\/api\/v4\/(projects\/group%2Fproject|groups\/group)(?:\/variables(?:\/(.+))?)?$/.exec(request.url ?? "") ?? [];
      if (request.url === "/api/v4/projects/busy") return { status: 503, body: {} };
      if (request.headers["private-token"] !== "glpat") return { status: 401, body: { message: "401 Unauthorized" } };
      if (place === undefined) return { status: 404, body: { message: "404 Not Found" } };
      if (!request.url?.includes("/variables")) return { status: 200, body: { id: 1 } };
      if (request.method === "POST") {
        const { key, value } = JSON.parse(body);
        variables.set(key, value);
        return { status: 201, body: {} };
      }
      const value = variables.get(name ?? "");
      return value === undefined
        ? { status: 404, body: { message: "404 Variable Not Found" } }
        : { status: 200, body: { value } };
    };
    await withServer(answer, async (url, directory) => {
      process.env["GITLAB_HOST"] = url;
      process.env["GITLAB_TOKEN"] = "glpat";
      await signsAndVerifies("gitlab://group/project", directory);
      assert.deepEqual([...variables.keys()].sort(), ["COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY"]);
      await signsAndVerifies("gitlab://group", directory);
      assert.match((await run("public-key", "--key", "gitlab://none")).stderr, /no project and no group/);
      assert.match((await run("public-key", "--key", "gitlab://busy")).stderr, /HTTP 503[\s\S]*KEY_UNREADABLE/);
      variables.clear();
      assert.match((await run("public-key", "--key", "gitlab://group/project")).stderr, /KEY_UNREADABLE/);
      process.env["GITLAB_TOKEN"] = "wrong";
      process.env["COSIGN_PASSWORD"] = "pw";
      assert.match((await run("generate-key-pair", "gitlab://group/project")).stderr, /HTTP 401[\s\S]*KEY_UNREADABLE/);
      delete process.env["GITLAB_TOKEN"];
      assert.match((await run("public-key", "--key", "gitlab://group/project")).stderr, /GITLAB_TOKEN/);
    });
  });

  it("secrets of GitHub Actions can be opened by GitHub alone, and is not given back", async () => {
    const box = generateKeyPairSync("x25519");
    const raw = box.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
    const secrets = new Map<string, { encrypted_value: string; key_id: string; visibility?: string }>();
    let key: unknown = { key_id: "17", key: raw };
    const answer = (request: IncomingMessage, body: string): Answer => {
      if (request.headers.authorization !== "Bearer ghp") return { status: 401, body: { message: "Bad credentials" } };
      if (request.headers["user-agent"] === undefined) return { status: 403, body: { message: "no user agent" } };
      const [, place, name] =
        /^\/api\/v3\/(repos\/owner\/repo|orgs\/owner)\/actions\/secrets\/([A-Za-z_-]+)$/.exec(request.url ?? "") ?? [];
      if (request.method === "GET" && name === "public-key") return { status: 200, body: key };
      if (request.method !== "PUT" || place === undefined || name === undefined)
        return { status: 404, body: { message: "Not Found" } };
      secrets.set(`${place}/${name}`, JSON.parse(body));
      return { status: name === "COSIGN_PASSWORD" ? 204 : 201, body: {} };
    };
    const opened = async (name: string): Promise<string> => {
      const { encrypted_value: text = "", key_id: id } = secrets.get(name) ?? {};
      assert.equal(id, "17");
      const found = await openSealedBox(new Uint8Array(Buffer.from(text, "base64")), box.privateKey);
      return new TextDecoder().decode(found);
    };
    await withServer(answer, async (url, directory) => {
      process.env["GITHUB_HOST"] = url;
      process.env["GITHUB_TOKEN"] = "ghp";
      const prefix = join(directory, "cosign");
      for (const [reference, place] of [
        ["github://owner/repo", "repos/owner/repo"],
        ["github://owner", "orgs/owner"],
      ] as const) {
        const made = await run("generate-key-pair", reference, "--output-key-prefix", prefix);
        assert.equal(made.code, 0, made.stderr);
        assert.equal(await opened(`${place}/COSIGN_PASSWORD`), "pw");
        assert.equal(await opened(`${place}/COSIGN_PUBLIC_KEY`), await readFile(`${prefix}.pub`, "utf8"));
        await writeFile(join(directory, "key"), await opened(`${place}/COSIGN_PRIVATE_KEY`), { mode: 0o600 });
        const found = await run("public-key", "--key", join(directory, "key"));
        assert.equal(found.stdout, await readFile(`${prefix}.pub`, "utf8"), found.stderr);
        assert.equal(secrets.get(`${place}/COSIGN_PASSWORD`)?.visibility, place === "orgs/owner" ? "private" : undefined);
      }
      assert.match(
        (await run("public-key", "--key", "github://owner/repo")).stderr,
        /env:\/\/COSIGN_PRIVATE_KEY[\s\S]*KEY_UNREADABLE/,
      );
      assert.match((await run("generate-key-pair", "github://other/repo")).stderr, /HTTP 404[\s\S]*KEY_UNWRITABLE/);
      for (const wrong of [{ key_id: "17", key: "AAAA" }, { key_id: "17", key: "?" }, { key: raw }, []]) {
        key = wrong;
        assert.match((await run("generate-key-pair", "github://owner/repo")).stderr, /KEY_FORMAT/, JSON.stringify(wrong));
      }
      process.env["GITHUB_TOKEN"] = "wrong";
      assert.match((await run("generate-key-pair", "github://owner/repo")).stderr, /HTTP 401[\s\S]*KEY_UNWRITABLE/);
      for (const malformed of ["github://", "github://a/b/c", "github://a b"])
        assert.match((await run("generate-key-pair", malformed)).stderr, /KEY_UNREADABLE/);
      delete process.env["GITHUB_TOKEN"];
      assert.match((await run("generate-key-pair", "github://owner/repo")).stderr, /GITHUB_TOKEN/);
    });
  });
});
