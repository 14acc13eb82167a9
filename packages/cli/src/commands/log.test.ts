import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { ControlSocket, controlSocketPath, silentLogger } from "@sigillum/stack/host";
import { findFreePorts } from "@sigillum/stack/settings";
import { parseArguments } from "../arguments/index.ts";
import { createTerminal, reportError } from "../terminal/index.ts";
import { findCommand } from "./index.ts";

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

async function run(...words: readonly string[]): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  const terminal = createTerminal({
    stdout: { write: (text) => (stdout += typeof text === "string" ? text : new TextDecoder().decode(text)) },
    stderr: { write: (text) => (stderr += text) },
    stdinIsTTY: false,
    format: words.join(" ").includes("--output json") ? "json" : "text",
  });
  const found = await findCommand(words);
  assert.ok(found !== undefined, words.join(" "));
  const { command, rest } = found;
  try {
    const code = await command.run(parseArguments(command, rest), terminal);
    return { stdout, stderr, code };
  } catch (error) {
    const code = reportError(terminal, error);
    return { stdout, stderr, code };
  }
}

async function good(...words: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await run(...words);
  assert.equal(code, 0, `${words.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

async function refused(code: string, ...words: readonly string[]): Promise<string> {
  const found = await run(...words);
  assert.match(found.stderr, new RegExp(`code {6}${code}$`, "m"), `${words.join(" ")}\n${found.stdout}${found.stderr}`);
  return found.stderr;
}

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const sha256 = (value: Uint8Array | string): string => createHash("sha256").update(value).digest("hex");
const image = sha256("an image");
const statement = JSON.stringify({
  _type: "https://in-toto.io/Statement/v0.1",
  subject: [{ name: "registry.example/app", digest: { sha256: image } }],
  predicateType: "https://slsa.dev/provenance/v0.2",
  predicate: { builder: { id: "https://builder.example" }, buildType: "make", invocation: {}, materials: [] },
});

describe("log", () => {
  let directory = "";
  let data = "";
  let stack: Stack;
  let key = "";
  const environment = process.env["SIGILLUM_HOME"];
  const start = (): Promise<Stack> =>
    startStack({
      dataDirectory: data,
      logger: silentLogger,
      initialise: {
        ports: "free",
        values: { trust: { cacheWindowHours: 0 }, transparencyLog: { overlapHours: 0 } },
      },
    });
  const file = async (name: string, contents: string | Uint8Array): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, contents);
    return path;
  };
  /** A signed file: the flags that upload and verify it. */
  const signed = async (name: string): Promise<string[]> => {
    const contents = `contents of ${name}\n`;
    const signature = await file(`${name}.sig`, sign("sha256", encodeUtf8(contents), privateKey));
    return ["--artifact", await file(name, contents), "--signature", signature, "--public-key", key];
  };
  const idOf = (text: string): string => /[0-9a-f]{80}/.exec(text)?.[0] ?? "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-log-"));
    data = join(directory, "data");
    process.env["SIGILLUM_HOME"] = join(directory, "home");
    stack = await start();
    key = await file("key.pem", String(publicKey.export({ type: "spki", format: "pem" })));
  });
  after(async () => {
    await stack.stop();
    if (environment === undefined) delete process.env["SIGILLUM_HOME"];
    else process.env["SIGILLUM_HOME"] = environment;
    await rm(directory, { recursive: true, force: true });
  });

  it("needs a log or a trust root, and says when nobody vouches for the log's key", async () => {
    await refused("TRUST_NOT_FOUND", "log", "info");
    const { code, stderr, stdout } = await run("log", "info", "--rekor_server", stack.urls["log-v1"] ?? "");
    assert.deepEqual([code, /no trust root is here to vouch/.test(stderr)], [0, true], stderr);
    assert.match(stdout, /^Verification Successful!\nActive Tree Size: {7}1\n/);
    await good("trust", "add", stack.urls.tuf ?? "", "--root-sha256", stack.tufRootSha256 ?? "", "--name", "here");
  });

  it("enters the provenance of an image, finds it by the image's digest, prints the attestation, and verifies it offline", async () => {
    const sig = sign("sha256", preAuthenticationEncoding("application/vnd.in-toto+json", encodeUtf8(statement)), privateKey);
    const envelope = await file(
      "provenance.dsse.json",
      JSON.stringify({
        payloadType: "application/vnd.in-toto+json",
        payload: Buffer.from(statement).toString("base64"),
        signatures: [{ keyid: "", sig: sig.toString("base64") }],
      }),
    );
    const bundle = join(directory, "provenance.sigstore.json");
    const entry = ["--type", "intoto", "--artifact", envelope, "--public-key", key];
    const uploaded = await good("log", "upload", ...entry, "--bundle", bundle);
    const id = idOf(uploaded);
    assert.match(uploaded, /^Created entry at index \d+, available at: http:\S+\/api\/v1\/log\/entries\/[0-9a-f]{80}\n/);
    assert.equal(idOf(await good("log", "search", "--sha", image)), id);
    const got = await good("log", "get", "--uuid", id);
    assert.match(
      got,
      /^Entry \d+ of http.*\n {2}what {4}intoto 0.0.2: a statement of sha256:[0-9a-f]{64}\n {2}signer {2}the key sha256:/,
    );
    assert.ok(got.includes(`\nAttestation: ${statement}\n`), got);
    assert.ok(got.indexOf("signer") < got.indexOf("{"));
    const json = JSON.parse(await good("log", "get", "--uuid", id.slice(16), "--format", "json"));
    assert.deepEqual([json.Attestation, json.UUID, Object.keys(json.Body)], [statement, id, ["IntotoObj"]]);
    assert.match(await good("log", "verify", ...entry), /Computed Root Hash: ([0-9a-f]{64})\nExpected Root Hash: \1\n/);
    const offline = ["--offline", "--key", key, "--type", "slsaprovenance", "--digest", image, "--bundle", bundle];
    await good("verify-blob-attestation", ...offline);
    const other = offline.map((word) => (word === image ? sha256("another image") : word));
    assert.notEqual((await run("verify-blob-attestation", ...other)).code, 0);
  });

  it("says who signed what and when before any JSON", async () => {
    const path = await file("app.txt", "an app\n");
    await good("sign-blob", path, "--development", "--bundle", `${path}.sigstore.json`);
    const index = JSON.parse(await readFile(`${path}.sigstore.json`, "utf8")).verificationMaterial.tlogEntries[0].logIndex;
    const text = await good("log", "get", "--log-index", index);
    const lines = text.split("\n");
    assert.equal(lines[1], `  what    hashedrekord 0.0.1: a file of sha256:${sha256("an app\n")}`);
    assert.equal(lines[2], `  signer  dev@example.com, vouched for by ${stack.urls.identity}`);
    assert.match(lines[3] ?? "", /^ {2}when {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, by the log's signed promise$/);
    assert.match(
      lines[4] ?? "",
      /^ {2}proof {3}it is in tree \d+ of \d+ entries, under a key that has the word of the trust root here$/,
    );
    const rest = lines.slice(6).join("\n");
    assert.match(
      rest,
      /^LogID: [0-9a-f]{64}\nIndex: \d+\nIntegratedTime: \S+Z\nUUID: [0-9a-f]{80}\nBody: \{\n {2}"HashedRekordObj"/,
    );
    const entry = JSON.parse(await good("log", "get", "--log-index", index, "--output", "json"));
    assert.deepEqual(entry.signers, [{ identities: ["dev@example.com"], issuer: stack.urls.identity }]);
    const tle = JSON.parse(await good("log", "get", "--log-index", index, "--format", "tle"));
    assert.equal(tle.logIndex, String(index));
    assert.match(await good("log", "search", "--email", "dev@example.com", "--show"), /signer {2}dev@example.com, vouched/);
  });

  it("uploads, verifies and searches by file, digest and key", async () => {
    const flags = await signed("one.txt");
    const id = idOf(await good("log", "upload", ...flags));
    assert.equal(JSON.parse(await good("log", "upload", ...flags, "--format", "json")).Location.slice(-80), id);
    const hash = sha256("contents of one.txt\n");
    const byHash = ["--artifact-hash", hash, ...flags.slice(2)];
    assert.ok((await good("log", "verify", ...byHash)).includes(`Entry Hash: ${id.slice(16)}\n`));
    assert.equal(JSON.parse(await good("log", "verify", ...byHash, "--format", "json")).EntryUUID, id);
    assert.equal(idOf(await good("log", "search", "--artifact", flags[1] ?? "")), id);
    assert.ok((await good("log", "search", "--public-key", key, "--pki-format", "x509")).includes(id));
    assert.equal(idOf(await good("log", "search", "--sha", hash, "--public-key", key, "--operator", "and")), id);
    assert.match(await refused("LOG_NOTHING_FOUND", "log", "search", "--sha", sha256("nothing")), /no matching entries found/);
    await refused("LOG_NOTHING_FOUND", "log", "verify", ...(await signed("never uploaded")));
    await refused("LOG_NOTHING_FOUND", "log", "get", "--log-index", "100000");
    await refused("ENTRY_ID_MALFORMED", "log", "get", "--uuid", "abc");
    await refused("FLAG_REQUIRED", "log", "get");
    await refused("FLAG_REQUIRED", "log", "search");
    await refused("FLAG_VALUE_INVALID", "log", "get", "--log-index", "-1");
    await refused(
      "LOG_PROPOSAL_INVALID",
      "log",
      "upload",
      "--type",
      "intoto",
      "--artifact",
      join(directory, "provenance.dsse.json"),
      "--public-key",
      `${key},${key}`,
    );
    await refused("SERVICE_REFUSED", "log", "upload", ...byHash.with(1, sha256("another file")));
  });

  it("proves an entry in the form of C2SP, and growth as rekor-cli does", async () => {
    const proof = await good("log", "prove", "--log-index", "1");
    assert.match(proof, /^c2sp\.org\/tlog-proof@v1\nindex 1\n(?:[A-Za-z0-9+/]{43}=\n)+\nlocalhost - \d+\n\d+\n/);
    assert.match(
      await good("log", "logproof", "--last-size", "3"),
      /^Current Root Hash: [0-9a-f]{64}\nHashes: \[[0-9a-f,]+\]\n$/,
    );
    await refused("FLAG_REQUIRED", "log", "prove");
    await refused("FLAG_VALUE_INVALID", "log", "prove", "--last-size", "2", "--first-size", "3");
  });

  it("watches an identity across a rotation, during which nothing is refused and nothing moves", async () => {
    const watch = ["log", "watch", "--once", "--identity", "dev@example.com", "--issuer", stack.urls.identity ?? ""];
    assert.match(
      await good(...watch, "--from", "0"),
      /^\S+ \S+ UTC {2}entry \d+ {2}dev@example.com, vouched for by \S+ {2}hashedrekord 0.0.1: a file of/,
    );
    assert.equal(await good(...watch), "");
    const total = Number(/Total Tree Size: +(\d+)/.exec(await good("log", "info"))?.[1]);
    assert.match(await good("log", "shards", "--data", data), /^log-v1\n {2}\d{4}-1 {2}active {2}\d+ entries {2}http/);
    assert.match(await good("log", "rotate", "--data", data), /^Log v1 has rotated/);
    const next = `http://localhost:${(await findFreePorts(1, ["127.0.0.1", "::1"]))[0]}`;
    await refused("CONTROL_ACTION_REFUSED", "log", "rotate", "--data", data, "--log", "v2");
    assert.match(await good("log", "rotate", "--data", data, "--url", next), /^Log v2 has rotated/);
    const shards = JSON.parse(await good("log", "shards", "--data", data, "--output", "json"));
    const states = (list: { state: string }[]): string[] => list.map(({ state }) => state);
    assert.deepEqual(
      [states(shards["log-v1"]), states(shards["log-v2"])],
      [
        ["sealed", "active"],
        ["sealed", "active"],
      ],
    );
    assert.equal(shards["log-v1"][0].size, total);

    for (const flag of [[], ["--rekor-v2"]]) {
      const path = await file("after.txt", `after ${flag.length}\n`);
      await good("sign-blob", path, "--development", "--bundle", `${path}.sigstore.json`, ...flag);
      const who = ["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", stack.urls.identity ?? ""];
      await good("verify-blob", path, "--bundle", `${path}.sigstore.json`, ...who);
      if (flag.length > 0) assert.equal((await fetch(`${next}/checkpoint`)).status, 200);
    }
    const earlier = join(directory, "app.txt");
    const who = ["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", stack.urls.identity ?? ""];
    await good("verify-blob", earlier, "--bundle", `${earlier}.sigstore.json`, ...who);
    assert.match(await good(...watch), new RegExp(`entry ${total + 1} {2}dev@example.com`));
    const info = await good("log", "loginfo");
    assert.ok(new RegExp(`Total Tree Size: +${total + 2}\n`).test(info) && /Sealed Tree: +\d+ of/.test(info), info);
    // The same entry in both shards, by one search and by the id alone.
    const flags = await signed("one.txt");
    await good("log", "upload", ...flags);
    assert.equal((await good("log", "search", "--artifact", flags[1] ?? "")).trim().split("\n").length, 2);
    assert.match(await good("log", "verify", ...flags), /Computed Root Hash/);
  });

  it("tells where a stack stands", async () => {
    const text = await good("status", "--data", data);
    assert.match(text, /^The stack of \S+ is ready\n/);
    assert.match(text, /log-v1 {2,}ready/);
    assert.match(text, /\n {2}\d{4}-1 {2}sealed/);
    const json = JSON.parse(await good("status", "--data", data, "--output", "json"));
    assert.equal(json.services.ca.ready, true);
    await refused("STACK_NOT_RUNNING", "status", "--data", join(directory, "elsewhere"));
  });

  it("alarms when a log is not what it was, and does not forget when its memory is damaged", async () => {
    const state = join(directory, "watch.json");
    await good("log", "watch", "--once", "--state", state);
    const kept = await readFile(state, "utf8");
    const memory = JSON.parse(kept);
    const change = async (edit: (trees: { treeId: string; size: number; root: string }[]) => void): Promise<void> => {
      const copy = structuredClone(memory);
      edit(copy.trees);
      await writeFile(state, JSON.stringify(copy));
    };
    const changes: ((trees: { treeId: string; size: number; root: string }[]) => void)[] = [
      (trees) => {
        for (const tree of trees) tree.size += 1;
      },
      (trees) => {
        for (const tree of trees) tree.root = "00".repeat(32);
      },
      (trees) => {
        for (const tree of trees) tree.treeId = "1";
      },
      (trees) => {
        trees.push({ treeId: "2", size: 1, root: "00".repeat(32) });
      },
    ];
    for (const edit of changes) {
      await change(edit);
      await refused("LOG_REWRITTEN", "log", "watch", "--once", "--state", state);
    }
    for (const text of ["{", kept.replace(memory.url, "http://other.example")]) {
      await writeFile(state, text);
      await refused("LOG_MEMORY_UNREADABLE", "log", "watch", "--once", "--state", state);
    }
  });

  it("believes no log whose key nobody vouches for, and no answer that contradicts itself", async () => {
    const root = stack.keyring.trustedRoot();
    const strange = await file(
      "strange.json",
      encodeTrustedRoot({ ...root, tlogs: root.tlogs.filter(({ publicKey: { type } }) => type === "ed25519") }),
    );
    await refused("LOG_NOT_NAMED", "log", "info", "--trusted-root", strange);
    const url = stack.urls["log-v1"] ?? "";
    await refused("LOG_KEY_UNKNOWN", "log", "info", "--trusted-root", strange, "--rekor-url", url);
    await refused("LOG_KEY_UNKNOWN", "log", "get", "--log-index", "1", "--trusted-root", strange, "--rekor-url", url);
    const trusted = await file("root.json", encodeTrustedRoot(root));
    const liar = await startLiar(url);
    try {
      const get = ["log", "get", "--log-index", "1", "--trusted-root", trusted, "--rekor-url", liar.url];
      await good(...get);
      const lies: [string, (text: string) => string][] = [
        ["LOG_ANSWER_FALSE", (text) => text.replace(/[0-9a-f]{64}":/, `${"ab".repeat(32)}":`)],
        ["LOG_ANSWER_FALSE", (text) => text.replace(/"[0-9a-f]{16}/, '"4000000000000001')],
        ["LOG_ANSWER_FALSE", (text) => text.replace(/"logIndex":1,"verification"/, '"logIndex":2,"verification"')],
        ["LOG_ANSWER_FALSE", (text) => text.replace(/"treeSize":\d+/, '"treeSize":3')],
        ["SET_INVALID", (text) => text.replace(/"integratedTime":\d+/, '"integratedTime":5')],
        ["CHECKPOINT_SIGNATURE_INVALID", (text) => text.replace(/(localhost - \d+\\n)\d+/, "$1999999")],
        ["INCLUSION_ROOT_MISMATCH", (text) => text.replace(/(?<="hashes":\[")[0-9a-f]/, otherDigit)],
      ];
      for (const [code, lie] of lies) {
        liar.lie = lie;
        await refused(code, ...get);
      }
      const flags = await signed("two.txt");
      liar.lie = (text) => text;
      await good("log", "upload", ...flags, "--trusted-root", trusted, "--rekor-url", liar.url);
      // Another entry, with a proof that is right.
      const other = await (await fetch(`${url}/api/v1/log/entries?logIndex=1`)).text();
      liar.lie = (text) => (text.startsWith("[") ? `[${other}]` : text);
      await refused("LOG_ANSWER_FALSE", "log", "verify", ...flags, "--trusted-root", trusted, "--rekor-url", liar.url);
      liar.lie = (text) => text.replace(/(?<="rootHash":")[0-9a-f]/g, otherDigit);
      await refused("LOG_ANSWER_FALSE", "log", "info", "--trusted-root", trusted, "--rekor-url", liar.url);
    } finally {
      liar.close();
    }
  });

  it("checks the whole log, served or not, and makes its indexes anew", async () => {
    assert.match(await good("log", "fsck", "--data", data), /entries, root [0-9a-f]{64}: everything is as it was recorded\n/);
    const reports = JSON.parse(await good("log", "fsck", "--data", data, "--output", "json"));
    assert.deepEqual([reports.differences, reports.reports.length], [0, 4]);
    await stack.stop();
    await refused("STACK_NOT_RUNNING", "log", "shards", "--data", data);
    assert.match(await good("log", "fsck", "--data", data, "--rebuild-index"), /everything is as it was recorded/);
    const [shard = ""] = (await readdir(join(data, "logs"))).filter((name) => name.startsWith("v1-"));
    const entries = join(data, "logs", shard, "tile", "entries");
    const [bundle = ""] = await readdir(entries);
    const [width = ""] = bundle.endsWith(".p") ? await readdir(join(entries, bundle)) : [];
    const path = join(entries, bundle, width);
    const right = await readFile(path);
    const wrong = Uint8Array.from(right);
    wrong[100] = (wrong[100] ?? 0) ^ 1;
    await writeFile(path, wrong);
    await refused("LOG_ROOT_MISMATCH", "log", "fsck", "--data", data);
    await writeFile(path, right);
    const [, year = ""] = /v1-(\d{4})-/.exec(shard) ?? [];
    const archive = ["log", "archive", `${year}-1`, "--to", join(directory, "cold"), "--data", data];
    await refused("STACK_SHARD_NOT_SEALED", ...archive.with(2, `${year}-2`));
    assert.match(await good(...archive), /^Moved shard \S+ of log v1 to \S+cold\/v1-\d{4}-1: \d+ entries, checked there\n/);
    await refused("FLAG_REQUIRED", ...archive.slice(0, 3));
    const cold = await inventory(join(directory, "cold"));
    assert.ok(cold.length > 3);
    stack = await start();
    assert.match(await good("log", "get", "--log-index", "1"), /^Attestation: /m);
    assert.match(await good("log", "fsck", "--data", data), /everything is as it was recorded/);
    assert.match(await good("log", "search", "--email", "dev@example.com"), /^[0-9a-f]{80}$/m);
    await stack.stop();
    // Nothing there was touched, as on storage that is mounted read-only.
    assert.deepEqual(await inventory(join(directory, "cold")), cold);
    stack = await start();
  });
});

/** Waits until log v1's checkpoint on disk, which follows the one it serves within moments, has the log's first entry. */
async function checkpointOnDisk(data: string): Promise<void> {
  const shard = (await readdir(join(data, "logs"))).find((name) => name.startsWith("v1-")) ?? assert.fail("no shard of log v1");
  for (let tries = 400; ; tries -= 1) {
    const text = await readFile(join(data, "logs", shard, "checkpoint"), "utf8").catch(() => "");
    if (Number(text.split("\n")[1]) >= 1) return;
    assert.ok(tries > 0, "the checkpoint on disk has no entry after ten seconds");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe("backup and restore", () => {
  it("copy a data directory, and make one of the copy whose logs go on in new shards", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-backup-cli-"));
    const [data, backup, restored] = [join(directory, "data"), join(directory, "backup"), join(directory, "restored")];
    const stack = await startStack({ dataDirectory: data, logger: silentLogger, initialise: { ports: "free" } });
    try {
      await checkpointOnDisk(data);
      assert.match(
        await good("backup", backup, "--data", data),
        /^Backed up \S+ to \S+\n(?: {2}log .*\n)* {2}log {5}localhost - \d+, 1 entries\n/,
      );
      const checkpoint = await fetch(`${stack.urls["log-v1"]}/api/v1/log`);
      const { signedTreeHead } = (await checkpoint.json()) as { signedTreeHead: string };
      const [published, nothing] = [join(directory, "bundle.json"), join(directory, "nothing.json")];
      await writeFile(published, JSON.stringify({ tlogEntries: [{ checkpoint: { envelope: signedTreeHead } }] }));
      await writeFile(nothing, "{}");
      const restore = ["restore", backup, "--data", restored];
      await refused("PUBLISHED_UNREADABLE", ...restore, "--published", nothing);
      await refused("PUBLISHED_UNREADABLE", ...restore, "--published", join(directory, "absent"));
      await refused("STACK_BACKUP_UNUSABLE", "restore", data, "--data", restored);
      assert.match(
        await good(...restore, "--published", published),
        /\n {2}v1 {6}shard \d{4}-1 sealed at 1 entries; \d{4}-2 follows it at http/,
      );
      await refused("STACK_TARGET_NOT_EMPTY", ...restore);
      await refused("STACK_IS_BACKUP", "log", "fsck", "--data", backup);
    } finally {
      await stack.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe("log fsck", () => {
  it("lists what differs and fails", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-fsck-"));
    const differences = [
      { kind: "leaf", where: "entry 7", found: "00", expected: "11" },
      { kind: "file", where: "tile/0/000" },
    ];
    const report = { origin: "localhost - 1", size: 300, root: "ab", differenceCount: 2, differences };
    const actions = new Map([["log-v1.fsck", async () => [report]]]);
    const socket = await ControlSocket.open(controlSocketPath(directory), actions, silentLogger);
    try {
      const { stdout, stderr, code } = await run("log", "fsck", "--data", directory);
      assert.equal(
        stdout,
        "localhost - 1: 300 entries, root ab: 2 differences\n  leaf  entry 7: found 00, expected 11\n  file  tile/0/000\n",
      );
      assert.ok(stderr.includes("LOG_DAMAGED"), stderr);
      assert.notEqual(code, 0);
    } finally {
      await socket.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

/** Every file below a folder with its time and length. */
async function inventory(directory: string): Promise<string[]> {
  const names = (await readdir(directory, { recursive: true })).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs, size } = await stat(join(directory, name));
      return `${name} ${mtimeMs} ${size}`;
    }),
  );
}

interface Liar {
  readonly url: string;
  lie: (text: string) => string;
  close(): void;
}

/** A log that passes on another's answers, changed. */
async function startLiar(url: string): Promise<Liar> {
  const liar = { lie: (text: string): string => text };
  const server = createServer(async (request, reply) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "GET", headers } = request;
    const answer = await fetch(`${url}${request.url}`, {
      method,
      headers: { accept: "application/json", "content-type": headers["content-type"] ?? "application/json" },
      ...(method === "POST" ? { body: Buffer.concat(chunks) } : {}),
    });
    reply.writeHead(answer.status, { "content-type": "application/json" });
    reply.end(liar.lie(await answer.text()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(liar, {
    url: own,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}

function otherDigit(digit: string): string {
  return digit === "0" ? "1" : "0";
}
