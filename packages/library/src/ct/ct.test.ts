import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, type Signer, sha256 } from "../crypto/index.ts";
import { derOctetString, encodeHex, encodeUtf8, isSigillumError, parseHex } from "../encoding/index.ts";
import {
  basicConstraintsExtension,
  type Certificate,
  type CertificateFields,
  ctPoisonExtension,
  emptyName,
  encodeExtension,
  encodeName,
  extendedKeyUsageExtension,
  extensionOids,
  fulcioLeafExtensions,
  intermediateExtensions,
  keyPurposes,
  keyUsageExtension,
  parseCertificate,
  rootExtensions,
  sctListExtension,
  signCertificate,
  tbsWithoutExtension,
} from "../x509/index.ts";
import {
  type CtEntry,
  type CtLogKey,
  ctLogId,
  embeddedScts,
  encodeDataTileRecord,
  encodeDigitallySigned,
  encodeExtraData,
  encodeSct,
  encodeSctList,
  encodeTreeHeadSignature,
  leafIndexExtension,
  leafOfRecord,
  merkleTreeLeaf,
  parseDataTile,
  parseDataTileRecord,
  parseDigitallySigned,
  parseLeafIndexExtension,
  parseMerkleTreeLeaf,
  parseSct,
  parseSctList,
  parseTreeHeadSignature,
  precertificateEntry,
  type SctQuestion,
  type SignedCertificateTimestamp,
  sctIssuer,
  sctSigningInput,
  signSct,
  signTreeHead,
  treeHeadNoteKeyId,
  verifyEmbeddedScts,
  verifySubmission,
  verifyTreeHead,
} from "./index.ts";

const now = Date.UTC(2026, 10, 24, 2);
const none = new Uint8Array();
let serials = 0;

function newSigner(type: "ec" | "rsa" = "ec"): Signer {
  const { privateKey } =
    type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
}

async function issue(
  signer: Signer,
  fields: Pick<CertificateFields, "issuer" | "subject" | "spki" | "extensions">,
): Promise<Certificate> {
  const validity = { notBeforeMs: now - 1000, notAfterMs: now + 600_000 };
  return parseCertificate(await signCertificate({ serial: Uint8Array.of(++serials), ...validity, ...fields }, signer));
}

const rootSigner = newSigner();
const caSigner = newSigner();
const leafSigner = newSigner();
const logSigner = newSigner();
const rootName = encodeName({ commonName: "root" });
const root = await issue(rootSigner, {
  issuer: rootName,
  subject: rootName,
  spki: rootSigner.publicKey.spki,
  extensions: rootExtensions({ spki: rootSigner.publicKey.spki }),
});
const ca = await issue(rootSigner, {
  issuer: rootName,
  subject: encodeName({ commonName: "ca" }),
  spki: caSigner.publicKey.spki,
  extensions: intermediateExtensions({ spki: caSigner.publicKey.spki, issuerSpki: root.spki, purpose: "codeSigning" }),
});
const body = fulcioLeafExtensions({
  spki: leafSigner.publicKey.spki,
  issuerKeyId: undefined,
  subjectAltName: { type: "email", value: "dev@example.com" },
  claims: { issuer: "https://accounts.example.com" },
});
const leafSerial = Uint8Array.of(0x42);

async function leaf(...last: Uint8Array[]): Promise<Certificate> {
  const validity = { notBeforeMs: now - 1000, notAfterMs: now + 600_000 };
  const fields = {
    serial: leafSerial,
    issuer: ca.subject,
    subject: emptyName,
    spki: leafSigner.publicKey.spki,
    extensions: [...body, ...last],
  };
  return parseCertificate(await signCertificate({ ...fields, ...validity }, caSigner));
}

const precertificate = await leaf(ctPoisonExtension());
const log: CtLogKey = {
  logId: ctLogId(logSigner.publicKey),
  publicKey: logSigner.publicKey,
  validFor: { startMs: now, endMs: now },
};

async function promise(
  p: { signer?: Signer; entry?: CtEntry; timestampMs?: number; index?: number } = {},
): Promise<SignedCertificateTimestamp> {
  const signer = p.signer ?? logSigner;
  const entry = p.entry ?? precertificateEntry(precertificate, ca.spki);
  const extensions = leafIndexExtension(p.index ?? 112);
  return signSct({
    timestamped: { timestampMs: p.timestampMs ?? now, entry, extensions },
    logId: ctLogId(signer.publicKey),
    signer,
  });
}

const certify = async (...scts: SignedCertificateTimestamp[]): Promise<Certificate> =>
  leaf(sctListExtension(encodeSctList(scts)));
const sct = await promise();
const certificate = await certify(sct);
const question: SctQuestion = { certificate, issuer: ca, logs: [log] };
const refuses = (changes: Partial<SctQuestion>, code: string): void => {
  assert.throws(() => verifyEmbeddedScts({ ...question, ...changes }), { code });
};

describe("the published vectors", () => {
  test("leaf index extensions", () => {
    assert.equal(encodeHex(leafIndexExtension(112)), "0000050000000070");
    assert.equal(encodeHex(leafIndexExtension(1234567)), "000005000012d687");
  });

  test("SCT signing input", () => {
    const entry: CtEntry = { type: "precert", issuerKeyHash: new Uint8Array(32).fill(0xaa), tbs: parseHex("3000") };
    const input = sctSigningInput({ timestampMs: 1_700_000_000_000, entry, extensions: leafIndexExtension(112) });
    assert.equal(encodeHex(input), `00000000018bcfe568000001${"aa".repeat(32)}000002300000080000050000000070`);
  });

  test("key id of a static CT log's note", () => {
    const keyId = treeHeadNoteKeyId("ctlog.example.com/2026", new Uint8Array(32).fill(0xbb));
    assert.equal(encodeHex(keyId.subarray(0, 4)), "bf4db4a8");
    assert.equal(keyId.length, 32);
  });
});

describe("verifyEmbeddedScts", () => {
  test("returns what it verified, at both ends of the log's time", () => {
    assert.deepEqual(verifyEmbeddedScts(question), [{ sct, log }]);
  });

  test("verifies an SCT of an RSA log", async () => {
    const signer = newSigner("rsa");
    const logs = [{ ...log, logId: ctLogId(signer.publicKey), publicKey: signer.publicKey }];
    assert.equal(verifyEmbeddedScts({ ...question, certificate: await certify(await promise({ signer })), logs }).length, 1);
  });

  test("skips the SCT of an unknown log beside one that holds", async () => {
    const other = await promise({ signer: newSigner() });
    assert.equal(verifyEmbeddedScts({ ...question, certificate: await certify(other, sct) }).length, 1);
  });

  test("takes the window that fits where a log stands with several", () => {
    const early = { ...log, validFor: { startMs: 0, endMs: 1 } };
    assert.deepEqual(verifyEmbeddedScts({ ...question, logs: [early, log] }), [{ sct, log }]);
    const open = { ...log, validFor: { startMs: now } };
    assert.equal(verifyEmbeddedScts({ ...question, logs: [open] }).length, 1);
  });

  test("refuses a certificate without an SCT, unless none is demanded: CT_NO_SCT", async () => {
    const bare = await leaf();
    refuses({ certificate: bare }, "CT_NO_SCT");
    assert.deepEqual(verifyEmbeddedScts({ ...question, certificate: bare, threshold: 0 }), []);
  });

  test("refuses when no log is known: CT_UNKNOWN_LOG", () => {
    refuses({ logs: [] }, "CT_UNKNOWN_LOG");
  });

  test("refuses a time outside the log's window: CT_OUTSIDE_LOG_VALIDITY", async () => {
    refuses({ certificate: await certify(await promise({ timestampMs: now - 1 })) }, "CT_OUTSIDE_LOG_VALIDITY");
    refuses({ certificate: await certify(await promise({ timestampMs: now + 1 })) }, "CT_OUTSIDE_LOG_VALIDITY");
    refuses({ certificate: await certify(await promise({ timestampMs: Number.MAX_SAFE_INTEGER })) }, "CT_OUTSIDE_LOG_VALIDITY");
  });

  test("refuses an SCT for another issuer, another certificate, other extensions, another key: CT_SCT_SIGNATURE_INVALID", async () => {
    refuses({ issuer: root }, "CT_SCT_SIGNATURE_INVALID");
    const foreign = precertificateEntry(ca, root.spki);
    refuses({ certificate: await certify(await promise({ entry: foreign })) }, "CT_SCT_SIGNATURE_INVALID");
    refuses({ certificate: await certify({ ...sct, extensions: leafIndexExtension(113) }) }, "CT_SCT_SIGNATURE_INVALID");
    refuses({ logs: [{ ...log, publicKey: rootSigner.publicKey }] }, "CT_SCT_SIGNATURE_INVALID");
    const asX509: CtEntry = { type: "x509", certificate: certificate.der };
    refuses({ certificate: await certify(await promise({ entry: asX509 })) }, "CT_SCT_SIGNATURE_INVALID");
  });

  test("refuses a bad SCT of a known log beside a good one", async () => {
    const bad = { ...sct, signature: sct.signature.slice(0, -1) };
    refuses({ certificate: await certify(sct, bad) }, "CT_SCT_SIGNATURE_INVALID");
  });

  test("refuses algorithms other than the log's key uses: CT_ALGORITHM_UNSUPPORTED", async () => {
    refuses({ certificate: await certify({ ...sct, hashAlgorithm: 5 }) }, "CT_ALGORITHM_UNSUPPORTED");
    refuses({ certificate: await certify({ ...sct, signatureAlgorithm: 1 }) }, "CT_ALGORITHM_UNSUPPORTED");
  });

  test("counts distinct logs: CT_THRESHOLD", async () => {
    const second = newSigner();
    const logs = [log, { ...log, logId: ctLogId(second.publicKey), publicKey: second.publicKey }];
    const twice = await certify(sct, await promise({ index: 113 }));
    refuses({ certificate: twice, logs, threshold: 2 }, "CT_THRESHOLD");
    const both = await certify(sct, await promise({ signer: second }));
    assert.equal(verifyEmbeddedScts({ ...question, certificate: both, logs, threshold: 2 }).length, 2);
  });

  test("refuses lists that are none: CT_SCT_MALFORMED", async () => {
    const list = encodeSctList([sct]);
    const lists: Uint8Array[] = [none, parseHex("0000"), parseHex("00020000"), Uint8Array.of(...list, 0), list.subarray(0, -1)];
    for (const bytes of lists) refuses({ certificate: await leaf(sctListExtension(bytes)) }, "CT_SCT_MALFORMED");
    const unwrapped = encodeExtension(extensionOids.sctList, false, list);
    refuses({ certificate: await leaf(unwrapped) }, "CT_SCT_MALFORMED");
    const trailing = encodeExtension(extensionOids.sctList, false, Uint8Array.of(...derOctetString(list), 0));
    refuses({ certificate: await leaf(trailing) }, "CT_SCT_MALFORMED");
    const many = new Array<SignedCertificateTimestamp>(33).fill(sct);
    assert.throws(() => parseSctList(encodeSctList(many)), { code: "CT_SCT_MALFORMED" });
    assert.throws(() => parseSct(Uint8Array.of(1, ...encodeSct(sct).subarray(1))), { code: "CT_SCT_MALFORMED" });
  });

  test("never holds for a list with any byte changed, and throws nothing but our errors", () => {
    const list = encodeSctList([sct]);
    const position = certificate.der.length - caSignatureLength() - list.length;
    assert.deepEqual(certificate.der.subarray(position, position + list.length), list);
    fc.assert(
      fc.property(fc.nat(list.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = certificate.der.slice();
        mutated[position + at] = (mutated[position + at] ?? 0) ^ change;
        assert.throws(() => verifyEmbeddedScts({ ...question, certificate: parseCertificate(mutated) }), isSigillumError);
      }),
      { numRuns: 300 },
    );
  });
});

/** Bytes that follow the TBSCertificate. */
function caSignatureLength(): number {
  return certificate.der.length - certificate.tbs.length - 4;
}

describe("sctIssuer", () => {
  test("is the next certificate, or the one after a precertificate signing certificate", async () => {
    const preissuer = await issue(caSigner, {
      issuer: ca.subject,
      subject: encodeName({ commonName: "pre" }),
      spki: leafSigner.publicKey.spki,
      extensions: [
        keyUsageExtension(["keyCertSign"]),
        basicConstraintsExtension(0),
        extendedKeyUsageExtension([keyPurposes.precertificateSigning]),
      ],
    });
    assert.equal(sctIssuer([certificate, ca, root]), ca);
    assert.equal(sctIssuer([certificate, preissuer, ca]), ca);
    assert.equal(sctIssuer([certificate]), undefined);
  });
});

describe("SCTs and leaf index extensions", () => {
  test("are read as written", () => {
    assert.deepEqual(parseSct(encodeSct(sct)), sct);
    assert.deepEqual(parseSctList(encodeSctList([sct, sct])), [sct, sct]);
    assert.deepEqual(embeddedScts(certificate), [sct]);
    fc.assert(
      fc.property(fc.nat(2 ** 40 - 1), (index) => assert.equal(parseLeafIndexExtension(leafIndexExtension(index)), index)),
    );
    assert.throws(() => leafIndexExtension(2 ** 40), TypeError);
  });

  test("without an index give undefined, of another type are skipped", () => {
    assert.equal(parseLeafIndexExtension(none), undefined);
    assert.equal(parseLeafIndexExtension(parseHex("0100020102" + "0000050000000070")), 112);
  });

  test("are refused cut off, with a second index, or in another length: CT_EXTENSIONS_MALFORMED", () => {
    for (const hex of ["0000", "00000500000000", "00000500000000700000050000000071", "000006000000000007"]) {
      assert.throws(() => parseLeafIndexExtension(parseHex(hex)), { code: "CT_EXTENSIONS_MALFORMED" });
    }
  });

  test("are not signed by an algorithm that RFC 6962 does not allow", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const signer = createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
    await assert.rejects(promise({ signer }), TypeError);
  });
});

describe("leaves and data tiles", () => {
  const fingerprint = sha256(ca.der);
  const precertEntry = precertificateEntry(precertificate, ca.spki);
  const first = { timestampMs: now, entry: precertEntry, extensions: leafIndexExtension(0) };
  const second = {
    timestampMs: now,
    entry: { type: "x509", certificate: certificate.der } as const,
    extensions: leafIndexExtension(1),
  };
  const records = [
    encodeDataTileRecord({
      timestamped: first,
      precertificate: precertificate.der,
      chainFingerprints: [fingerprint, sha256(root.der)],
    }),
    encodeDataTileRecord({ timestamped: second, chainFingerprints: [] }),
  ];
  const tile = Uint8Array.from(records.flatMap((record) => [...record]));

  test("the entry of a precertificate has its TBS without poison and its issuer's key hash", () => {
    assert.ok(precertEntry.type === "precert");
    assert.deepEqual(precertEntry.tbs, tbsWithoutExtension(certificate, extensionOids.sctList));
    assert.deepEqual(precertEntry.issuerKeyHash, sha256(ca.spki));
  });

  test("a leaf is read as written", () => {
    for (const one of [first, second]) assert.deepEqual(parseMerkleTreeLeaf(merkleTreeLeaf(one)), one);
  });

  test("a tile falls apart into its records, and each into its leaf", () => {
    const [one, two] = parseDataTile(tile);
    assert.deepEqual(one, {
      timestamped: first,
      precertificate: precertificate.der,
      chainFingerprints: [fingerprint, sha256(root.der)],
      bytes: records[0],
    });
    assert.deepEqual(two, { timestamped: second, chainFingerprints: [], bytes: records[1] });
    assert.deepEqual(leafOfRecord(records[0] ?? none), merkleTreeLeaf(first));
    assert.deepEqual(parseDataTile(none), []);
  });

  test("are refused in another version or type, cut off, too long or with broken fingerprints: CT_ENTRY_MALFORMED", () => {
    const code = "CT_ENTRY_MALFORMED";
    const leafBytes = merkleTreeLeaf(first);
    assert.throws(() => parseMerkleTreeLeaf(Uint8Array.of(1, ...leafBytes.subarray(1))), { code });
    assert.throws(() => parseMerkleTreeLeaf(Uint8Array.of(0, 1, ...leafBytes.subarray(2))), { code });
    assert.throws(() => parseMerkleTreeLeaf(Uint8Array.of(...leafBytes, 0)), { code });
    assert.throws(() => parseMerkleTreeLeaf(new Uint8Array(256 * 1024 + 1)), { code, message: /at most/ });
    assert.throws(() => parseMerkleTreeLeaf(parseHex(`0000${"00".repeat(8)}0002`)), { code, found: "type 2" });
    assert.throws(() => parseMerkleTreeLeaf(parseHex(`0000${"00".repeat(8)}00000000000000`)), { code, message: /is empty/ });
    assert.throws(() => parseDataTile(tile.subarray(0, -1)), { code });
    assert.throws(() => parseDataTileRecord(tile), { code });
    const odd = encodeDataTileRecord({ timestamped: second, chainFingerprints: [] });
    odd[odd.length - 1] = 1;
    assert.throws(() => parseDataTileRecord(Uint8Array.of(...odd, 0)), { code, message: /multiple of 32/ });
    const small = encodeDataTileRecord({
      timestamped: { ...second, entry: { type: "x509", certificate: none.slice() } },
      chainFingerprints: [],
    });
    assert.throws(() => parseDataTileRecord(small), { code });
    const tiny = encodeDataTileRecord({
      timestamped: { ...second, entry: { type: "x509", certificate: Uint8Array.of(0) } },
      chainFingerprints: [],
    });
    const many = new Uint8Array(257 * tiny.length);
    for (let i = 0; i < 257; i++) many.set(tiny, i * tiny.length);
    assert.throws(() => parseDataTile(many), { code, message: /at most 256/ });
    assert.equal(parseDataTile(many.subarray(tiny.length)).length, 256);
  });

  test("are not written with a precertificate that the entry lacks, nor the reverse", () => {
    assert.throws(() => encodeDataTileRecord({ timestamped: first, chainFingerprints: [] }), TypeError);
    assert.throws(() => encodeDataTileRecord({ timestamped: second, precertificate: none, chainFingerprints: [] }), TypeError);
    assert.throws(() => encodeDataTileRecord({ timestamped: second, chainFingerprints: [none] }), TypeError);
  });

  test("extra data hold the chain in full", () => {
    assert.equal(
      encodeHex(encodeExtraData({ chain: [Uint8Array.of(1), Uint8Array.of(2, 3)] })),
      "000009" + "00000101" + "0000020203",
    );
    assert.equal(encodeHex(encodeExtraData({ precertificate: Uint8Array.of(9), chain: [] })), "00000109" + "000000");
  });
});

describe("tree heads", () => {
  const head = { timestampMs: now, treeSize: 2 ** 33 + 1, root: sha256(encodeUtf8("root")) };

  test("are verified as signed", async () => {
    const signature = await signTreeHead(head, logSigner);
    const read = parseTreeHeadSignature(encodeTreeHeadSignature(signature));
    assert.deepEqual(read, signature);
    assert.deepEqual(verifyTreeHead({ ...head, signature: read, publicKey: logSigner.publicKey }), head);
    const { timestampMs, ...signed } = signature;
    assert.equal(timestampMs, now);
    assert.deepEqual(encodeTreeHeadSignature(signature).subarray(8), encodeDigitallySigned(signed));
    assert.deepEqual(parseDigitallySigned(encodeDigitallySigned(signed)), signed);
    assert.throws(() => parseDigitallySigned(encodeTreeHeadSignature(signature)), { code: "CT_SIGNATURE_MALFORMED" });
  });

  test("of another size, root, time or log are refused: CT_TREE_HEAD_SIGNATURE_INVALID", async () => {
    const signature = await signTreeHead(head, logSigner);
    const valid = { treeSize: head.treeSize, root: head.root, signature, publicKey: logSigner.publicKey };
    const changes = [
      { treeSize: head.treeSize + 1 },
      { root: sha256(none) },
      { signature: { ...signature, timestampMs: now + 1 } },
      { publicKey: rootSigner.publicKey },
    ];
    for (const change of changes)
      assert.throws(() => verifyTreeHead({ ...valid, ...change }), { code: "CT_TREE_HEAD_SIGNATURE_INVALID" });
  });

  test("are refused cut off or too long: CT_TREE_HEAD_MALFORMED", async () => {
    const bytes = encodeTreeHeadSignature(await signTreeHead(head, logSigner));
    assert.throws(() => parseTreeHeadSignature(bytes.subarray(0, -1)), { code: "CT_TREE_HEAD_MALFORMED" });
    assert.throws(() => parseTreeHeadSignature(Uint8Array.of(...bytes, 0)), { code: "CT_TREE_HEAD_MALFORMED" });
  });
});

describe("verifySubmission", () => {
  const submission = { chain: [precertificate.der, ca.der, root.der], precertificate: true, roots: [root], timeMs: now };

  test("accepts a precertificate, with and without its root, and tells what to log", () => {
    for (const chain of [submission.chain, submission.chain.slice(0, -1)]) {
      const accepted = verifySubmission({ ...submission, chain });
      assert.deepEqual(accepted.entry, precertificateEntry(precertificate, ca.spki));
      assert.deepEqual(
        accepted.path.map((one) => one.der),
        submission.chain,
      );
      assert.deepEqual(accepted.chainFingerprints, [sha256(ca.der), sha256(root.der)]);
    }
  });

  test("accepts a certificate", () => {
    const accepted = verifySubmission({ ...submission, chain: [certificate.der, ca.der], precertificate: false });
    assert.deepEqual(accepted.entry, { type: "x509", certificate: certificate.der });
  });

  test("refuses no certificate and more than ten: CT_CHAIN_MALFORMED", () => {
    for (const chain of [[], new Array<Uint8Array>(11).fill(ca.der)]) {
      assert.throws(() => verifySubmission({ ...submission, chain }), { code: "CT_CHAIN_MALFORMED" });
    }
  });

  test("refuses a precertificate as certificate, and the reverse: CT_POISON", async () => {
    assert.throws(() => verifySubmission({ ...submission, precertificate: false }), { code: "CT_POISON", found: "poison" });
    assert.throws(() => verifySubmission({ ...submission, chain: [certificate.der, ca.der] }), {
      code: "CT_POISON",
      found: "no poison",
    });
    const soft = await leaf(encodeExtension(extensionOids.ctPoison, false, parseHex("0500")));
    assert.throws(() => verifySubmission({ ...submission, chain: [soft.der, ca.der] }), { code: "CT_POISON" });
    const full = await leaf(encodeExtension(extensionOids.ctPoison, true, parseHex("050100")));
    assert.throws(() => verifySubmission({ ...submission, chain: [full.der, ca.der] }), { code: "CT_POISON" });
  });

  test("refuses a chain out of order or with a stranger in it: CT_CHAIN_ORDER", () => {
    const stranger = certificate.der;
    for (const chain of [
      [precertificate.der, root.der, ca.der],
      [precertificate.der, ca.der, stranger],
      [precertificate.der, ca.der, root.der, stranger],
    ]) {
      assert.throws(() => verifySubmission({ ...submission, chain }), { code: "CT_CHAIN_ORDER" });
    }
  });

  test("refuses a chain to no accepted root, and bytes that are no certificate", () => {
    assert.throws(() => verifySubmission({ ...submission, roots: [] }), { code: "X509_NO_PATH" });
    assert.throws(() => verifySubmission({ ...submission, chain: [Uint8Array.of(0x30, 0)] }), {
      code: "X509_CERTIFICATE_MALFORMED",
    });
  });
});
