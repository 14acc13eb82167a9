import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { defaultScheme, parsePublicKey } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { submitLogEntryV2 } from "@sigillum/library/services";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { parseArguments } from "../arguments/index.ts";
import { createTerminal, reportError } from "../terminal/index.ts";
import { findCommand } from "./index.ts";

async function run(...words: readonly string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  let stdout = "";
  let stderr = "";
  const terminal = createTerminal({
    stdout: { write: (text) => (stdout += typeof text === "string" ? text : new TextDecoder().decode(text)) },
    stderr: { write: (text) => (stderr += text) },
    stdinIsTTY: false,
    format: "text",
  });
  const command = (await findCommand(words))?.command;
  assert.ok(command !== undefined, words.join(" "));
  try {
    const code = await command.run(parseArguments(command, words.slice(2)), terminal);
    return { stdout, stderr, code };
  } catch (error) {
    const code = reportError(terminal, error);
    return { stdout, stderr, code };
  }
}

const good = async (...words: readonly string[]): Promise<string> => {
  const { stdout, stderr, code } = await run(...words);
  assert.equal(code, 0, `${words.join(" ")}\n${stdout}${stderr}`);
  return stdout;
};
const refused = async (code: string, ...words: readonly string[]): Promise<void> => {
  const { stdout, stderr } = await run(...words);
  assert.match(stderr, new RegExp(`code {6}${code}$`, "m"), `${words.join(" ")}\n${stdout}${stderr}`);
};

describe("log … --log v2", () => {
  let directory = "";
  let stack: Stack;
  let url = "";
  let trusted = "";
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = parsePublicKey(publicKey.export({ type: "spki", format: "der" }));
  const environment = process.env["SIGILLUM_HOME"];
  const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-log-v2-"));
    process.env["SIGILLUM_HOME"] = join(directory, "home");
    stack = await startStack({ dataDirectory: join(directory, "data"), logger: silentLogger, initialise: { ports: "free" } });
    url = stack.urls["log-v2"] ?? "";
    trusted = join(directory, "trusted_root.json");
    await writeFile(trusted, encodeTrustedRoot(stack.keyring.trustedRoot()));
  });
  after(async () => {
    await stack.stop();
    if (environment === undefined) delete process.env["SIGILLUM_HOME"];
    else process.env["SIGILLUM_HOME"] = environment;
    await rm(directory, { recursive: true, force: true });
  });

  const add = async (text: string): Promise<number> => {
    const signature = new Uint8Array(sign("sha256", encodeUtf8(text), privateKey));
    const order = { digest: new Uint8Array(digestOf(text)), signature, scheme: defaultScheme(key), verifier: { publicKey: key } };
    return (await submitLogEntryV2(url, order)).logIndex;
  };

  it("shows and proves entries out of the log's tiles, in full and partial ones", async () => {
    const flags = ["--log", "v2", "--trusted-root", trusted];
    // Beyond a full tile, so that a second level and a partial tile beside a full one are read.
    const indexes: number[] = [];
    for (let from = 0; from < 260; from += 65)
      indexes.push(...(await Promise.all(Array.from({ length: 65 }, (_, at) => add(`entry ${from + at}`)))));
    assert.match(await good("log", "info", ...flags), /^Verification Successful!\nActive Tree Size: +261\n/);
    for (const number of [0, 100, 259]) {
      const index = String(indexes[number]);
      const lines = (await good("log", "get", ...flags, "--log-index", index)).split("\n");
      assert.equal(lines[0], `Entry ${index} of ${url}`);
      assert.equal(lines[1], `  what    hashedrekord 0.0.2: a file of sha256:${digestOf(`entry ${number}`).toString("hex")}`);
      assert.match(lines[2] ?? "", /^ {2}signer {2}the key sha256:[0-9a-f]{64}$/);
      assert.match(lines[3] ?? "", /^ {2}proof {3}it is in tree localhost of 261 entries/);
      const proof = await good("log", "prove", ...flags, "--log-index", index);
      assert.match(
        proof,
        new RegExp(`^c2sp\\.org/tlog-proof@v1\\nindex ${index}\\n(?:[A-Za-z0-9+/]{43}=\\n)+\\nlocalhost\\n261\\n`),
      );
    }
    const tle = JSON.parse(await good("log", "get", ...flags, "--log-index", "7", "--format", "tle"));
    assert.deepEqual([tle.logIndex, tle.kindVersion], ["7", { kind: "hashedrekord", version: "0.0.2" }]);
    await refused("LOG_NOTHING_FOUND", "log", "get", ...flags, "--log-index", "261");
    await refused("FLAGS_CONFLICT", "log", "get", ...flags, "--uuid", "ab".repeat(32));
    await refused("FLAGS_CONFLICT", "log", "prove", ...flags, "--last-size", "2");
    await refused("LOG_KEY_UNKNOWN", "log", "info", "--log", "v2", "--rekor-url", url);
  });

  it("tells a log that was rewritten since it was last asked", async () => {
    const flags = ["--log", "v2", "--trusted-root", trusted];
    await good("log", "info", ...flags);
    await add("one more");
    await good("log", "info", ...flags);
    const folder = join(directory, "home", "logs");
    const [name = ""] = await readdir(folder);
    const kept = await readFile(join(folder, name), "utf8");
    for (const edit of [
      (tree: { size: number }) => (tree.size += 100),
      (tree: { size: number }) => (tree.size -= 1),
      (tree: { root?: string }) => (tree.root = "00".repeat(32)),
      (tree: { treeId?: string }) => (tree.treeId = "another"),
    ]) {
      const memory = JSON.parse(kept);
      edit(memory.trees[0]);
      await writeFile(join(folder, name), JSON.stringify(memory));
      await refused("LOG_REWRITTEN", "log", "info", ...flags);
    }
  });

  it("believes no tile, bundle or checkpoint that was changed on the way", async () => {
    let lie = (_path: string, body: Buffer): Buffer => body;
    const server = createServer((request, response) => {
      void fetch(`${url}${request.url ?? ""}`).then(async (reply) => {
        const body = lie(request.url ?? "", Buffer.from(await reply.arrayBuffer()));
        response.writeHead(reply.status, { "content-length": body.length }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const liar = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const get = ["log", "get", "--log", "v2", "--trusted-root", trusted, "--rekor-url", liar, "--log-index", "5"];
    const spoil = (wanted: RegExp, at: number) => (path: string, body: Buffer) => {
      if (wanted.test(path)) body[at] = (body[at] ?? 0) ^ 1;
      return body;
    };
    try {
      await good(...get);
      lie = spoil(/tile\/0\//, 0);
      await refused("INCLUSION_ROOT_MISMATCH", ...get);
      // A digit of the digest in entry 5.
      lie = (path, body) => {
        let at = 0;
        if (/tile\/entries\//.test(path)) for (let left = 5; left > 0; left--) at += 2 + body.readUInt16BE(at);
        const digest = body.indexOf('"digest":"', at) + 10;
        if (at > 0) body[digest] = body[digest] === 0x41 ? 0x42 : 0x41;
        return body;
      };
      await refused("INCLUSION_ROOT_MISMATCH", ...get);
      lie = (path, body) => (/tile\/entries\//.test(path) ? body.subarray(0, 100) : body);
      await refused("SERVICE_ANSWER_MISMATCH", ...get);
      lie = (path, body) => (/checkpoint/.test(path) ? Buffer.from(String(body).replace(/\n\d+\n/, "\n9\n")) : body);
      await refused("CHECKPOINT_SIGNATURE_INVALID", ...get);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
