// openssl reads what the rooms x509, ct and timestamp write, and they read what openssl writes.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSigner, digest, type Signer } from "@sigillum/library/crypto";
import { ctLogId, encodeSctList, leafIndexExtension, signSct, verifySubmission } from "@sigillum/library/ct";
import { encodePem } from "@sigillum/library/encoding";
import {
  encodeTimestampRejection,
  encodeTimestampRequest,
  encodeTimestampResponse,
  parseTimestampRequest,
  signTimestampToken,
  verifyTimestamp,
} from "@sigillum/library/timestamp";
import {
  type Certificate,
  ctPoisonExtension,
  emptyName,
  encodeName,
  formatName,
  fulcioLeafExtensions,
  intermediateExtensions,
  parseCertificate,
  parseCertificationRequest,
  rootExtensions,
  sctListExtension,
  signCertificate,
  signCertificationRequest,
  subjectKeyId,
  timestampLeafExtensions,
  verifyCertificationRequest,
  verifyPath,
} from "@sigillum/library/x509";

const skip = spawnSync("openssl", ["version"]).status === 0 ? false : "there is no openssl on this machine";
const now = Date.now();
const year = 365 * 86_400_000;
const stamped = new TextEncoder().encode("the bytes of a signature");
const kinds = ["P-256", "P-384", "P-521", "rsa"] as const;
let home = "";
let serials = 0;

interface Issued {
  readonly certificate: Certificate;
  readonly signer: Signer;
}

function newSigner(kind: (typeof kinds)[number]): Signer {
  const { privateKey } =
    kind === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: kind });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
}

async function issue(p: {
  subject: Uint8Array;
  signer: Signer;
  issuer?: Issued | undefined;
  serial?: Uint8Array;
  extensions: Uint8Array[];
}): Promise<Issued> {
  const fields = { serial: p.serial ?? Uint8Array.of(++serials), subject: p.subject, spki: p.signer.publicKey.spki };
  const issuer = p.issuer?.certificate.subject ?? p.subject;
  const validity = { notBeforeMs: now - 60_000, notAfterMs: now + year };
  const der = await signCertificate({ ...fields, ...validity, issuer, extensions: p.extensions }, p.issuer?.signer ?? p.signer);
  return { certificate: parseCertificate(der), signer: p.signer };
}

/** A root and an intermediate below it. */
async function newAuthority(
  kind: (typeof kinds)[number],
  purpose: "codeSigning" | "timeStamping",
): Promise<{ root: Issued; ca: Issued }> {
  const rootSigner = newSigner(kind);
  const rootSpki = rootSigner.publicKey.spki;
  const root = await issue({
    subject: encodeName({ organization: "example", commonName: "root" }),
    signer: rootSigner,
    extensions: rootExtensions({ spki: rootSpki }),
  });
  const signer = newSigner(kind);
  const extensions = intermediateExtensions({ spki: signer.publicKey.spki, issuerSpki: rootSpki, purpose });
  const ca = await issue({
    subject: encodeName({ organization: "example", commonName: purpose }),
    signer,
    issuer: root,
    extensions,
  });
  return { root, ca };
}

function put(name: string, content: Uint8Array | string): string {
  writeFileSync(join(home, name), content);
  return join(home, name);
}

const putPem = (name: string, ...certificates: Certificate[]): string =>
  put(name, certificates.map((one) => encodePem("CERTIFICATE", one.der)).join(""));

function openssl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  assert.equal(status, 0, `openssl ${args[0]}: ${stdout}${stderr}`);
  return stdout + stderr;
}

describe("openssl", { skip }, () => {
  before(() => {
    home = mkdtempSync(join(tmpdir(), "sigillum-openssl-"));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  for (const kind of kinds) {
    test(`verifies a Fulcio leaf with an embedded SCT below a ${kind} authority`, async () => {
      const { root, ca } = await newAuthority(kind, "codeSigning");
      const [signer, log] = [newSigner("P-256"), newSigner("P-256")];
      const body = fulcioLeafExtensions({
        spki: signer.publicKey.spki,
        issuerKeyId: subjectKeyId(ca.certificate),
        subjectAltName: { type: "otherName", value: "alice!example.com" },
        claims: { issuer: "https://accounts.example.com", tokenSubject: "alice" },
      });
      const common = { subject: emptyName, signer, issuer: ca, serial: Uint8Array.of(0x42) };
      const precertificate = await issue({ ...common, extensions: [...body, ctPoisonExtension()] });
      const { entry } = verifySubmission({
        chain: [precertificate.certificate.der, ca.certificate.der],
        precertificate: true,
        roots: [root.certificate],
        timeMs: now,
      });
      const timestamped = { timestampMs: now, entry, extensions: leafIndexExtension(7) };
      const sct = await signSct({ timestamped, logId: ctLogId(log.publicKey), signer: log });
      const leaf = await issue({ ...common, extensions: [...body, sctListExtension(encodeSctList([sct]))] });
      const files = [
        putPem("root.pem", root.certificate),
        putPem("ca.pem", ca.certificate),
        putPem("leaf.pem", leaf.certificate),
      ] as const;
      openssl("verify", "-x509_strict", "-purpose", "any", "-CAfile", files[0], "-untrusted", files[1], files[2]);
      const text = openssl("x509", "-in", files[2], "-noout", "-text");
      assert.match(text, /Extensions: 00:00:05:00:00:00:00:07/);
      assert.match(text, /Code Signing/);
    });

    test(`verifies tokens of a ${kind} timestamp authority, for every hash, with and without certificates`, async () => {
      const { root, ca } = await newAuthority(kind, "timeStamping");
      const signer = newSigner(kind);
      const extensions = timestampLeafExtensions({ spki: signer.publicKey.spki, issuerSpki: ca.signer.publicKey.spki });
      const leaf = await issue({ subject: encodeName({ commonName: "tsa" }), signer, issuer: ca, extensions });
      const chain = [leaf.certificate, ca.certificate, root.certificate];
      const [anchor, rest] = [putPem("root.pem", root.certificate), putPem("rest.pem", leaf.certificate, ca.certificate)];
      for (const hash of ["sha256", "sha384", "sha512"] as const) {
        for (const certReq of [true, false]) {
          const query = encodeTimestampRequest({ hash, digest: digest(hash, stamped), certReq, nonce: Uint8Array.of(0xff, 1) });
          const request = parseTimestampRequest(query);
          const token = await signTimestampToken({
            request,
            serial: Uint8Array.of(9),
            genTimeMs: now,
            signer,
            chain,
            includeChain: true,
          });
          const reply = put("reply.tsr", encodeTimestampResponse(token));
          const trust = ["-CAfile", anchor, "-untrusted", rest];
          openssl("ts", "-verify", "-in", reply, "-data", put("data", stamped), ...trust);
          openssl("ts", "-verify", "-in", reply, "-queryfile", put("query.tsq", query), ...trust);
        }
      }
    });

    test(`verifies a certification request by a ${kind} key, and writes one that we verify`, async () => {
      const ours = await signCertificationRequest(newSigner(kind), encodeName({ commonName: "dev" }));
      const said = openssl(
        "req",
        "-in",
        put("ours.csr", encodePem("CERTIFICATE REQUEST", ours)),
        "-verify",
        "-noout",
        "-subject",
      );
      assert.match(said, /verify OK/i);
      assert.match(said, /CN ?= ?dev/);
      const algorithm = kind === "rsa" ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${kind}`];
      const out = join(home, "theirs.csr");
      const key = ["-nodes", "-keyout", join(home, "key.pem")];
      openssl("req", "-new", ...algorithm, ...key, "-subj", "/O=example/CN=dev", "-outform", "DER", "-out", out);
      const theirs = parseCertificationRequest(new Uint8Array(readFileSync(out)));
      verifyCertificationRequest(theirs);
      assert.equal(formatName(theirs.subject), "O=example, CN=dev");
    });
  }

  test("reads a rejection", () => {
    const said = openssl("ts", "-reply", "-in", put("reply.tsr", encodeTimestampRejection("badAlg", "too weak")), "-text");
    assert.match(said, /Status: Rejected\.\s+Status description: too weak\s+Failure info: unrecognized or unsupported algorithm/);
  });

  test("issues a timestamp authority, a path and a token that we verify", () => {
    const at = (name: string): string => join(home, name);
    const key = (name: string): string[] => [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      at(`${name}.key`),
    ];
    openssl(
      "req",
      "-x509",
      ...key("root"),
      "-subj",
      "/O=other/CN=root",
      "-days",
      "30",
      "-outform",
      "PEM",
      "-out",
      at("o-root.pem"),
    );
    openssl("req", "-new", ...key("tsa"), "-subj", "/O=other/CN=tsa", "-out", at("tsa.csr"));
    const usage = put("tsa.ext", "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n");
    const ca = ["-CA", at("o-root.pem"), "-CAkey", at("root.key"), "-CAcreateserial"];
    openssl("x509", "-req", "-in", at("tsa.csr"), ...ca, "-days", "20", "-extfile", usage, "-out", at("tsa.pem"));
    const config = put(
      "ts.cnf",
      `[tsa]\nserial=${put("serial", "01\n")}\nsigner_digest=sha384\ndefault_policy=1.2.3\ndigests=sha256,sha384,sha512\ness_cert_id_alg=sha256\n`,
    );
    openssl("ts", "-query", "-data", put("data", stamped), "-sha512", "-cert", "-out", at("o.tsq"));
    const signer = ["-signer", at("tsa.pem"), "-inkey", at("tsa.key"), "-section", "tsa", "-config", config];
    openssl("ts", "-reply", "-queryfile", at("o.tsq"), ...signer, "-out", at("o.tsr"));
    const certificate = (name: string): Certificate =>
      parseCertificate(new Uint8Array(execFileSync("openssl", ["x509", "-in", at(name), "-outform", "DER"])));
    const chain = [certificate("tsa.pem"), certificate("o-root.pem")];
    const [leaf, root] = chain;
    assert.ok(leaf && root);
    const response = new Uint8Array(readFileSync(at("o.tsr")));
    const { timeMs } = verifyTimestamp({
      response,
      signature: stamped,
      authorities: [{ chain, validFor: { startMs: now - year } }],
    });
    assert.ok(Math.abs(timeMs - Date.now()) < 60_000);
    assert.equal(verifyPath({ leaf, intermediates: [], anchors: [root], timeMs, purpose: "timeStamping" }).length, 2);
  });
});
