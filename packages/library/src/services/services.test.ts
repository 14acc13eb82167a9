import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import type { LogEntry } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodePem, encodeUtf8, isSigillumError } from "../encoding/index.ts";
import {
  fixtureArtifact,
  fixtureIdentity,
  generateSigner,
  MemoryServices,
  MemorySigstore,
  type ServiceAnswer,
  unsignedToken,
} from "../testing/index.ts";
import { verifyTimestamp } from "../timestamp/index.ts";
import type { ServiceOptions } from "./call.ts";
import { requestCertificate } from "./certificate-authority.ts";
import { submitLogEntryV1 } from "./log-v1.ts";
import { submitLogEntryV2 } from "./log-v2.ts";
import { requestTimestamp } from "./timestamp-authority.ts";

const once: ServiceOptions = { retries: 0 };
const token = unsignedToken({ email: fixtureIdentity.san });
const signer = generateSigner();

let services: MemoryServices;
let signature: Uint8Array;
before(async () => {
  services = await MemoryServices.start(await MemorySigstore.create());
  signature = await signer.sign(fixtureArtifact);
});
after(() => services.close());
beforeEach(() => {
  for (const name of ["answer", "edit", "recipe", "conflict"] as const) delete services.quirks[name];
  services.requests.length = 0;
});

const verifier = { publicKey: signer.publicKey };
const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  requestCertificate: async () => certificate(),
  requestTimestamp: () => requestTimestamp(`${services.url}/tsa`, signature, once),
  submitLogEntryV1: () =>
    submitLogEntryV1(`${services.url}/log1`, { digest: sha256(fixtureArtifact), signature, verifier }, once),
  submitLogEntryV2: () =>
    submitLogEntryV2(
      `${services.url}/log2`,
      { digest: sha256(fixtureArtifact), signature, scheme: signer.scheme, verifier },
      once,
    ),
};

async function certificate(edits: { readonly challenge?: string } = {}): ReturnType<typeof requestCertificate> {
  const proofOfPossession = await signer.sign(encodeUtf8(edits.challenge ?? fixtureIdentity.san));
  return requestCertificate(`${services.url}/ca/`, { token, publicKey: signer.publicKey, proofOfPossession }, once);
}

async function assertCode(call: () => Promise<unknown>, code: string, says?: RegExp): Promise<void> {
  await assert.rejects(call(), (error) => {
    assert.ok(isSigillumError(error), `not one of our errors: ${error instanceof Error ? error.stack : error}`);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(services.url), "names the service's URL");
    assert.ok(!error.message.includes(token), "never says the token");
    if (says !== undefined) assert.match(error.message, says);
    return true;
  });
}

function answerWith(answer: ServiceAnswer): void {
  services.quirks.answer = () => answer;
}

describe("every service", () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`${name}: SERVICE_REFUSED with the server's message`, async () => {
      answerWith({ status: 400, body: JSON.stringify({ code: 3, message: "no, \u001b[31mthis is wrong" }) });
      await assertCode(call, "SERVICE_REFUSED", /HTTP 400 "no, \\u001b\[31mthis is wrong"/);
    });
    it(`${name}: SERVICE_UNAVAILABLE when the service cannot now`, async () => {
      for (const status of [429, 500, 503]) {
        answerWith({ status, body: "overloaded" });
        await assertCode(call, "SERVICE_UNAVAILABLE", /overloaded/);
      }
    });
    it(`${name}: SERVICE_UNAVAILABLE when the answer is too long`, async () => {
      answerWith({ status: 200, body: new Uint8Array(5 * 1024 * 1024) });
      await assertCode(call, "SERVICE_UNAVAILABLE");
    });
    it(`${name}: SERVICE_ANSWER when the answer is not what its protocol says`, async () => {
      const status = name === "submitLogEntryV1" ? 201 : 200;
      for (const body of ["", "<html>", "[]", "{}", '{"a":1,"b":2}']) {
        answerWith({ status, body });
        await assertCode(call, "SERVICE_ANSWER");
      }
    });
  }
  it("SERVICE_UNAVAILABLE when nothing listens", async () => {
    const free = await freePort();
    const call = (): Promise<unknown> => requestTimestamp(`http://127.0.0.1:${free}/tsa`, signature, once);
    await assert.rejects(call(), {
      code: "SERVICE_UNAVAILABLE",
      message: new RegExp(`timestamp authority http://127.0.0.1:${free}/tsa`),
    });
  });
  it("SERVICE_REFUSED for a redirect, which no service makes", async () => {
    answerWith({ status: 302, headers: { location: "http://elsewhere.test/" }, body: "" });
    await assertCode(() => certificate(), "SERVICE_REFUSED");
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

describe("requestCertificate", () => {
  it("gives the chain, leaf first, for the key that was sent", async () => {
    const [leaf, ...rest] = await certificate();
    assert.deepEqual(leaf?.spki, signer.publicKey.spki);
    assert.deepEqual(
      rest.map(({ der }) => der),
      [services.sigstore.ca.issuing.der, services.sigstore.ca.root.der],
    );
  });
  it("SERVICE_REFUSED: a proof of possession over something else", () =>
    assertCode(() => certificate({ challenge: "eve" }), "SERVICE_REFUSED", /could not be verified/));
  it("SERVICE_ANSWER_MISMATCH: a certificate for another key", async () => {
    const other = await services.sigstore.certify(generateSigner().publicKey);
    answerWith({
      status: 200,
      body: JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: [encodePem("CERTIFICATE", other.der)] } } }),
    });
    await assertCode(() => certificate(), "SERVICE_ANSWER_MISMATCH");
  });
  it("SERVICE_ANSWER: a detached SCT, no certificate, and too many", async () => {
    const pem = encodePem("CERTIFICATE", services.sigstore.ca.root.der);
    for (const body of [
      { signedCertificateDetachedSct: { chain: { certificates: [pem] }, signedCertificateTimestamp: "" } },
      { signedCertificateEmbeddedSct: { chain: { certificates: [] } } },
      { signedCertificateEmbeddedSct: { chain: { certificates: Array.from({ length: 11 }, () => pem) } } },
      { signedCertificateEmbeddedSct: { chain: { certificates: ["no PEM"] } } },
    ]) {
      answerWith({ status: 200, body: JSON.stringify(body) });
      await assertCode(() => certificate(), "SERVICE_ANSWER");
    }
  });
});

describe("requestTimestamp", () => {
  it("gives a response over the signature, which verifies", async () => {
    const response = await requestTimestamp(`${services.url}/tsa`, signature, once);
    verifyTimestamp({ response, signature, authorities: services.sigstore.trustedRoot.timestampAuthorities });
  });
  it("SERVICE_REFUSED: a response that grants nothing", async () => {
    // PKIStatusInfo of status 2, rejection.
    answerWith({ status: 200, body: Uint8Array.of(0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02) });
    await assertCode(() => requestTimestamp(`${services.url}/tsa`, signature, once), "SERVICE_REFUSED", /status 2/);
  });
  it("SERVICE_ANSWER_MISMATCH: a token without the nonce that was sent", async () => {
    let first: ServiceAnswer | undefined;
    services.quirks.edit = (_, answer) => (first ??= answer);
    await requestTimestamp(`${services.url}/tsa`, signature, once);
    await assertCode(() => requestTimestamp(`${services.url}/tsa`, signature, once), "SERVICE_ANSWER_MISMATCH");
  });
});

describe("submitLogEntryV1", () => {
  const submit = (): Promise<LogEntry> =>
    submitLogEntryV1(`${services.url}/log1`, { digest: sha256(fixtureArtifact), signature, verifier }, once);
  it("gives the entry with promise and proof, as a bundle holds it", async () => {
    const entry = await submit();
    assert.deepEqual([entry.kind, entry.version], ["hashedrekord", "0.0.1"]);
    assert.ok(entry.promise && entry.integratedTimeS && entry.proof?.checkpoint);
  });
  it("follows a conflict to the entry that the log has already", async () => {
    const entry = await submit();
    services.quirks.conflict = true;
    services.requests.length = 0;
    assert.deepEqual(await submit(), entry);
    assert.deepEqual(
      services.requests.map((line) => line.replace(/[0-9a-f]{80}$/, "ID")),
      ["POST /log1/api/v1/log/entries", "GET /log1/api/v1/log/entries/ID"],
    );
  });
  it("SERVICE_ANSWER: a conflict that does not say where, or elsewhere than at an entry", async () => {
    for (const location of [undefined, "/", "http://evil.test/api/v1/log/entries/../../x"]) {
      answerWith({ status: 409, headers: location === undefined ? {} : { location }, body: "{}" });
      await assertCode(submit, "SERVICE_ANSWER");
    }
  });
  it("SERVICE_REFUSED: a signature that the log finds wrong", async () => {
    const wrong = (): Promise<LogEntry> =>
      submitLogEntryV1(`${services.url}/log1`, { digest: sha256(signature), signature, verifier }, once);
    await assertCode(wrong, "SERVICE_REFUSED");
  });
});

describe("submitLogEntryV2", () => {
  it("gives the entry with its proof, and no promise", async () => {
    const entry = await submitLogEntryV2(
      `${services.url}/log2/`,
      { digest: sha256(fixtureArtifact), signature, scheme: signer.scheme, verifier },
      once,
    );
    assert.deepEqual(
      [entry.kind, entry.version, entry.promise, entry.integratedTimeS],
      ["hashedrekord", "0.0.2", undefined, undefined],
    );
    assert.ok(entry.proof?.checkpoint);
  });
  it("a signature without digest is a mistake of the program", () => {
    const scheme = { type: "ed25519", hash: "none" } as const;
    return assert.rejects(
      submitLogEntryV2(services.url, { digest: sha256(signature), signature, scheme, verifier }, once),
      TypeError,
    );
  });
});
