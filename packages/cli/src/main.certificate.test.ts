// Certificates of one's own and a timestamp authority that wants one, by our command line on a stack of our own; the names in capitals are
// those of cosign's end-to-end tests.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import {
  emptyConfig,
  encodeManifest,
  encodeRepository,
  mediaTypes,
  parseReference,
  pushBlob,
  pushManifest,
  RegistryClient,
} from "@sigillum/library/oci";
import {
  type Certificate,
  encodeExtension,
  encodeName,
  intermediateExtensions,
  parseCertificate,
  rootExtensions,
  signCertificate,
  subjectAltNameExtension,
} from "@sigillum/library/x509";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { main } from "./main.ts";
import { type Outcome, recorded } from "./terminal/index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

const nowMs = Date.now();
const codeSigning = encodeExtension("2.5.29.37", false, Uint8Array.of(0x30, 0x0a, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3));
const digitalSignature = encodeExtension("2.5.29.15", true, Uint8Array.of(3, 2, 7, 0x80));
const variables = ["SIGILLUM_HOME", "DOCKER_CONFIG", "COSIGN_PASSWORD"];

describe("certificates of one's own", { timeout: 120_000 }, () => {
  let directory: string;
  let stack: Stack;
  let front: Server;
  let frontUrl = "";
  const kept = new Map(variables.map((name) => [name, process.env[name]]));
  const at = (name: string): string => join(directory, name);

  const does = async (...words: string[]): Promise<Outcome> => {
    const outcome = await run(...words);
    assert.equal(outcome.code, 0, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`);
    return outcome;
  };
  const refused = async (code: string, ...words: string[]): Promise<void> => {
    const outcome = await run(...words);
    assert.notEqual(outcome.code, 0, words.join(" "));
    assert.match(outcome.stderr, new RegExp(code), `${words.join(" ")}\n${outcome.stderr}`);
  };
  const pushImage = async (name: string): Promise<string> => {
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    const repository = parseReference(`${new URL(stack.urls.registry ?? "").host}/${name}`);
    await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
    const mediaType = mediaTypes.manifest;
    const annotations = { id: randomUUID() };
    const bytes = encodeManifest({ mediaType, config: emptyConfig.descriptor, layers: [], manifests: [], annotations });
    return `${encodeRepository(repository)}@${(await pushManifest(client, repository, { bytes, mediaType })).digest}`;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-certificate-"));
    process.env["SIGILLUM_HOME"] = at("home");
    process.env["DOCKER_CONFIG"] = at("docker");
    process.env["COSIGN_PASSWORD"] = "hello";
    stack = await startStack({ dataDirectory: at("data"), initialise: { ports: "free" }, logger: silentLogger });
    await does("trust", "add", stack.urls.tuf ?? "");
    await makeCompany(at);
    await writeFile(at("artifact"), "an artifact\n");
    await writeFile(at("predicate.json"), "{}");
    front = createServer(
      {
        key: await readFile(at("tls.key")),
        cert: await readFile(at("tls.pem")),
        ca: await readFile(at("root.pem")),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (incoming, outgoing) => {
        const target = new URL(incoming.url ?? "/", stack.urls.tsa);
        const { method, headers } = incoming;
        const onward = httpRequest(target, { method, headers: { ...headers, host: target.host } }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        });
        incoming.pipe(onward);
      },
    );
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    frontUrl = `https://127.0.0.1:${(front.address() as AddressInfo).port}/api/v1/timestamp`;
  });
  after(async () => {
    front?.closeAllConnections();
    front?.close();
    await stack?.stop();
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true, force: true });
  });

  const own = (): string[] => ["--key", at("leaf.key"), "--certificate", at("leaf.pem"), "--certificate-chain", at("chain.pem")];
  const expected = (): string[] => [
    ...["--certificate-identity", "release@company.test", "--certificate-oidc-issuer-regexp", ".*", "--insecure-ignore-sct"],
    ...["--certificate-chain", at("chain.pem")],
  ];

  for (const layout of ["bundle", "tag"])
    it(`TestSignVerifyCertBundle, TestSignVerifyContainerWithSigningConfigWithCertificate (${layout})`, async () => {
      const image = await pushImage("certified");
      const signed = await does("sign", ...own(), "--layout", layout, image);
      assert.match(signed.stderr, /signer {2}release@company\.test, by a certificate that names no identity provider/);
      const next = /next {4}sigillum (verify .*)/.exec(signed.stderr)?.[1] ?? "";
      await does(...next.split(" ").map((word) => word.replaceAll("'", "")));
      await does("verify", ...expected(), image);
      await does("attest", ...own(), "--layout", layout, "--predicate", at("predicate.json"), image);
      await does("verify-attestation", ...expected(), image);
      // each of these alone is another
      const other = expected().map((word) => (word === "release@company.test" ? "eve@company.test" : word));
      await refused('expected "eve@company.test"', "verify", ...other, image);
      await refused(
        "names no issuer of the identity",
        "verify",
        ...expected().slice(0, 2),
        "--certificate-oidc-issuer",
        "https://x.test",
        ...expected().slice(4),
        image,
      );
      await refused("no trusted certificate has its issuer's name", "verify", ...expected().slice(0, 5), image);
      await refused("only a public key was given", "verify", "--key", at("leaf.pub"), image);
    });

  it("a file and a statement about one, and the certificate as a file of its own", async () => {
    await does(
      "sign-blob",
      ...own(),
      "--bundle",
      at("blob.json"),
      "--output-certificate",
      at("out.pem"),
      "--b64=false",
      at("artifact"),
    );
    assert.equal(await readFile(at("out.pem"), "utf8"), await readFile(at("leaf.pem"), "utf8"));
    await does("verify-blob", ...expected(), "--bundle", at("blob.json"), at("artifact"));
    await does("attest-blob", ...own(), "--predicate", at("predicate.json"), "--bundle", at("attested.json"), at("artifact"));
    await does("verify-blob-attestation", ...expected(), "--bundle", at("attested.json"), at("artifact"));
    assert.match((await does("inspect", at("blob.json"))).stdout, /release@company\.test, vouched for by nobody named/);
  });

  it("a signature that was made elsewhere is attached with its certificate and chain", async () => {
    const image = await pushImage("attached");
    await writeFile(at("payload"), (await does("generate", image)).stdout);
    const parts = ["--output-signature", at("p.sig"), "--rfc3161-timestamp-bundle", at("p.tsr"), "--tlog-upload=false"];
    await does("sign-blob", ...own(), ...parts, at("payload"));
    const attached = ["--payload", at("payload"), "--signature", at("p.sig"), "--tsr", at("p.tsr")];
    const chain = ["--certificate", at("leaf.pem"), "--certificate-chain", at("chain.pem")];
    await does("attach", "signature", ...attached, ...chain, image);
    await does("verify", ...expected(), "--insecure-ignore-tlog", "--use-signed-timestamps", image);
    const shown = JSON.parse((await does("download", "signature", image)).stdout.trim());
    assert.ok(shown.Cert !== undefined && JSON.stringify(shown.Chain ?? []).length > 100);
  });

  it("is refused before anything is signed", async () => {
    const [key, certificate, chain] = [own().slice(0, 2), own().slice(2, 4), own().slice(4)];
    const sign = ["sign-blob", at("artifact"), "--bundle", at("none.json")];
    await refused("FLAGS_CONFLICT", ...sign, ...certificate);
    await refused("FLAGS_CONFLICT", ...sign, ...key, ...chain);
    await refused("FLAGS_CONFLICT", ...sign, ...key, ...certificate, "--issue-certificate");
    await refused("SIGNING_CERTIFICATE_UNTRUSTED", ...sign, ...key, ...certificate);
    await refused("SIGNING_CERTIFICATE_KEY_MISMATCH", ...sign, "--key", at("other.key"), ...certificate, ...chain);
    await refused("X509_CERTIFICATE_MALFORMED", ...sign, ...key, "--certificate", at("artifact"), ...chain);
    await assert.rejects(readFile(at("none.json")), { code: "ENOENT" });
  });

  it("TestSignBlobNewBundleNonDefaultAlgorithm: a key of another type for one signature", async () => {
    const identity = ["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", stack.urls.identity ?? ""];
    const sign = ["sign-blob", "--development", at("artifact"), "--bundle", at("algorithm.json"), "--signing-algorithm"];
    for (const [name, bytes] of [
      ["ecdsa-sha2-256-nistp256", 91],
      ["ecdsa-sha2-384-nistp384", 120],
      ["ecdsa-sha2-512-nistp521", 158],
      ["rsa-sign-pkcs1-2048-sha256", 294],
    ] as const) {
      await does(...sign, name);
      await does("verify-blob", ...identity, "--bundle", at("algorithm.json"), at("artifact"));
      const bundle = JSON.parse(await readFile(at("algorithm.json"), "utf8"));
      const certificate = parseCertificate(Buffer.from(bundle.verificationMaterial.certificate.rawBytes, "base64"));
      assert.equal(certificate.spki.length, bytes, name);
    }
    const image = await pushImage("algorithm");
    await does("sign", "--development", "--signing-algorithm", "ecdsa-sha2-384-nistp384", image);
    await does("verify", ...identity, image);
    await refused("FLAG_VALUE_INVALID", ...sign, "ed25519");
    const key = ["sign-blob", "--key", at("leaf.key"), "--tlog-upload=false", at("artifact"), "--bundle", at("algorithm.json")];
    await does(...key, "--signing-algorithm", "ecdsa-sha2-256-nistp256");
    await refused("FLAG_VALUE_INVALID", ...key, "--signing-algorithm", "ecdsa-sha2-384-nistp384");
  });

  it("TestTSAMTLS, TestSignBlobTSAMTLS, …WithSigningConfig: a timestamp authority that knows its clients", async () => {
    const client = ["--timestamp-client-cert", at("tls.pem"), "--timestamp-client-key", at("tls.key")];
    const server = ["--timestamp-client-cacert", at("root.pem"), "--timestamp-server-name", "tsa.company.test"];
    await does(
      "signing-config",
      "create",
      "--tsa",
      `url=${frontUrl},api-version=1,start-time=2020-01-01T00:00:00Z,operator=o`,
      "--tsa-config",
      "ANY",
      "--out",
      at("config.json"),
    );
    await does("generate-key-pair", "--output-key-prefix", at("tsa"));
    const stamped = ["--use-signed-timestamps", "--insecure-ignore-tlog", "--key", at("tsa.pub")];
    const ways = [
      ["--timestamp-server-url", frontUrl, "--tlog-upload=false"],
      ["--signing-config", at("config.json")],
    ];
    for (const way of ways) {
      const sign = ["sign-blob", "--key", at("tsa.key"), ...way, at("artifact"), "--bundle", at("stamped.json")];
      await does(...sign, ...client, ...server);
      await does("verify-blob", ...stamped, "--bundle", at("stamped.json"), at("artifact"));
      await refused("FLAG_REQUIRED", ...sign, ...client.slice(0, 2), ...server);
      await refused("SERVICE_UNAVAILABLE", ...sign, ...server); // no client's certificate
      await refused("SERVICE_UNAVAILABLE", ...sign, ...client, ...server.slice(2)); // a CA that nobody knows
      await refused("SERVICE_UNAVAILABLE", ...sign, ...client, ...server.slice(0, 3), "other.test"); // another's name
    }
    const image = await pushImage("stamped");
    await does("sign", "--key", at("tsa.key"), ...(ways[0] ?? []), ...client, ...server, image);
    await does("verify", ...stamped, image);
  });
});

// A root, an authority for signers below it, its certificate for one, and a certificate of the root's for TLS at both ends.
async function makeCompany(at: (name: string) => string): Promise<void> {
  const [rootKey, caKey] = [newKey(), newKey()];
  const company = encodeName({ organization: "Company", commonName: "root" });
  const root = await certificate(rootKey, rootKey, company, company, rootExtensions({ spki: rootKey.signer.publicKey.spki }));
  const caName = encodeName({ organization: "Company", commonName: "signers" });
  const [spki, issuerSpki] = [caKey.signer.publicKey.spki, rootKey.signer.publicKey.spki];
  const ca = await certificate(
    caKey,
    rootKey,
    caName,
    company,
    intermediateExtensions({ spki, issuerSpki, purpose: "codeSigning" }),
  );
  const [leafKey, tlsKey] = [newKey(), newKey()];
  const leaf = await certificate(leafKey, caKey, encodeName({ commonName: "release" }), caName, [
    digitalSignature,
    codeSigning,
    subjectAltNameExtension({ type: "email", value: "release@company.test" }),
  ]);
  const tls = await certificate(tlsKey, rootKey, encodeName({ commonName: "tsa" }), company, [
    digitalSignature,
    subjectAltNameExtension({ type: "dns", value: "tsa.company.test" }),
  ]);
  const text = (...list: Certificate[]): string => list.map(({ der }) => encodePem("CERTIFICATE", der)).join("");
  const files: Readonly<Record<string, string>> = {
    "root.pem": text(root),
    "chain.pem": text(ca, root),
    "leaf.pem": text(leaf),
    "tls.pem": text(tls),
    "leaf.key": leafKey.pem,
    "tls.key": tlsKey.pem,
    "other.key": newKey().pem,
    "leaf.pub": encodePem("PUBLIC KEY", leafKey.signer.publicKey.spki),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(at(name), content, { mode: 0o600 });
}

interface Key {
  readonly signer: Signer;
  readonly pem: string;
}

function newKey(): Key {
  const pkcs8 = generatePrivateKey("ecdsa-p256");
  return { signer: createSigner(pkcs8), pem: encodePrivateKeyPem(pkcs8) };
}

async function certificate(
  { signer }: Key,
  issuer: Key,
  subject: Uint8Array,
  issuerName: Uint8Array,
  extensions: readonly Uint8Array[],
): Promise<Certificate> {
  const fields = {
    serial: Uint8Array.of(1 + Math.floor(performance.now() % 100), signer.publicKey.spki.at(-1) ?? 0),
    issuer: issuerName,
    subject,
    notBeforeMs: nowMs - 3_600_000,
    notAfterMs: nowMs + 86_400_000,
    spki: signer.publicKey.spki,
    extensions,
  };
  return parseCertificate(await signCertificate(fields, issuer.signer));
}
