import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { createSigner, encodePublicKeyPem, type KeyType, type Signer } from "@sigillum/library/crypto";
import {
  leafIndexExtension,
  precertificateEntry,
  type SignedCertificateTimestamp,
  signSct,
  verifyEmbeddedScts,
} from "@sigillum/library/ct";
import { encodeBase64, encodeHex, encodePem, encodeUtf8, parseJson, parsePem, parseUtf8 } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import {
  type Certificate,
  emptyName,
  extendedKeyUsage,
  fulcioExtensions,
  keyUsage,
  parseCertificate,
  parseCertificatesPem,
  signCertificationRequest,
  subjectAltName,
  subjectKeyId,
  verifyPath,
} from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { Host, silentLogger } from "../host/index.ts";
import { Issuers } from "../issuers/index.ts";
import { Keyring } from "../keyring/index.ts";
import { certificateAuthorityErrors, createCertificateAuthority, type SubmitPrecertificate } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0, 250);
const clock = { ms: startMs, nowMs: () => clock.ms };
const issuerUrl = "http://localhost:5556";
const email = "dev@example.com";

describe("certificate authority", () => {
  let directory = "";
  let keyring: Keyring;
  let host: Host;
  let url = "";
  let jwt: Awaited<ReturnType<typeof generateKeyPair>>;
  let submitted: (readonly Uint8Array[])[] = [];
  let submit: SubmitPrecertificate;

  /** Signs as the CT log of the keyring does; what a log checks is the room `ct-log`'s. */
  const signAsLog = async (chain: readonly Uint8Array[]): Promise<SignedCertificateTimestamp> => {
    submitted.push(chain);
    const [precertificate, issuer] = chain.map((der) => parseCertificate(der));
    assert.ok(precertificate !== undefined && issuer !== undefined);
    const [shard] = keyring.shards("ct");
    assert.ok(shard !== undefined);
    const timestamped = {
      timestampMs: clock.nowMs(),
      entry: precertificateEntry(precertificate, issuer.spki),
      extensions: leafIndexExtension(0),
    };
    return signSct({ timestamped, logId: shard.logId, signer: keyring.signer(shard.key) });
  };
  const token = (claims: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({
      iss: issuerUrl,
      aud: "sigstore",
      sub: "user-1",
      email,
      email_verified: true,
      exp: startMs / 1000 + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .sign(jwt.privateKey);
  const post = async (path: string, body: unknown, bearer?: string): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${url}${path}`,
      headers: {
        "content-type": "application/json",
        accept: "application/pem-certificate-chain",
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const keyRequest = async (signer: Signer, challenge = email): Promise<Record<string, unknown>> => ({
    publicKey: { algorithm: "RSA", content: encodePublicKeyPem(signer.publicKey) },
    proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(challenge))),
  });
  const chainOf = (response: HttpResponse): Certificate[] => {
    const body = parseJson(response.body) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
    const texts = body.signedCertificateEmbeddedSct.chain.certificates;
    for (const text of texts) assert.ok(text.endsWith("-----END CERTIFICATE-----"));
    return texts.map((text) => parseCertificate(parsePem(text)[0]?.bytes ?? new Uint8Array()));
  };
  const refused = (response: HttpResponse, status: number, reason: string, message?: string): void => {
    const body = parseJson(response.body) as {
      code: number;
      message: string;
      details: { reason: string; metadata: { message: string } }[];
    };
    assert.equal(response.status, status, parseUtf8(response.body));
    assert.equal(body.details[0]?.reason, reason);
    if (message !== undefined) assert.equal(body.message, message);
    assert.equal(body.code, status === 400 ? 3 : status === 503 ? 14 : status === 404 ? 5 : 12);
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ca-"));
    const publicUrls = {
      logV1: "http://localhost:1",
      logV2: "http://localhost:2",
      ca: "http://localhost:3",
      ct: "http://localhost:4",
      tsa: "http://localhost:5",
      identity: issuerUrl,
    };
    keyring = await Keyring.create(directory, { organization: "Example", operator: "localhost", publicUrls }, startMs);
    jwt = await generateKeyPair("RS256", { extractable: true });
    const jwk: JWK = { ...(await exportJWK(jwt.publicKey)), kid: "k1" };
    const configuration = { url: issuerUrl, clientId: "sigstore", type: "email", skipEmailVerification: false } as const;
    const issuers = new Issuers({
      issuers: [],
      embedded: [{ configuration, keys: JSON.parse(JSON.stringify({ keys: [jwk] })) }],
      clock,
      logger: silentLogger,
    });
    host = new Host({ logger: silentLogger, clock });
    const service = createCertificateAuthority({
      keyring,
      issuers,
      submitPrecertificate: (chain, entry) => submit(chain, entry),
      certificateLifetimeMs: 600_000,
      clock,
      logger: silentLogger,
      listeners: [
        { name: "ca", addresses: ["127.0.0.1"], port: 0 },
        { name: "ca-alias", addresses: ["127.0.0.1"], port: 0 },
      ],
    });
    await host.start([service]);
    url = `http://127.0.0.1:${host.addresses()[0]?.port}`;
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    clock.ms = startMs;
    submitted = [];
    submit = signAsLog;
  });

  it("issues for a public key and a token in the header: the profile of a Fulcio leaf", async () => {
    const signer = ephemeralSigner();
    const response = await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(signer) }, await token());
    assert.equal(response.status, 200, parseUtf8(response.body));
    const [leaf, ...issuers] = chainOf(response);
    const [issuer, root] = issuers;
    assert.ok(leaf !== undefined && issuer !== undefined && root !== undefined);
    assert.equal(issuers.length, 2);
    assert.deepEqual(leaf.subject, emptyName);
    assert.deepEqual(leaf.issuer, issuer.subject);
    assert.deepEqual(leaf.spki, signer.publicKey.spki);
    assert.equal(leaf.notBeforeMs, Date.UTC(2026, 10, 24, 2, 0, 0));
    assert.equal(leaf.notAfterMs, Date.UTC(2026, 10, 24, 2, 10, 0));
    assert.deepEqual(subjectAltName(leaf), { type: "email", value: email });
    assert.deepEqual(fulcioExtensions(leaf), { issuerV1: issuerUrl, issuer: issuerUrl, tokenSubject: "user-1" });
    assert.deepEqual([...(keyUsage(leaf) ?? [])], ["digitalSignature"]);
    assert.deepEqual([...(extendedKeyUsage(leaf) ?? [])], ["1.3.6.1.5.5.7.3.3"]);
    assert.ok(subjectKeyId(leaf));
    assert.deepEqual(
      leaf.extensions.map((extension) => [extension.oid, extension.critical]),
      [
        ["2.5.29.15", true],
        ["2.5.29.37", false],
        ["2.5.29.14", false],
        ["2.5.29.35", false],
        ["2.5.29.17", true],
        ["1.3.6.1.4.1.57264.1.1", false],
        ["1.3.6.1.4.1.57264.1.8", false],
        ["1.3.6.1.4.1.57264.1.24", false],
        ["1.3.6.1.4.1.11129.2.4.2", false],
      ],
    );
    verifyPath({ leaf, intermediates: [issuer], anchors: [root], timeMs: clock.nowMs(), purpose: "codeSigning" });
    assert.equal(verifyEmbeddedScts({ certificate: leaf, issuer, logs: keyring.trustedRoot().ctlogs }).length, 1);
    // Node's own parser and verifier agree.
    const own = new X509Certificate(leaf.der);
    assert.ok(own.verify(new X509Certificate(issuer.der).publicKey));
    assert.equal(own.subjectAltName, `email:${email}`);
  });

  it("sends the log the precertificate with its whole chain", async () => {
    const response = await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(ephemeralSigner()) }, await token());
    const [leaf] = chainOf(response);
    const [[precertificate, ...chain] = []] = submitted;
    assert.ok(precertificate !== undefined && leaf !== undefined);
    assert.deepEqual(
      chain,
      keyring.activeChain("ca").certificates.map((certificate) => certificate.der),
    );
    const parsed = parseCertificate(precertificate);
    assert.deepEqual(parsed.serial, leaf.serial);
    assert.deepEqual(parsed.extensions.slice(0, -1), leaf.extensions.slice(0, -1));
    assert.deepEqual([parsed.extensions.at(-1)?.oid, parsed.extensions.at(-1)?.critical], ["1.3.6.1.4.1.11129.2.4.3", true]);
  });

  it("issues for every kind of key, with the token in the body", async () => {
    const kinds: [KeyType, number?][] = [
      ["ecdsa-p256"],
      ["ecdsa-p384"],
      ["ecdsa-p521"],
      ["ed25519"],
      ["rsa", 2048],
      ["rsa", 3072],
      ["rsa", 4096],
    ];
    for (const [type, bits] of kinds) {
      const signer = createSigner(generatePrivateKey(type, bits));
      const response = await post("/api/v2/signingCert", {
        credentials: { oidcIdentityToken: await token() },
        publicKeyRequest: await keyRequest(signer),
      });
      assert.equal(response.status, 200, `${type} ${parseUtf8(response.body)}`);
      assert.deepEqual(chainOf(response)[0]?.spki, signer.publicKey.spki);
    }
  });

  it("issues for a certification request, as sigstore-python sends it, in either spelling", async () => {
    for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"] satisfies KeyType[]) {
      const signer = ephemeralSigner(type);
      const pem = encodePem("CERTIFICATE REQUEST", await signCertificationRequest(signer));
      const response = await post(
        "/api/v2/signingCert",
        { certificate_signing_request: encodeBase64(encodeUtf8(pem)), unknown: 1 },
        await token(),
      );
      assert.equal(response.status, 200, parseUtf8(response.body));
      assert.deepEqual(chainOf(response)[0]?.spki, signer.publicKey.spki);
    }
  });

  it("takes the subject as challenge too, DER as content, and a bare token", async () => {
    const signer = ephemeralSigner();
    const content = String.fromCharCode(...signer.publicKey.spki);
    const proofOfPossession = encodeBase64(await signer.sign(encodeUtf8("user-1")));
    const response = await request({
      method: "POST",
      url: `${url}/api/v2/signingCert`,
      headers: { authorization: await token() },
      body: JSON.stringify({ publicKeyRequest: { publicKey: { content }, proofOfPossession } }),
    });
    assert.equal(response.status, 200, parseUtf8(response.body));
  });

  it("serves the legacy API: 201 and a PEM chain", async () => {
    const signer = ephemeralSigner();
    const signedEmailAddress = encodeBase64(await signer.sign(encodeUtf8(email)));
    for (const content of [signer.publicKey.spki, encodeUtf8(encodePublicKeyPem(signer.publicKey))]) {
      const response = await post(
        "/api/v1/signingCert",
        { publicKey: { content: encodeBase64(content), algorithm: "ecdsa" }, signedEmailAddress },
        await token(),
      );
      assert.equal(response.status, 201, parseUtf8(response.body));
      assert.equal(response.headers["content-type"], "application/pem-certificate-chain");
      const chain = parseCertificatesPem(parseUtf8(response.body));
      assert.equal(chain.length, 3);
      assert.equal(parseUtf8(response.body), parseUtf8(response.body).trim());
    }
    const roots = await request({ url: `${url}/api/v1/rootCert` });
    assert.equal(roots.status, 200);
    assert.deepEqual(
      parseCertificatesPem(parseUtf8(roots.body)).map((one) => one.der),
      keyring.activeChain("ca").certificates.map((one) => one.der),
    );
  });

  it("serves trust bundle, configuration and health, on every port", async () => {
    const bundle = parseJson((await request({ url: `${url}/api/v2/trustBundle` })).body) as {
      chains: { certificates: string[] }[];
    };
    assert.equal(bundle.chains[0]?.certificates.length, 2);
    assert.ok(bundle.chains[0]?.certificates.every((text) => text.endsWith("\n")));
    assert.deepEqual(
      JSON.parse(parseUtf8((await request({ url: `http://127.0.0.1:${host.addresses()[1]?.port}/api/v2/configuration` })).body)),
      {
        issuers: [
          {
            issuerUrl,
            audience: "sigstore",
            challengeClaim: "email",
            spiffeTrustDomain: "",
            issuerType: "email",
            subjectDomain: "",
            skipEmailVerification: false,
          },
        ],
      },
    );
    assert.equal(parseUtf8((await request({ url: `${url}/healthz` })).body), '{"status":"SERVING"}');
  });

  it("refuses a bad token with 400 and says why in the details, and without a token too", async () => {
    const body = { publicKeyRequest: await keyRequest(ephemeralSigner()) };
    const message = "There was an error processing the identity token";
    refused(await post("/api/v2/signingCert", body, await token({ exp: 1 })), 400, "TOKEN_EXPIRED", message);
    refused(await post("/api/v2/signingCert", body, await token({ aud: "other" })), 400, "TOKEN_AUDIENCE", message);
    refused(await post("/api/v2/signingCert", body, "rubbish"), 400, "TOKEN_MALFORMED", message);
    refused(await post("/api/v2/signingCert", body), 400, "TOKEN_MISSING", message);
    assert.equal(submitted.length, 0);
  });

  it("refuses a proof that was taken from another's request, and says so", async () => {
    const publicKeyRequest = await keyRequest(ephemeralSigner());
    assert.equal((await post("/api/v2/signingCert", { publicKeyRequest }, await token())).status, 200);
    submitted = [];
    const thief = await token({ sub: "thief", email: "thief@example.com" });
    refused(await post("/api/v2/signingCert", { publicKeyRequest }, thief), 400, "CA_PROOF_REPLAYED");
    refused(
      await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(ephemeralSigner()) }, thief),
      400,
      "CA_PROOF_OF_POSSESSION",
    );
    assert.equal(submitted.length, 0);
  });

  it("answers two hundred requests at once, each with its own certificate", async () => {
    const bearer = await token();
    const signers = Array.from({ length: 200 }, () => ephemeralSigner());
    const responses = await Promise.all(
      signers.map(async (signer) => post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(signer) }, bearer)),
    );
    responses.forEach((response, index) => {
      assert.equal(response.status, 200, parseUtf8(response.body));
      assert.deepEqual(chainOf(response)[0]?.spki, signers[index]?.publicKey.spki);
    });
    assert.equal(submitted.length, 200);
  });

  it("refuses a proof of possession by another key or over something else", async () => {
    const signer = ephemeralSigner();
    const good = await keyRequest(signer);
    const message = "The signature supplied in the request could not be verified";
    const other = await keyRequest(ephemeralSigner());
    refused(
      await post(
        "/api/v2/signingCert",
        { publicKeyRequest: { ...good, proofOfPossession: other["proofOfPossession"] } },
        await token(),
      ),
      400,
      "CA_PROOF_OF_POSSESSION",
      message,
    );
    refused(
      await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(signer, "root@example.com") }, await token()),
      400,
      "CA_PROOF_OF_POSSESSION",
      message,
    );
    refused(
      await post("/api/v2/signingCert", { publicKeyRequest: { publicKey: good["publicKey"] } }, await token()),
      400,
      "CA_PROOF_OF_POSSESSION",
      message,
    );
    const request1 = await signCertificationRequest(signer);
    request1[request1.length - 1] = (request1.at(-1) ?? 0) ^ 1;
    const certificateSigningRequest = encodeBase64(encodeUtf8(encodePem("CERTIFICATE REQUEST", request1)));
    refused(
      await post("/api/v2/signingCert", { certificateSigningRequest }, await token()),
      400,
      "CA_PROOF_OF_POSSESSION",
      message,
    );
    assert.equal(submitted.length, 0);
  });

  it("refuses keys that it cannot parse or that are insecure", async () => {
    const unreadable = "The public key supplied in the request could not be parsed";
    const insecure = "The public key supplied in the request is insecure";
    const ask = async (content: string): Promise<HttpResponse> =>
      post("/api/v2/signingCert", { publicKeyRequest: { publicKey: { content }, proofOfPossession: "AAAA" } }, await token());
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    refused(
      await ask(String(pair.privateKey.export({ format: "pem", type: "pkcs8" }))),
      400,
      "CA_PUBLIC_KEY_MALFORMED",
      unreadable,
    );
    refused(
      await ask(String(pair.publicKey.export({ format: "pem", type: "spki" })).replace("PUBLIC", "OTHER")),
      400,
      "CA_PUBLIC_KEY_MALFORMED",
      unreadable,
    );
    refused(await ask(""), 400, "CA_PUBLIC_KEY_MALFORMED", unreadable);
    refused(await ask("€"), 400, "CA_PUBLIC_KEY_MALFORMED", unreadable);
    const rsa = (bits: number): string =>
      String(generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({ format: "pem", type: "spki" }));
    refused(await ask(rsa(1024)), 400, "CA_PUBLIC_KEY_INSECURE", insecure);
    refused(await ask(rsa(2056)), 400, "CA_PUBLIC_KEY_INSECURE", insecure);
    refused(
      await ask(String(generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey.export({ format: "pem", type: "spki" }))),
      400,
      "CA_PUBLIC_KEY_INSECURE",
      insecure,
    );
    refused(
      await ask(String(generateKeyPairSync("x25519").publicKey.export({ format: "pem", type: "spki" }))),
      400,
      "CA_PUBLIC_KEY_INSECURE",
      insecure,
    );
    refused(await post("/api/v2/signingCert", {}, await token()), 400, "CA_REQUEST_MALFORMED", unreadable);
    const both = { publicKeyRequest: await keyRequest(ephemeralSigner()), certificateSigningRequest: "AAAA" };
    refused(await post("/api/v2/signingCert", both, await token()), 400, "CA_REQUEST_MALFORMED");
  });

  it("refuses certification requests that are unreadable or signed with another hash", async () => {
    const ask = async (text: string): Promise<HttpResponse> =>
      post("/api/v2/signingCert", { certificateSigningRequest: encodeBase64(encodeUtf8(text)) }, await token());
    refused(
      await ask("-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n"),
      400,
      "CA_REQUEST_UNREADABLE",
      "The certificate signing request could not be parsed",
    );
    const signer = createSigner(generatePrivateKey("ecdsa-p256"), { hash: "sha512" });
    const response = await ask(encodePem("CERTIFICATE REQUEST", await signCertificationRequest(signer)));
    refused(response, 400, "CA_ALGORITHM_REFUSED", "signing algorithm not permitted: ecdsa-p256, sha512");
  });

  it("issues nothing when the log is down or answers with another's signature", async () => {
    const body = { publicKeyRequest: await keyRequest(ephemeralSigner()) };
    submit = () => Promise.reject(new Error("disk full"));
    const down = await post("/api/v2/signingCert", body, await token());
    refused(down, 503, "CA_CT_UNAVAILABLE", "Error entering certificate in CTL");
    assert.equal(down.headers["retry-after"], "1");
    assert.doesNotMatch(parseUtf8(down.body), /CERTIFICATE|disk full/u);
    submit = async (chain) => ({ ...(await signAsLog(chain)), timestampMs: 5 });
    refused(await post("/api/v2/signingCert", body, await token()), 503, "CA_CT_SCT_INVALID");
    submit = async (chain) => ({ ...(await signAsLog(chain)), logId: new Uint8Array(32) });
    refused(await post("/api/v2/signingCert", body, await token()), 503, "CA_CT_SCT_INVALID");
  });

  it("issues nothing outside the validity of its chain, and is not ready then", async () => {
    const laterMs = startMs + 1095 * 86_400_000;
    clock.ms = laterMs;
    const late = await token({ exp: laterMs / 1000 + 60 });
    refused(
      await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(ephemeralSigner()) }, late),
      503,
      "CA_CHAIN_OUTSIDE_VALIDITY",
      "error communicating with CA backend",
    );
    assert.equal((await host.readiness()).get("ca")?.ready, false);
    assert.equal(submitted.length, 0);
  });

  it("answers what it does not serve as grpc-gateway does", async () => {
    refused(await request({ url: `${url}/api/v3/x` }), 404, "ROUTE_NOT_FOUND");
    refused(await request({ url: `${url}/api/v2/signingCert` }), 501, "METHOD_NOT_ALLOWED");
    refused(await post("/api/v2/signingCert", "{"), 400, "JSON_SYNTAX");
    refused(await post("/api/v2/signingCert", "[]"), 400, "JSON_FIELD_TYPE");
  });

  it("gives every certificate a serial of its own", async () => {
    const serials = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const [leaf] = chainOf(
        await post("/api/v2/signingCert", { publicKeyRequest: await keyRequest(ephemeralSigner()) }, await token()),
      );
      serials.add(encodeHex(leaf?.serial ?? new Uint8Array()));
    }
    assert.equal(serials.size, 5);
    assert.ok(Object.values(certificateAuthorityErrors).every((entry) => entry.means.endsWith(".")));
  });
});
