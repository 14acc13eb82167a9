// Offline means offline: whole processes of the command line where every socket is denied, by a wrapper inside the process that also notes the
// attempt, and where the machine allows it by a network namespace of their own, which has no interface that is up.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeStatement, statementTypeV1 } from "@sigillum/library/attestation";
import { encodeBundle } from "@sigillum/library/bundle";
import { encodePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8 } from "@sigillum/library/encoding";
import { developmentToken } from "@sigillum/library/identity-token";
import { signBlob, signStatement } from "@sigillum/library/signing";
import { fixtureArtifact, MemorySigstore } from "@sigillum/library/testing";
import { addRoot } from "@sigillum/library/trust-store";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { startStack } from "@sigillum/stack/compose";

const denial = `
const { appendFileSync } = require("node:fs");
const deny = (what) => function (...args) {
  appendFileSync(process.env.SIGILLUM_TEST_SOCKETS, what + "\\n");
  throw Object.assign(new Error("sockets are denied: " + what), { code: "EACCES" });
};
const net = require("node:net"), dns = require("node:dns"), dgram = require("node:dgram"), tls = require("node:tls");
net.Socket.prototype.connect = deny("connect");
net.Server.prototype.listen = deny("listen");
for (const name of ["lookup", "resolve"]) { dns[name] = deny(name); dns.promises[name] = deny(name); }
dgram.createSocket = deny("datagram");
tls.connect = deny("tls");
globalThis.fetch = deny("fetch");
`;

const launcher = join(import.meta.dirname, "../../bin/sigillum.cjs");
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
// Root, or a user namespace of one's own.
const namespace = [
  ["unshare", "-n"],
  ["unshare", "-rn"],
].find(([program = "", ...args]) => spawnSync(program, [...args, "true"]).status === 0);

let directory = "";
let signer: readonly string[] = [];
const at = (name: string): string => join(directory, name);
before(async () => {
  directory = mkdtempSync(join(tmpdir(), "sigillum-offline-"));
  writeFileSync(at("deny.cjs"), denial);
  const stack = await startStack({ dataDirectory: at("data"), initialise: { ports: "free" }, logger: silent });
  try {
    const [nowMs, issuer] = [Date.now(), stack.urls.identity ?? ""];
    const { signingConfig, trustedRoot } = await addRoot({ url: stack.urls.tuf ?? "", store: at("home/roots"), nowMs });
    assert.ok(signingConfig !== undefined);
    const token = await developmentToken(issuer, nowMs);
    signer = ["--certificate-identity", token.identity, "--certificate-oidc-issuer", issuer];
    const common = { token: token.raw, trust: { trustedRoot, signingConfig }, nowMs };
    writeFileSync(at("root.json"), encodeTrustedRoot(trustedRoot));
    mkdirSync(at("many"));
    const digest = sha256(fixtureArtifact);
    for (const file of ["file", "many/a", "many/b"]) {
      const bundle = await signBlob({ ...common, artifact: { digest, algorithm: "sha256" } });
      writeFileSync(at(file), fixtureArtifact);
      writeFileSync(at(`${file}.sigstore.json`), encodeBundle(bundle));
    }
    const statement = encodeStatement({
      type: statementTypeV1,
      subject: [{ name: "file", digest: new Map([["sha256", encodeHex(digest)]]) }],
      predicateType: "https://sigstore.test/predicate",
      predicate: {},
    });
    writeFileSync(at("statement.sigstore.json"), encodeBundle(await signStatement({ ...common, statement })));
  } finally {
    await stack.stop();
  }
  const { bundle, publicKey } = await MemorySigstore.create().then((own) => own.sign({ managed: true, log: "none" }));
  writeFileSync(at("key.sigstore.json"), encodeBundle(bundle));
  writeFileSync(at("key.pub"), encodePublicKeyPem(publicKey));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** Run a command without sockets; what it tried to open. */
function runDenied(words: readonly string[]): {
  readonly status: number | null;
  readonly stderr: string;
  readonly attempts: string;
} {
  const attempts = at("attempts");
  rmSync(attempts, { force: true });
  const [program = process.execPath, ...first] = [...(namespace ?? []), process.execPath];
  const args = [...first, `--require=${at("deny.cjs")}`, launcher, ...words];
  const env = { PATH: process.env["PATH"], SIGILLUM_HOME: at("home"), SIGILLUM_TEST_SOCKETS: attempts };
  const { status, stderr } = spawnSync(program, args, { env, encoding: "utf8", cwd: directory });
  return { status, stderr, attempts: existsSync(attempts) ? readFileSync(attempts, "utf8") : "" };
}

describe("verification where sockets are denied", () => {
  const statement = ["--bundle", "statement.sigstore.json", "--type", "https://sigstore.test/predicate"];
  const cases: Readonly<Record<string, () => readonly string[]>> = {
    "verify-blob by the stored root": () => ["verify-blob", "file", "--offline", ...signer],
    "verify-blob by a root in a file": () => ["verify-blob", "file", "--trusted-root", "root.json", ...signer],
    "verify-blob of a directory": () => ["verify-blob", "many", "--offline", ...signer],
    "verify-blob by a key": () => [
      "verify-blob",
      "file",
      "--key",
      "key.pub",
      "--bundle",
      "key.sigstore.json",
      "--insecure-ignore-tlog",
    ],
    "verify-blob-attestation by the stored root": () => ["verify-blob-attestation", "file", ...statement, "--offline", ...signer],
    "verify-blob-attestation by a root in a file": () => [
      "verify-blob-attestation",
      "file",
      ...statement,
      "--trusted-root",
      "root.json",
      ...signer,
    ],
    inspect: () => ["inspect", "file.sigstore.json", "--offline"],
  };
  for (const [name, words] of Object.entries(cases)) {
    it(`${name} opens none`, () => {
      const { status, stderr, attempts } = runDenied(words());
      assert.deepEqual([status, attempts], [0, ""], stderr);
    });
  }

  it("is where a command that may use the network notices", () => {
    const { attempts } = runDenied(["verify-blob", "file", ...signer]);
    assert.match(attempts, /connect|lookup/);
  });

  it("is where what must be refused is refused for its reason", () => {
    writeFileSync(at("changed"), encodeUtf8("another artifact\n"));
    const { status, stderr, attempts } = runDenied([
      "verify-blob",
      "changed",
      "--bundle",
      "file.sigstore.json",
      "--offline",
      ...signer,
    ]);
    assert.match(stderr, /ARTIFACT_DIGEST_MISMATCH/);
    assert.deepEqual([status === 0, attempts], [false, ""]);
  });
});
