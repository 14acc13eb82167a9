// docs/ceremony.md, run: every command of its console blocks in order, each with the output that the page shows.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import { encodePem, parsePem, parseUtf8 } from "@sigillum/library/encoding";
import { createPivMaker } from "@sigillum/library/testing";
import { fetchTarget, memoryStore, refresh, tufKeyId } from "@sigillum/library/tuf";
import { openPlace, readEventFolder } from "@sigillum/library/tuf-place";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";

interface Step {
  readonly command: string;
  readonly expected: string[];
  code: number;
}

function stepsOf(page: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, block = ""] of page.matchAll(/```console\n([\s\S]*?)```/gu))
    for (const line of block.trimEnd().split("\n")) {
      if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: [], code: 0 });
      else if (/^= [0-9]+$/u.test(line)) (steps.at(-1) ?? assert.fail()).code = Number(line.slice(2));
      else steps.at(-1)?.expected.push(line);
    }
  return steps;
}

const run = (words: readonly string[]): Promise<Outcome> => recorded(main, words);

/** The words of a simple command: single quotes and $NAME, nothing else of a shell. */
function wordsOf(command: string, variables: ReadonlyMap<string, string>): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/gu)].map(
    ([, quoted, plain = ""]) => quoted ?? plain.replaceAll(/\$([A-Za-z]+)/gu, (_, name: string) => variables.get(name) ?? ""),
  );
}

async function execute(
  command: string,
  variables: ReadonlyMap<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [, name = "", values = "", body = ""] = /^for (\w+) in ([^;]+); do (.*); done$/u.exec(command) ?? [];
  if (name !== "") {
    const all = { code: 0, stdout: "", stderr: "" };
    for (const value of values.split(" "))
      for (const part of body.split("; ")) {
        const one = await execute(part, new Map(variables).set(name, value));
        all.stdout += one.stdout;
        all.stderr += one.stderr;
        all.code = Math.max(all.code, one.code);
      }
    return all;
  }
  const [program = "", ...words] = wordsOf(command, variables);
  if (program === "sigillum") return run(words);
  if (program === "cp") await cp(words[1] ?? "", words[2] ?? "", { recursive: true, errorOnExist: true });
  else if (program === "openssl") execFileSync("openssl", words);
  else assert.fail(`the page has a command that this test does not know: ${command}`);
  return { code: 0, stdout: "", stderr: "" };
}

/** Whether lines stand in the output in order: `…` stands for any text, a line `…` alone for any lines. */
function assertShown(output: string, expected: readonly string[], command: string): void {
  const pattern = expected
    .map((line) =>
      line === "…"
        ? "(?:.*\\n)*?"
        : `${line
            .split("…")
            .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&"))
            .join(".*")}\\n`,
    )
    .join("");
  assert.match(output, new RegExp(`^${pattern}(?:.*\\n)*$`, "u"), `$ ${command}\n${output}`);
}

const page = await readFile(new URL("../../../../docs/ceremony.md", import.meta.url), "utf8");
const people = ["ada", "bea", "cyd", "dan", "eve"];
const others = ["fay", "timestamp", "timestamp-2", "snapshot", "rekor", "fulcio", "acme"];

describe("docs/ceremony.md", () => {
  const home = process.cwd();
  let directory = "";
  const variables = new Map<string, string>();
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ceremony-"));
    process.chdir(directory);
    const maker = await createPivMaker();
    await writeFile("maker.pem", encodePem("CERTIFICATE", maker.root.der));
    for (const [index, name] of [...people, ...others].entries()) {
      const pkcs8 = generatePrivateKey(name === "eve" ? "ed25519" : "ecdsa-p256");
      const signer = createSigner(pkcs8);
      await writeFile(`${name}.key`, encodePrivateKeyPem(pkcs8), { mode: 0o600 });
      if (name === "ada") variables.set("ADA", tufKeyId(signer.publicKey));
      if (!people.includes(name)) continue;
      const token = await maker.token(1001 + index);
      await writeFile(`${name}.device.pem`, encodePem("CERTIFICATE", token.device.der));
      await writeFile(`${name}.attestation.pem`, encodePem("CERTIFICATE", (await token.attest(signer)).der));
    }
    for (const name of ["trusted_root.json", "rekor.pub", "fulcio.pem", "keys.json"]) await writeFile(name, `{"name":"${name}"}`);
  });
  after(async () => {
    process.chdir(home);
    await rm(directory, { recursive: true, force: true });
  });

  const versions = new Map<string, string>();
  for (const { command, expected, code } of stepsOf(page)) {
    it(command, async () => {
      const said = await execute(command, variables);
      assert.equal(said.code, code, `$ ${command}\n${said.stdout}${said.stderr}`);
      assertShown(said.stdout, expected, command);
      if (command.startsWith("sigillum root publish 2026-11"))
        versions.set("1.root.json", parseUtf8(await readFile("published/1.root.json")));
      if (/^sigillum root publish 2027-01/u.test(command)) await follows("rekor.0.pub", "fulcio.0.pem", "acme/keys.json");
    });
  }

  /** A client that pinned the first root follows to here, and reads these targets. */
  async function follows(...paths: readonly string[]): Promise<void> {
    const place = openPlace("published", { environment: {} });
    const store = memoryStore(versions.get("1.root.json") ?? "");
    const fetch = (path: string): Promise<Uint8Array | undefined> => place.read(path);
    const trusted = await refresh(fetch, store, Date.now());
    for (const path of paths) assert.match(parseUtf8(await fetchTarget(trusted, path, fetch, store)), /^\{"name":/u, path);
  }

  it("leaves a repository that the first root leads to, without what was revoked", async () => {
    await follows("trusted_root.json", "rekor.0.pub");
    await assert.rejects(follows("acme/keys.json"), { code: "TUF_TARGET_UNKNOWN" });
    const { submissions } = await readEventFolder("2026-11");
    assert.equal([...submissions.values()].filter(({ attestation }) => attestation !== undefined).length, 5);
    assert.equal(parsePem(await readFile("maker.pem", "utf8")).length, 1);
  });
});

describe("the commands of a ceremony refuse", () => {
  let directory = "";
  const key = (name: string): string => join(directory, `${name}.key`);
  const at = (name: string): string => join(directory, name);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-root-"));
    for (const name of ["ada", "bea", "eva"])
      await writeFile(key(name), encodePrivateKeyPem(generatePrivateKey("ecdsa-p256")), { mode: 0o600 });
    assert.equal((await run(["root", "init", at("event")])).code, 0);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const refused = async (code: string, ...words: readonly string[]): Promise<void> => {
    const said = await run(["root", ...words]);
    assert.notEqual(said.code, 0, said.stdout);
    assert.match(said.stderr, new RegExp(`^ *code +${code}$`, "mu"), said.stderr);
  };

  it("a second event in one folder, a folder that holds none, and a place without a repository", async () => {
    await refused("TUF_EVENT_FOLDER", "init", at("event"));
    await refused("TUF_EVENT_FOLDER", "verify", directory);
    await refused("TUF_EVENT_FOLDER", "init", at("other"), "--live", at("nothing"));
    await refused("ROOT_FILE_UNREADABLE", "status", at("nothing"));
    await refused("FLAG_VALUE_INVALID", "init", at("other"), "--root-sha256", "00");
  });

  it("a key without its half of an attestation, and proposals that lack keys", async () => {
    await refused("FLAG_REQUIRED", "add-key", at("event"), "--key", key("ada"));
    await writeFile(at("none.pem"), "no certificate");
    await refused(
      "ROOT_FILE_UNREADABLE",
      "add-key",
      at("event"),
      "--owner",
      "a",
      "--key",
      key("ada"),
      "--attestation",
      at("gone"),
    );
    await refused("ROOT_KEYS_MISSING", "propose", at("event"));
    await refused("ROOT_KEYS_MISSING", "delegate", at("event"), "acme", "--paths", "a");
    await refused("FLAG_VALUE_INVALID", "propose", at("event"), "--threshold", "root");
    await refused("FLAG_VALUE_INVALID", "propose", at("event"), "--threshold", "root=0");
  });

  it("a folder in which something does not hold: it is neither joined nor signed, and verify fails", async () => {
    const roles = ["--role", "root", "--role", "snapshot", "--role", "timestamp"];
    assert.equal((await run(["root", "add-key", at("event"), ...roles, "--owner", "ada", "--key", key("ada")])).code, 0);
    assert.equal((await run(["root", "propose", at("event")])).code, 0);
    await cp(at("event"), at("copy"), { recursive: true });
    const [name = ""] = [...(await readEventFolder(at("copy"))).submissions.keys()];
    const file = join(at("copy"), "keys", `${name}.json`);
    await writeFile(file, (await readFile(file, "utf8")).replace('"ada"', '"mallory"'));
    await refused("ROOT_EVENT_INVALID", "verify", at("copy"));
    await refused("ROOT_EVENT_INVALID", "sign", at("copy"), "--key", key("ada"), "--yes");
    await refused("ROOT_EVENT_INVALID", "join", at("event"), at("copy"));
    await refused("ROOT_EVENT_INVALID", "verify", at("event"), "--root-sha256", "00");
    assert.equal((await run(["root", "verify", at("event")])).code, 0);
  });

  it("a signature by a stranger, without a yes, or over something else, and publishing before the threshold", async () => {
    await refused("TUF_EVENT_SIGNATURE", "sign", at("event"), "--key", key("eva"), "--yes");
    await refused("PROMPT_DECLINED", "sign", at("event"), "--key", key("ada"));
    const [name = ""] = [...(await readEventFolder(at("event"))).submissions.keys()];
    await writeFile(at("bad.sig"), "0011");
    const keyid = name.slice(0, 64);
    await refused("TUF_EVENT_SIGNATURE", "sign", at("event"), "--signature", `root=${at("bad.sig")}`, "--keyid", keyid);
    const signs = ["--sign", `timestamp=${key("ada")}`, "--sign", `snapshot=${key("ada")}`];
    await refused("TUF_EVENT_INCOMPLETE", "publish", at("event"), "--to", at("out"), ...signs);
    await refused("TUF_EVENT_INCOMPLETE", "verify", at("event"), "--complete");
  });

  it("publishing with a key that is none of the role's, a stale event, and keys that nobody has", async () => {
    assert.equal((await run(["root", "sign", at("event"), "--key", key("ada"), "--yes"])).code, 0);
    const to = ["--to", at("out")];
    await refused(
      "TUF_REPOSITORY_ROLLBACK",
      "publish",
      at("event"),
      ...to,
      "--sign",
      `timestamp=${key("eva")}`,
      "--sign",
      `snapshot=${key("ada")}`,
    );
    await refused("TUF_REPOSITORY_SIGNER", "publish", at("event"), ...to);
    await refused("FLAG_VALUE_INVALID", "publish", at("event"), ...to, "--sign", "timestamp");
    const signs = ["--sign", `timestamp=${key("ada")}`, "--sign", `snapshot=${key("ada")}`];
    assert.equal((await run(["root", "publish", at("event"), ...to, ...signs])).code, 0);
    await refused("TUF_EVENT_STALE", "publish", at("event"), ...to, ...signs);
    assert.equal((await run(["root", "init", at("next"), "--live", at("out")])).code, 0);
    await refused("ROOT_KEY_UNKNOWN", "rotate", at("next"), "--role", "root", "--old", "ada", "--new", "bea");
    await refused("ROOT_KEY_UNKNOWN", "revoke", at("next"), "--role", "root", "--key", "bea");
    await refused("ARGUMENT_COUNT", "tick");
    await refused("ARGUMENT_COUNT", "status");
  });
});
