// rekor-cli and the kinds that packages and OpenPGP bring. `rekor-cli verify` computes the stored body itself from the same inputs and compares:
// what we store is byte for byte what Rekor stores. Inputs are made by the programs that people make them with.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { entryTypes } from "@sigillum/stack/rekor-v1";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";
import { findProgram } from "./programs.ts";

const hex = (value: Uint8Array | string): string => createHash("sha256").update(value).digest("hex");
const peer = findPeer("rekor-cli");
const gpg = findProgram("gpg");

describe("rekor-cli and packages", { timeout: 240_000 }, () => {
  const skipCli = peer.path === undefined ? peer.missing : false;
  const without = (program: string | undefined, name: string): string | false =>
    skipCli === false && program === undefined ? `${name} is not on this machine` : skipCli;
  let instance: Instance;

  before(async () => {
    if (skipCli !== false) return;
    instance = await startInstance("signer@example.com", {}, { transparencyLog: { entryTypesV1: [...entryTypes] } });
  });
  after(() => instance?.stop());

  const at = (...names: string[]): string => join(instance.directory, ...names);
  const file = async (name: string, contents: string | Uint8Array): Promise<string> => {
    await writeFile(at(name), contents);
    return at(name);
  };
  const run = (...args: string[]): Promise<string> =>
    expectSuccess(peer.path ?? "", [...args, "--rekor_server", instance.logUrl, "--store_tree_state=false"], {
      env: { HOME: instance.directory },
    });
  const uuidOf = (answer: string): string => {
    const uuid = /entries\/([0-9a-f]{80})/.exec(answer)?.[1] ?? "";
    assert.notEqual(uuid, "", answer);
    return uuid;
  };

  /** Upload, upload again, verify the stored body, get it, find it by hash. */
  const journey = async (type: string, sha: string, ...args: string[]): Promise<string> => {
    const uuid = uuidOf(await run("upload", "--type", type, ...args));
    assert.equal(uuidOf(await run("upload", "--type", type, ...args)), uuid);
    assert.match(await run("verify", "--type", type, ...args), /Computed Root Hash/);
    assert.ok((await run("search", "--sha", sha)).includes(uuid), `${type} is found by ${sha}`);
    return uuid;
  };

  describe("OpenPGP", () => {
    const home = (): string => at("gnupg");
    const pgp = (...args: string[]): Promise<string> =>
      expectSuccess(gpg ?? "", ["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", ...args], {
        env: { GNUPGHOME: home(), HOME: instance.directory },
      });
    before(async () => {
      if (without(gpg, "gpg") !== false) return;
      await mkdir(home(), { mode: 0o700 });
    });
    after(async () => {
      if (instance !== undefined && gpg !== undefined)
        await runProgram("gpgconf", ["--kill", "all"], { env: { GNUPGHOME: home() } });
    });

    for (const [name, algorithm, subkey] of [
      ["rsa", "rsa2048", undefined],
      ["ed25519", "ed25519", undefined],
      ["nistp256", "nistp256", undefined],
      ["nistp521", "nistp521", undefined],
      ["dsa", "dsa2048", undefined],
      ["subkey", "rsa2048", "ed25519"],
    ] as const) {
      it(`rekord with a key of ${name}`, { skip: without(gpg, "gpg") }, async () => {
        const email = `${name}@packages.example`;
        await pgp(
          "--quick-generate-key",
          `Jo ${name} (test) <${email}>`,
          algorithm,
          subkey === undefined ? "sign" : "cert,sign",
          "2y",
        );
        if (subkey !== undefined) {
          const listing = await pgp("--list-keys", "--with-colons", email);
          const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listing)?.[1] ?? "";
          await pgp("--quick-add-key", fingerprint, subkey, "sign", "1y");
        }
        const artifact = await file(`${name}.txt`, `signed with ${name}\n`);
        const key = at(`${name}.asc`);
        await pgp("--armor", "--output", key, "--export", email);
        for (const [form, ...flags] of [["asc", "--armor"], ["sig"], ["text", "--armor", "--textmode"]]) {
          const signature = at(`${name}.${form}.signature`);
          await pgp("--local-user", email, ...flags, "--output", signature, "--detach-sign", artifact);
          const args = ["--artifact", artifact, "--signature", signature, "--public-key", key, "--pki-format", "pgp"];
          const uuid = await journey("rekord", hex(`signed with ${name}\n`), ...args);
          assert.ok((await run("search", "--email", email)).includes(uuid), `found by ${email}`);
          assert.ok((await run("search", "--public-key", key, "--pki-format", "pgp")).includes(uuid), "found by the key");
        }
        const other = await file(`${name}.other`, "something else\n");
        const wrong = [
          "--artifact",
          other,
          "--signature",
          at(`${name}.asc.signature`),
          "--public-key",
          key,
          "--pki-format",
          "pgp",
        ];
        const refused = await fetch(`${instance.logUrl}/api/v1/log/entries`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            apiVersion: "0.0.1",
            kind: "rekord",
            spec: {
              data: { content: (await readFile(wrong[1] ?? "")).toString("base64") },
              signature: {
                format: "pgp",
                content: (await readFile(wrong[3] ?? "")).toString("base64"),
                publicKey: { content: (await readFile(key)).toString("base64") },
              },
            },
          }),
        });
        assert.equal(refused.status, 400);
        assert.match(await refused.text(), /does not verify over the content/);
      });
    }

    const helm = findPeer("helm");
    const skipHelm = without(gpg, "gpg") || (helm.path === undefined ? helm.missing : false);
    it("helm, with the provenance that helm package --sign writes", { skip: skipHelm }, async () => {
      const email = "helm@packages.example";
      await pgp("--quick-generate-key", `Chart Signer <${email}>`, "rsa2048", "sign", "2y");
      const keyring = at("secring.gpg");
      await pgp("--output", keyring, "--export-secret-keys", email);
      const key = await file("helm.asc", await pgp("--armor", "--export", email));
      const env = {
        HOME: instance.directory,
        HELM_CACHE_HOME: at("helm"),
        HELM_CONFIG_HOME: at("helm"),
        HELM_DATA_HOME: at("helm"),
      };
      await expectSuccess(helm.path ?? "", ["create", at("chart")], { env });
      const signing = ["--sign", "--key", "Chart Signer", "--keyring", keyring];
      await expectSuccess(helm.path ?? "", ["package", ...signing, "--destination", instance.directory, at("chart")], { env });
      const chart = await readFile(at("chart-0.1.0.tgz"));
      const args = ["--artifact", at("chart-0.1.0.tgz.prov"), "--public-key", key, "--pki-format", "pgp"];
      const uuid = await journey("helm", hex(chart), ...args);
      assert.ok((await run("search", "--email", email)).includes(uuid));
    });
  });
});
