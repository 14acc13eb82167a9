// Credentials that are lent: by STS for a web identity, by an agent, by a machine's metadata service.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { awsCredentials } from "./index.ts";

const xml = (key: string, end: string): string =>
  `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${end}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
const json = (key: string, end: string): string =>
  JSON.stringify({ AccessKeyId: key, SecretAccessKey: "secret", Token: "session", Expiration: end });
const later = (ms: number): string => new Date(Date.now() + ms).toISOString();
const hour = 3_600_000;

describe("awsCredentials that are lent", () => {
  let directory = "";
  let url = "";
  let count = 0;
  const seen: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[] = [];
  let answer: (path: string, method: string) => { status?: number; body: string } = () => ({ body: "" });
  const server = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk) => {
      body += chunk;
    });
    incoming.on("end", () => {
      const [method, path] = [incoming.method ?? "", incoming.url ?? ""];
      seen.push({ method, path, headers: incoming.headers, body });
      const { status = 200, body: text } = answer(path, method);
      reply.writeHead(status).end(text);
    });
  });
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-aws-"));
    await writeFile(join(directory, "token"), "web-token\n");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    seen.length = 0;
    count += 1;
  });
  const nothing = { AWS_SHARED_CREDENTIALS_FILE: "/none", AWS_EC2_METADATA_DISABLED: "true" };
  const missing = (message: RegExp) => ({ code: "AWS_CREDENTIALS_MISSING", message });

  it("asks STS for the role of a projected token, once while that lasts", async () => {
    const environment = {
      ...nothing,
      AWS_ENDPOINT_URL_STS: url,
      AWS_ROLE_ARN: `arn:aws:iam::1:role/r${count}`,
      AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, "token"),
    };
    answer = () => ({ body: xml("AKIA", later(hour)) });
    for (let time = 0; time < 2; time += 1) {
      const { accessKeyId, secretAccessKey, sessionToken } = await awsCredentials(environment);
      assert.deepEqual([accessKeyId, secretAccessKey, sessionToken], ["AKIA", "secret", "session"]);
    }
    assert.equal(seen.length, 1);
    const form = new URLSearchParams(seen[0]?.body);
    assert.deepEqual(
      ["Action", "RoleArn", "WebIdentityToken", "RoleSessionName"].map((name) => form.get(name)),
      ["AssumeRoleWithWebIdentity", environment.AWS_ROLE_ARN, "web-token", "sigillum"],
    );
    // Keys in the environment go before.
    assert.equal(
      (await awsCredentials({ ...environment, AWS_ACCESS_KEY_ID: "own", AWS_SECRET_ACCESS_KEY: "s" })).accessKeyId,
      "own",
    );
  });

  it("asks anew five minutes before the end", async () => {
    const environment = { ...nothing, AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/soon` };
    answer = () => ({ body: json("AGENT", later(5 * 60_000 - 1000)) });
    await awsCredentials(environment);
    await awsCredentials(environment);
    assert.equal(seen.length, 2);
  });

  it("asks the agent of a container, with the token that it wants", async () => {
    answer = () => ({ body: json("AGENT", later(hour)) });
    const file = join(directory, "agent-token");
    await writeFile(file, "agent-secret\n");
    const environment = {
      ...nothing,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/agent`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
    };
    assert.equal((await awsCredentials(environment)).accessKeyId, "AGENT");
    assert.equal(seen[0]?.headers.authorization, "agent-secret");
    // The token of somebody who only names an address must not travel there in the clear.
    for (const elsewhere of ["http://192.0.2.1/", "http://example.com/", "nowhere"])
      await assert.rejects(
        awsCredentials({ ...environment, AWS_CONTAINER_CREDENTIALS_FULL_URI: elsewhere }),
        missing(/must be https, or on this machine/u),
      );
  });

  it("asks the metadata service where the environment names it, in a session", async () => {
    answer = (path, method) => {
      if (method === "PUT") return { body: "imds" };
      return { body: path.endsWith("/security-credentials/") ? "role-of-host\n" : json("HOST", later(hour)) };
    };
    const environment = { AWS_SHARED_CREDENTIALS_FILE: "/none", AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/` };
    assert.equal((await awsCredentials(environment)).accessKeyId, "HOST");
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${path}`),
      [
        "PUT /latest/api/token",
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/role-of-host",
      ],
    );
    assert.equal(seen[2]?.headers["x-aws-ec2-metadata-token"], "imds");
    await assert.rejects(awsCredentials(nothing), missing(/must be there/u));
  });

  it("says what was refused, and shows nothing of an answer", async () => {
    const web = {
      ...nothing,
      AWS_ENDPOINT_URL_STS: url,
      AWS_ROLE_ARN: "arn:refused",
      AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, "token"),
    };
    const agent = { ...nothing, AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/refused` };
    for (const [status, body, message] of [
      [403, "s3cret", /127\.0\.0\.1:\d+ must lend credentials; found HTTP 403/u],
      [200, "s3cret", /found an answer (?:without them|that is no JSON object)/u],
      [200, json("", later(hour)), /found an answer without them/u],
      [200, json("A", "whenever"), /found an answer without them/u],
    ] as const) {
      answer = () => ({ status, body });
      for (const environment of [web, agent])
        await assert.rejects(awsCredentials(environment), (error: Error) => {
          assert.equal(Reflect.get(error, "code"), "AWS_CREDENTIALS_MISSING");
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /s3cret|web-token/u);
          return true;
        });
    }
    await assert.rejects(awsCredentials({ ...web, AWS_WEB_IDENTITY_TOKEN_FILE: "/none" }), missing(/\/none must be readable/u));
  });
});
