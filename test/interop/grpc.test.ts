// Fulcio's gRPC service as a foreign client calls it: grpcio (the C core), with stubs made of Fulcio's own proto file, on the port that
// serves HTTP/1.1 too, without TLS and with it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { verifyEmbeddedScts } from "@sigillum/library/ct";
import { encodeBase64, encodePem, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { parseCertificatePem, signCertificationRequest, subjectAltName } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { findPeer } from "../../tools/peers-list.mjs";
import { callGrpcio } from "./clients/grpcio.ts";
import { hasOpenssl } from "./clients/openssl.ts";

const grpcio = findPeer("grpcio");
const protos = [findPeer("fulcio-proto"), findPeer("openapi-proto")];
const missing = [grpcio, ...protos].find(({ path }) => path === undefined)?.missing;
const email = "dev@example.com";

interface Answer {
  readonly answer?: {
    readonly signedCertificateEmbeddedSct?: { readonly chain: { readonly certificates: string[] } };
    readonly chains?: readonly { readonly certificates: string[] }[];
    readonly issuers?: readonly Record<string, unknown>[];
  };
  readonly health?: string;
  readonly code?: number;
  readonly message?: string;
  readonly details?: string;
}

function call(target: string, root: string, asked: readonly object[]): Promise<Answer[]> {
  const folders = [dirname(protos[0]?.path ?? ""), dirname(dirname(protos[1]?.path ?? ""))];
  return callGrpcio<Answer>(grpcio.path ?? "", { target, root, folders, service: "CA", files: ["fulcio.proto"] }, asked);
}

async function keyRequest(token: string): Promise<object> {
  const signer = ephemeralSigner();
  const publicKeyRequest = {
    publicKey: { algorithm: "ECDSA", content: encodePublicKeyPem(signer.publicKey) },
    proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(email))),
  };
  return { credentials: { oidcIdentityToken: token }, publicKeyRequest };
}

for (const transport of ["plain", "TLS"] as const) {
  const skip = missing ?? (transport === "TLS" && !hasOpenssl() ? "openssl is not here" : false);
  describe(`gRPC over ${transport}`, { skip, timeout: 120_000 }, () => {
    let directory = "";
    let root = "-";
    let stack: Stack;
    let target = "";
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "sigillum-grpc-"));
      if (transport === "TLS") root = makeCertificate(directory);
      const tls = { certificateFile: root, keyFile: join(directory, "tls.key") };
      stack = await startStack({
        dataDirectory: join(directory, "data"),
        initialise: { ports: "free", ...(transport === "TLS" ? { values: { services: { ca: { tls } } } } : {}) },
        only: ["ca", "identity"],
        logger: silentLogger,
      });
      target = `localhost:${stack.settings.services.ca.port}`;
    });
    after(async () => {
      await stack?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    it("issues for a public key, and for a request with the token in the metadata", async () => {
      const token = await stack.developmentToken();
      const csr = encodePem("CERTIFICATE REQUEST", await signCertificationRequest(ephemeralSigner()));
      const answers = await call(target, root, [
        { method: "CreateSigningCertificate", request: await keyRequest(token) },
        {
          method: "CreateSigningCertificate",
          request: { certificateSigningRequest: encodeBase64(encodeUtf8(csr)) },
          metadata: [["oidcidentitytoken", token]],
        },
      ]);
      for (const answer of answers) {
        const chain = answer.answer?.signedCertificateEmbeddedSct?.chain.certificates ?? [];
        assert.equal(chain.length, 3, JSON.stringify(answer));
        const [leaf, issuer] = chain.map((pem) => parseCertificatePem(pem));
        assert.ok(leaf !== undefined && issuer !== undefined);
        assert.deepEqual(subjectAltName(leaf), { type: "email", value: email });
        const { ctlogs: logs } = stack.keyring.trustedRoot();
        verifyEmbeddedScts({ certificate: leaf, issuer, logs });
      }
    });

    it("tells the trust bundle, the configuration and its health", async () => {
      const [bundle, configuration, health] = await call(target, root, [
        { method: "GetTrustBundle" },
        { method: "GetConfiguration" },
        { method: "Health" },
      ]);
      assert.deepEqual(
        bundle?.answer?.chains?.map((chain) => chain.certificates.map((pem) => parseCertificatePem(pem).der)),
        stack.keyring.chains("ca").map((chain) => chain.certificates.map(({ der }) => der)),
      );
      assert.deepEqual(configuration?.answer?.issuers, [
        { issuerUrl: stack.urls.identity, audience: "sigstore", challengeClaim: "email", issuerType: "email" },
      ]);
      assert.equal(health?.health, "0801");
    });

    it("refuses with Fulcio's codes and messages, and says why in the details", async () => {
      const token = await stack.developmentToken();
      const good = await keyRequest(token);
      const answers = await call(target, root, [
        { method: "CreateSigningCertificate", request: { ...good, credentials: { oidcIdentityToken: "a.b.c" } } },
        { method: "CreateSigningCertificate", request: { credentials: { oidcIdentityToken: token } } },
        { method: "CreateSigningCertificate", request: { ...good, credentials: {} } },
      ]);
      assert.deepEqual(
        answers.map(({ code, message }) => [code, message]),
        [
          [3, "There was an error processing the identity token"],
          [3, "The public key supplied in the request could not be parsed"],
          [3, "There was an error processing the identity token"],
        ],
      );
      for (const [index, reason] of ["TOKEN_MALFORMED", "CA_REQUEST_MALFORMED", "TOKEN_MISSING"].entries()) {
        const details = Buffer.from(answers[index]?.details ?? "", "hex").toString("latin1");
        assert.ok(details.includes("google.rpc.ErrorInfo") && details.includes(reason), details);
      }
    });

    it("answers HTTP/1.1 on the same port", async () => {
      const ca = transport === "TLS" ? { tls: { ca: await readFile(root, "utf8") } } : {};
      const reply = await request({ url: `${stack.urls.ca}/api/v2/trustBundle`, ...ca });
      assert.equal(reply.status, 200, parseUtf8(reply.body));
    });
  });
}

/** A certificate for localhost that is its own root; its path. */
function makeCertificate(directory: string): string {
  const path = join(directory, "tls.pem");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", join(directory, "tls.key")];
  execFileSync("openssl", ["req", "-x509", "-days", "2", ...key, "-out", path, ...subject], { stdio: "ignore" });
  return path;
}
