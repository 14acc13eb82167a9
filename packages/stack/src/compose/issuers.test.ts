import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { silentLogger, systemClock } from "../host/index.ts";
import { Keyring } from "../keyring/index.ts";
import { parseSettings, type Settings } from "../settings/index.ts";
import { makeIssuers } from "./issuers.ts";
import { remoteCtLogOf } from "./remote-ct-log.ts";

describe("issuers of a stack", () => {
  let directory = "";
  let keyring: Keyring;
  const settings = (text: string): Settings => parseSettings(text, directory);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-issuers-"));
    const url = "http://localhost:1";
    const publicUrls = { logV1: url, logV2: url, ca: url, ct: url, tsa: url, identity: "http://localhost:5556" };
    keyring = await Keyring.create(directory, { organization: "E", operator: "localhost", publicUrls }, systemClock.nowMs());
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("are those of the file in Fulcio's format, of the settings, and the embedded ones", async () => {
    await writeFile(
      join(directory, "fulcio.yaml"),
      'oidc-issuers: { "https://a.example.com": { client-id: sigstore, type: email } }\nmeta-issuers: { "https://b.example.com/*": { client-id: x, type: kubernetes } }\n',
    );
    const issuers = await makeIssuers(
      settings(`identityProvider: { workflowTokens: true }
certificateAuthority:
  issuersFile: fulcio.yaml
  issuers:
    - { url: "https://gitlab.example.com", type: ci-provider, ciProvider: gitlab-pipeline, providerUrl: "https://gitlab.example.com" }
    - { url: "https://spire.example.org", type: spiffe, spiffeTrustDomain: example.org }
`),
      keyring,
      systemClock,
      silentLogger,
    );
    assert.deepEqual(
      issuers.configurations().map(({ url, type }) => [url, type]),
      [
        ["https://a.example.com", "email"],
        ["https://gitlab.example.com", "ci-provider"],
        ["https://spire.example.org", "spiffe"],
        ["http://localhost:5556", "email"],
        ["http://localhost:5556/workflows", "ci-provider"],
      ],
    );
    assert.deepEqual(
      issuers.metaConfigurations().map(({ url }) => url),
      ["https://b.example.com/*"],
    );
  });

  it("refuses files that cannot be read, and rules that contradict themselves", async () => {
    const make = (text: string): Promise<unknown> => makeIssuers(settings(text), keyring, systemClock, silentLogger);
    await assert.rejects(make("certificateAuthority: { issuersFile: none.yaml }"), {
      code: "STACK_FILE_UNREADABLE",
      found: "ENOENT",
    });
    const issuer = (more: string): string => `certificateAuthority: { issuers: [{ url: "https://a.example.com", ${more} }] }`;
    await assert.rejects(make(issuer("caCertificateFile: none.pem")), { code: "STACK_FILE_UNREADABLE" });
    await assert.rejects(make(issuer("type: spiffe")), { code: "ISSUERS_CONFIGURATION" });
    await assert.rejects(make(issuer("type: ci-provider, ciProvider: jenkins")), { code: "ISSUERS_CONFIGURATION" });
  });

  it("list a CT log elsewhere with its key", async () => {
    const { publicKey } = ephemeralSigner();
    await writeFile(join(directory, "ct.pem"), encodePublicKeyPem(publicKey));
    const log = await remoteCtLogOf(settings('ctLog: { remoteUrl: "https://ct.example.com/2026", remotePublicKeyFile: ct.pem }'));
    assert.deepEqual([log?.baseUrl, log?.publicKey.spki], ["https://ct.example.com/2026", publicKey.spki]);
    assert.equal(await remoteCtLogOf(settings("{}")), undefined);
    assert.ok(log !== undefined);
    const opened = await Keyring.open(directory, { ctLogs: [log] });
    assert.equal(opened.trustedRoot().ctlogs.length, 2);
    for (const text of [
      'ctLog: { remoteUrl: "https://ct.example.com" }',
      'ctLog: { remoteUrl: "https://ct.example.com", remotePublicKeyFile: fulcio.yaml }',
    ])
      await assert.rejects(remoteCtLogOf(settings(text)), { code: "STACK_FILE_UNREADABLE" });
  });
});
