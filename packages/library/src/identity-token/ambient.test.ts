import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ambientToken } from "./index.ts";

const nowMs = Date.UTC(2026, 10, 24);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = `${part({ alg: "RS256" })}.${part({ iss: "https://i", sub: "job", aud: "sigstore", exp: nowMs / 1000 + 60 })}.${part("s")}`;

interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

describe("ambientToken beyond GitHub", () => {
  let directory = "";
  let url = "";
  const seen: Seen[] = [];
  let status = 200;
  const server = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk) => {
      body += chunk;
    });
    incoming.on("end", () => {
      seen.push({ method: incoming.method ?? "", path: incoming.url ?? "", headers: incoming.headers, body });
      reply.writeHead(status).end(incoming.url?.startsWith("/computeMetadata") === true ? token : JSON.stringify({ token }));
    });
  });
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ambient-"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const nothing = (): { tokenFile: string; productFile: string } => ({
    tokenFile: join(directory, "none"),
    productFile: join(directory, "none"),
  });

  it("asks Buildkite's agent for the job's token", async () => {
    seen.length = 0;
    const env = { BUILDKITE_AGENT_ACCESS_TOKEN: "agent", BUILDKITE_AGENT_ENDPOINT: `${url}/v3/`, BUILDKITE_JOB_ID: "7" };
    const found = await ambientToken(env, nowMs, nothing());
    assert.deepEqual([found?.source, found?.token.identity], ["Buildkite", "job"]);
    assert.deepEqual(
      seen.map(({ method, path, body, headers }) => [method, path, body, headers.authorization]),
      [["POST", "/v3/jobs/7/oidc/tokens", '{"audience":"sigstore"}', "Token agent"]],
    );
    await assert.rejects(ambientToken({ ...env, BUILDKITE_JOB_ID: "" }, nowMs, nothing()), {
      code: "AMBIENT_TOKEN_REFUSED",
      message: /BUILDKITE_JOB_ID/u,
    });
    await assert.rejects(ambientToken({ ...env, BUILDKITE_AGENT_ENDPOINT: "nowhere" }, nowMs, nothing()), {
      code: "AMBIENT_TOKEN_REFUSED",
      message: /no URL/u,
    });
    status = 403;
    await assert.rejects(ambientToken(env, nowMs, nothing()), { code: "AMBIENT_TOKEN_REFUSED", found: "HTTP 403" });
    status = 200;
  });

  it("reads the file that Kubernetes projects", async () => {
    const tokenFile = join(directory, "token");
    await writeFile(tokenFile, `${token}\n`);
    assert.equal((await ambientToken({}, nowMs, { ...nothing(), tokenFile }))?.source, "a projected file");
    await assert.rejects(ambientToken({}, nowMs, { ...nothing(), tokenFile: directory }), { code: "AMBIENT_TOKEN_REFUSED" });
  });

  it("asks the metadata server on machines of Google Cloud alone", async () => {
    const productFile = join(directory, "product");
    await writeFile(productFile, "Something Else\n");
    seen.length = 0;
    assert.equal(await ambientToken({}, nowMs, { ...nothing(), productFile }), undefined);
    assert.equal(seen.length, 0);
    const found = await ambientToken({ GCE_METADATA_HOST: url.replace("http://", "") }, nowMs, nothing());
    assert.equal(found?.source, "Google Cloud");
    assert.match(seen.at(0)?.path ?? "", /\/identity\?audience=sigstore&format=full$/u);
    assert.equal(seen.at(0)?.headers["metadata-flavor"], "Google");
  });

  it("looks in one place alone where one is named", async () => {
    const env = { SIGSTORE_ID_TOKEN: token, GITHUB_ACTIONS: "true" };
    assert.equal((await ambientToken(env, nowMs, nothing()))?.source, "SIGSTORE_ID_TOKEN");
    assert.equal(await ambientToken(env, nowMs, { ...nothing(), provider: "filesystem" }), undefined);
    await assert.rejects(ambientToken(env, nowMs, { ...nothing(), provider: "github-actions" }), {
      code: "AMBIENT_TOKEN_REFUSED",
    });
  });
});
