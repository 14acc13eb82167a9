// A keyholder whose key is in a PKCS #11 token, which SoftHSM plays: offers it, signs a root with it, and others follow that root.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeSoftHsm, missingSoftHsm, type SoftHsm } from "@sigillum/library/testing";
import { memoryStore, refresh } from "@sigillum/library/tuf";
import { openPlace } from "@sigillum/library/tuf-place";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { expectSuccess, runProgram } from "./clients/program.ts";

const SIGILLUM = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");

describe("a keyholder with a token", { skip: missingSoftHsm(), timeout: 120_000 }, () => {
  let directory = "";
  let token: SoftHsm;
  let key = "";
  const run = (...words: readonly string[]): Promise<string> =>
    expectSuccess(process.execPath, [SIGILLUM, "root", ...words], {
      cwd: directory,
      env: { HOME: directory, ...token.environment },
    });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-token-"));
    token = makeSoftHsm(directory);
    const pkcs8 = encodePrivateKeyPem(generatePrivateKey("ecdsa-p256"));
    await writeFile(join(directory, "key.pem"), pkcs8, { mode: 0o600 });
    const words = [
      "--import",
      join(directory, "key.pem"),
      "--token",
      token.label,
      "--pin",
      "1234",
      "--label",
      "ada",
      "--id",
      "01",
    ];
    assert.equal(spawnSync("softhsm2-util", words, { encoding: "utf8" }).status, 0);
    key = token.uri.replace("?", ";object=ada?");
    await rm(join(directory, "key.pem"));
    for (const name of ["bea", "machine"])
      await writeFile(join(directory, `${name}.key`), encodePrivateKeyPem(generatePrivateKey("ecdsa-p256")), { mode: 0o600 });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("offers its key and signs with it; without the token nothing is signed", async () => {
    await run("init", "event");
    await run("add-key", "event", "--owner", "ada", "--key", key);
    await run("add-key", "event", "--owner", "bea", "--key", "bea.key");
    await run("add-key", "event", "--owner", "machine", "--role", "timestamp", "--role", "snapshot", "--key", "machine.key");
    await run("propose", "event", "--threshold", "root=2");
    await run("sign", "event", "--key", "bea.key", "--yes");
    token.pull();
    const words = [SIGILLUM, "root", "sign", "event", "--key", key, "--yes"];
    const refused = await runProgram(process.execPath, words, { cwd: directory, env: { HOME: directory, ...token.environment } });
    assert.notEqual(refused.exit, 0);
    token.putBack();
    assert.match(await run("sign", "event", "--key", key, "--yes"), /^root 1: 2\/2 by the keys of root 1$/m);
    await run("publish", "event", "--to", "out", "--sign", "timestamp=machine.key", "--sign", "snapshot=machine.key");
    const place = openPlace(join(directory, "out"), { environment: {} });
    const store = memoryStore(new Uint8Array(await readFile(join(directory, "out/1.root.json"))));
    assert.equal((await refresh((path) => place.read(path), store, Date.now())).root.version, 1);
  });
});
