// What a client gets for a malformed entry of each kind: status and message, as Rekor words them. In each row one thing alone is wrong.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createSigner } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { maxRequestBytes } from "@sigillum/library/log-entry";
import { type Service, silentLogger } from "../host/index.ts";
import {
  jarFiles,
  type SampleProposal,
  sampleApk,
  samplePgpBinarySignature,
  samplePgpKey,
  samplePgpSignature,
  sampleProposals,
  sampleRpm,
  sampleTar,
  sampleZip,
} from "../samples/index.ts";
import { createRekorV1, entryTypes, openRekorV1Shard } from "./index.ts";

const b64 = (value: Uint8Array | string): string => encodeBase64(typeof value === "string" ? encodeUtf8(value) : value);
const remove = Symbol("remove");
const otherKey = b64(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }));
const zeroes = "00".repeat(32);
const pgpKey = await samplePgpKey();
const otherPgpKey = b64(pgpKey.armored);
const pgpSignature = await samplePgpSignature(pgpKey.privateKey, encodeUtf8("anything"));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsaKey = b64(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }));
const apk = sampleApk(rsa.privateKey);
/** Without a signature, and nothing after its description. */
const apkOf = (info: string): Uint8Array => concatBytes(gzipSync(""), gzipSync(sampleTar([[".PKGINFO", encodeUtf8(info)]])));
const noData = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const goodJar = await jarFiles(generateKeyPairSync("ec", { namedCurve: "P-256" }));
/** A file of the JAR replaced, added or left out. */
const jarWith = (name: string, content?: Uint8Array | string): Uint8Array => {
  const files = new Map(goodJar);
  if (content === undefined) files.delete(name);
  else files.set(name, typeof content === "string" ? encodeUtf8(content) : content);
  return sampleZip([...files]);
};
/** Forty megabytes of nothing, signed. */
const zipBomb = await jarFiles(
  generateKeyPairSync("ec", { namedCurve: "P-256" }),
  Array.from({ length: 40 }, (_, at) => [`f${at}`, new Uint8Array(1024 * 1024)] as const),
).then((files) => sampleZip([...files]));
const rpm = Buffer.from(await sampleRpm(async (header) => [[268, await samplePgpBinarySignature(pgpKey.privateKey, header)]]));
/** Each line ten times the one before it. */
const yamlBomb = Array.from({ length: 9 }, (_, at) => `a${at}: &a${at} [${at === 0 ? "x" : Array(10).fill(`*a${at - 1}`)}]`).join(
  "\n",
);
/** A text with a signature that is over something else: for what is refused before it is looked at. */
const clearSigned = (text: string): string => `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${text}\n${pgpSignature}`;

type Row = readonly [path: string, member: unknown, status: number, message: RegExp];

const table: Readonly<Record<string, readonly Row[]>> = {
  hashedrekord: [
    ["kind", "nothing", 400, /^error processing entry: .*nothing.*this log accepts hashedrekord 0\.0\.1/],
    ["apiVersion", "0.0.9", 400, /^error processing entry: .*0\.0\.9/],
    ["apiVersion", "one", 422, /apiVersion in body should match a semantic version/],
    ["kind", remove, 422, /^kind in body is required$/],
    ["spec", remove, 422, /^spec in body is required$/],
    ["extra", 1, 400, /extra/],
    ["spec.data", remove, 400, /data/],
    ["spec.data.hash.algorithm", "md5", 400, /md5/],
    ["spec.data.hash.value", "00", 400, /value|digest|hash/],
    ["spec.data.hash.value", zeroes, 400, /signature does not verify/],
    ["spec.signature.content", "!", 400, /base64/],
    ["spec.signature.content", b64(""), 400, /signature/],
    ["spec.signature.publicKey.content", b64("no pem"), 400, /PEM|verifier|key/],
    ["spec.signature.publicKey.content", otherKey, 400, /signature does not verify/],
  ],
  dsse: [
    ["spec.proposedContent", remove, 400, /proposedContent/],
    ["spec.proposedContent.envelope", "{}", 400, /envelope|payload/i],
    ["spec.proposedContent.envelope", "{", 400, /JSON/],
    ["spec.proposedContent.verifiers", [], 400, /verifiers/],
    ["spec.proposedContent.verifiers", [otherKey], 400, /signature/],
    ["spec.envelopeHash", { algorithm: "sha256", value: zeroes }, 400, /envelopeHash/],
  ],
  "intoto 0.0.1": [
    ["spec.content", remove, 400, /content/],
    ["spec.content.envelope", "{}", 400, /envelope/],
    ["spec.publicKey", otherKey, 400, /signature/],
    ["spec.publicKey", b64("x"), 400, /PEM|verifier|key/],
  ],
  "intoto 0.0.2": [
    ["spec.content.hash", remove, 400, /hash/],
    ["spec.content.hash.value", "00", 400, /no SHA-256 in hexadecimal/],
    ["spec.content.envelope.payload", b64("not base64!"), 400, /payload cannot be read/],
    ["spec.content.envelope.payload", b64(b64("other")), 400, /signature/],
    ["spec.content.envelope.payloadType", "", 400, /payload type is empty/],
    ["spec.content.envelope.signatures", [], 400, /0 signatures, 1 to 64 are read/],
  ],
  "rekord x509": [
    ["spec.data.content", remove, 400, /content/],
    ["spec.data.content", b64("other"), 400, /signature does not verify over the content/],
    ["spec.data.hash", { algorithm: "sha256", value: zeroes }, 400, /data\.hash is .*the content's is sha256:/],
    ["spec.data.url", "http://example", 400, /url/],
    ["spec.signature.format", "carrier pigeon", 400, /format "carrier pigeon" is not supported/],
    ["spec.signature.publicKey.content", otherKey, 400, /signature does not verify over the content/],
  ],
  "rekord ssh": [
    ["spec.data.content", b64("other"), 400, /signature does not verify over the content/],
    ["spec.signature.content", b64("x"), 400, /SSH|PEM/],
    [
      "spec.signature.content",
      b64("-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAv////8=\n-----END SSH SIGNATURE-----\n"),
      400,
      /not of version 1/,
    ],
    [
      "spec.signature.content",
      b64("-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----\n"),
      400,
      /ends early/,
    ],
    ["spec.signature.publicKey.content", b64("ssh-dss AAAAB3NzaC1kc3M="), 400, /ssh-dss/],
    ["spec.signature.publicKey.content", b64(`ssh-ed25519 ${"A".repeat(66_000)}`), 400, /at most 65536 are read/],
  ],
  "rekord minisign": [
    ["spec.data.content", b64("other"), 400, /signature does not verify over the content/],
    ["spec.signature.content", b64("untrusted comment: x\nAAAA"), 400, /minisign/],
    ["spec.signature.publicKey.content", b64("RWQ="), 400, /minisign/],
  ],
  "rekord pgp": [
    ["spec.data.content", b64("other"), 400, /OpenPGP signature by [0-9a-f]{16}: it does not verify over the content/],
    ["spec.signature.content", b64("x"), 400, /OpenPGP data: no packet begins/],
    [
      "spec.signature.content",
      b64("-----BEGIN PGP MESSAGE-----\n\nwg==\n-----END PGP MESSAGE-----"),
      400,
      /expected "PGP SIGNATURE"/,
    ],
    ["spec.signature.content", b64(Uint8Array.of(0xc2, 3, 3, 0, 0)), 400, /signatures of version 3/],
    ["spec.signature.content", b64(Uint8Array.of(0xc2, 0xff, 0x7f, 0xff, 0xff, 0xff)), 400, /packet ends early/],
    ["spec.signature.publicKey.content", b64("no key"), 400, /no packet begins/],
    ["spec.signature.publicKey.content", b64(Uint8Array.of(0xc6, 9, 4, 0, 0, 0, 0, 1, 0xff, 0xff, 1)), 400, /65535 bits/],
    ["spec.signature.publicKey.content", b64(new Uint8Array(300_000)), 400, /at most 262144/],
    [
      "spec.signature.publicKey.content",
      b64("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxg==\n-----END PGP PRIVATE KEY BLOCK-----"),
      400,
      /"PGP PRIVATE KEY BLOCK"/,
    ],
    ["spec.signature.publicKey.content", otherPgpKey, 400, /no key of that id in the ring may sign/],
  ],
  helm: [
    ["spec.chart", remove, 400, /chart/],
    ["spec.chart.provenance.content", b64("no provenance"), 400, /no line "-----BEGIN PGP SIGNED MESSAGE-----"/],
    ["spec.chart.provenance.content", b64(clearSigned("a: b\n")), 400, /no line "\.\.\."/],
    ["spec.chart.provenance.content", b64(clearSigned("a: b\n\n...\nfiles: {}\n")), 400, /names no file/],
    ["spec.chart.provenance.content", b64(clearSigned("a: b\n\n...\nfiles:\n  a: md5:00\n")), 400, /hash "md5:00"/],
    ["spec.chart.provenance.content", b64(clearSigned("a: b\n\n...\nfiles: [\n")), 400, /no YAML/],
    ["spec.chart.provenance.content", b64(clearSigned(`a: b\n\n...\n${yamlBomb}\n`)), 400, /no YAML/],
    ["spec.chart.provenance.content", b64(clearSigned(`a: b\n\n...\n${"[".repeat(20_000)}\n`)), 400, /at most 4096/],
    ["spec.chart.provenance.content", b64(clearSigned(`a: b\n\n...\n${"[".repeat(4000)}\n`)), 400, /no YAML/],
    ["spec.chart.provenance.content", b64("x".repeat(140_000)), 400, /at most 131072/],
    ["spec.publicKey.content", otherPgpKey, 400, /no key of that id in the ring may sign/],
  ],
  alpine: [
    ["spec.package.content", b64("no package"), 400, /no gzip data begins/],
    ["spec.package.content", b64(apk.subarray(0, 60)), 400, /no gzip data of at most 1048576 bytes/],
    ["spec.package.content", b64(gzipSync(new Uint8Array(2_000_000))), 400, /no gzip data of at most 1048576 bytes/],
    ["spec.package.content", b64(concatBytes(gzipSync("x"), gzipSync("x"))), 400, /no tar archive/],
    ["spec.package.content", b64(concatBytes(gzipSync("x"), gzipSync(""))), 400, /no \.PKGINFO/],
    ["spec.package.content", b64(apkOf("datahash = 00\n")), 400, /has the datahash "00", its files have [0-9a-f]{64}/],
    ["spec.package.content", b64(apkOf("no equals\n")), 400, /has the line "no equals"/],
    ["spec.package.content", b64(apkOf("a = b \\\n")), 400, /over several lines/],
    ["spec.package.content", b64(apkOf(`datahash = ${noData}\n`)), 400, /first part has no signature/],
    [
      "spec.package.content",
      b64(Uint8Array.from(apk, (octet, at) => (at === apk.length - 1 ? octet ^ 1 : octet))),
      400,
      /datahash/,
    ],
    ["spec.package.hash", { algorithm: "sha256", value: zeroes }, 400, /package\.hash is .* the content's is sha256:/],
    ["spec.publicKey.content", otherRsaKey, 400, /signature does not verify over the package's description/],
    ["spec.publicKey.content", otherKey, 400, /its key is of type ecdsa-p256/],
  ],
  jar: [
    ["spec.archive.content", b64("no archive"), 400, /no directory ends it/],
    ["spec.archive.content", b64(sampleZip([])), 400, /no META-INF\/MANIFEST\.MF/],
    ["spec.archive.content", b64(jarWith("META-INF/MANIFEST.MF")), 400, /no META-INF\/MANIFEST\.MF/],
    ["spec.archive.content", b64(jarWith("META-INF/JO.EC")), 400, /1 signature files and 0 signatures/],
    ["spec.archive.content", b64(jarWith("META-INF/JO.SF")), 400, /0 signature files and 1 signatures/],
    ["spec.archive.content", b64(jarWith("META-INF/A.SF", "x")), 400, /2 signature files and 1 signatures/],
    ["spec.archive.content", b64(jarWith("a/B.class")), 400, /"a\/B\.class" is in the manifest and not in the archive/],
    ["spec.archive.content", b64(jarWith("a/B.class", "other")), 400, /digest of the file "a\/B\.class" is/],
    [
      "spec.archive.content",
      b64(jarWith("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n")),
      400,
      /digest of the manifest is/,
    ],
    ["spec.archive.content", b64(jarWith("META-INF/MANIFEST.MF", "x: y")), 400, /not ended by an empty line/],
    [
      "spec.archive.content",
      b64(jarWith("META-INF/JO.SF", "a: b\r\n\r\n")),
      400,
      /digest in its signature is not that of the signature file/,
    ],
    ["spec.archive.content", b64(jarWith("META-INF/JO.EC", "x")), 400, /signature block cannot be used/],
    [
      "spec.archive.content",
      b64(jarWith("META-INF/JO.EC", Uint8Array.of(0x30, 0x84, 0x7f, 255, 255, 255))),
      400,
      /signature block cannot be used/,
    ],
    ["spec.archive.content", b64(jarWith("META-INF/BIG.TXT", new Uint8Array(1_100_000))), 400, /1100000 bytes, at most 1048576/],
    ["spec.archive.content", b64(zipBomb), 400, /longer than are read here/],
    ["spec.archive.hash", { algorithm: "sha256", value: zeroes }, 400, /archive\.hash is/],
  ],
  rpm: [
    ["spec.package.content", b64("no package"), 400, /does not begin with edabeedb/],
    ["spec.package.content", b64(rpm.subarray(0, 100)), 400, /ends before its header/],
    [
      "spec.package.content",
      b64(Uint8Array.from(rpm, (octet, at) => (at === 104 ? 0x7f : octet))),
      400,
      /has \d+ tags, at most 16384/,
    ],
    ["spec.package.content", b64(Uint8Array.from(rpm, (octet, at) => (at === 108 ? 0x7f : octet))), 400, /header is cut off/],
    [
      "spec.package.content",
      b64(Uint8Array.from(rpm, (octet, at) => (at === rpm.length - 1 ? octet ^ 1 : octet))),
      400,
      /sha256 of its payload is/,
    ],
    [
      "spec.package.content",
      b64(Uint8Array.from(rpm, (octet, at) => (at === rpm.indexOf("sample") ? 0x53 : octet))),
      400,
      /sha256 of its header is/,
    ],
    ["spec.package.content", b64(await sampleRpm(async () => [])), 400, /no OpenPGP signature/],
    ["spec.package.content", b64(await sampleRpm(async () => [[268, "text"]])), 400, /tag 268 has type 6/],
    ["spec.package.content", b64(await sampleRpm(async () => [[268, Uint8Array.of(0xc2, 1, 3)]])), 400, /version 3/],
    ["spec.publicKey.content", otherPgpKey, 400, /no such key is in the ring/],
    ["spec.publicKey.content", b64("x"), 400, /no packet begins/],
  ],
  cose: [
    ["spec.data", remove, 400, /data/],
    ["spec.data.aad", b64("more"), 400, /signature does not verify/],
    ["spec.message", b64(Uint8Array.of(0xd2, 0x84)), 400, /cose/],
    ["spec.message", b64(new Uint8Array(100).fill(0x81)), 400, /cose/],
    ["spec.message", b64(Uint8Array.of(0xd2, 0x84, 0x5b, 0x7f, 255, 255, 255, 255, 255, 255, 255)), 400, /cose/],
    ["spec.publicKey", otherKey, 400, /signature does not verify/],
  ],
  rfc3161: [
    ["spec.tsr", remove, 400, /tsr/],
    ["spec.tsr.content", b64("x"), 400, /rfc3161/],
    ["spec.tsr.content", b64(new Uint8Array(10 * 1024 + 1)), 400, /at most 10240/],
    ["spec.tsr.content", b64(Uint8Array.of(0x30, 5, 0x30, 3, 2, 1, 2)), 400, /status 2/],
    ["spec.tsr.content", b64(Uint8Array.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff)), 400, /rfc3161/],
  ],
  tuf: [
    ["spec.root", remove, 400, /root/],
    ["spec.metadata.content", "!", 400, /base64/],
    ["spec.metadata.content.signed._type", "mirrors", 400, /mirrors/],
    ["spec.metadata.content.signed.version", 9, 400, /tuf/],
    ["spec.root.content.signed.version", 9, 400, /tuf/],
  ],
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

describe("POST /api/v1/log/entries", () => {
  let directory = "";
  let server: Server;
  let service: Service;
  let samples: ReadonlyMap<string, SampleProposal>;

  before(async () => {
    samples = await sampleProposals();
    directory = await mkdtemp(join(tmpdir(), "sigillum-malformed-"));
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const shard = await openRekorV1Shard({
      directory: join(directory, "v1"),
      hostname: "rekor.example",
      treeId: 1n,
      signer: createSigner(privateKey.export({ type: "pkcs8", format: "der" })),
      clock: { nowMs: () => 1_767_225_600_000 },
      logger: silentLogger,
    });
    service = createRekorV1({
      shards: [shard],
      entryTypes,
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
    });
    const [listener] = service.listeners;
    assert.ok(listener !== undefined);
    server = createServer(listener.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await service.close();
    await rm(directory, { recursive: true, force: true });
  });

  const post = (body: string | Uint8Array): Promise<Answer> => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const outgoing = httpRequest(
        { host: "127.0.0.1", port, path: "/api/v1/log/entries", method: "POST", headers },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (part: string) => {
            text += part;
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  };
  const changed = (name: string, path: string, member: unknown): string => {
    const copy = JSON.parse(JSON.stringify(samples.get(name)));
    const names = path.split(".");
    let at = copy;
    for (const part of names.slice(0, -1)) at = at[part];
    if (member === remove) delete at[names.at(-1) ?? ""];
    else at[names.at(-1) ?? ""] = member;
    return JSON.stringify(copy);
  };

  for (const [name, rows] of Object.entries(table)) {
    test(`${name}: a valid proposal is 201, and each malformed one has its status and message`, async () => {
      const valid = await post(JSON.stringify(samples.get(name)));
      assert.equal(valid.status, 201, valid.text);
      for (const [path, member, status, message] of rows) {
        const answer = await post(changed(name, path, member));
        const what = `${name}: ${path} = ${String(JSON.stringify(member === remove ? "removed" : member)).slice(0, 60)}: ${answer.text}`;
        assert.equal(answer.status, status, what);
        const reply = JSON.parse(answer.text) as { code: number; message: string };
        assert.match(reply.message, message, what);
        assert.ok(status === 422 || reply.code === status, what);
        assert.ok(answer.headers["x-error-code"]?.toString().startsWith("REKOR_V1_"), what);
      }
    });
  }

  test("a body over the limit is 413 and names the limit", async () => {
    const answer = await post(new Uint8Array(maxRequestBytes + 1).fill(0x20));
    assert.equal(answer.status, 413, answer.text);
    assert.match(answer.text, new RegExp(String(maxRequestBytes)));
  });

  test("an entry whose stored form has over 65,535 bytes is a 400 that says so", async () => {
    const answer = await post(changed("intoto 0.0.2", "spec.content.envelope.signatures.0.keyid", "k".repeat(66_000)));
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, /has \d+ bytes, at most 65535 fit/);
    assert.equal(answer.headers["x-error-code"], "REKOR_V1_ENTRY_TOO_LARGE");
  });

  test("no body holds up the loop or raises a 500: deep nesting, long strings, many members, numbers without end", async () => {
    const sample = JSON.stringify(samples.get("hashedrekord"));
    const bodies = [
      "[".repeat(1_000_000),
      `{"a":`.repeat(200_000),
      `{"kind":"hashedrekord","apiVersion":"0.0.1","spec":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `{${Array.from({ length: 100_000 }, (_, at) => `"k${at}":0`).join(",")}}`,
      `{"kind":"${"x".repeat(3_000_000)}","apiVersion":"0.0.1","spec":{}}`,
      sample.replace("0.0.1", `0.0.1${"0".repeat(100_000)}`),
      sample.replace(/"value":"[0-9a-f]+"/, `"value":${"9".repeat(500_000)}`),
      `${sample}${sample}`,
      sample.replace('"spec"', '"spec":{},"spec"'),
      "\ufeff{}",
      "",
      "null",
    ];
    for (const body of bodies) {
      const begun = process.cpuUsage();
      const answer = await post(body);
      const { user, system } = process.cpuUsage(begun);
      assert.ok(
        answer.status >= 400 && answer.status < 500,
        `${answer.status} for ${body.slice(0, 60)}: ${answer.text.slice(0, 200)}`,
      );
      assert.ok(answer.text.length < 4000, "the answer does not repeat what was sent");
      assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms of processor for ${body.slice(0, 60)}`);
    }
    assert.equal((await post(sample)).status, 201);
  });
});
