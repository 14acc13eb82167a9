import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { dockerCredentials } from "./index.ts";

async function withHome(config: unknown, use: (env: Record<string, string>, home: string) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "sigillum-oci-"));
  try {
    await mkdir(join(home, ".docker"));
    if (config !== undefined)
      await writeFile(join(home, ".docker", "config.json"), typeof config === "string" ? config : JSON.stringify(config));
    await use({ HOME: home, PATH: `${join(home, "bin")}:${process.env["PATH"]}` }, home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function helper(home: string, name: string, script: string): Promise<void> {
  await mkdir(join(home, "bin"), { recursive: true });
  const path = join(home, "bin", `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

const repository = { registry: "registry.example:5000", name: "team/app" };
const auth = (user: string): { auth: string } => ({ auth: btoa(`${user}:pass:word`) });

describe("dockerCredentials", () => {
  it("finds the closest entry of auths, from the full path to the host", async () => {
    const auths = {
      "registry.example:5000": auth("host"),
      "registry.example:5000/team": auth("team"),
      "https://index.docker.io/v1/": auth("hub"),
    };
    await withHome({ auths }, async (env) => {
      const find = dockerCredentials(env);
      assert.deepEqual(await find(repository), { type: "password", username: "team", password: "pass:word" });
      assert.deepEqual(await find({ ...repository, name: "other/app" }), {
        type: "password",
        username: "host",
        password: "pass:word",
      });
      assert.deepEqual(await find({ registry: "index.docker.io", name: "library/a" }), {
        type: "password",
        username: "hub",
        password: "pass:word",
      });
      assert.equal(await find({ registry: "unknown.example", name: "a" }), undefined);
    });
  });

  it("knows identity and registry tokens", async () => {
    await withHome(
      {
        auths: {
          "a.example": { identitytoken: "i" },
          "b.example": { registrytoken: "r" },
          "c.example": { username: "u", password: "p" },
        },
      },
      async (env) => {
        const find = dockerCredentials(env);
        assert.deepEqual(await find({ registry: "a.example", name: "x" }), { type: "identity-token", token: "i" });
        assert.deepEqual(await find({ registry: "b.example", name: "x" }), { type: "registry-token", token: "r" });
        assert.deepEqual(await find({ registry: "c.example", name: "x" }), { type: "password", username: "u", password: "p" });
      },
    );
  });

  it("has none without a file, and takes the file REGISTRY_AUTH_FILE names where Docker has none", async () => {
    await withHome(undefined, async (env, home) => {
      assert.equal(await dockerCredentials(env)(repository), undefined);
      await writeFile(join(home, "auth.json"), JSON.stringify({ auths: { "registry.example:5000": auth("podman") } }));
      assert.deepEqual(await dockerCredentials({ ...env, REGISTRY_AUTH_FILE: join(home, "auth.json") })(repository), {
        type: "password",
        username: "podman",
        password: "pass:word",
      });
    });
  });

  it("refuses a file it cannot read, without quoting from it", async () => {
    await withHome('{"auths": {"x": {"auth": "c2VjcmV0', async (env) => {
      await assert.rejects(dockerCredentials(env)(repository), (error: Error) => {
        assert.equal(Reflect.get(error, "code"), "OCI_CREDENTIALS_UNREADABLE");
        assert.ok(!error.message.includes("c2VjcmV0"));
        return true;
      });
    });
  });

  it("asks the helper named for the host, else the general one", async () => {
    await withHome({ credsStore: "general", credHelpers: { "registry.example:5000": "special" } }, async (env, home) => {
      await helper(home, "special", 'read host; echo "{\\"Username\\":\\"$1-$host\\",\\"Secret\\":\\"s\\"}"');
      await helper(home, "general", 'cat >/dev/null; echo \'{"Username":"<token>","Secret":"t"}\'');
      const find = dockerCredentials(env);
      assert.deepEqual(await find(repository), { type: "password", username: "get-registry.example:5000", password: "s" });
      assert.deepEqual(await find({ registry: "other.example", name: "a" }), { type: "identity-token", token: "t" });
    });
  });

  it("goes on to auths when the helper has nothing, and says so when it fails", async () => {
    await withHome({ credsStore: "none", auths: { "registry.example:5000": auth("file") } }, async (env, home) => {
      await helper(home, "none", 'echo "credentials not found in native keychain"; exit 1');
      assert.deepEqual(await dockerCredentials(env)(repository), { type: "password", username: "file", password: "pass:word" });
      await helper(home, "none", 'echo "{\\"Secret\\":\\"s3cret\\"}"');
      await assert.rejects(dockerCredentials(env)(repository), (error: Error) => {
        assert.equal(Reflect.get(error, "code"), "OCI_CREDENTIAL_HELPER_FAILED");
        assert.ok(!`${error.message} ${String(error.cause)}`.includes("s3cret"));
        return true;
      });
      await helper(home, "none", "exit 3");
      await assert.rejects(dockerCredentials(env)(repository), { code: "OCI_CREDENTIAL_HELPER_FAILED" });
    });
    await withHome({ credsStore: "missing" }, async (env) => {
      await assert.rejects(dockerCredentials(env)(repository), { code: "OCI_CREDENTIAL_HELPER_FAILED" });
    });
    await withHome({ credsStore: "../../bin/sh" }, async (env) => {
      await assert.rejects(dockerCredentials(env)(repository), { code: "OCI_CREDENTIAL_HELPER_FAILED" });
    });
  });
});
