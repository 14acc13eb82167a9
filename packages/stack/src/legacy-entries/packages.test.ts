import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { before, describe, test } from "node:test";
import { gzipSync, inflateRawSync } from "node:zlib";
import { concatBytes, encodeBase64, encodePem, encodeUtf8, JsonObject } from "@sigillum/library/encoding";
import {
  jarFiles,
  sampleApk,
  sampleClearSigned,
  samplePgpBinarySignature,
  samplePgpKey,
  sampleRpm,
  sampleZip,
} from "../samples/index.ts";
import { type EntryTools, type PreparedBody, prepareLegacyEntry } from "./index.ts";

const b64 = (value: Uint8Array | string): string => encodeBase64(typeof value === "string" ? encodeUtf8(value) : value);
const hex = (value: Uint8Array | string): string => createHash("sha256").update(value).digest("hex");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

// What rekor-v1 hands over, in short: a member's end is found by its octets.
const tools: EntryTools = {
  inflateRaw(bytes, maxBytes) {
    try {
      const told: unknown = inflateRawSync(bytes, { maxOutputLength: Math.max(1, maxBytes), info: true });
      const { buffer, engine } = told as { buffer: Buffer; engine: { bytesWritten: number } };
      return { output: new Uint8Array(buffer), consumed: engine.bytesWritten };
    } catch {
      return undefined;
    }
  },
};

async function prepare(kind: string, spec: unknown): Promise<PreparedBody> {
  const proposal = JsonObject.exact(JSON.parse(JSON.stringify({ kind, apiVersion: "0.0.1", spec })), "proposed entry");
  const prepared = await prepareLegacyEntry(proposal, tools);
  assert.ok(prepared !== undefined);
  return prepared;
}

const refused = (kind: string, spec: unknown, code: string): Promise<void> => assert.rejects(prepare(kind, spec), { code });
/** One octet changed, counted from the end. */
const spoiled = (bytes: Uint8Array, fromEnd = 1): Uint8Array => bytes.with(bytes.length - fromEnd, (bytes.at(-fromEnd) ?? 0) ^ 1);

type Key = Awaited<ReturnType<typeof samplePgpKey>>;

describe("packages", () => {
  let pgp: Key;
  let other: Key;
  before(async () => {
    [pgp, other] = await Promise.all([samplePgpKey(), samplePgpKey()]);
  });

  test("rekord with a pgp key stores key and signature armored, and is found by the key, its addresses and the content", async () => {
    const content = encodeUtf8("the content");
    const signature = await samplePgpBinarySignature(pgp.privateKey, content);
    const spec = (over: Uint8Array, by: Uint8Array, key = pgp): unknown => ({
      data: { content: b64(over) },
      signature: { format: "pgp", content: b64(by), publicKey: { content: b64(key.armored) } },
    });
    const { body, searchKeys } = await prepare("rekord", spec(content, signature));
    const stored = JSON.parse(text(body)).spec.signature;
    const key = Buffer.from(stored.publicKey.content, "base64").toString();
    assert.match(key, /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n/);
    assert.match(Buffer.from(stored.content, "base64").toString(), /^-----BEGIN PGP SIGNATURE-----\n\n/);
    assert.deepEqual(searchKeys, [hex(key), "jo@example.org", `sha256:${hex(content)}`]);
    await refused("rekord", spec(encodeUtf8("other"), signature), "OPENPGP_SIGNATURE_INVALID");
    await refused("rekord", spec(content, spoiled(signature)), "OPENPGP_SIGNATURE_INVALID");
    await refused("rekord", spec(content, signature, other), "OPENPGP_SIGNER_UNKNOWN");
  });

  test("alpine stores the description, and refuses a signature by another key or over another description", async () => {
    const [rsa, second] = [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ];
    const apk = sampleApk(rsa.privateKey, 'url = "https://a.example/#x"\ndepend = a\ndepend = b\n');
    const pem = (key: typeof rsa): string => String(key.publicKey.export({ type: "spki", format: "pem" }));
    const spec = (bytes: Uint8Array, key = rsa): unknown => ({
      package: { content: b64(bytes) },
      publicKey: { content: b64(pem(key)) },
    });
    const { body, searchKeys } = await prepare("alpine", spec(apk));
    const { hash, pkginfo } = JSON.parse(text(body)).spec.package;
    assert.deepEqual(hash, { algorithm: "sha256", value: hex(apk) });
    const { datahash, ...rest } = pkginfo;
    assert.match(datahash, /^[0-9a-f]{64}$/);
    // The INI reader that Rekor uses ends a value where a comment begins, inside of quotes too.
    assert.deepEqual(rest, { pkgname: "sample", pkgver: "1.0-r0", pkgdesc: "a sample", url: '"https://a.example/', depend: "b" });
    assert.deepEqual(searchKeys, [hex(pem(rsa)), `sha256:${hex(apk)}`]);
    await refused("alpine", spec(apk, second), "LEGACY_SIGNATURE_INVALID");
    const data = new Uint8Array(gzipSync("other data"));
    const foreign = sampleApk(second.privateKey);
    await refused("alpine", spec(foreign), "LEGACY_SIGNATURE_INVALID");
    await refused("alpine", spec(concatBytes(apk, data)), "LEGACY_ENTRY_MALFORMED");
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await refused("alpine", spec(apk, ec), "LEGACY_ENTRY_UNSUPPORTED");
  });

  test("helm stores the chart's hash and the signature, and refuses a text that was changed", async () => {
    const provenance = (hash: string): string => `name: a\n\n...\nfiles:\n  a-1.tgz: sha256:${hash}\n`;
    const signed = await sampleClearSigned(pgp.privateKey, provenance("ab".repeat(32)));
    const spec = (prov: string, key = pgp): unknown => ({
      chart: { provenance: { content: b64(prov) } },
      publicKey: { content: b64(key.armored) },
    });
    const { body, searchKeys } = await prepare("helm", spec(signed));
    const { chart } = JSON.parse(text(body)).spec;
    assert.deepEqual(chart.hash, { algorithm: "sha256", value: "ab".repeat(32) });
    assert.match(Buffer.from(chart.provenance.signature.content, "base64").toString(), /^-----BEGIN PGP SIGNATURE-----\n\n/);
    assert.deepEqual(searchKeys.slice(1), ["jo@example.org", `sha256:${"ab".repeat(32)}`]);
    await refused("helm", spec(signed.replace("abab", "abac")), "OPENPGP_SIGNATURE_INVALID");
    await refused("helm", spec(signed, other), "OPENPGP_SIGNER_UNKNOWN");
  });

  test("jar stores the signature block and its certificate, and refuses a signature that does not verify", async () => {
    const files = await jarFiles(generateKeyPairSync("ec", { namedCurve: "P-256" }));
    const block = files.get("META-INF/JO.EC") ?? new Uint8Array(0);
    const withFile = (name: string, content: Uint8Array): Uint8Array => sampleZip([...new Map(files).set(name, content)]);
    const spec = (bytes: Uint8Array): unknown => ({ archive: { content: b64(bytes) } });
    const jar = sampleZip([...files]);
    const { body, searchKeys } = await prepare("jar", spec(jar));
    const pkcs7 = encodePem("PKCS7", block);
    const { archive, signature } = JSON.parse(text(body)).spec;
    assert.deepEqual([archive.hash.value, signature.content], [hex(jar), b64(pkcs7)]);
    assert.match(Buffer.from(signature.publicKey.content, "base64").toString(), /^-----BEGIN CERTIFICATE-----\n/);
    assert.deepEqual(searchKeys, [hex(pkcs7), `sha256:${hex(jar)}`]);
    // The last octet of the block is the last of the signature's second number.
    await refused("jar", spec(withFile("META-INF/JO.EC", spoiled(block))), "LEGACY_SIGNATURE_INVALID");
    await refused("jar", spec(withFile("META-INF/JO.SF", encodeUtf8("a: b\r\n\r\n"))), "LEGACY_SIGNATURE_INVALID");
    await refused("jar", spec(withFile("a/B.class", encodeUtf8("other"))), "LEGACY_ENTRY_MALFORMED");
  });

  test("jar takes a signature file that has digests of sections alone, and holds each against the manifest", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const good = await jarFiles(pair);
    const manifest = text(good.get("META-INF/MANIFEST.MF") ?? new Uint8Array(0));
    const cut = manifest.indexOf("\r\n\r\n") + 4;
    const sha = (part: string): string => createHash("sha256").update(part).digest("base64");
    const main = `Signature-Version: 1.0\r\nSHA-256-Digest-Manifest-Main-Attributes: ${sha(manifest.slice(0, cut))}\r\n\r\n`;
    const section = (digest: string, name = "a/B.class"): string => `Name: ${name}\r\nSHA-256-Digest: ${digest}\r\n\r\n`;
    const signed = async (signatureFile: string): Promise<unknown> => {
      const files = await jarFiles(pair, undefined, encodeUtf8(signatureFile));
      return { archive: { content: b64(sampleZip([...files])) } };
    };
    await prepare("jar", await signed(main + section(sha(manifest.slice(cut)))));
    await refused("jar", await signed(main + section(sha("other"))), "LEGACY_ENTRY_MALFORMED");
    await refused("jar", await signed(main + section(sha(manifest.slice(cut)), "b")), "LEGACY_ENTRY_MALFORMED");
    await refused("jar", await signed("Signature-Version: 1.0\r\n\r\n"), "LEGACY_ENTRY_MALFORMED");
    const many = ["SHA256", "SHA-256", "S-HA256", "SH-A256", "SHA2-56"].map(
      (name) => `${name}-Digest-Manifest: ${sha(manifest)}\r\n`,
    );
    await prepare("jar", await signed(`Signature-Version: 1.0\r\n${many.slice(1).join("")}\r\n`));
    await refused("jar", await signed(`Signature-Version: 1.0\r\n${many.join("")}\r\n`), "LEGACY_ENTRY_MALFORMED");
    await refused("jar", await signed(`Signature-Version: 1.0\r\nMD5-Digest-Manifest: x\r\n\r\n`), "LEGACY_ENTRY_UNSUPPORTED");
  });

  test("rpm stores name, epoch, version, release, architecture and MD5, and refuses any signature that does not verify", async () => {
    const by = (key: Key, tags: readonly number[]): Promise<Uint8Array> =>
      sampleRpm(async (header, payload) =>
        Promise.all(
          tags.map(async (tag) => {
            const signed = tag < 1000 ? header : concatBytes(header, payload);
            return [tag, await samplePgpBinarySignature(key.privateKey, signed)] as const;
          }),
        ),
      );
    const rpm = await by(pgp, [268, 1002]);
    const spec = (bytes: Uint8Array, key = pgp): unknown => ({
      package: { content: b64(bytes) },
      publicKey: { content: b64(key.armored) },
    });
    const { body, searchKeys } = await prepare("rpm", spec(rpm));
    const { headers, hash } = JSON.parse(text(body)).spec.package;
    const { RPMSIGTAG_MD5: md5, ...names } = headers;
    assert.match(md5, /^[0-9a-f]{32}$/);
    assert.deepEqual(names, { Name: "sample", Epoch: "2", Version: "1.0", Release: "1", Architecture: "noarch" });
    assert.deepEqual([hash.value, searchKeys.slice(1)], [hex(rpm), ["jo@example.org", `sha256:${hex(rpm)}`]]);
    await prepare("rpm", spec(await by(pgp, [1005])));
    await refused("rpm", spec(rpm, other), "OPENPGP_SIGNER_UNKNOWN");
    for (const wrong of [268, 267, 1002, 1005]) {
      const bad = await sampleRpm(async () => [
        [wrong, await samplePgpBinarySignature(pgp.privateKey, encodeUtf8("something else"))],
      ]);
      await refused("rpm", spec(bad), "OPENPGP_SIGNATURE_INVALID");
    }
    const trailing = await sampleRpm(async (header) => {
      const signature = await samplePgpBinarySignature(pgp.privateKey, header);
      return [[268, concatBytes(signature, signature)]];
    });
    await refused("rpm", spec(trailing), "OPENPGP_MALFORMED");
  });
});
