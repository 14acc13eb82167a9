// The API server of the cluster that a stack runs in: its CA and the pod's token are files, and the token is shown to nobody else.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import { encodeName, keyUsageExtension, signCertificate } from "@sigillum/library/x509";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { silentLogger } from "../host/index.ts";
import { type IssuerConfiguration, Issuers } from "./index.ts";

const nowMs = Date.UTC(2026, 10, 24);
const clock = { nowMs: () => nowMs };
const account = { "kubernetes.io": { namespace: "build", serviceaccount: { name: "signer" } } };

/** A server on TLS with a certificate of its own, that tells which authorization it was shown. */
class ApiServer {
  readonly shown: (string | undefined)[] = [];
  certificate = "";
  documents: (url: string) => unknown = () => ({});
  #server: Server | undefined;
  readonly #organization: string;

  constructor(organization: string) {
    this.#organization = organization;
  }

  async open(): Promise<void> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signer = createSigner(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })));
    const name = encodeName({ organization: this.#organization, commonName: "localhost" });
    const fields = { serial: Uint8Array.of(1), issuer: name, subject: name, notBeforeMs: 0, notAfterMs: 4e12 };
    const extensions = [keyUsageExtension(["digitalSignature"])];
    this.certificate = encodePem(
      "CERTIFICATE",
      await signCertificate({ ...fields, spki: signer.publicKey.spki, extensions }, signer),
    );
    const key = privateKey.export({ type: "pkcs8", format: "pem" });
    this.#server = createServer({ key, cert: this.certificate }, (request, response) => {
      this.shown.push(request.headers.authorization);
      response.end(JSON.stringify(this.documents(request.url ?? "")));
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    const address = this.#server?.address();
    return `https://localhost:${typeof address === "object" ? address?.port : ""}`;
  }

  close(): Promise<void> {
    this.#server?.closeAllConnections();
    return new Promise((resolve) => this.#server?.close(() => resolve()));
  }
}

describe("Issuers in a cluster", () => {
  const [api, elsewhere] = [new ApiServer("cluster"), new ApiServer("elsewhere")];
  let directory = "";
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let jwk: JWK;
  const issuer = (url: string): IssuerConfiguration => ({
    url,
    clientId: "sigstore",
    type: "kubernetes",
    skipEmailVerification: false,
  });
  const make = (...more: IssuerConfiguration[]): Issuers =>
    new Issuers({
      issuers: [issuer(api.url), ...more],
      cluster: { caFiles: [join(directory, "none"), join(directory, "ca.crt")], tokenFile: join(directory, "token") },
      clock,
      logger: silentLogger,
    });
  const token = (): Promise<string> =>
    new SignJWT({ iss: api.url, aud: "sigstore", sub: "system:serviceaccount:build:signer", exp: nowMs / 1000 + 60, ...account })
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .sign(keys.privateKey);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-cluster-"));
    await Promise.all([api.open(), elsewhere.open()]);
    keys = await generateKeyPair("RS256", { extractable: true });
    jwk = { ...(await exportJWK(keys.publicKey)), kid: "k" };
  });
  after(async () => {
    await Promise.all([api.close(), elsewhere.close()]);
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    api.shown.length = 0;
    elsewhere.shown.length = 0;
    await writeFile(join(directory, "ca.crt"), api.certificate);
    await writeFile(join(directory, "token"), "pod-token\n");
    api.documents = (url) => (url === "/keys" ? { keys: [jwk] } : { issuer: api.url, jwks_uri: `${api.url}/keys` });
  });

  const inCluster = issuer("https://kubernetes.default.svc");

  it("asks the API server with the pod's token over TLS that the cluster's CA vouches for", async () => {
    const principal = await make(inCluster).verifyToken(await token());
    assert.equal(principal.subjectAltName.value, "https://kubernetes.io/namespaces/build/serviceaccounts/signer");
    assert.deepEqual(api.shown, ["Bearer pod-token", "Bearer pod-token"]);
  });

  it("knows neither CA nor token where the cluster's own name is not configured", async () => {
    await assert.rejects(make().verifyToken(await token()), { code: "ISSUER_UNREACHABLE" });
    assert.deepEqual(api.shown, []);
  });

  it("shows the token to no other host, though the issuer keeps its keys there", async () => {
    await writeFile(join(directory, "ca.crt"), `${api.certificate}${elsewhere.certificate}`);
    api.documents = () => ({ issuer: api.url, jwks_uri: `${elsewhere.url}/keys` });
    elsewhere.documents = () => ({ keys: [jwk] });
    await make(inCluster).verifyToken(await token());
    assert.deepEqual([api.shown, elsewhere.shown], [["Bearer pod-token"], [undefined]]);
  });

  it("goes without a token where there is none", async () => {
    await rm(join(directory, "token"));
    await make(inCluster).verifyToken(await token());
    assert.deepEqual(api.shown, [undefined, undefined]);
  });
});
