import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { createSigner, type Signer } from "../crypto/index.ts";
import { derNull, derSequence } from "../encoding/index.ts";
import {
  basicConstraintsExtension,
  type Certificate,
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
  type PathQuestion,
  parseCertificate,
  rootExtensions,
  signCertificate,
  subjectAltNameExtension,
  timestampLeafExtensions,
  verifyIssuedBy,
  verifyPath,
} from "./index.ts";

const now = Date.UTC(2026, 10, 24, 2);
const day = 86_400_000;

interface Issued {
  readonly certificate: Certificate;
  readonly signer: Signer;
}

let serials = 0;

async function issue(p: {
  name?: Uint8Array;
  signer?: Signer;
  issuer?: Issued;
  extensions: Uint8Array[] | ((signer: Signer, issuer: Signer) => Uint8Array[]);
  notBeforeMs?: number;
  notAfterMs?: number;
}): Promise<Issued> {
  const signer = p.signer ?? newSigner();
  const issuer = p.issuer?.signer ?? signer;
  const subject = p.name ?? emptyName;
  const der = await signCertificate(
    {
      serial: Uint8Array.of(++serials),
      issuer: p.issuer?.certificate.subject ?? subject,
      subject,
      notBeforeMs: p.notBeforeMs ?? now - day,
      notAfterMs: p.notAfterMs ?? now + day,
      spki: signer.publicKey.spki,
      extensions: typeof p.extensions === "function" ? p.extensions(signer, issuer) : p.extensions,
    },
    issuer,
  );
  return { certificate: parseCertificate(der), signer };
}

function newSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
}

const named = (commonName: string): Uint8Array => encodeName({ organization: "example", commonName });
const leafBody = [subjectAltNameExtension({ type: "email", value: "dev@example.com" })];
const codeSigning = extendedKeyUsageExtension([keyPurposes.codeSigning]);
const digitalSignature = keyUsageExtension(["digitalSignature"]);
const certSign = keyUsageExtension(["keyCertSign", "cRLSign"]);
const leafExtensions = [digitalSignature, codeSigning, ...leafBody];

const root = await issue({ name: named("root"), extensions: (own) => rootExtensions({ spki: own.publicKey.spki }) });
const intermediate = await issue({
  name: named("intermediate"),
  issuer: root,
  extensions: (own, issuer) =>
    intermediateExtensions({ spki: own.publicKey.spki, issuerSpki: issuer.publicKey.spki, purpose: "codeSigning" }),
});
const leaf = await issue({
  issuer: intermediate,
  extensions: (own) =>
    fulcioLeafExtensions({
      spki: own.publicKey.spki,
      issuerKeyId: undefined,
      subjectAltName: { type: "email", value: "dev@example.com" },
      claims: { issuer: "https://accounts.example.com" },
    }),
});

const question: PathQuestion = {
  leaf: leaf.certificate,
  intermediates: [intermediate.certificate],
  anchors: [root.certificate],
  timeMs: now,
  purpose: "codeSigning",
};

const refuses = (changes: Partial<PathQuestion>, code: string): void => {
  assert.throws(() => verifyPath({ ...question, ...changes }), { code });
};

/** A leaf below an intermediate of its own, with one thing changed in one of them. */
async function chain(p: {
  intermediate?: Uint8Array[];
  leaf?: Uint8Array[];
  notBeforeMs?: number;
  notAfterMs?: number;
}): Promise<Partial<PathQuestion>> {
  const middle = await issue({
    name: named("changed"),
    issuer: root,
    extensions: p.intermediate ?? [certSign, basicConstraintsExtension(0)],
    ...(p.notBeforeMs === undefined ? {} : { notBeforeMs: p.notBeforeMs }),
    ...(p.notAfterMs === undefined ? {} : { notAfterMs: p.notAfterMs }),
  });
  const end = await issue({ issuer: middle, extensions: p.leaf ?? leafExtensions });
  return { leaf: end.certificate, intermediates: [middle.certificate] };
}

describe("verifyPath finds", () => {
  test("leaf, intermediate and root, in that order", () => {
    const path = verifyPath(question);
    assert.deepEqual(path, [leaf.certificate, intermediate.certificate, root.certificate]);
  });

  test("a chain whose parts are all as the changed ones are without the change", async () => {
    assert.equal(verifyPath({ ...question, ...(await chain({})) }).length, 3);
  });

  test("an intermediate as anchor, its own issuer unknown", () => {
    const path = verifyPath({ ...question, intermediates: [], anchors: [intermediate.certificate] });
    assert.deepEqual(path, [leaf.certificate, intermediate.certificate]);
  });

  test("the issuer by its key among decoys of the same name, before and after it", async () => {
    const decoys = await Promise.all(
      [1, 2].map(() => issue({ name: named("intermediate"), extensions: [certSign, basicConstraintsExtension()] })),
    );
    const certificates = decoys.map((one) => one.certificate);
    const anchors = [root.certificate, ...certificates];
    assert.equal(verifyPath({ ...question, anchors }).length, 3);
    const [before, after] = certificates;
    assert.ok(before && after);
    assert.equal(verifyPath({ ...question, intermediates: [before, intermediate.certificate, after] }).length, 3);
  });

  test("the one valid of two certificates for the same authority key", async () => {
    const expired = await issue({
      name: named("intermediate"),
      signer: intermediate.signer,
      issuer: root,
      extensions: [certSign, basicConstraintsExtension(0)],
      notAfterMs: now - 1000,
    });
    const path = verifyPath({ ...question, intermediates: [expired.certificate, intermediate.certificate] });
    assert.equal(path[1], intermediate.certificate);
  });

  test("both ends of a validity to be inside it", () => {
    const { notBeforeMs, notAfterMs } = leaf.certificate;
    assert.equal(verifyPath({ ...question, timeMs: notBeforeMs }).length, 3);
    assert.equal(verifyPath({ ...question, timeMs: notAfterMs }).length, 3);
  });

  test("a timestamp authority's path", async () => {
    const end = await issue({
      issuer: root,
      name: named("tsa"),
      extensions: (own, issuer) => timestampLeafExtensions({ spki: own.publicKey.spki, issuerSpki: issuer.publicKey.spki }),
    });
    assert.equal(verifyPath({ ...question, leaf: end.certificate, intermediates: [], purpose: "timeStamping" }).length, 2);
  });

  test("a precertificate's path only when told that it is one", async () => {
    const precertificate = await issue({ issuer: intermediate, extensions: [...leafExtensions, ctPoisonExtension()] });
    assert.equal(verifyPath({ ...question, leaf: precertificate.certificate, precertificate: true }).length, 3);
    refuses({ leaf: precertificate.certificate }, "X509_UNKNOWN_CRITICAL_EXTENSION");
  });
});

describe("verifyPath refuses", () => {
  test("an issuer whose name is unknown: X509_NO_PATH", () => {
    refuses({ anchors: [] }, "X509_NO_PATH");
    refuses({ intermediates: [] }, "X509_NO_PATH");
  });

  test("a self-signed root that is not an anchor", async () => {
    const stranger = await issue({ name: named("stranger"), extensions: [certSign, basicConstraintsExtension()] });
    const end = await issue({ issuer: stranger, extensions: leafExtensions });
    refuses({ leaf: end.certificate, intermediates: [stranger.certificate] }, "X509_NO_PATH");
  });

  test("a decoy alone, with the issuer's name and another key: X509_SIGNATURE_INVALID", async () => {
    const decoy = await issue({
      name: named("intermediate"),
      issuer: root,
      extensions: [certSign, basicConstraintsExtension(0)],
    });
    refuses({ intermediates: [decoy.certificate] }, "X509_SIGNATURE_INVALID");
    assert.throws(() => verifyIssuedBy(leaf.certificate, decoy.certificate), { code: "X509_SIGNATURE_INVALID" });
    assert.doesNotThrow(() => verifyIssuedBy(leaf.certificate, intermediate.certificate));
  });

  test("a signature algorithm of another family than the issuer's key", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const signer = createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
    const decoy = await issue({ name: named("intermediate"), signer, extensions: [certSign, basicConstraintsExtension(0)] });
    refuses({ anchors: [decoy.certificate], intermediates: [] }, "X509_SIGNATURE_INVALID");
  });

  test("each certificate before and after its time, the anchor too", async () => {
    refuses({ timeMs: leaf.certificate.notBeforeMs - 1 }, "X509_NOT_YET_VALID");
    refuses({ timeMs: leaf.certificate.notAfterMs + 1 }, "X509_EXPIRED");
    refuses(await chain({ notBeforeMs: now + 1000 }), "X509_NOT_YET_VALID");
    refuses(await chain({ notAfterMs: now - 1000 }), "X509_EXPIRED");
    const anchorOf = (times: { notBeforeMs?: number; notAfterMs?: number }) =>
      issue({ name: named("root"), signer: root.signer, extensions: [certSign, basicConstraintsExtension()], ...times });
    refuses({ anchors: [(await anchorOf({ notBeforeMs: now + 1000 })).certificate] }, "X509_NOT_YET_VALID");
    refuses({ anchors: [(await anchorOf({ notAfterMs: now - 1000 })).certificate] }, "X509_EXPIRED");
  });

  test("an issuer that is no authority: X509_NOT_A_CA", async () => {
    refuses(await chain({ intermediate: [certSign] }), "X509_NOT_A_CA");
    const constraints = encodeExtension(extensionOids.basicConstraints, true, derSequence());
    refuses(await chain({ intermediate: [certSign, constraints] }), "X509_NOT_A_CA");
  });

  test("a leaf that is an authority: X509_LEAF_IS_A_CA", async () => {
    refuses(await chain({ leaf: [...leafExtensions, basicConstraintsExtension()] }), "X509_LEAF_IS_A_CA");
  });

  test("more intermediates than the path length allows: X509_PATH_LENGTH", async () => {
    const below = await issue({
      name: named("below"),
      issuer: intermediate,
      extensions: [certSign, basicConstraintsExtension()],
    });
    const end = await issue({ issuer: below, extensions: leafExtensions });
    refuses({ leaf: end.certificate, intermediates: [below.certificate, intermediate.certificate] }, "X509_PATH_LENGTH");
    const wide = await issue({ name: named("wide"), issuer: root, extensions: [certSign, basicConstraintsExtension(1)] });
    const under = await issue({ name: named("under"), issuer: wide, extensions: [certSign, basicConstraintsExtension(0)] });
    const allowed = await issue({ issuer: under, extensions: leafExtensions });
    const path = verifyPath({ ...question, leaf: allowed.certificate, intermediates: [wide.certificate, under.certificate] });
    assert.equal(path.length, 4);
  });

  test("no self-issued certificate for the path length: it does not count", async () => {
    const narrow = await issue({ name: named("narrow"), extensions: [certSign, basicConstraintsExtension(0)] });
    const rollover = await issue({ name: named("narrow"), issuer: narrow, extensions: [certSign, basicConstraintsExtension(0)] });
    const end = await issue({ issuer: rollover, extensions: leafExtensions });
    const anchors = [narrow.certificate];
    const path = verifyPath({ ...question, leaf: end.certificate, intermediates: [rollover.certificate], anchors });
    assert.equal(path.length, 3);
  });

  test("an authority without keyCertSign and a leaf without digitalSignature: X509_KEY_USAGE", async () => {
    refuses(await chain({ intermediate: [keyUsageExtension(["cRLSign"]), basicConstraintsExtension(0)] }), "X509_KEY_USAGE");
    refuses(await chain({ leaf: [keyUsageExtension(["keyAgreement"]), codeSigning, ...leafBody] }), "X509_KEY_USAGE");
    refuses(await chain({ leaf: [codeSigning, ...leafBody] }), "X509_KEY_USAGE");
  });

  test("a leaf or an authority for another purpose: X509_EXTENDED_KEY_USAGE", async () => {
    const serverAuth = extendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]);
    refuses(await chain({ leaf: [digitalSignature, serverAuth, ...leafBody] }), "X509_EXTENDED_KEY_USAGE");
    refuses(await chain({ leaf: [digitalSignature, ...leafBody] }), "X509_EXTENDED_KEY_USAGE");
    refuses(await chain({ intermediate: [certSign, basicConstraintsExtension(0), serverAuth] }), "X509_EXTENDED_KEY_USAGE");
    refuses({ purpose: "timeStamping" }, "X509_EXTENDED_KEY_USAGE");
    const any = await chain({
      intermediate: [certSign, basicConstraintsExtension(0), extendedKeyUsageExtension([keyPurposes.any])],
    });
    assert.equal(verifyPath({ ...question, ...any }).length, 3);
    refuses(await chain({ leaf: [digitalSignature, extendedKeyUsageExtension([keyPurposes.any])] }), "X509_EXTENDED_KEY_USAGE");
  });

  test("a timestamp authority whose purpose is not critical or not alone: X509_EXTENDED_KEY_USAGE", async () => {
    const ask = async (usage: Uint8Array): Promise<Partial<PathQuestion>> => ({
      ...(await chain({ leaf: [digitalSignature, usage] })),
      purpose: "timeStamping",
    });
    const { codeSigning: code, timeStamping } = keyPurposes;
    assert.equal(verifyPath({ ...question, ...(await ask(extendedKeyUsageExtension([timeStamping], true))) }).length, 3);
    refuses(await ask(extendedKeyUsageExtension([timeStamping])), "X509_EXTENDED_KEY_USAGE");
    refuses(await ask(extendedKeyUsageExtension([timeStamping, code], true)), "X509_EXTENDED_KEY_USAGE");
  });

  test("an unknown critical extension, in the leaf and above it", async () => {
    const unknown = encodeExtension("1.2.3.4", true, derNull());
    refuses(await chain({ leaf: [...leafExtensions, unknown] }), "X509_UNKNOWN_CRITICAL_EXTENSION");
    refuses(await chain({ intermediate: [certSign, basicConstraintsExtension(0), unknown] }), "X509_UNKNOWN_CRITICAL_EXTENSION");
    const harmless = encodeExtension("1.2.3.4", false, derNull());
    assert.equal(verifyPath({ ...question, ...(await chain({ leaf: [...leafExtensions, harmless] })) }).length, 3);
  });

  test("name constraints, critical or not: X509_NAME_CONSTRAINTS", async () => {
    for (const critical of [true, false]) {
      const constraints = encodeExtension(extensionOids.nameConstraints, critical, derSequence());
      refuses(await chain({ intermediate: [certSign, basicConstraintsExtension(0), constraints] }), "X509_NAME_CONSTRAINTS");
    }
  });

  test("an extension that it must understand and cannot parse", async () => {
    const broken = encodeExtension(extensionOids.basicConstraints, true, derNull());
    refuses(await chain({ intermediate: [certSign, broken] }), "X509_EXTENSION_MALFORMED");
  });

  test("a path that is too deep, a loop, and too many certificates: X509_PATH_TOO_LONG", async () => {
    let authority = root;
    const above: Certificate[] = [];
    for (let i = 0; i < 7; i++) {
      authority = await issue({
        name: named(`level ${i}`),
        issuer: authority,
        extensions: [certSign, basicConstraintsExtension()],
      });
      above.push(authority.certificate);
    }
    const end = await issue({ issuer: authority, extensions: leafExtensions });
    refuses({ leaf: end.certificate, intermediates: above }, "X509_PATH_TOO_LONG");
    refuses({ intermediates: new Array(300).fill(intermediate.certificate) }, "X509_PATH_TOO_LONG");
    const same = { name: named("loop"), signer: newSigner(), extensions: [certSign, basicConstraintsExtension()] };
    const loops = await Promise.all(Array.from({ length: 40 }, () => issue(same)));
    const below = await issue({ issuer: loops[0] ?? root, extensions: leafExtensions });
    refuses({ leaf: below.certificate, intermediates: loops.map((one) => one.certificate) }, "X509_PATH_TOO_LONG");
  });

  test("times that no calendar writes, and one that is none", () => {
    refuses({ timeMs: 2 ** 60 }, "X509_EXPIRED");
    refuses({ timeMs: Number.NEGATIVE_INFINITY }, "X509_NOT_YET_VALID");
    assert.throws(() => verifyPath({ ...question, timeMs: Number.NaN }), TypeError);
  });

  test("names that differ in their bytes alone", async () => {
    const other = await issue({
      name: named("Intermediate"),
      signer: intermediate.signer,
      issuer: root,
      extensions: [certSign, basicConstraintsExtension(0)],
    });
    refuses({ intermediates: [other.certificate] }, "X509_NO_PATH");
  });
});

test("the refusal names the certificate by subject and serial number, with what was found and expected", () => {
  assert.throws(() => verifyPath({ ...question, timeMs: now + 2 * day }), {
    code: "X509_EXPIRED",
    kind: "verification",
    message:
      /^Cannot verify certificate "issued by O=example, CN=intermediate" \(serial 03\): at 2026-11-26T02:00:00Z it is no longer valid/,
    found: "2026-11-26T02:00:00Z",
    expected: "not after 2026-11-25T02:00:00Z",
  });
});
