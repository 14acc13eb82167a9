import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeBundle, parseBundle } from "@sigillum/library/bundle";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodeUtf8, parseBase64, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { developmentToken } from "@sigillum/library/identity-token";
import { signBlob, signStatement } from "@sigillum/library/signing";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import { encodeSigningConfig, encodeTrustedRoot, parseSigningConfig, parseTrustedRoot } from "@sigillum/library/trusted-root";
import { verifyBundle } from "@sigillum/library/verification";
import { callControlSocket, controlSocketPath, silentLogger } from "../host/index.ts";
import { initialiseDataDirectory, serviceNames } from "../settings/index.ts";
import { callStack, composeErrors, initialiseStack, type Stack, startStack, trustFiles } from "./index.ts";

const email = "dev@example.com";
const made: string[] = [];
const scratch = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-stack-"));
  made.push(directory);
  return directory;
};
const code =
  (expected: string, pattern?: RegExp) =>
  (error: { code?: string; message: string }): boolean => {
    assert.equal(error.code, expected, error.message);
    if (pattern !== undefined) assert.match(error.message, pattern);
    return true;
  };

const firstBody = (json: Uint8Array): string => {
  const [entry] = Object.values(parseJson(json) as Record<string, { body: string }>);
  return parseUtf8(parseBase64(entry?.body ?? ""));
};

describe("startStack", () => {
  let dataDirectory = "";
  let stack: Stack;
  const start = (): Promise<Stack> => startStack({ dataDirectory, initialise: { ports: "free" }, logger: silentLogger });
  before(async () => {
    dataDirectory = join(await scratch(), "data");
    stack = await start();
  });
  after(async () => {
    await stack.stop();
    for (const directory of made) await rm(directory, { recursive: true, force: true });
  });

  it("makes the data directory and runs every service, each ready", async () => {
    assert.equal(stack.created, true);
    assert.deepEqual(Object.keys(stack.urls), [...serviceNames]);
    for (const [name, { ready, reason }] of await stack.readiness()) assert.ok(ready, `${name} ${reason}`);
    assert.equal((await request({ url: `${stack.urls.explorer}/readyz` })).status, 200);
    assert.equal((await request({ url: `${stack.urls.explorer}/metrics` })).status, 200);
    for (const name of await readdir(dataDirectory)) assert.equal((await stat(join(dataDirectory, name))).mode & 0o077, 0, name);
  });

  for (const [which, target] of [
    ["v1", "signing_config.v0.2.json"],
    ["v2", "signing_config_rekor_v2.v0.2.json"],
  ] as const) {
    it(`signs a file with log ${which} and verifies it, from nothing but the TUF repository's address`, async () => {
      const store = await scratch();
      const nowMs = Date.now();
      await addRoot({ url: stack.urls.tuf ?? "", rootSha256: stack.tufRootSha256 ?? "", name: "here", store, nowMs });
      const { trustedRoot, signingConfig } = await loadRoot({ name: "here", store, nowMs, signingConfigTarget: target });
      assert.ok(signingConfig !== undefined);
      const { raw: token } = await developmentToken(signingConfig.oidcUrls[0]?.url ?? "", nowMs);
      const artifact = { bytes: encodeUtf8(`a file for ${which}`) };
      const bundle = await signBlob({ token, trust: { trustedRoot, signingConfig }, nowMs, artifact });
      assert.equal(bundle.tlogEntries[0]?.version, which === "v1" ? "0.0.1" : "0.0.2");
      assert.equal(bundle.timestamps.length, 1);
      const offline = await loadRoot({ name: "here", store, nowMs, offline: true });
      const expectations = { identity: { san: email, issuer: stack.urls.identity ?? "" } };
      const verified = verifyBundle({
        bundle: parseBundle(encodeBundle(bundle)),
        artifact,
        trustedRoot: offline.trustedRoot,
        expectations,
      });
      assert.equal(verified.logEntries.length, 1);
      assert.throws(() => verifyBundle({ bundle, artifact: { bytes: encodeUtf8("another") }, trustedRoot, expectations }));
      assert.throws(() =>
        verifyBundle({
          bundle,
          artifact,
          trustedRoot,
          expectations: { identity: { san: "root@example.com", issuer: stack.urls.identity ?? "" } },
        }),
      );
    });
  }

  it("signs an in-toto statement with both logs", async () => {
    const statement = encodeUtf8(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "a", digest: { sha256: "00".repeat(32) } }],
        predicateType: "https://example.com/p",
        predicate: {},
      }),
    );
    for (const which of ["v1", "v2"] as const) {
      const trust = { trustedRoot: stack.keyring.trustedRoot(), signingConfig: stack.keyring.signingConfig(which) };
      const bundle = await signStatement({ token: await stack.developmentToken(), trust, nowMs: Date.now(), statement });
      assert.ok("dsseEnvelope" in bundle.content);
    }
  });

  it("begins both logs with the trusted root, so that no client's entry has index 0", async () => {
    for (const [name, path] of [
      ["log-v1", "/api/v1/log/entries?logIndex=0"],
      ["log-v2", "/api/v2/tile/entries/000.p/1"],
    ] as const) {
      const response = await request({ url: `${stack.urls[name]}${path}` });
      assert.equal(response.status, 200);
      const body = name === "log-v2" ? parseUtf8(response.body.subarray(2)) : firstBody(response.body);
      const digest = sha256(encodeUtf8(encodeTrustedRoot(stack.keyring.trustedRoot())));
      assert.ok(body.includes(name === "log-v2" ? encodeBase64(digest) : encodeHex(digest)), body);
    }
  });

  it("refuses a second process on its data directory", async () => {
    await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), code("DATA_DIRECTORY_LOCKED"));
    await assert.rejects(initialiseStack({ dataDirectory }), code("DATA_DIRECTORY_LOCKED"));
  });

  it("tells its state through the control socket", async () => {
    const status = (await callControlSocket(controlSocketPath(dataDirectory), "status", null)) as {
      services: Record<string, { ready: boolean }>;
      urls: Record<string, string>;
    };
    assert.equal(status.services["ca"]?.ready, true);
    assert.deepEqual({ ...status.urls }, { ...stack.urls });
  });

  it("publishes what the keyring says", async () => {
    const files = trustFiles(stack.keyring, "v1");
    assert.deepEqual([...files.keys()].sort(), [
      "ctfe.pub",
      "fulcio.crt.pem",
      "fulcio_intermediate_v1.crt.pem",
      "rekor.pub",
      "signing_config.v0.2.json",
      "signing_config_rekor_v2.v0.2.json",
      "trusted_root.json",
      "trusted_root_ecdsa.json",
      "tsa_leaf.crt.pem",
      "tsa_root.crt.pem",
    ]);
    assert.deepEqual(files.get("trusted_root.json"), { bytes: encodeUtf8(encodeTrustedRoot(stack.keyring.trustedRoot())) });
    const ecdsa = parseTrustedRoot(files.get("trusted_root_ecdsa.json")?.bytes ?? "");
    assert.deepEqual(
      ecdsa.tlogs.map(({ baseUrl }) => baseUrl),
      [stack.urls["log-v1"]],
    );
    assert.equal(stack.keyring.trustedRoot().tlogs.length, 2);
    for (const [name, usage, service] of [
      ["rekor.pub", "Rekor", "log-v1"],
      ["ctfe.pub", "CTFE", "ct"],
      ["fulcio.crt.pem", "Fulcio", "ca"],
      ["tsa_leaf.crt.pem", "TSA", "tsa"],
    ] as const)
      assert.deepEqual(files.get(name)?.custom, { sigstore: { usage, status: "Active", uri: stack.urls[service] } });
    const swapped = trustFiles(stack.keyring, "v2");
    assert.deepEqual(
      swapped.get("signing_config.v0.2.json")?.bytes,
      encodeUtf8(encodeSigningConfig(stack.keyring.signingConfig("v2"))),
    );
    assert.deepEqual(
      swapped.get("signing_config_rekor_v1.v0.2.json")?.bytes,
      encodeUtf8(encodeSigningConfig(stack.keyring.signingConfig("v1"))),
    );
    assert.equal(
      parseSigningConfig(swapped.get("signing_config_rekor_v2.v0.2.json")?.bytes ?? "").rekorTlogUrls[0]?.majorApiVersion,
      2,
    );
  });

  it("comes back after a stop with the same logs, keys and trust root, and stops more than once", async () => {
    const store = await scratch();
    await addRoot({ url: stack.urls.tuf ?? "", name: "here", store, nowMs: Date.now() });
    const before = parseJson((await request({ url: `${stack.urls["log-v1"]}/api/v1/log` })).body) as {
      treeSize: number;
      rootHash: string;
    };
    const rootSha256 = stack.tufRootSha256;
    await stack.stop();
    await stack.stop();
    await assert.rejects(request({ url: stack.urls.ca ?? "" }), code("HTTP_UNREACHABLE"));
    stack = await start();
    assert.equal(stack.created, false);
    assert.equal(stack.tufRootSha256, rootSha256);
    const again = parseJson((await request({ url: `${stack.urls["log-v1"]}/api/v1/log` })).body) as {
      treeSize: number;
      rootHash: string;
    };
    assert.equal(again.rootHash, before.rootHash);
    assert.ok(again.treeSize >= 2);
    await loadRoot({ name: "here", store, nowMs: Date.now() });
  });
});

describe("startStack in parts", () => {
  const roots: string[] = [];
  const fresh = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-part-"));
    roots.push(directory);
    return directory;
  };
  after(async () => {
    for (const directory of roots) await rm(directory, { recursive: true, force: true });
  });

  it("runs the services that are named, and the CT log within for the certificate authority", async () => {
    const stack = await startStack({
      dataDirectory: await fresh(),
      initialise: { ports: "free" },
      only: ["ca", "log"],
      logger: silentLogger,
    });
    try {
      assert.deepEqual(Object.keys(stack.urls), ["log-v1", "log-v2", "ca"]);
      assert.deepEqual([...new Set(stack.addresses.map(({ service }) => service))].sort(), ["ca", "log-v1", "log-v2"]);
      assert.equal(stack.tufRootSha256, undefined);
      assert.equal((await request({ url: `${stack.urls.ca}/api/v2/trustBundle` })).status, 200);
      await assert.rejects(stack.developmentToken(), code("STACK_SERVICE_DISABLED"));
      // Nobody here can publish the next key, so no shard takes over.
      await assert.rejects(callStack(stack.settings.dataDirectory, "log-v1.rotate", null), (error: { found?: string }) => {
        assert.equal(error.found, "STACK_TRUST_UNPUBLISHED");
        return true;
      });
      assert.deepEqual(
        stack.keyring.shards("v1").map(({ state }) => state),
        ["active", "planned"],
      );
    } finally {
      await stack.stop();
    }
  });

  it("leaves a service that the settings disable out, and its address out of the signing config", async () => {
    const initialise = {
      ports: "free",
      values: { services: { tsa: { enabled: false }, "log-v1": { enabled: false } } },
    } as const;
    const dataDirectory = await fresh();
    const stack = await startStack({ dataDirectory, initialise, logger: silentLogger });
    try {
      assert.equal(stack.urls.tsa, undefined);
      const files = trustFiles(stack.keyring, "v1");
      assert.deepEqual(files.get("signing_config.v0.2.json"), files.get("signing_config_rekor_v2.v0.2.json"));
      assert.equal(files.has("rekor.pub"), true, "what it once logged is verified still");
      assert.deepEqual(stack.keyring.signingConfig("v2").tsaUrls, []);
    } finally {
      await stack.stop();
    }
    await assert.rejects(startStack({ dataDirectory, only: ["tsa"], logger: silentLogger }), code("STACK_SERVICE_DISABLED"));
    await assert.rejects(
      startStack({ dataDirectory, only: ["rekor"], logger: silentLogger }),
      code("STACK_SERVICE_UNKNOWN", /there is no service "rekor"/u),
    );
  });

  it("names the port that is taken and leaves nothing running or locked", async () => {
    const dataDirectory = await fresh();
    const { settings } = await initialiseStack({ dataDirectory, initialise: { ports: "free" } });
    const { port } = settings.services.tsa;
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    try {
      await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), code("PORT_TAKEN", new RegExp(`${port}`, "u")));
      await assert.rejects(request({ url: settings.services.ca.publicUrl }), code("HTTP_UNREACHABLE"));
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
    await (await startStack({ dataDirectory, logger: silentLogger })).stop();
  });

  it("refuses settings whose address is not the one of its keys", async () => {
    const dataDirectory = await fresh();
    const { settings } = await initialiseStack({ dataDirectory, initialise: { ports: "free" } });
    const path = join(dataDirectory, "sigillum.yaml");
    await writeFile(path, (await readFile(path, "utf8")).replaceAll(settings.services["log-v2"].publicUrl, "http://log.example"));
    await assert.rejects(
      startStack({ dataDirectory, logger: silentLogger }),
      code("STACK_ADDRESS_CHANGED", /log-v2\.publicUrl is http:\/\/log\.example/u),
    );
    assert.ok(Object.values(composeErrors).every((entry) => entry.means.endsWith(".")));
  });

  it("writes nothing into somebody else's directory", async () => {
    const dataDirectory = await fresh();
    await writeFile(join(dataDirectory, "thesis.tex"), "");
    await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), code("DATA_DIRECTORY_FOREIGN"));
    assert.deepEqual(await readdir(dataDirectory), ["thesis.tex"]);
  });

  it("initialises once, and completes what was interrupted before its keys were made", async () => {
    const dataDirectory = await fresh();
    await initialiseDataDirectory(dataDirectory, { ports: "free" });
    const { keyring } = await initialiseStack({ dataDirectory });
    assert.equal(keyring.shards("v1").length, 1);
    await assert.rejects(initialiseStack({ dataDirectory }), code("DATA_DIRECTORY_INITIALISED"));
  });
});
