// The certificate profile of Fulcio (certificate-authority §3.1), held against a certificate of every identity type, for every kind of
// authority key: what a lint would say, not what our own writer believes.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { createSigner, type KeyType, type Signer, sha256 } from "@sigillum/library/crypto";
import { leafIndexExtension, precertificateEntry, signSct, verifyEmbeddedScts } from "@sigillum/library/ct";
import { DerReader, encodeHex, JsonObject, type JsonValue, parseDer, parseOid, parseUtf8 } from "@sigillum/library/encoding";
import { type Certificate, parseCertificate, verifyPath } from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { silentLogger, systemClock } from "../host/index.ts";
import { type IssuerConfiguration, Issuers, type Principal } from "../issuers/index.ts";
import { createAuthorityChain } from "../keyring/index.ts";
import { issueCertificate, type SubmitPrecertificate } from "./index.ts";

const issuer = "https://accounts.example.com";
const github = {
  event_name: "push",
  sha: "a".repeat(40),
  workflow: "Release ü",
  repository: "octo/app",
  ref: "refs/heads/main",
  job_workflow_ref: "octo/app/.github/workflows/grün.yml@refs/heads/main",
  job_workflow_sha: "b".repeat(40),
  runner_environment: "github-hosted",
  repository_id: "12",
  repository_owner: "octo",
  repository_owner_id: "34",
  workflow_ref: "octo/app/.github/workflows/release.yml@refs/heads/main",
  workflow_sha: "c".repeat(40),
  run_id: "1234567890",
  run_attempt: "1",
  repository_visibility: "public",
  environment: "prod",
};
const gitlab = {
  ci_config_ref_uri: "gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main",
  ci_config_sha: "d".repeat(40),
  runner_environment: "gitlab-hosted",
  runner_id: 5,
  project_path: "group/app",
  sha: "e".repeat(40),
  ref: "main",
  ref_type: "branch",
  project_id: "77",
  namespace_path: "group",
  namespace_id: "88",
  pipeline_source: "push",
  pipeline_id: "99",
  job_id: "111",
  project_visibility: "private",
};
const mail = { email: "dev@example.com", email_verified: true };
type Rules = Omit<IssuerConfiguration, "url" | "clientId" | "skipEmailVerification">;

/** Type, claims, the tag and text of the name, and the numbers of the extensions that must be there. */
const identities: readonly (readonly [string, Rules, JsonValue, number, string, readonly number[]])[] = [
  ["email", { type: "email" }, mail, 0x81, "dev@example.com", []],
  [
    "federated email",
    { type: "email", issuerClaim: "$.federated_claims.connector_id" },
    { ...mail, federated_claims: { connector_id: "https://github.com/login/oauth" } },
    0x81,
    "dev@example.com",
    [],
  ],
  [
    "uri",
    { type: "uri", subjectDomain: "https://example.com" },
    { sub: "https://example.com/u/1" },
    0x86,
    "https://example.com/u/1",
    [],
  ],
  ["username", { type: "username", subjectDomain: "example.com" }, { sub: "alice" }, 0xa0, "alice!example.com", []],
  [
    "spiffe",
    { type: "spiffe", spiffeTrustDomain: "example.org" },
    { sub: "spiffe://example.org/w" },
    0x86,
    "spiffe://example.org/w",
    [],
  ],
  [
    "kubernetes",
    { type: "kubernetes" },
    { "kubernetes.io": { namespace: "prod", serviceaccount: { name: "web" } } },
    0x86,
    "https://kubernetes.io/namespaces/prod/serviceaccounts/web",
    [],
  ],
  ["chainguard-identity", { type: "chainguard-identity" }, { sub: "a/b" }, 0x86, `${issuer}/a/b`, []],
  [
    "GitHub Actions",
    { type: "ci-provider", ciProvider: "github-workflow" },
    github,
    0x86,
    "https://github.com/octo/app/.github/workflows/gr%C3%BCn.yml@refs/heads/main",
    [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
  ],
  [
    "github-workflow",
    { type: "github-workflow" },
    github,
    0x86,
    "https://github.com/octo/app/.github/workflows/gr%C3%BCn.yml@refs/heads/main",
    [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22],
  ],
  [
    "gitlab-pipeline",
    { type: "gitlab-pipeline" },
    gitlab,
    0x86,
    "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main",
    [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22],
  ],
  [
    "buildkite-job",
    { type: "buildkite-job" },
    { organization_slug: "acme", pipeline_slug: "app" },
    0x86,
    "https://buildkite.com/acme/app",
    [],
  ],
  [
    "codefresh-workflow",
    { type: "codefresh-workflow" },
    { account_id: "1", account_name: "acme", pipeline_id: "2", pipeline_name: "app", workflow_id: "3" },
    0x86,
    "https://g.codefresh.io/acme/app:1/2",
    [9, 18, 21],
  ],
];

const oid = (number: number): string => `1.3.6.1.4.1.57264.1.${number}`;
const base = "2.5.29.";

/** Every rule of §3.1, in its order. */
function lint(leaf: Certificate, parent: Certificate, name: { tag: number; text: string }, extensions: readonly number[]): void {
  const tbs = DerReader.sequence(leaf.tbs, "tbsCertificate");
  assert.deepEqual([...tbs.expect(0xa0, "version").contents], [2, 1, 2], "version 3");
  const serial = tbs.integer("serial");
  assert.ok(serial.length <= 20 && (serial[0] ?? 0x80) < 0x80 && !(serial[0] === 0 && (serial[1] ?? 0) < 0x80), "serial");
  tbs.expect(0x30, "signature");
  assert.deepEqual(tbs.expect(0x30, "issuer").bytes, parent.subject, "the issuer is the parent's subject byte for byte");
  const validity = tbs.expect(0x30, "validity").contents;
  assert.deepEqual([validity[0], validity[1], validity[15], validity[16]], [0x17, 13, 0x17, 13], "two UTCTimes in seconds");
  assert.equal(leaf.notAfterMs - leaf.notBeforeMs, 600_000, "ten minutes");
  assert.deepEqual([...tbs.expect(0x30, "subject").bytes], [0x30, 0], "an empty subject that is there");
  const expected: [string, boolean][] = [
    [`${base}15`, true],
    [`${base}37`, false],
    [`${base}14`, false],
    [`${base}35`, false],
    [`${base}17`, true],
    ...[1, ...extensions, 8, 24].sort((a, b) => a - b).map((number): [string, boolean] => [oid(number), false]),
    ["1.3.6.1.4.1.11129.2.4.2", false],
  ];
  assert.deepEqual(
    leaf.extensions.map((extension) => [extension.oid, extension.critical]),
    expected,
    "extensions, their order and whether they are critical",
  );
  const value = (id: string): Uint8Array => leaf.extensions.find((extension) => extension.oid === id)?.value ?? new Uint8Array();
  assert.equal(encodeHex(value(`${base}15`)), "03020780", "digitalSignature alone");
  assert.equal(encodeHex(value(`${base}37`)), "300a06082b06010505070303", "codeSigning alone");
  assert.equal(value(`${base}14`).length, 22, "a subject key identifier of SHA-1's length");
  const parentKeyId = parent.extensions.find((extension) => extension.oid === `${base}14`)?.value ?? new Uint8Array();
  assert.equal(
    encodeHex(value(`${base}35`)),
    `30168014${encodeHex(parentKeyId.subarray(2))}`,
    "the parent's key identifier alone",
  );
  const names = DerReader.sequence(value(`${base}17`), "subjectAltName");
  const only = names.next();
  names.end("one name");
  assert.equal(only.tag, name.tag);
  assert.equal(textOfName(only), name.text);
  for (const number of [1, ...extensions, 8, 24]) {
    const bytes = value(oid(number));
    // .1 to .6 are bare text, the rest a UTF8String (§12.6).
    const text = number < 7 ? parseUtf8(bytes) : parseUtf8(parseDer(bytes).contents);
    if (number >= 7) assert.equal(bytes[0], 0x0c);
    assert.ok(text.length > 0);
  }
}

function textOfName(name: { tag: number; contents: Uint8Array; bytes: Uint8Array }): string {
  if (name.tag !== 0xa0) return parseUtf8(name.contents);
  const other = new DerReader(name.contents);
  assert.equal(parseOid(other.expect(0x06, "type").contents), oid(7));
  return parseUtf8(parseDer(other.expect(0xa0, "value").contents).contents);
}

async function principalOf(rules: Rules, claims: JsonValue): Promise<Principal> {
  const pair = await generateKeyPair("RS256", { extractable: true });
  const configuration = { url: issuer, clientId: "sigstore", skipEmailVerification: false, ...rules };
  const keys = JSON.parse(JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k" }] }));
  const own = JsonObject.exact(claims, "claims");
  const all = { sub: "subject-1", ...Object.fromEntries(own.names().map((name) => [name, own.value(name)])) };
  const token = await new SignJWT({ ...all, iss: issuer, aud: "sigstore", exp: Math.floor(systemClock.nowMs() / 1000) + 60 })
    .setProtectedHeader({ alg: "RS256", kid: "k" })
    .sign(pair.privateKey);
  const issuers = new Issuers({ issuers: [], embedded: [{ configuration, keys }], clock: systemClock, logger: silentLogger });
  return issuers.verifyToken(token);
}

async function authority(type: KeyType): Promise<{ chain: Certificate[]; signer: Signer }> {
  const signer = createSigner(generatePrivateKey(type, type === "rsa" ? 2048 : undefined));
  const startMs = Math.floor(systemClock.nowMs() / 1000) * 1000 - 60_000;
  const fields = { organization: "Example", rootName: "root", name: "intermediate", startMs };
  return { chain: await createAuthorityChain(fields, ephemeralSigner("ecdsa-p384"), signer), signer };
}

async function issue(principal: Principal, { chain, signer }: Awaited<ReturnType<typeof authority>>): Promise<Certificate> {
  const log = ephemeralSigner();
  const logId = sha256(log.publicKey.spki);
  const submitPrecertificate: SubmitPrecertificate = (submitted) => {
    const [precertificate, parent] = submitted.map((der) => parseCertificate(der));
    assert.ok(precertificate !== undefined && parent !== undefined);
    const entry = precertificateEntry(precertificate, parent.spki);
    return signSct({ timestamped: { timestampMs: 1, entry, extensions: leafIndexExtension(0) }, logId, signer: log });
  };
  const ctLogs = [{ logId, publicKey: log.publicKey }];
  const options = { chain, signer, submitPrecertificate, ctLogs, lifetimeMs: 600_000, clock: systemClock };
  const leaf = parseCertificate(await issueCertificate(options, principal, ephemeralSigner().publicKey.spki));
  const [parent, root] = chain;
  assert.ok(parent !== undefined && root !== undefined);
  verifyPath({ leaf, intermediates: [parent], anchors: [root], timeMs: systemClock.nowMs(), purpose: "codeSigning" });
  const logs = ctLogs.map((one) => ({ ...one, validFor: { startMs: 0 } }));
  assert.equal(verifyEmbeddedScts({ certificate: leaf, issuer: parent, logs }).length, 1);
  assert.ok(new X509Certificate(leaf.der).verify(new X509Certificate(parent.der).publicKey), "node:crypto verifies it");
  return leaf;
}

describe("certificate profile", () => {
  for (const [title, rules, claims, tag, text, extensions] of identities)
    it(`holds for ${title}`, async () => {
      const by = await authority("ecdsa-p256");
      const leaf = await issue(await principalOf(rules, claims), by);
      const [parent] = by.chain;
      assert.ok(parent !== undefined);
      lint(leaf, parent, { tag, text }, extensions);
    });

  for (const type of ["ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"] satisfies KeyType[])
    it(`holds for an authority with a key of type ${type}`, async () => {
      const by = await authority(type);
      const leaf = await issue(await principalOf({ type: "email" }, mail), by);
      const [parent] = by.chain;
      assert.ok(parent !== undefined);
      lint(leaf, parent, { tag: 0x81, text: "dev@example.com" }, []);
    });
});
