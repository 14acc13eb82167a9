// Signed packages made afresh, the smallest of their kind, as proposals of the sample hold them. The service does not use it.
import { createHash, type KeyObject, sign } from "node:crypto";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import {
  concatBytes,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTagged,
  encodeBase64,
  encodeUtf8,
} from "@sigillum/library/encoding";
import type { Certificate } from "@sigillum/library/x509";

/** Files by their names. */
export type SampleFiles = readonly (readonly [name: string, content: Uint8Array])[];

/** A tar archive without the empty blocks at its end, as the first parts of an apk are. */
export function sampleTar(files: SampleFiles): Uint8Array {
  return concatBytes(
    ...files.flatMap(([name, content]) => {
      const header = Buffer.alloc(512);
      header.write(name, 0);
      header.write("0000644\0", 100);
      header.write(content.length.toString(8).padStart(11, "0"), 124);
      header.write("        0ustar\x0000", 148);
      const sum = header.reduce((total, octet) => total + octet, 0);
      header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      return [new Uint8Array(header), content, new Uint8Array((512 - (content.length % 512)) % 512)];
    }),
  );
}

/** A package of Alpine Linux. */
export function sampleApk(rsa: KeyObject, extraInfo = ""): Uint8Array {
  const data = new Uint8Array(gzipSync(sampleTar([["usr/share/x", encodeUtf8("x")]])));
  const datahash = createHash("sha256").update(data).digest("hex");
  const info = `# made by a test\npkgname = sample\npkgver = 1.0-r0 # comment\npkgdesc = "a sample"\n${extraInfo}datahash = ${datahash}\n`;
  const control = new Uint8Array(gzipSync(sampleTar([[".PKGINFO", encodeUtf8(info)]])));
  const signature = sampleTar([[".SIGN.RSA.jo.rsa.pub", new Uint8Array(sign("sha1", control, rsa))]]);
  return concatBytes(new Uint8Array(gzipSync(signature)), control, data);
}

/** A ZIP archive; every second small file is stored as it is. */
export function sampleZip(files: SampleFiles): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [index, [name, content]] of files.entries()) {
    const isDeflated = index % 2 === 0 || content.length > 4096;
    const packed = isDeflated ? new Uint8Array(deflateRawSync(content)) : content;
    const common = concatBytes(
      u16(20, 0, isDeflated ? 8 : 0, 0, 0),
      u32(crc32(content), packed.length, content.length),
      u16(Buffer.byteLength(name), 0),
    );
    const local = concatBytes(u32(0x04034b50), common, encodeUtf8(name), packed);
    directory.push(u32(0x02014b50), u16(20), common, u16(0, 0, 0), u32(0, at), encodeUtf8(name));
    parts.push(local);
    at += local.length;
  }
  const central = concatBytes(...directory);
  const end = concatBytes(u32(0x06054b50), u16(0, 0, files.length, files.length), u32(central.length, at), u16(0));
  return concatBytes(...parts, central, end);
}

function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 255, value >> 8]));
}

function u32(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]));
}

/** The files of a signed JAR; the signature file is the usual one where none is given. */
export function sampleJarFiles(
  certificate: Certificate,
  key: KeyObject,
  files: SampleFiles = [["a/B.class", encodeUtf8("class")]],
  givenSignatureFile?: Uint8Array,
): Map<string, Uint8Array> {
  const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64");
  const sections = files.map(([name, content]) => `Name: ${name}\r\nSHA-256-Digest: ${hash(content)}\r\n\r\n`);
  const manifest = encodeUtf8(`Manifest-Version: 1.0\r\n\r\n${sections.join("")}`);
  const signatureFile =
    givenSignatureFile ?? encodeUtf8(`Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: ${hash(manifest)}\r\n\r\n`);
  return new Map([
    ["META-INF/MANIFEST.MF", manifest],
    ["META-INF/JO.SF", signatureFile],
    ["META-INF/JO.EC", sampleSignatureBlock(certificate, key, signatureFile)],
    ...files,
  ]);
}

/** A SignedData over a file that is not in it. */
export function sampleSignatureBlock({ issuer, serial, der }: Certificate, key: KeyObject, content: Uint8Array): Uint8Array {
  const sha256 = derSequence(derOid("2.16.840.1.101.3.4.2.1"), derNull());
  const data = derOid("1.2.840.113549.1.7.1");
  const digest = new Uint8Array(createHash("sha256").update(content).digest());
  const attributes = [
    derSequence(derOid("1.2.840.113549.1.9.3"), derSetOf(data)),
    derSequence(derOid("1.2.840.113549.1.9.4"), derSetOf(derOctetString(digest))),
  ];
  const signature = new Uint8Array(sign("sha256", derSetOf(...attributes), key));
  const signer = derSequence(
    derInteger(1),
    derSequence(issuer, derInteger(serial)),
    sha256,
    derTagged(0xa0, derSetOf(...attributes).subarray(2)),
    derSequence(derOid("1.2.840.10045.4.3.2")),
    derOctetString(signature),
  );
  const signed = derSequence(derInteger(1), derSetOf(sha256), derSequence(data), derTagged(0xa0, der), derSetOf(signer));
  return derSequence(derOid("1.2.840.113549.1.7.2"), derTagged(0xa0, signed));
}

/** A value in a header of RPM: octets, a text or a number. */
export type RpmValue = Uint8Array | string | number;

/** A header of RPM. */
export function sampleRpmHeader(values: readonly (readonly [tag: number, value: RpmValue])[]): Uint8Array {
  const index: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  let at = 0;
  for (const [tag, value] of values) {
    const [type, count, bytes] =
      typeof value === "number"
        ? [4, 1, be32(value)]
        : typeof value === "string"
          ? [6, 1, encodeUtf8(`${value}\0`)]
          : [7, value.length, value];
    const padding = type === 4 ? (4 - (at % 4)) % 4 : 0;
    index.push(be32(tag, type, at + padding, count));
    data.push(new Uint8Array(padding), bytes);
    at += padding + bytes.length;
  }
  return concatBytes(be32(0x8eade801, 0, values.length, at), ...index, ...data);
}

function be32(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]));
}

/** An RPM of a general header and a payload; `signatures` makes the signature header's values of both. */
export async function sampleRpm(
  signatures: (header: Uint8Array, payload: Uint8Array) => Promise<readonly (readonly [tag: number, value: RpmValue])[]>,
): Promise<Uint8Array> {
  const payload = encodeUtf8("the payload");
  const header = sampleRpmHeader([
    [1000, "sample"],
    [1001, "1.0"],
    [1002, "1"],
    [1003, 2],
    [1022, "noarch"],
    [5092, createHash("sha256").update(payload).digest("hex")],
    [5093, 8],
  ]);
  const sha256 = createHash("sha256").update(header).digest("hex");
  const md5 = new Uint8Array(createHash("md5").update(header).update(payload).digest());
  const signature = sampleRpmHeader([[273, sha256], [1004, md5], ...(await signatures(header, payload))]);
  // The data of the signature header is padded to 8 octets.
  const padding = new Uint8Array((8 - (signature.length % 8)) % 8);
  return concatBytes(be32(0xedabeedb), new Uint8Array(92), signature, padding, header, payload);
}

/** A proposal's base64 of octets. */
export function sampleContent(bytes: Uint8Array): { readonly content: string } {
  return { content: encodeBase64(bytes) };
}
