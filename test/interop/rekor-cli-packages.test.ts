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

  describe("uploads", () => {
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

    const programs = (...names: string[]): string | false =>
      names.map((name) => without(findProgram(name), name)).find((missing) => missing !== false) ?? false;
    const tool = (name: string, args: readonly string[], cwd = instance.directory): Promise<string> =>
      expectSuccess(findProgram(name) ?? name, args, { env: { HOME: instance.directory }, cwd, timeoutMs: 120_000 });

    it("alpine, signed as abuild-sign does", { skip: programs("openssl", "tar") }, async () => {
      await mkdir(at("apk"));
      const inside = (...names: string[]): string => at("apk", ...names);
      await tool("openssl", ["genrsa", "-out", inside("jo.rsa"), "2048"]);
      await tool("openssl", ["rsa", "-in", inside("jo.rsa"), "-pubout", "-out", inside("jo.rsa.pub")]);
      await writeFile(inside("hello"), "hello\n");
      await tool("tar", ["-czf", "data.tar.gz", "hello"], inside());
      const info = [
        "# Generated by abuild 3.14.1",
        "pkgname = hello",
        "pkgver = 1.2-r3",
        "pkgdesc = Says hello; and <more> & more",
        'url = "https://hello.example/?a=b"',
        "depend = so:libc.musl-x86_64.so.1",
        "depend = busybox",
        "empty =",
        `datahash = ${hex(await readFile(inside("data.tar.gz")))}`,
      ];
      await writeFile(inside(".PKGINFO"), `${info.join("\n")}\n`);
      await writeFile(inside(".post-install"), "#!/bin/sh\n");
      await tool("tar", ["--format=pax", "-czf", "control.tar.gz", ".PKGINFO", ".post-install"], inside());
      const signature = ".SIGN.RSA.jo.rsa.pub";
      await tool("openssl", ["dgst", "-sha1", "-sign", "jo.rsa", "-out", signature, "control.tar.gz"], inside());
      await tool("tar", ["-czf", "signature.tar.gz", signature], inside());
      const parts = ["signature", "control", "data"].map((name) => readFile(inside(`${name}.tar.gz`)));
      const apk = Buffer.concat(await Promise.all(parts));
      const args = ["--artifact", await file("hello.apk", apk), "--public-key", inside("jo.rsa.pub"), "--pki-format", "x509"];
      const uuid = await journey("alpine", hex(apk), ...args);
      assert.ok((await run("search", "--public-key", inside("jo.rsa.pub"), "--pki-format", "x509")).includes(uuid));
    });

    for (const [name, algorithm] of [
      ["rsa", "RSA"],
      ["ec", "EC"],
    ] as const) {
      it(`jar, signed by jarsigner with ${name}`, { skip: programs("keytool", "jarsigner", "jar") }, async () => {
        await mkdir(at(name, "com"), { recursive: true });
        await writeFile(at(name, "com", "Hello.class"), "not quite a class\n".repeat(100));
        await writeFile(at(name, "a-name-that-is-so-long-that-the-manifest-has-to-break-its-line-in-two.txt"), "x");
        await tool("jar", ["--create", "--file", at(`${name}.jar`), "-C", at(name), "."]);
        const store = ["-keystore", at(`${name}.p12`), "-storepass", "secret"];
        const key = ["-alias", "jo", "-keyalg", algorithm, "-dname", "CN=Jo, O=Example", "-validity", "30"];
        await tool("keytool", ["-genkeypair", ...store, ...key]);
        await tool("jarsigner", [...store, at(`${name}.jar`), "jo"]);
        await journey("jar", hex(await readFile(at(`${name}.jar`))), "--artifact", at(`${name}.jar`), "--pki-format", "x509");
      });
    }

    it("rpm, built by rpmbuild and signed by rpmsign", { skip: programs("gpg", "rpmbuild", "rpmsign") }, async () => {
      const email = "rpm@packages.example";
      await pgp("--quick-generate-key", `Packager <${email}>`, "rsa2048", "sign", "2y");
      const spec = [
        "Name: hello",
        "Version: 1.2",
        "Release: 3",
        "Epoch: 4",
        "Summary: hello",
        "License: MIT",
        "BuildArch: noarch",
      ];
      const rest = [
        "%description",
        "Says hello.",
        "%install",
        "mkdir -p %{buildroot}/usr/share",
        "echo x > %{buildroot}/usr/share/hello",
      ];
      await file("hello.spec", [...spec, ...rest, "%files", "/usr/share/hello", ""].join("\n"));
      await tool("rpmbuild", ["-bb", "--define", `_topdir ${at("rpm")}`, at("hello.spec")]);
      const rpm = at("rpm", "RPMS", "noarch", "hello-1.2-3.noarch.rpm");
      const macros = { _gpg_name: email, _gpg_path: home(), __gpg: gpg ?? "" };
      const defines = Object.entries(macros).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
      await tool("rpmsign", ["--addsign", ...defines, rpm]);
      const key = await file("rpm.asc", await pgp("--armor", "--export", email));
      const args = ["--artifact", rpm, "--public-key", key, "--pki-format", "pgp"];
      const uuid = await journey("rpm", hex(await readFile(rpm)), ...args);
      assert.ok((await run("search", "--email", email)).includes(uuid));
    });
  });
});
