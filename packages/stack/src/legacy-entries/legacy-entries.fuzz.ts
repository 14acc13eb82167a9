// The parsers inside of packages, which a changed package seldom reaches: its checksums are looked at first.
import { generateKeyPairSync } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { createSigner } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import type { FuzzTarget } from "@sigillum/library/testing";
import { createTimestampChain } from "../keyring/index.ts";
import { sampleJarFiles, sampleRpm, sampleTar, sampleZip } from "../samples/index.ts";
import { parsePackageInfo } from "./alpine.ts";
import { readGzipMember } from "./archive-readers.ts";
import { chartHashOf } from "./helm.ts";
import { parseManifest, verifyDigests } from "./jar-manifest.ts";
import { verifySignatureBlock } from "./jar-signature.ts";
import type { InflateRaw } from "./prepared.ts";
import { parseRpm } from "./rpm-header.ts";
import { latin1, ZipArchive } from "./zip.ts";

const inflateRaw: InflateRaw = (bytes, maxBytes) => {
  try {
    const output = new Uint8Array(inflateRawSync(bytes, { maxOutputLength: Math.max(maxBytes, 1) }));
    return output.length > maxBytes ? undefined : { output, consumed: bytes.length - 8 };
  } catch {
    return undefined;
  }
};

/** The readers. */
export async function targets(): Promise<FuzzTarget[]> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = createSigner(privateKey.export({ type: "pkcs8", format: "der" }));
  const names = { organization: "example", rootName: "root", name: "jar", startMs: Date.UTC(2026, 0, 1) };
  const [certificate] = await createTimestampChain(names, signer, signer);
  if (certificate === undefined) throw new TypeError("there is a certificate");
  const files = sampleJarFiles(certificate, privateKey);
  const at = (name: string): Uint8Array => files.get(name) ?? new Uint8Array(0);
  const gzip = Uint8Array.from([0x1f, 0x8b, 8, 0x1c, 0, 0, 0, 0, 0, 3, 1, 0, 65, 66, 0, 67, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const info = encodeUtf8('# c\npkgname = a\npkgdesc = "b" ; c\ndatahash = 00\n');
  const readAll = (bytes: Uint8Array): void => {
    const archive = new ZipArchive(bytes, 1 << 20, inflateRaw);
    for (const entry of archive.entries) archive.read(entry);
  };
  const readHeaders = (bytes: Uint8Array): void => {
    const { signature, general } = parseRpm(bytes);
    for (const tag of [268, 269, 273, 1002, 1004, 1005]) signature.octets(tag);
    for (const tag of [1000, 1001, 1002, 1022, 5092]) general.texts(tag);
    for (const tag of [1003, 5093]) general.numbers(tag);
  };
  const readManifest = (bytes: Uint8Array): void => {
    const { main, files: sections } = parseManifest(latin1(bytes));
    for (const section of [main, ...sections.values()]) verifyDigests(section, "", bytes, "it");
  };
  return [
    { name: "gzip member", seeds: [gzip], run: (input) => readGzipMember(input, 0, 1 << 20, inflateRaw) },
    {
      name: "apk description",
      seeds: [
        sampleTar([
          ["x", info],
          [".PKGINFO", info],
        ]),
      ],
      run: parsePackageInfo,
    },
    { name: "zip", seeds: [sampleZip([...files])], run: readAll },
    { name: "jar manifest", seeds: [at("META-INF/MANIFEST.MF"), at("META-INF/JO.SF")], run: readManifest },
    {
      name: "jar signature block",
      seeds: [at("META-INF/JO.EC")],
      run: (input) => verifySignatureBlock(input, at("META-INF/JO.SF")),
    },
    { name: "rpm headers", seeds: [await sampleRpm(async () => [[268, info]])], run: readHeaders },
    { name: "helm files", seeds: [encodeUtf8(`a: b\n\n...\nfiles:\n  a.tgz: sha256:${"ab".repeat(32)}\n`)], run: chartHashOf },
  ];
}
