// Tokens of machines: SPIFFE's Workload API, and Google accounts that one may act for.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { concatBytes, parseBase64Url, parseProtobuf, parseUtf8, protobufField } from "../encoding/index.ts";
import { ambientToken } from "./index.ts";
import { parseSpiffeEndpoint } from "./spiffe.ts";

const nowMs = Date.UTC(2026, 10, 24);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = (subject: string): string =>
  `${part({ alg: "ES256" })}.${part({ iss: "https://i", sub: subject, aud: "sigstore", exp: nowMs / 1000 + 60 })}.${part("s")}`;
const nowhere = (directory: string): { tokenFile: string; productFile: string; spiffeSocket: string } => ({
  tokenFile: join(directory, "none"),
  productFile: join(directory, "none"),
  spiffeSocket: join(directory, "none.sock"),
});

describe("ambientToken from SPIFFE", () => {
  let directory = "";
  let socket = "";
  let answer: (frame: Buffer) => { body?: Uint8Array; status: string; message?: string } = () => ({ status: "0" });
  const seen: { path?: string; header?: unknown; type?: unknown; audiences: string[] }[] = [];
  let server: Http2Server;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-spiffe-"));
    socket = join(directory, "api.sock");
    server = createHttp2Server();
    server.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const frame = Buffer.concat(chunks);
        const asked = parseProtobuf(new Uint8Array(frame.subarray(5)));
        seen.push({
          path: headers[":path"] ?? "",
          header: headers["workload.spiffe.io"],
          type: headers["content-type"],
          audiences: asked.allBytes(1).map((one) => parseUtf8(one)),
        });
        const { body, status, message } = answer(frame);
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () =>
          stream.sendTrailers({ "grpc-status": status, ...(message === undefined ? {} : { "grpc-message": message }) }),
        );
        stream.end(body === undefined ? undefined : Buffer.from(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const frameOf = (message: Uint8Array): Uint8Array => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    return concatBytes(new Uint8Array(head), message);
  };
  const svid = (id: string): Uint8Array => protobufField(1, concatBytes(protobufField(1, id), protobufField(2, token(id))));

  it("asks the Workload API for a JWT-SVID and takes the first", async () => {
    answer = () => ({
      status: "0",
      body: frameOf(concatBytes(svid("spiffe://example.org/first"), svid("spiffe://example.org/second"))),
    });
    for (const [env, more] of [
      [{ SPIFFE_ENDPOINT_SOCKET: `unix://${socket}` }, {}],
      [{ SPIFFE_ENDPOINT_SOCKET: socket }, { provider: "spiffe" }],
      [{}, { spiffeSocket: socket }],
    ] as const) {
      const found = await ambientToken(env, nowMs, { ...nowhere(directory), ...more });
      assert.deepEqual([found?.source, found?.token.subject], ["SPIFFE", "spiffe://example.org/first"]);
    }
    assert.deepEqual(seen.at(-1), {
      path: "/SpiffeWorkloadAPI/FetchJWTSVID",
      header: "true",
      type: "application/grpc",
      audiences: ["sigstore"],
    });
    assert.equal(await ambientToken({}, nowMs, nowhere(directory)), undefined);
  });

  const failures: [string, ReturnType<typeof answer>, RegExp][] = [
    ["has no identity for us", { status: "7", message: "no identity issued" }, /status "7" "no identity issued"/u],
    ["answers without identities", { status: "0", body: frameOf(new Uint8Array()) }, /no identity for this process/u],
    ["answers half a message", { status: "0", body: frameOf(svid("a")).subarray(0, 20) }, /no message of gRPC/u],
    ["answers something else", { status: "0", body: frameOf(Uint8Array.of(0x0a, 0xff)) }, /no JWTSVIDResponse/u],
    ["answers too much", { status: "0", body: frameOf(new Uint8Array(300 * 1024)) }, /more than 262144 bytes/u],
  ];
  for (const [name, behaviour, message] of failures)
    it(`says that the Workload API ${name}`, async () => {
      answer = () => behaviour;
      await assert.rejects(ambientToken({ SPIFFE_ENDPOINT_SOCKET: socket }, nowMs, nowhere(directory)), {
        code: "AMBIENT_TOKEN_REFUSED",
        message,
      });
    });

  it("says that nobody listens, and what no address is", async () => {
    const ask = (address: string): Promise<unknown> =>
      ambientToken({ SPIFFE_ENDPOINT_SOCKET: address }, nowMs, nowhere(directory));
    await assert.rejects(ask(`unix:${join(directory, "none.sock")}`), { code: "AMBIENT_TOKEN_REFUSED", message: /ENOENT/u });
    await assert.rejects(ask("https://example.com"), { code: "AMBIENT_TOKEN_REFUSED", message: /neither unix:PATH nor tcp/u });
    assert.deepEqual(parseSpiffeEndpoint("tcp:127.0.0.1:8000"), { host: "127.0.0.1", port: 8000 });
    assert.deepEqual(parseSpiffeEndpoint("tcp://[::1]:8000"), { host: "::1", port: 8000 });
    for (const wrong of ["tcp:example.com:80", "tcp:127.0.0.1:70000", "unix:relative", ""])
      assert.equal(parseSpiffeEndpoint(wrong), undefined);
  });
});

describe("ambientToken of a Google service account that one acts for", () => {
  const account = "signer@project.iam.gserviceaccount.com";
  let directory = "";
  let url = "";
  const seen: { path: string; authorization: string; body: string }[] = [];
  let status = 200;
  let generated = JSON.stringify({ token: token("1234") });
  const server = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk) => {
      body += chunk;
    });
    incoming.on("end", () => {
      const path = incoming.url ?? "";
      seen.push({ path, authorization: incoming.headers.authorization ?? "", body });
      const isToken = path === "/token" || path.startsWith("/computeMetadata");
      reply.writeHead(isToken ? 200 : status).end(isToken ? '{"access_token":"caller","expires_in":3600}' : generated);
    });
  });
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-google-"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const ask = (env: Record<string, string>): ReturnType<typeof ambientToken> =>
    ambientToken({ GOOGLE_SERVICE_ACCOUNT_NAME: account, CLOUDSDK_CONFIG: directory, ...env }, nowMs, {
      ...nowhere(directory),
      provider: "google-impersonate",
      google: { iamCredentials: url },
    });
  const credentials = async (content: object | string): Promise<Record<string, string>> => {
    const path = join(directory, "credentials.json");
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return { GOOGLE_APPLICATION_CREDENTIALS: path };
  };

  it("asks with the caller's access token, from wherever that comes", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const private_key = privateKey.export({ type: "pkcs8", format: "pem" });
    const file = {
      type: "service_account",
      client_email: "ci@project",
      private_key_id: "k",
      private_key,
      token_uri: `${url}/token`,
    };
    const user = { type: "authorized_user", client_id: "c", client_secret: "s", refresh_token: "r", token_uri: `${url}/token` };
    for (const env of [
      { GOOGLE_OAUTH_ACCESS_TOKEN: "caller" },
      { GCE_METADATA_HOST: url.replace("http://", "") },
      await credentials(user),
      await credentials(file),
    ]) {
      const found = await ask(env);
      assert.deepEqual([found?.source, found?.token.subject], ["a Google service account", "1234"]);
      const last = seen.at(-1);
      assert.equal(last?.path, `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`);
      assert.equal(last?.authorization, "Bearer caller");
      assert.deepEqual(JSON.parse(last?.body ?? ""), { audience: "sigstore", includeEmail: true });
    }
    const assertion = new URLSearchParams(seen.at(-2)?.body).get("assertion") ?? "";
    const claims = JSON.parse(parseUtf8(parseBase64Url(assertion.split(".")[1] ?? "")));
    assert.deepEqual([claims.iss, claims.aud], ["ci@project", `${url}/token`]);
    assert.equal(await ambientToken({}, nowMs, { ...nowhere(directory), provider: "google-impersonate" }), undefined);
  });

  it("says why there is no token, and shows no secret", async () => {
    const refusedWith = (env: Record<string, string>, message: RegExp): Promise<void> =>
      assert.rejects(ask(env), (error: Error) => {
        assert.equal(Reflect.get(error, "code"), "AMBIENT_TOKEN_REFUSED");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /s3cret|caller/u);
        return true;
      });
    const given = { GOOGLE_OAUTH_ACCESS_TOKEN: "caller" };
    status = 403;
    await refusedWith(given, /127\.0\.0\.1:\d+ answers HTTP 403/u);
    status = 200;
    generated = "s3cret";
    await refusedWith(given, /answers no JSON object/u);
    generated = "{}";
    await refusedWith(given, /its answer has no token/u);
    await refusedWith({ GOOGLE_APPLICATION_CREDENTIALS: join(directory, "absent") }, /cannot be read/u);
    await refusedWith(await credentials("s3cret"), /no JSON object/u);
    await refusedWith(await credentials({ type: "external_account" }), /neither a service account's nor a user's/u);
    await refusedWith(await credentials({ type: "authorized_user", client_secret: "s3cret" }), /have no client_id/u);
    await refusedWith(
      await credentials({ type: "service_account", client_email: "c", private_key_id: "k", private_key: "s3cret" }),
      /the private key in .* cannot be used/u,
    );
  });
});
