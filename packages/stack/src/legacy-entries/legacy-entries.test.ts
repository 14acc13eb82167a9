import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, test } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { createSigner, parsePublicKey, type Signer } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodePem, encodeUtf8, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { checkTimestampRequest, encodeTimestampResponse, signTimestampToken } from "@sigillum/library/timestamp";
import { encodeCanonicalJson, encodeTufKey, tufKeyId } from "@sigillum/library/tuf";
import fc from "fast-check";
import { createTimestampChain } from "../keyring/index.ts";
import { canonicalKey, legacyEntryErrors, legacyKinds, type PreparedBody, prepareLegacyEntry } from "./index.ts";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: "spki", format: "der" }));
const pem = (key: KeyObject): Uint8Array => encodeUtf8(encodePem("PUBLIC KEY", spki(key)));
const b64 = (value: Uint8Array | string): string => encodeBase64(typeof value === "string" ? encodeUtf8(value) : value);
const hex = (value: Uint8Array | string): string => createHash("sha256").update(value).digest("hex");
const sha256 = (value: Uint8Array | string): JsonValue => ({ algorithm: "sha256", value: hex(value) });
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const tools = { inflateRaw: () => undefined };

function prepare(kind: string, apiVersion: string, spec: unknown): PreparedBody {
  // As it comes over the wire.
  const prepared = prepareLegacyEntry(
    JsonObject.exact(JSON.parse(JSON.stringify({ kind, apiVersion, spec })), "proposed entry"),
    tools,
  );
  assert.ok(prepared !== undefined && !(prepared instanceof Promise));
  return prepared;
}

function refused(kind: string, apiVersion: string, spec: unknown, code: string, message?: RegExp): void {
  assert.throws(
    () => prepare(kind, apiVersion, spec),
    (error: { code?: string; message: string }) => {
      assert.equal(error.code, code, error.message);
      if (message !== undefined) assert.match(error.message, message);
      return true;
    },
  );
}

/** A change of one member of a JSON value, by path. */
function changed(value: unknown, path: string, member: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(value));
  const names = path.split(".");
  let at = copy;
  for (const name of names.slice(0, -1)) at = at[name];
  if (member === undefined) delete at[names.at(-1) ?? ""];
  else at[names.at(-1) ?? ""] = member;
  return copy;
}

const statement = JSON.stringify({
  _type: "https://in-toto.io/Statement/v0.1",
  subject: [{ name: "file", digest: { sha256: "ab".repeat(32) } }],
  predicateType: "https://slsa.dev/provenance/v0.2",
  predicate: { materials: [{ uri: "git", digest: { sha1: "cd".repeat(20) } }] },
});
const payloadType = "application/vnd.in-toto+json";
const pae = preAuthenticationEncoding(payloadType, encodeUtf8(statement));
const dsseSig = sign("sha256", pae, ec.privateKey).toString("base64");

describe("intoto", () => {
  const envelope = JSON.stringify({ payload: b64(statement), payloadType, signatures: [{ keyid: "", sig: dsseSig }] });
  const v1 = { content: { envelope, hash: sha256("ignored") }, publicKey: b64(pem(ec.publicKey)) };
  const signature = { publicKey: b64(pem(ec.publicKey)), sig: b64(dsseSig) };
  const v2 = {
    content: { envelope: { payload: b64(b64(statement)), payloadType, signatures: [signature] }, hash: sha256("the client's") },
  };

  test("0.0.1 stores the two hashes and the key, indexes both and the statement, and keeps the payload", () => {
    const { body, searchKeys, attestation } = prepare("intoto", "0.0.1", v1);
    assert.equal(
      text(body),
      `{"apiVersion":"0.0.1","kind":"intoto","spec":{"content":{"hash":{"algorithm":"sha256","value":"${hex(envelope)}"},"payloadHash":{"algorithm":"sha256","value":"${hex(statement)}"}},"publicKey":"${b64(pem(ec.publicKey))}"}}`,
    );
    assert.deepEqual(
      new Set(searchKeys),
      new Set([
        `sha256:${hex(envelope)}`,
        `sha256:${hex(pem(ec.publicKey))}`,
        `sha256:${hex(statement)}`,
        `sha256:${"ab".repeat(32)}`,
        `sha1:${"cd".repeat(20)}`,
      ]),
    );
    assert.deepEqual([attestation?.key, text(attestation?.bytes ?? new Uint8Array(0))], [`sha256:${hex(statement)}`, statement]);
  });

  test("0.0.2 stores the envelope without payload and the client's hash, and does not index that", () => {
    const { body, searchKeys } = prepare("intoto", "0.0.2", v2);
    assert.equal(
      text(body),
      `{"apiVersion":"0.0.2","kind":"intoto","spec":{"content":{"envelope":{"payloadType":"${payloadType}","signatures":[{"publicKey":"${signature.publicKey}","sig":"${signature.sig}"}]},"hash":{"algorithm":"sha256","value":"${hex("the client's")}"},"payloadHash":{"algorithm":"sha256","value":"${hex(statement)}"}}}}`,
    );
    assert.equal(searchKeys.includes(`sha256:${hex("the client's")}`), false);
    assert.ok(searchKeys.includes(`sha256:${"ab".repeat(32)}`));
    const named = changed(v2, "content.envelope.signatures.0.keyid", "k1");
    assert.match(text(prepare("intoto", "0.0.2", named).body), /\{"keyid":"k1","publicKey":/);
  });

  test("refuses what is malformed or does not verify", () => {
    const cases: [string, unknown, string, unknown, string][] = [
      ["0.0.1", v1, "content.envelope", undefined, "JSON_FIELD_MISSING"],
      ["0.0.1", v1, "content.envelope", "{}", "LEGACY_ENTRY_MALFORMED"],
      ["0.0.1", v1, "publicKey", b64(pem(ed.publicKey)), "ENTRY_SIGNATURE_INVALID"],
      ["0.0.1", v1, "publicKey", b64("no pem"), "ENTRY_VERIFIER_MALFORMED"],
      ["0.0.2", v2, "content.hash", undefined, "JSON_FIELD_MISSING"],
      ["0.0.2", v2, "content.hash.value", "00", "LEGACY_ENTRY_MALFORMED"],
      ["0.0.2", v2, "content.envelope.payload", b64(b64("other")), "ENTRY_SIGNATURE_INVALID"],
      ["0.0.2", v2, "content.envelope.payload", b64("not base64!"), "LEGACY_ENTRY_MALFORMED"],
      ["0.0.2", v2, "content.envelope.payloadType", "", "LEGACY_ENTRY_MALFORMED"],
      ["0.0.2", v2, "content.envelope.signatures", [], "LEGACY_ENTRY_MALFORMED"],
      ["0.0.2", v2, "content.extra", 1, "JSON_FIELD_UNKNOWN"],
    ];
    for (const [version, spec, path, member, code] of cases) refused("intoto", version, changed(spec, path, member), code);
  });
});

const content = encodeUtf8("the content of an artifact");

/** An SSH string. */
function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encodeUtf8(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return concatBytes(length, bytes);
}

function sshEd25519(message: Uint8Array, namespace = "file"): { key: Uint8Array; signature: Uint8Array; canonical: string } {
  const blob = concatBytes(sshString("ssh-ed25519"), sshString(spki(ed.publicKey).subarray(12)));
  const digest = createHash("sha512").update(message).digest();
  const head = [encodeUtf8("SSHSIG")];
  const fields = [sshString(namespace), sshString(""), sshString("sha512")];
  const raw = sign(null, concatBytes(...head, ...fields, sshString(digest)), ed.privateKey);
  const signature = sshString(concatBytes(sshString("ssh-ed25519"), sshString(raw)));
  const der = concatBytes(...head, Uint8Array.of(0, 0, 0, 1), sshString(blob), ...fields, signature);
  // ssh-keygen breaks lines at 70 columns; what is stored has 64.
  const lines = b64(der).match(/.{1,70}/g) ?? [];
  const armoured = ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
  return {
    key: encodeUtf8(`ssh-ed25519 ${b64(blob)} jo@example.org\n`),
    signature: encodeUtf8(armoured),
    canonical: encodePem("SSH SIGNATURE", der),
  };
}

function minisign(
  message: Uint8Array,
  algorithm = "Ed",
): { key: Uint8Array; signature: Uint8Array; line: string; keyLine: string } {
  const id = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const keyLine = b64(concatBytes(encodeUtf8("Ed"), id, spki(ed.publicKey).subarray(12)));
  const line = b64(concatBytes(encodeUtf8(algorithm), id, sign(null, message, ed.privateKey)));
  const signature = `untrusted comment: signature\n${line}\ntrusted comment: timestamp:1\n${b64(new Uint8Array(64))}\n`;
  return {
    key: encodeUtf8(`untrusted comment: minisign public key\n${keyLine}\n`),
    signature: encodeUtf8(signature),
    line,
    keyLine,
  };
}

describe("rekord", () => {
  const spec = (format: string, key: Uint8Array, signature: Uint8Array): unknown => ({
    data: { content: b64(content) },
    signature: { format, content: b64(signature), publicKey: { content: b64(key) } },
  });
  const stored = (format: string, key: Uint8Array | string, signature: Uint8Array | string): string =>
    `{"apiVersion":"0.0.1","kind":"rekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${hex(content)}"}},"signature":{"content":"${b64(signature)}","format":"${format}","publicKey":{"content":"${b64(key)}"}}}}`;

  test("x509 stores key and signature, and the hash in place of the content", () => {
    for (const pair of [ec, ed, rsa]) {
      const signature = sign(pair === ed ? null : "sha256", content, pair.privateKey);
      const { body, searchKeys, attestation } = prepare("rekord", "0.0.1", spec("x509", pem(pair.publicKey), signature));
      assert.equal(text(body), stored("x509", pem(pair.publicKey), signature));
      assert.deepEqual([searchKeys, attestation], [[hex(pem(pair.publicKey)), `sha256:${hex(content)}`], undefined]);
    }
  });

  test("ssh stores the key line without comment and the signature at 64 columns", async () => {
    const { key, signature, canonical } = sshEd25519(content);
    const { body, searchKeys } = prepare("rekord", "0.0.1", spec("ssh", key, signature));
    const line = `${text(key).split(" ").slice(0, 2).join(" ")}\n`;
    assert.equal(text(body), stored("ssh", line, canonical));
    assert.deepEqual(searchKeys, [hex(line), `sha256:${hex(content)}`]);
    assert.equal(text(await canonicalKey("ssh", key)), line);
  });

  test("ssh takes ECDSA and RSA keys too", () => {
    const jwk = ec.publicKey.export({ format: "jwk" });
    const point = concatBytes(Uint8Array.of(4), Buffer.from(jwk.x ?? "", "base64url"), Buffer.from(jwk.y ?? "", "base64url"));
    const rsaJwk = rsa.publicKey.export({ format: "jwk" });
    const mpint = (value: Uint8Array): Uint8Array =>
      sshString((value[0] ?? 0) > 127 ? concatBytes(Uint8Array.of(0), value) : value);
    const ecBlob = concatBytes(sshString("ecdsa-sha2-nistp256"), sshString("nistp256"), sshString(point));
    const rsaBlob = concatBytes(
      sshString("ssh-rsa"),
      mpint(Buffer.from(rsaJwk.e ?? "", "base64url")),
      mpint(Buffer.from(rsaJwk.n ?? "", "base64url")),
    );
    const fields = [sshString("file"), sshString(""), sshString("sha256")];
    const digest = createHash("sha256").update(content).digest();
    const signed = concatBytes(encodeUtf8("SSHSIG"), ...fields, sshString(digest));
    const raw = sign("sha256", signed, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
    const ecSignature = concatBytes(mpint(raw.subarray(0, 32)), mpint(raw.subarray(32)));
    const cases: [string, Uint8Array, string, Uint8Array][] = [
      ["ecdsa-sha2-nistp256", ecBlob, "ecdsa-sha2-nistp256", ecSignature],
      ["ssh-rsa", rsaBlob, "rsa-sha2-512", sign("sha512", signed, rsa.privateKey)],
    ];
    for (const [type, blob, algorithm, signature] of cases) {
      const wrapped = sshString(concatBytes(sshString(algorithm), sshString(signature)));
      const der = concatBytes(encodeUtf8("SSHSIG"), Uint8Array.of(0, 0, 0, 1), sshString(blob), ...fields, wrapped);
      const armoured = encodeUtf8(encodePem("SSH SIGNATURE", der));
      const line = encodeUtf8(`${type} ${b64(blob)}`);
      assert.equal(
        text(prepare("rekord", "0.0.1", spec("ssh", line, armoured)).body),
        stored("ssh", `${type} ${b64(blob)}\n`, armoured),
      );
      refused("rekord", "0.0.1", changed(spec("ssh", line, armoured), "data.content", b64("other")), "LEGACY_SIGNATURE_INVALID");
    }
  });

  test("minisign stores the key as one line and the signature under an empty comment", () => {
    const { key, signature, line, keyLine } = minisign(content);
    for (const form of [key, encodeUtf8(keyLine)]) {
      const { body } = prepare("rekord", "0.0.1", spec("minisign", form, signature));
      assert.equal(text(body), stored("minisign", keyLine, `untrusted comment:\n${line}`));
    }
    // Pre-hashed: the signature is over BLAKE2b-512 of the content.
    const hashed = minisign(createHash("blake2b512").update(content).digest(), "ED");
    const { body } = prepare("rekord", "0.0.1", spec("minisign", key, hashed.signature));
    assert.equal(text(body), stored("minisign", keyLine, `untrusted comment:\n${hashed.line}`));
    refused("rekord", "0.0.1", spec("minisign", key, minisign(content, "ED").signature), "LEGACY_SIGNATURE_INVALID");
    refused("rekord", "0.0.1", spec("minisign", key, minisign(content, "EX").signature), "LEGACY_ENTRY_UNSUPPORTED", /"EX"/);
  });

  test("refuses what is malformed, unsupported or does not verify", () => {
    const good = spec("x509", pem(ec.publicKey), sign("sha256", content, ec.privateKey));
    const ssh = sshEd25519(content);
    const cases: [unknown, string, unknown, string][] = [
      [good, "data.content", undefined, "JSON_FIELD_MISSING"],
      [good, "data.content", b64("other"), "LEGACY_SIGNATURE_INVALID"],
      [good, "data.hash", sha256("other"), "LEGACY_ENTRY_MALFORMED"],
      [good, "data.url", "http://example", "JSON_FIELD_UNKNOWN"],
      [good, "signature.format", "tuf", "LEGACY_ENTRY_UNSUPPORTED"],
      [good, "signature.publicKey.content", b64("x"), "ENTRY_VERIFIER_MALFORMED"],
      [spec("ssh", ssh.key, ssh.signature), "data.content", b64("other"), "LEGACY_SIGNATURE_INVALID"],
      [spec("ssh", ssh.key, sshEd25519(content, "git").signature), "data.hash", sha256(content), "LEGACY_ENTRY_MALFORMED"],
      [spec("ssh", ssh.key, ssh.signature), "signature.publicKey.content", b64("ssh-ed25519 AAAA"), "LEGACY_ENTRY_MALFORMED"],
      [
        spec("ssh", ssh.key, ssh.signature),
        "signature.publicKey.content",
        b64("ssh-dss AAAAB3NzaC1kc3M="),
        "LEGACY_ENTRY_UNSUPPORTED",
      ],
      [
        spec("minisign", minisign(content).key, minisign(content).signature),
        "data.content",
        b64("other"),
        "LEGACY_SIGNATURE_INVALID",
      ],
      [
        spec("minisign", minisign(content).key, minisign(content).signature),
        "signature.content",
        b64("x\nAAAA"),
        "LEGACY_ENTRY_MALFORMED",
      ],
    ];
    for (const [base, path, member, code] of cases) refused("rekord", "0.0.1", changed(base, path, member), code);
  });
});

const cborHead = (major: number, length: number): Uint8Array =>
  length < 24
    ? Uint8Array.of((major << 5) | length)
    : length < 256
      ? Uint8Array.of((major << 5) | 24, length)
      : Uint8Array.of((major << 5) | 25, length >> 8, length & 255);
const cborBytes = (value: Uint8Array): Uint8Array => concatBytes(cborHead(2, value.length), value);
const cborText = (value: string): Uint8Array => concatBytes(cborHead(3, value.length), encodeUtf8(value));

function sign1(key: KeyObject, payload: Uint8Array, options: { aad?: Uint8Array; alg?: number } = {}): Uint8Array {
  const isRsa = key.asymmetricKeyType === "rsa";
  const alg = options.alg ?? (isRsa ? -37 : -7);
  const algBytes = alg === -7 ? Uint8Array.of(0x26) : Uint8Array.of(0x38, -1 - alg);
  const header = concatBytes(Uint8Array.of(0xa2, 0x01), algBytes, Uint8Array.of(0x03), cborText(payloadType));
  const signed = concatBytes(
    Uint8Array.of(0x84),
    cborText("Signature1"),
    cborBytes(header),
    cborBytes(options.aad ?? new Uint8Array(0)),
    cborBytes(payload),
  );
  const signature = isRsa
    ? sign("sha256", signed, { key, padding: 6, saltLength: 32 })
    : sign("sha256", signed, { key, dsaEncoding: "ieee-p1363" });
  return concatBytes(Uint8Array.of(0xd2, 0x84), cborBytes(header), Uint8Array.of(0xa0), cborBytes(payload), cborBytes(signature));
}

describe("cose", () => {
  const payload = encodeUtf8(statement);
  test("stores hashes and key, indexes both and the statement's subjects, and keeps the message", () => {
    for (const pair of [ec, rsa]) {
      const message = sign1(pair.privateKey, payload);
      const spec = { data: {}, message: b64(message), publicKey: b64(pem(pair.publicKey)) };
      const { body, searchKeys, attestation } = prepare("cose", "0.0.1", spec);
      assert.equal(
        text(body),
        `{"apiVersion":"0.0.1","kind":"cose","spec":{"data":{"envelopeHash":{"algorithm":"sha256","value":"${hex(message)}"},"payloadHash":{"algorithm":"sha256","value":"${hex(payload)}"}},"publicKey":"${b64(pem(pair.publicKey))}"}}`,
      );
      assert.deepEqual(searchKeys, [
        hex(pem(pair.publicKey)),
        `sha256:${hex(message)}`,
        `sha256:${hex(payload)}`,
        `sha256:${"ab".repeat(32)}`,
      ]);
      assert.deepEqual([attestation?.key, attestation?.bytes], [`sha256:${hex(message)}`, message]);
    }
    const aad = encodeUtf8("more");
    const spec = {
      data: { aad: b64(aad) },
      message: b64(sign1(ec.privateKey, payload, { aad })),
      publicKey: b64(pem(ec.publicKey)),
    };
    prepare("cose", "0.0.1", spec);
    refused("cose", "0.0.1", changed(spec, "data.aad", b64("other")), "LEGACY_SIGNATURE_INVALID");
  });

  test("refuses what is malformed, unsupported or does not verify", () => {
    const message = sign1(ec.privateKey, payload);
    const spec = { data: {}, message: b64(message), publicKey: b64(pem(ec.publicKey)) };
    const detached = concatBytes(Uint8Array.of(0xd2, 0x84, 0x40, 0xa0, 0xf6), cborBytes(new Uint8Array(64)));
    const cases: [string, unknown, string][] = [
      ["data", undefined, "JSON_FIELD_MISSING"],
      ["message", undefined, "JSON_FIELD_MISSING"],
      ["message", b64(message.subarray(1)), "LEGACY_ENTRY_MALFORMED"],
      ["message", b64(message.subarray(0, 40)), "LEGACY_ENTRY_MALFORMED"],
      ["message", b64(concatBytes(message, Uint8Array.of(0))), "LEGACY_ENTRY_MALFORMED"],
      ["message", b64(new Uint8Array(100).fill(0x81)), "LEGACY_ENTRY_MALFORMED"],
      ["message", b64(detached), "LEGACY_ENTRY_MALFORMED"],
      ["message", b64(sign1(ec.privateKey, payload, { alg: -37 })), "LEGACY_ENTRY_MALFORMED"],
      ["publicKey", b64(pem(ed.publicKey)), "LEGACY_ENTRY_UNSUPPORTED"],
      ["publicKey", b64(pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey)), "LEGACY_SIGNATURE_INVALID"],
    ];
    for (const [path, member, code] of cases) refused("cose", "0.0.1", changed(spec, path, member), code);
  });

  test("no message raises anything but our errors", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refusedWithOurs("cose", { data: {}, message: b64(bytes), publicKey: b64(pem(ec.publicKey)) });
      }),
    );
  });
});

function refusedWithOurs(kind: string, spec: unknown): void {
  assert.throws(
    () => prepare(kind, "0.0.1", spec),
    (error: { code?: string; kind?: string }) => error.code !== undefined && error.kind !== undefined,
  );
}

describe("rfc3161", async () => {
  const newSigner = (): Signer =>
    createSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" }));
  const [root, leaf] = [newSigner(), newSigner()];
  const startMs = Date.UTC(2026, 0, 1);
  const chain = await createTimestampChain({ organization: "example", rootName: "root", name: "tsa", startMs }, root, leaf);
  const respond = async (certReq: boolean): Promise<Uint8Array> => {
    const imprint = {
      hash: "sha256",
      hashOid: "2.16.840.1.101.3.4.2.1",
      digest: createHash("sha256").update("x").digest(),
    } as const;
    const request = { imprint, certReq, nonce: undefined, policy: undefined, hasExtensions: false };
    checkTimestampRequest(request, ["1.3.6.1.4.1.57264.2"]);
    return encodeTimestampResponse(
      await signTimestampToken({ request, serial: Uint8Array.of(7), genTimeMs: startMs + 1000, signer: leaf, chain }),
    );
  };

  test("stores a granted response as it is", async () => {
    const response = await respond(true);
    const { body, searchKeys } = prepare("rfc3161", "0.0.1", { tsr: { content: b64(response) } });
    assert.equal(text(body), `{"apiVersion":"0.0.1","kind":"rfc3161","spec":{"tsr":{"content":"${b64(response)}"}}}`);
    assert.deepEqual(searchKeys, [`sha256:${hex(response)}`]);
  });

  test("refuses responses without certificate, altered, too long or not granted", async () => {
    const response = await respond(true);
    const spec = (bytes: Uint8Array): unknown => ({ tsr: { content: b64(bytes) } });
    refused("rfc3161", "0.0.1", spec(await respond(false)), "LEGACY_ENTRY_MALFORMED", /certificate/);
    const altered = Uint8Array.from(response);
    altered[altered.length - 3] = (altered.at(-3) ?? 0) ^ 1;
    refused("rfc3161", "0.0.1", spec(altered), "LEGACY_SIGNATURE_INVALID");
    refused("rfc3161", "0.0.1", spec(new Uint8Array(10 * 1024 + 1)), "LEGACY_ENTRY_MALFORMED", /at most 10240/);
    refused("rfc3161", "0.0.1", spec(Uint8Array.of(0x30, 5, 0x30, 3, 2, 1, 2)), "LEGACY_ENTRY_MALFORMED", /status 2/);
    refused("rfc3161", "0.0.1", {}, "JSON_FIELD_MISSING");
  });
});

describe("tuf", () => {
  const key = parsePublicKey(spki(ec.publicKey));
  const keyid = tufKeyId(key);
  const role = { keyids: [keyid], threshold: 1 };
  const signed = {
    _type: "root",
    spec_version: "1.0.31",
    version: 3,
    expires: "2020-01-01T00:00:00Z",
    consistent_snapshot: true,
    keys: { [keyid]: encodeTufKey(key) },
    roles: { root: role, targets: role, snapshot: role, timestamp: role },
  };
  const envelope = (value: JsonValue): { [name: string]: JsonValue } => ({
    signatures: [{ keyid, sig: sign("sha256", encodeCanonicalJson(value), ec.privateKey).toString("hex") }],
    signed: value,
  });
  const targets = envelope({
    _type: "targets",
    spec_version: "1.0.31",
    version: 5,
    expires: "2020-01-01T00:00:00Z",
    targets: { "a<b": { length: 1, hashes: { sha256: "00".repeat(32) } } },
  });
  const spec = { root: { content: envelope(signed) }, metadata: { content: targets } };

  test("stores canonical JSON of both, from an object or base64, and indexes hashes, role and version", () => {
    const { body, searchKeys } = prepare("tuf", "0.0.1", spec);
    const stored = JSON.parse(text(body)).spec;
    const metadata = Buffer.from(stored.metadata.content, "base64").toString();
    assert.match(
      metadata,
      /^\{"signatures":\[\{"keyid":"[0-9a-f]{64}","sig":"[0-9a-f]+"\}\],"signed":\{"_type":"targets","expires":/,
    );
    assert.ok(metadata.includes('"a\\u003cb"'));
    assert.equal(stored.spec_version, "1.0.31");
    assert.deepEqual(searchKeys, [hex(metadata), "targets", "5", hex(Buffer.from(stored.root.content, "base64"))]);
    const again = {
      root: { content: b64(JSON.stringify(spec.root.content)) },
      metadata: { content: b64(JSON.stringify(targets)) },
    };
    assert.deepEqual(prepare("tuf", "0.0.1", again).body, body);
    assert.equal(prepare("tuf", "0.0.1", { root: spec.root, metadata: spec.root }).searchKeys[1], "root");
  });

  test("refuses what does not verify under the root, and a root that does not sign itself", () => {
    for (const path of ["metadata.content.signed.version", "root.content.signed.version"])
      refused("tuf", "0.0.1", changed(spec, path, 9), "LEGACY_ENTRY_MALFORMED");
    refused("tuf", "0.0.1", changed(spec, "metadata.content.signed._type", "mirrors"), "LEGACY_ENTRY_MALFORMED", /mirrors/);
    refused("tuf", "0.0.1", changed(spec, "root", undefined), "JSON_FIELD_MISSING");
    refused("tuf", "0.0.1", changed(spec, "root.content", "!"), "LEGACY_ENTRY_MALFORMED");
  });
});

test("prepareLegacyEntry knows its kinds and leaves the others alone", () => {
  assert.deepEqual(legacyKinds, [
    "intoto 0.0.1",
    "intoto 0.0.2",
    "rekord 0.0.1",
    "cose 0.0.1",
    "rfc3161 0.0.1",
    "tuf 0.0.1",
    "alpine 0.0.1",
    "helm 0.0.1",
    "jar 0.0.1",
    "rpm 0.0.1",
  ]);
  const other = JsonObject.exact({ kind: "hashedrekord", apiVersion: "0.0.1", spec: {} }, "entry");
  assert.equal(prepareLegacyEntry(other, tools), undefined);
  assert.ok(Object.values(legacyEntryErrors).every(({ means }) => means.endsWith(".")));
});
