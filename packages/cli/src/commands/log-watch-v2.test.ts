import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { defaultScheme, parsePublicKey } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { submitLogEntryV2 } from "@sigillum/library/services";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { callStack, type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { findFreePorts } from "@sigillum/stack/settings";
import { parseArguments } from "../arguments/index.ts";
import { createTerminal, reportError } from "../terminal/index.ts";
import { findCommand } from "./index.ts";

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

async function run(words: readonly string[], format: "text" | "json" = "text"): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const terminal = createTerminal({
    stdout: { write: (text) => (stdout += typeof text === "string" ? text : new TextDecoder().decode(text)) },
    stderr: { write: (text) => (stderr += text) },
    stdinIsTTY: false,
    format,
  });
  const command = (await findCommand(words))?.command;
  assert.ok(command !== undefined, words.join(" "));
  try {
    const code = await command.run(parseArguments(command, words.slice(command.name.split(" ").length)), terminal);
    return { stdout, stderr, code };
  } catch (error) {
    const code = reportError(terminal, error);
    return { stdout, stderr, code };
  }
}

const good = async (...words: readonly string[]): Promise<Ran> => {
  const ran = await run(words);
  assert.equal(ran.code, 0, `${words.join(" ")}\n${ran.stdout}${ran.stderr}`);
  return ran;
};
const linesOf = ({ stdout }: Ran): string[] => stdout.split("\n").filter((line) => line !== "");

describe("log watch --log v2", () => {
  let directory = "";
  let stack: Stack;
  let state = "";
  const urls: string[] = [];
  const environment = process.env["SIGILLUM_HOME"];
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = parsePublicKey(publicKey.export({ type: "spki", format: "der" }));

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-watch-v2-"));
    process.env["SIGILLUM_HOME"] = join(directory, "home");
    state = join(directory, "state.json");
    const values = { trust: { defaultLog: "v2", cacheWindowHours: 0 }, transparencyLog: { overlapHours: 0 } };
    stack = await startStack({
      dataDirectory: join(directory, "data"),
      logger: silentLogger,
      initialise: { ports: "free", values },
    });
    urls.push(stack.urls["log-v2"] ?? "");
    await good("trust", "add", stack.urls.tuf ?? "");
    await writeFile(join(directory, "file"), "a file\n");
  });
  after(async () => {
    await stack.stop();
    if (environment === undefined) delete process.env["SIGILLUM_HOME"];
    else process.env["SIGILLUM_HOME"] = environment;
    await rm(directory, { recursive: true, force: true });
  });

  const add = async (url: string, text: string): Promise<number> => {
    const digest = new Uint8Array(createHash("sha256").update(text).digest());
    const signature = new Uint8Array(sign("sha256", encodeUtf8(text), privateKey));
    const order = { digest, signature, scheme: defaultScheme(key), verifier: { publicKey: key } };
    return (await submitLogEntryV2(url, order)).logIndex;
  };
  const signAsDeveloper = () =>
    good("sign-blob", join(directory, "file"), "--development", "--bundle", join(directory, `${Math.random()}.json`));
  const watch = (...flags: readonly string[]) => ["log", "watch", "--log", "v2", "--once", "--state", state, ...flags];
  const developer = ["--identity", "dev@example.com", "--issuer"];

  it("begins at the end, and prints what an identity signs from then on", async () => {
    const issuer = stack.urls.identity ?? "";
    await signAsDeveloper();
    const first = await good(...watch(...developer, issuer));
    assert.deepEqual(linesOf(first), []);
    assert.match(first.stderr, /^Looked at 0 new entries of 1 shards; each extends what was seen of it before$/m);
    await add(urls[0] ?? "", "by a key");
    await signAsDeveloper();
    const second = await good(...watch(...developer, issuer));
    assert.equal(linesOf(second).length, 1);
    assert.match(
      second.stdout,
      new RegExp(`^${urls[0]} {2}entry 3 {2}dev@example.com, vouched for by ${issuer} {2}hashedrekord 0.0.2: a file of sha256:`),
    );
    assert.match(second.stderr, /^Looked at 2 new entries of 1 shards/m);
    assert.deepEqual(linesOf(await good(...watch(...developer, issuer))), []);
  });

  it("begins where it is told, and prints every entry across the edges of bundles where no identity is named", async () => {
    for (let from = 0; from < 300; from += 100)
      await Promise.all(Array.from({ length: 100 }, (_, at) => add(urls[0] ?? "", `entry ${from + at}`)));
    const own = ["--state", join(directory, "all.json"), "--from", "0"];
    const { stdout } = await run(["log", "watch", "--log", "v2", "--once", ...own], "json");
    const entries = stdout
      .trim()
      .split("\n")
      .map((line): { logIndex: number; time?: string } => JSON.parse(line));
    assert.deepEqual(
      entries.map(({ logIndex }) => logIndex),
      Array.from({ length: 304 }, (_, at) => at),
    );
    // Rekor v2 keeps no time.
    assert.equal(entries[0]?.time, undefined);
    const byIssuer = await good(
      "log",
      "watch",
      "--log",
      "v2",
      "--once",
      "--state",
      join(directory, "by.json"),
      "--from",
      "0",
      ...developer,
      stack.urls.identity ?? "",
    );
    assert.equal(linesOf(byIssuer).length, 2);
    await good(...watch());
  });

  it("follows a rotation into the next shard, from its first entry, by what the trust root says", async () => {
    const [port] = await findFreePorts(1, ["127.0.0.1", "::1"]);
    urls.push(`http://localhost:${port}`);
    await callStack(join(directory, "data"), "log-v2.rotate", { publicUrl: urls[1] ?? "" });
    await good("trust", "update");
    await signAsDeveloper();
    const seen = await good(...watch(...developer, stack.urls.identity ?? ""));
    assert.match(seen.stdout, new RegExp(`^${urls[1]} {2}entry 1 {2}dev@example.com`));
    assert.match(seen.stderr, /^Looked at 2 new entries of 2 shards/m);
    const remembered = JSON.parse(await readFile(state, "utf8"));
    assert.deepEqual(
      remembered.trees.map((tree: { nextIndex: number }) => tree.nextIndex),
      [304, 2],
    );
  });

  it("tells a shard that was rewritten, that shrank, or that the trust root has no more", async () => {
    const kept = await readFile(state, "utf8");
    for (const [at, edit] of [
      [0, (tree: { size: number }) => (tree.size += 1)],
      [1, (tree: { root?: string }) => (tree.root = "00".repeat(32))],
      [1, (tree: { logId?: string }) => (tree.logId = "00".repeat(32))],
      [0, (tree: { treeId?: string }) => (tree.treeId = "gone")],
    ] as const) {
      const memory = JSON.parse(kept);
      edit(memory.trees[at]);
      await writeFile(state, JSON.stringify(memory));
      const { stderr, code } = await run(watch());
      assert.match(stderr, /code {6}LOG_REWRITTEN$/m);
      assert.notEqual(code, 0);
    }
    await writeFile(state, kept);
    await good(...watch());
  });

  it("believes no bundle or tile that was changed on the way", async () => {
    let lie = (_path: string, body: Buffer): Buffer => body;
    const server = createServer((request, response) => {
      void fetch(`${urls[0]}${request.url ?? ""}`).then(async (reply) => {
        const body = lie(request.url ?? "", Buffer.from(await reply.arrayBuffer()));
        response.writeHead(reply.status, { "content-length": body.length }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const liar = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const trusted = join(directory, "trusted_root.json");
    await writeFile(trusted, encodeTrustedRoot(stack.keyring.trustedRoot()));
    let attempt = 0;
    const look = () => {
      attempt += 1;
      const own = ["--state", join(directory, `liar-${attempt}.json`), "--from", "0", "--rekor-url", liar];
      return run(["log", "watch", "--log", "v2", "--once", ...own, "--trusted-root", trusted]);
    };
    const flip = (wanted: RegExp, at: (body: Buffer) => number) => (path: string, body: Buffer) => {
      if (wanted.test(path)) body[at(body)] = (body[at(body)] ?? 0) ^ 1;
      return body;
    };
    try {
      assert.equal((await look()).code, 0);
      lie = flip(/tile\/entries\/001/, (body) => body.length - 100);
      assert.match((await look()).stderr, /INCLUSION_ROOT_MISMATCH/);
      lie = flip(/tile\/0\/000$/, () => 40);
      assert.match((await look()).stderr, /INCLUSION_ROOT_MISMATCH/);
      lie = (path, body) => (/tile\/entries\/000$/.test(path) ? body.subarray(0, 2000) : body);
      assert.match((await look()).stderr, /SERVICE_ANSWER_MISMATCH/);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("log search says that log v2 cannot be searched, and what to do", async () => {
    const { stderr } = await run(["log", "search", "--log", "v2", "--email", "dev@example.com"]);
    assert.match(
      stderr,
      /^Error: Cannot search log v2: the API of Rekor v2 has no search; .*sigillum log watch --log v2 --from 0 --once/,
    );
    assert.equal(/code {6}(\w+)$/m.exec(stderr)?.[1], "LOG_SEARCH_UNSUPPORTED");
  });
});
