// A chain that is rotated while requests are served, and files that are read again.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodeBase64, encodePem, encodeUtf8, JsonObject, parseJson, parsePem } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { parseCertificate, verifyPath } from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import { callControlSocket, controlSocketPath, createLogger, silentLogger, systemClock } from "../host/index.ts";
import { ChainSchedule, createAuthorityChain } from "../keyring/index.ts";
import { type Stack, startStack } from "./index.ts";
import { watchChain, watchIssuers } from "./watched-files.ts";

const email = "dev@example.com";

describe("rotation while it runs", () => {
  let directory = "";
  let stack: Stack;
  let published = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-rotation-"));
    stack = await startStack({
      dataDirectory: join(directory, "data"),
      initialise: { ports: "free" },
      only: ["ca", "tsa", "identity", "tuf"],
      logger: silentLogger,
    });
  });
  after(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const ask = async (action: string, input: Record<string, string | boolean> = {}): Promise<JsonObject> =>
    JsonObject.exact(await callControlSocket(controlSocketPath(stack.settings.dataDirectory), action, input), "answer");
  const certificates = async (token: string): Promise<Uint8Array[]> => {
    const signer = ephemeralSigner();
    const publicKeyRequest = {
      publicKey: { algorithm: "ECDSA", content: encodePublicKeyPem(signer.publicKey) },
      proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(email))),
    };
    const reply = await request({
      method: "POST",
      url: `${stack.urls.ca}/api/v2/signingCert`,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ publicKeyRequest }),
    });
    assert.equal(reply.status, 200, new TextDecoder().decode(reply.body));
    const chain = JsonObject.from(parseJson(reply.body), "answer").object("signedCertificateEmbeddedSct").object("chain");
    return chain.strings("certificates").map((pem) => parsePem(pem)[0]?.bytes ?? new Uint8Array());
  };

  it("no request fails and every leaf verifies with the trust bundle that is served", async () => {
    const token = await stack.developmentToken();
    const leaves: Uint8Array[] = [];
    let isRotating = true;
    const issueOn = async (): Promise<void> => {
      do leaves.push((await certificates(token))[0] ?? new Uint8Array());
      while (isRotating);
    };
    const load = [issueOn(), issueOn(), issueOn(), issueOn()];
    for (const root of ["same", "new"]) await ask("ca.rotate", { root, now: true });
    isRotating = false;
    await Promise.all(load);
    leaves.push((await certificates(token))[0] ?? new Uint8Array());
    const reply = await request({ url: `${stack.urls.ca}/api/v2/trustBundle` });
    const chains = JsonObject.from(parseJson(reply.body), "bundle")
      .objects("chains")
      .map((chain) => chain.strings("certificates").map((pem) => parseCertificate(parsePem(pem)[0]?.bytes ?? new Uint8Array())));
    assert.equal(chains.length, 3);
    const used = new Set<number>();
    for (const der of leaves) {
      const leaf = parseCertificate(der);
      const which = chains.findIndex(
        ([issuer]) => issuer !== undefined && encodeBase64(issuer.subject) === encodeBase64(leaf.issuer),
      );
      const [intermediate, anchor] = chains[which] ?? [];
      assert.ok(intermediate !== undefined && anchor !== undefined);
      verifyPath({ leaf, intermediates: [intermediate], anchors: [anchor], timeMs: leaf.notBeforeMs, purpose: "codeSigning" });
      used.add(which);
    }
    assert.ok(used.size > 1, "every certificate is of one chain");
    assert.equal(stack.keyring.activeChain("ca").id, "ca-3");
    assert.equal((await ask("ca.status")).string("active"), "ca-3");
  });

  it("without --now a chain is published and waits until every client has the trust root", async () => {
    const status = await ask("tsa.rotate");
    assert.deepEqual([status.string("active"), status.string("planned")], ["tsa-1", "tsa-2"]);
    assert.ok(Date.parse(status.string("until")) > Date.now() + 6 * 86_400_000);
    assert.equal((await ask("tsa.rotate")).string("planned"), "tsa-2");
    await assert.rejects(ask("tsa.rotate", { root: "other" }), /order is not readable/u);
    await assert.rejects(ask("ca.rotate", { chain: "x" }), /key is not named/u);
  });

  it("a chain file is taken over when a Kubernetes volume exchanges its links", async () => {
    const root = ephemeralSigner("ecdsa-p384");
    const files = join(directory, "volume");
    const startMs = Math.floor(Date.now() / 1000) * 1000;
    const volume = async (name: string): Promise<string> => {
      const key = generatePrivateKey("ecdsa-p256");
      const { createSigner } = await import("@sigillum/library/crypto");
      const fields = { organization: "Example", rootName: "root", name, startMs };
      const chain = await createAuthorityChain(fields, root, createSigner(key));
      await mkdir(join(files, name), { recursive: true });
      await writeFile(join(files, name, "chain.pem"), chain.map(({ der }) => encodePem("CERTIFICATE", der)).join(""));
      await writeFile(join(files, name, "key.pem"), encodePem("PRIVATE KEY", key), { mode: 0o600 });
      await symlink(name, join(files, "..next"));
      await rename(join(files, "..next"), join(files, "..data"));
      return encodeBase64(chain[0]?.der ?? new Uint8Array());
    };
    const schedule = new ChainSchedule({
      keyring: stack.keyring,
      service: "ca",
      cacheWindowMs: 0,
      publish: () => {
        published += 1;
        return Promise.resolve();
      },
    });
    const { settings } = stack;
    const section = {
      ...settings.certificateAuthority,
      chainFile: join(files, "..data/chain.pem"),
      chainKey: `file:${join(files, "..data/key.pem")}`,
    };
    const jobs = watchChain(
      { ...settings, certificateAuthority: section },
      "certificateAuthority",
      schedule,
      systemClock,
      silentLogger,
    );
    const run = async (): Promise<void> => {
      for (const job of jobs) await job.run(new AbortController().signal);
    };
    for (const name of ["first", "second"]) {
      const der = await volume(name);
      await run();
      assert.equal(encodeBase64(stack.keyring.activeChain("ca").certificates[0]?.der ?? new Uint8Array()), der);
    }
    const seen = published;
    await run();
    assert.equal(published, seen);
    assert.deepEqual(watchChain(settings, "certificateAuthority", schedule, systemClock, silentLogger), []);
  });

  it("the issuers' file is read again when its content changes, and an unreadable one leaves the old ones", async () => {
    const path = join(directory, "issuers.yaml");
    const text = (name: string): string =>
      `oidc-issuers: { "https://${name}.example.com": { client-id: sigstore, type: email } }\n`;
    await writeFile(path, text("a"));
    const events: string[] = [];
    const logger = createLogger({ level: "info", write: (line) => events.push(JSON.parse(line).event) });
    const settings = { ...stack.settings, certificateAuthority: { ...stack.settings.certificateAuthority, issuersFile: path } };
    const { issuers, jobs } = await watchIssuers(settings, stack.keyring, systemClock, logger);
    const first = (): string | undefined => issuers.configurations()[0]?.url;
    const run = async (): Promise<void> => {
      for (const job of jobs) await job.run(new AbortController().signal);
    };
    assert.equal(first(), "https://a.example.com");
    await run();
    assert.deepEqual(events, []);
    await writeFile(path, text("b"));
    await run();
    assert.equal(first(), "https://b.example.com");
    await writeFile(path, "oidc-issuers: [");
    await run();
    await run();
    assert.equal(first(), "https://b.example.com");
    assert.deepEqual(events, ["issuers.reloaded", "issuers.reload-failed"]);
    assert.deepEqual(issuers.metaConfigurations(), []);
    await assert.rejects(issuers.verifyToken("x"), { code: "TOKEN_MALFORMED" });
    assert.match(await readFile(path, "utf8"), /^oidc-issuers/u);
  });
});
