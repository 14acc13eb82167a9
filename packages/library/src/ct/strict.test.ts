// Limits of this room where they are said to be, nothing after a structure's end, and what a log must never sign.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, derTagged, encodeUtf8 } from "../encoding/index.ts";
import { createChain, generateSigner, MemoryCtLog, MemorySigstore, signingTimeMs } from "../testing/index.ts";
import { encodeExtension, extensionOids, parseCertificate, sctListExtension } from "../x509/index.ts";
import { digitallySign, isDigitallySigned } from "./digitally-signed.ts";
import { maxEntryBytes } from "./entry.ts";
import {
  embeddedScts,
  encodeDigitallySigned,
  encodeSct,
  encodeSctList,
  merkleTreeLeaf,
  parseDigitallySigned,
  parseMerkleTreeLeaf,
  parseSct,
  parseSctList,
  signSct,
  signTreeHead,
  verifyEmbeddedScts,
  verifySubmission,
} from "./index.ts";

const entry = { type: "x509", certificate: encodeUtf8("certificate") } as const;
const timestamped = { timestampMs: 1, entry, extensions: new Uint8Array(0) };
const zero = Uint8Array.of(0);

describe("structures of certificate transparency", () => {
  it("end where they end", async () => {
    const log = new MemoryCtLog();
    const sct = await signSct({ timestamped, logId: log.logId, signer: log.signer });
    assert.throws(() => parseSct(concatBytes(encodeSct(sct), zero)), { code: "CT_SCT_MALFORMED" });
    const signed = encodeDigitallySigned(sct);
    assert.deepEqual(parseDigitallySigned(signed).signature, sct.signature);
    assert.throws(() => parseDigitallySigned(concatBytes(signed, zero)), { code: "CT_SIGNATURE_MALFORMED" });
    assert.throws(() => parseMerkleTreeLeaf(concatBytes(merkleTreeLeaf(timestamped), zero)), { code: "CT_ENTRY_MALFORMED" });
  });

  it("have their limits", async () => {
    const log = new MemoryCtLog();
    const sct = await signSct({ timestamped, logId: log.logId, signer: log.signer });
    assert.equal(parseSctList(encodeSctList(Array.from({ length: 32 }, () => sct))).length, 32);
    assert.throws(() => parseSctList(encodeSctList(Array.from({ length: 33 }, () => sct))), { code: "CT_SCT_MALFORMED" });
    const leaf = (size: number): Uint8Array =>
      merkleTreeLeaf({ ...timestamped, entry: { type: "x509", certificate: new Uint8Array(size) } });
    const overhead = leaf(1).length - 1;
    parseMerkleTreeLeaf(leaf(maxEntryBytes - overhead));
    assert.throws(() => parseMerkleTreeLeaf(leaf(maxEntryBytes - overhead + 1)), { code: "CT_ENTRY_MALFORMED" });
  });

  it("stand in a certificate inside an OCTET STRING and nothing else", async () => {
    const sigstore = await MemorySigstore.create();
    const certificate = await sigstore.certify(generateSigner().publicKey);
    const list = encodeSctList(embeddedScts(certificate));
    const wrapped = encodeExtension(extensionOids.sctList, false, derTagged(0x03, list));
    const odd = await sigstore.certify(generateSigner().publicKey, {
      scts: () => [],
      certificate: (fields) => ({ ...fields, extensions: [...fields.extensions, wrapped] }),
    });
    assert.throws(() => embeddedScts(odd), { code: "CT_SCT_MALFORMED" });
    const good = await sigstore.certify(generateSigner().publicKey, {
      scts: () => [],
      certificate: (fields) => ({ ...fields, extensions: [...fields.extensions, sctListExtension(list)] }),
    });
    assert.equal(embeddedScts(parseCertificate(good.der)).length, 1);
  });
});

describe("what a log signs", () => {
  it("is signed with ECDSA or PKCS #1 over SHA-256, under an id of 32 bytes", async () => {
    const logId = new Uint8Array(32);
    for (const signer of [generateSigner(), generateSigner("rsa")]) await signSct({ timestamped, logId, signer });
    for (const signer of [
      generateSigner("rsa", { padding: "pss" }),
      generateSigner("rsa", { hash: "sha512" }),
      generateSigner("ecdsa-p384"),
      generateSigner("ed25519"),
    ])
      await assert.rejects(signSct({ timestamped, logId, signer }), TypeError);
    await assert.rejects(signSct({ timestamped, logId: logId.subarray(1), signer: generateSigner() }), TypeError);
    const head = { timestampMs: 1, treeSize: 1, root: new Uint8Array(31) };
    await assert.rejects(signTreeHead(head, generateSigner()), TypeError);
  });

  it("is verified with RSA too, and with no other kind of key", async () => {
    const message = encodeUtf8("message");
    const rsa = generateSigner("rsa");
    assert.equal(isDigitallySigned(rsa.publicKey, message, await digitallySign(rsa, message)), true);
    const ecdsa = await digitallySign(generateSigner(), message);
    for (const type of ["ed25519", "ml-dsa-44"] as const)
      assert.throws(() => isDigitallySigned(generateSigner(type).publicKey, message, ecdsa), {
        code: "CT_ALGORITHM_UNSUPPORTED",
      });
  });

  it("has a chain of at most ten certificates", async () => {
    const chain = await createChain("codeSigning", "ca");
    const submit = (count: number): unknown =>
      verifySubmission({
        chain: Array.from({ length: count }, () => chain.issuing.der),
        precertificate: false,
        roots: [chain.root],
        timeMs: signingTimeMs,
      });
    assert.throws(() => submit(10), { code: "X509_LEAF_IS_A_CA" });
    assert.throws(() => submit(11), { code: "CT_CHAIN_MALFORMED" });
  });
});

describe("verifyEmbeddedScts", () => {
  it("tells which log, and counts before it blames an unknown log", async () => {
    const sigstore = await MemorySigstore.create();
    const second = new MemoryCtLog();
    const certificate = await sigstore.certify(generateSigner().publicKey, { ctLogs: [second, sigstore.ctLog] });
    const logs = [sigstore.ctLog.trusted("one"), second.trusted("two")];
    const question = { certificate, issuer: sigstore.ca.issuing };
    const found = verifyEmbeddedScts({ ...question, logs });
    assert.deepEqual(
      found.map(({ log }) => log.baseUrl),
      ["two", "one"],
    );
    assert.throws(() => verifyEmbeddedScts({ ...question, logs: logs.slice(1), threshold: 2 }), { code: "CT_THRESHOLD" });
    assert.throws(() => verifyEmbeddedScts({ ...question, logs: [], threshold: 2 }), { code: "CT_UNKNOWN_LOG" });
  });
});
