// A valid proposal of every kind that the log accepts, made with fresh keys: what tests and fuzzing start from. The service does not use it.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { createSigner, parsePublicKey, type Signer } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodePem, encodeUtf8, type JsonValue } from "@sigillum/library/encoding";
import { checkTimestampRequest, encodeTimestampResponse, signTimestampToken } from "@sigillum/library/timestamp";
import { encodeCanonicalJson, encodeTufKey, tufKeyId } from "@sigillum/library/tuf";
import { createTimestampChain } from "../keyring/index.ts";
import { sampleClearSigned, samplePgpBinarySignature, samplePgpKey, samplePgpSignature } from "./openpgp.ts";
import { type SampleFiles, sampleApk, sampleContent, sampleJarFiles, sampleRpm, sampleZip } from "./packages.ts";

/** A proposal as JSON. */
export interface SampleProposal {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: JsonValue;
}

const payloadType = "application/vnd.in-toto+json";
const statement = JSON.stringify({
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "file", digest: { sha256: "ab".repeat(32) } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: {},
});
const content = encodeUtf8("the content of an artifact");
const provenance = `apiVersion: v2\nname: chart\nversion: 0.1.0\n\n...\nfiles:\n  chart-0.1.0.tgz: sha256:${"ab".repeat(32)}\n`;

const base64 = (value: Uint8Array | string): string => encodeBase64(typeof value === "string" ? encodeUtf8(value) : value);
const sha256 = (value: Uint8Array): JsonValue => ({
  algorithm: "sha256",
  value: createHash("sha256").update(value).digest("hex"),
});
const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: "spki", format: "der" }));
const pem = (key: KeyObject): string => base64(encodePem("PUBLIC KEY", spki(key)));

/** Make one proposal of each kind and format, by name. */
export async function sampleProposals(): Promise<ReadonlyMap<string, SampleProposal>> {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ed = generateKeyPairSync("ed25519");
  const pgp = await samplePgpKey();
  const pgpSignature = await samplePgpSignature(pgp.privateKey, content);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rpm = await sampleRpm(async (header, data) => [
    [268, await samplePgpBinarySignature(pgp.privateKey, header)],
    [1002, await samplePgpBinarySignature(pgp.privateKey, concatBytes(header, data))],
  ]);
  const samples: [name: string, kind: string, apiVersion: string, spec: JsonValue][] = [
    ["hashedrekord", "hashedrekord", "0.0.1", hashedRekord(ec)],
    ["dsse", "dsse", "0.0.1", dsse(ec)],
    ["intoto 0.0.1", "intoto", "0.0.1", intotoV001(ec)],
    ["intoto 0.0.2", "intoto", "0.0.2", intotoV002(ec)],
    ["rekord x509", "rekord", "0.0.1", rekord("x509", pem(ec.publicKey), base64(sign("sha256", content, ec.privateKey)))],
    ["rekord ssh", "rekord", "0.0.1", rekord("ssh", ...ssh(ed))],
    ["rekord minisign", "rekord", "0.0.1", rekord("minisign", ...minisign(ed))],
    ["rekord pgp", "rekord", "0.0.1", rekord("pgp", base64(pgp.armored), base64(pgpSignature))],
    ["helm", "helm", "0.0.1", helm(pgp.armored, await sampleClearSigned(pgp.privateKey, provenance))],
    [
      "alpine",
      "alpine",
      "0.0.1",
      { publicKey: { content: pem(rsa.publicKey) }, package: sampleContent(sampleApk(rsa.privateKey)) },
    ],
    ["jar", "jar", "0.0.1", { archive: sampleContent(sampleZip([...(await jarFiles(ec))])) }],
    ["rpm", "rpm", "0.0.1", { publicKey: { content: base64(pgp.armored) }, package: sampleContent(rpm) }],
    ["cose", "cose", "0.0.1", cose(ec)],
    ["rfc3161", "rfc3161", "0.0.1", await rfc3161()],
    ["tuf", "tuf", "0.0.1", tuf(ec)],
  ];
  return new Map(samples.map(([name, kind, apiVersion, spec]) => [name, { kind, apiVersion, spec }]));
}

/** The files of a signed JAR, with a certificate of its own for the key. */
export async function jarFiles(
  { privateKey }: Pair,
  files?: SampleFiles,
  signatureFile?: Uint8Array,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const [root, leaf] = [generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, privateKey].map((key) =>
    createSigner(key.export({ type: "pkcs8", format: "der" })),
  );
  if (root === undefined || leaf === undefined) throw new TypeError("there are two signers");
  const startMs = Date.UTC(2026, 0, 1);
  const [certificate] = await createTimestampChain(
    { organization: "example", rootName: "root", name: "jar", startMs },
    root,
    leaf,
  );
  if (certificate === undefined) throw new TypeError("there is a certificate");
  return sampleJarFiles(certificate, privateKey, files, signatureFile);
}

function helm(key: string, signed: string): JsonValue {
  return { publicKey: { content: base64(key) }, chart: { provenance: { content: base64(signed) } } };
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function hashedRekord({ publicKey, privateKey }: Pair): JsonValue {
  const signature = { content: base64(sign("sha256", content, privateKey)), publicKey: { content: pem(publicKey) } };
  return { data: { hash: sha256(content) }, signature };
}

function envelopeOf({ privateKey }: Pair): { text: string; sig: string } {
  const sig = base64(sign("sha256", preAuthenticationEncoding(payloadType, encodeUtf8(statement)), privateKey));
  return { text: JSON.stringify({ payload: base64(statement), payloadType, signatures: [{ keyid: "", sig }] }), sig };
}

function dsse(pair: Pair): JsonValue {
  return { proposedContent: { envelope: envelopeOf(pair).text, verifiers: [pem(pair.publicKey)] } };
}

function intotoV001(pair: Pair): JsonValue {
  return { content: { envelope: envelopeOf(pair).text }, publicKey: pem(pair.publicKey) };
}

function intotoV002(pair: Pair): JsonValue {
  const { text, sig } = envelopeOf(pair);
  const signatures = [{ publicKey: pem(pair.publicKey), sig: base64(sig) }];
  return {
    content: { envelope: { payload: base64(base64(statement)), payloadType, signatures }, hash: sha256(encodeUtf8(text)) },
  };
}

function rekord(format: string, key: string, signature: string): JsonValue {
  return { data: { content: base64(content) }, signature: { format, content: signature, publicKey: { content: key } } };
}

function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encodeUtf8(value) : value;
  return concatBytes(Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 255), bytes);
}

function ssh({ publicKey, privateKey }: Pair): [key: string, signature: string] {
  const blob = concatBytes(sshString("ssh-ed25519"), sshString(spki(publicKey).subarray(12)));
  const fields = [sshString("file"), sshString(""), sshString("sha512")];
  const digest = createHash("sha512").update(content).digest();
  const raw = sign(null, concatBytes(encodeUtf8("SSHSIG"), ...fields, sshString(digest)), privateKey);
  const signature = sshString(concatBytes(sshString("ssh-ed25519"), sshString(raw)));
  const der = concatBytes(encodeUtf8("SSHSIG"), Uint8Array.of(0, 0, 0, 1), sshString(blob), ...fields, signature);
  return [base64(`ssh-ed25519 ${base64(blob)} jo@example.org\n`), base64(encodePem("SSH SIGNATURE", der))];
}

function minisign({ publicKey, privateKey }: Pair): [key: string, signature: string] {
  const id = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const key = base64(concatBytes(encodeUtf8("Ed"), id, spki(publicKey).subarray(12)));
  const line = base64(concatBytes(encodeUtf8("Ed"), id, sign(null, content, privateKey)));
  const signature = `untrusted comment: signature\n${line}\ntrusted comment: timestamp:1\n${base64(new Uint8Array(64))}\n`;
  return [base64(`untrusted comment: minisign public key\n${key}\n`), base64(signature)];
}

function cose({ publicKey, privateKey }: Pair): JsonValue {
  const bytes = (value: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0x58, value.length), value);
  const header = Uint8Array.of(0xa1, 0x01, 0x26);
  const payload = encodeUtf8(statement);
  const signed = concatBytes(
    Uint8Array.of(0x84, 0x6a),
    encodeUtf8("Signature1"),
    Uint8Array.of(0x43),
    header,
    Uint8Array.of(0x40),
    bytes(payload),
  );
  const signature = sign("sha256", signed, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const message = concatBytes(Uint8Array.of(0xd2, 0x84, 0x43), header, Uint8Array.of(0xa0), bytes(payload), bytes(signature));
  return { data: {}, message: base64(message), publicKey: pem(publicKey) };
}

async function rfc3161(): Promise<JsonValue> {
  const newSigner = (): Signer =>
    createSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" }));
  const [root, leaf] = [newSigner(), newSigner()];
  const startMs = Date.UTC(2026, 0, 1);
  const chain = await createTimestampChain({ organization: "example", rootName: "root", name: "tsa", startMs }, root, leaf);
  const digest = createHash("sha256").update(content).digest();
  const imprint = { hash: "sha256", hashOid: "2.16.840.1.101.3.4.2.1", digest } as const;
  const request = { imprint, certReq: true, nonce: undefined, policy: undefined, hasExtensions: false };
  checkTimestampRequest(request, ["1.3.6.1.4.1.57264.2"]);
  const token = await signTimestampToken({ request, serial: Uint8Array.of(7), genTimeMs: startMs + 1000, signer: leaf, chain });
  return { tsr: { content: base64(encodeTimestampResponse(token)) } };
}

function tuf({ publicKey, privateKey }: Pair): JsonValue {
  const key = parsePublicKey(spki(publicKey));
  const keyid = tufKeyId(key);
  const role = { keyids: [keyid], threshold: 1 };
  const common = { spec_version: "1.0.31", expires: "2030-01-01T00:00:00Z" };
  const roles = { root: role, targets: role, snapshot: role, timestamp: role };
  const root = { _type: "root", ...common, version: 3, consistent_snapshot: true, keys: { [keyid]: encodeTufKey(key) }, roles };
  const targets = { _type: "targets", ...common, version: 5, targets: {} };
  const envelope = (signed: JsonValue): JsonValue => ({
    signatures: [{ keyid, sig: sign("sha256", encodeCanonicalJson(signed), privateKey).toString("hex") }],
    signed,
  });
  return { root: { content: envelope(root) }, metadata: { content: envelope(targets) } };
}
