// Key pairs that go into GitHub Actions and GitLab: cosign and we make the same requests, of a server of this file that takes what the hosts'
// documentation takes and opens what is sealed for it.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openSealedBox } from "@sigillum/signers/signers";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { compileCache } from "./instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const box = generateKeyPairSync("x25519");
const boxKey = {
  key_id: "012345678912345678",
  key: box.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64"),
};

describe("key pairs at GitHub and GitLab", { timeout: 120_000 }, () => {
  let server: Server;
  let url = "";
  let directory = "";
  let requests: string[] = [];
  let kept = new Map<string, string>();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-hosts-"));
    server = createServer(async (request, response) => {
      let body = "";
      for await (const part of request) body += String(part);
      const { method = "", url: path = "", headers } = request;
      requests.push(`${method} ${path}`);
      const answer = (status: number, value?: unknown): void => {
        response.writeHead(status, { "content-type": "application/json" }).end(value === undefined ? "" : JSON.stringify(value));
      };
      const name = path.split("/").at(-1) ?? "";
      if (path.startsWith("/api/v3/repos/owner/repo/actions/secrets/")) {
        if (!/^(?:Bearer|token) ghp$/.test(headers.authorization ?? "")) return answer(401, { message: "Bad credentials" });
        if (method === "GET" && name === "public-key") return answer(200, boxKey);
        const sent: unknown = JSON.parse(body);
        const { encrypted_value: sealed, key_id: id } = sent as { encrypted_value?: string; key_id?: string };
        const opened = await openSealedBox(new Uint8Array(Buffer.from(sealed ?? "", "base64")), box.privateKey);
        if (method !== "PUT" || id !== boxKey.key_id || opened === undefined) return answer(422, { message: "Bad request" });
        kept.set(name, new TextDecoder().decode(opened));
        return answer(201, {});
      }
      if (path.startsWith("/api/v4/projects/owner%2Frepo")) {
        if (headers["private-token"] !== "glpat") return answer(401, { message: "401 Unauthorized" });
        if (path === "/api/v4/projects/owner%2Frepo") return answer(200, { id: 1 });
        if (method === "POST") {
          const { key, value } = JSON.parse(body) as { key: string; value: string };
          if (kept.has(key)) return answer(400, { message: { key: ["has already been taken"] } });
          kept.set(key, value);
          return answer(201, { key, value });
        }
        const value = kept.get(name);
        return value === undefined ? answer(404, { message: "404 Variable Not Found" }) : answer(200, { key: name, value });
      }
      return answer(404, { message: "Not Found" });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const clients = [
    { name: "sigillum", command: [process.execPath, sigillum], missing: undefined },
    ...["cosign-3", "cosign-2"].map((name) => {
      const { path, missing } = findPeer(name);
      return { name, command: [path ?? ""], missing: path === undefined ? missing : undefined };
    }),
  ];
  const [us] = clients;

  for (const { name, command, missing } of clients)
    it(`${name} puts them there, and whoever is handed them signs`, { skip: missing ?? false }, async () => {
      const home = join(directory, name);
      await mkdir(home);
      await writeFile(join(home, "file"), "a file\n");
      const env = {
        ...{ HOME: home, SIGILLUM_HOME: join(home, "sigillum"), TUF_ROOT: join(home, "tuf"), ...compileCache() },
        ...{ COSIGN_PASSWORD: "a password", GITHUB_HOST: url, GITHUB_TOKEN: "ghp", GITLAB_HOST: url, GITLAB_TOKEN: "glpat" },
      };
      const run = async (by: readonly string[], more: Record<string, string>, ...words: string[]): Promise<Outcome> => {
        const [program = "", ...first] = by;
        const outcome = await runProgram(program, [...first, ...words], { cwd: home, env: { ...env, ...more } });
        assert.equal(outcome.exit, 0, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`);
        return outcome;
      };
      const ours = us?.command ?? [];

      [kept, requests] = [new Map(), []];
      await run(command, {}, "generate-key-pair", "github://owner/repo");
      const secrets = "/api/v3/repos/owner/repo/actions/secrets";
      assert.deepEqual(requests, [
        `GET ${secrets}/public-key`,
        ...["COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY"].map((one) => `PUT ${secrets}/${one}`),
      ]);
      assert.equal(kept.get("COSIGN_PASSWORD"), "a password");
      assert.equal(kept.get("COSIGN_PUBLIC_KEY"), await readFile(join(home, "cosign.pub"), "utf8"));
      const handed = { COSIGN_PRIVATE_KEY: kept.get("COSIGN_PRIVATE_KEY") ?? "" };
      const sign = ["sign-blob", "--key", "env://COSIGN_PRIVATE_KEY", "--tlog-upload=false", "--output-signature", "sig", "file"];
      await run(ours, handed, ...sign);
      const verify = ["verify-blob", "--key", "cosign.pub", "--signature", "sig", "--insecure-ignore-tlog", "file"];
      await run(command, {}, ...verify, ...(name === "cosign-3" ? ["--new-bundle-format=false"] : []));

      [kept, requests] = [new Map(), []];
      await run(command, {}, "generate-key-pair", "gitlab://owner/repo");
      assert.deepEqual([...kept.keys()].sort(), ["COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY"]);
      for (const by of [ours, command])
        assert.equal(
          (await run(by, {}, "public-key", "--key", "gitlab://owner/repo")).stdout.trim(),
          kept.get("COSIGN_PUBLIC_KEY")?.trim(),
        );
    });
});
