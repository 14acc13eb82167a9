// rpm 0.0.1: a package of RPM, signed by an OpenPGP key. Rekor pkg/types/rpm.
//
//   in:     {"package":{"content":base64,"hash"?:{…}},"publicKey":{"content":base64}}
//   stored: {"package":{"hash":{…},"headers":{"Name":…,"Epoch":…,"Version":…,"Release":…,"Architecture":…,"RPMSIGTAG_MD5"?:…}},"publicKey":{…}}
import { digest, type HashAlgorithm, sha256 } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodeHex, type JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { encodeBody } from "@sigillum/library/log-entry";
import { type KeyRing, parseKeyRing, verifyPackageSignature } from "../openpgp/index.ts";
import { legacyEntryError } from "./errors.ts";
import { normalizedKeys } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { malformed, packageContent } from "./refusals.ts";
import { parseRpm, type RpmHeader, type RpmPackage } from "./rpm-header.ts";

/** Tags of the signature header: over the general header, and over that and the payload. */
const headerSignatures = [268, 267];
const packageSignatures = [1002, 1005];
const signatureTag = { sha1: 269, sha256: 273, md5: 1004 } as const;
const tag = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  payloadDigest: 5092,
  payloadDigestAlgorithm: 5093,
} as const;
/** Hash algorithms by their numbers in OpenPGP, which RPM uses. */
const hashes: ReadonlyMap<number, HashAlgorithm> = new Map([
  [2, "sha1"],
  [8, "sha256"],
  [9, "sha384"],
  [10, "sha512"],
] as const);

/** Read and verify an rpm 0.0.1 proposal: every OpenPGP signature of the package, at least one, and the digests of header and payload. */
export async function prepareRpm(spec: JsonObject): Promise<PreparedBody> {
  spec.onlyNames(["package", "publicKey"]);
  const publicKey = spec.object("publicKey");
  publicKey.onlyNames(["content"]);
  const { content, value } = packageContent("rpm", spec, "package", ["headers"]);
  const rpm = parseRpm(content);
  verifyDigests(rpm);
  const headers = headersOf(rpm);
  const ring = await parseKeyRing(publicKey.base64("content"));
  await verifySignatures(rpm, ring);
  const body = encodeBody("rpm", "0.0.1", {
    package: { hash: { algorithm: "sha256", value }, headers },
    publicKey: { content: encodeBase64(ring.canonical) },
  });
  return { body, searchKeys: normalizedKeys([encodeHex(sha256(ring.canonical)), ...ring.emails, `sha256:${value}`]) };
}

function verifyDigests({ signature, general, payload }: RpmPackage): void {
  for (const hash of ["sha256", "sha1"] as const) {
    const expected = signature.texts(signatureTag[hash])?.[0] ?? "";
    if (expected === "") continue;
    const found = encodeHex(digest(hash, general.bytes));
    if (found !== expected) throw malformed("rpm", `the ${hash} of its header is ${found}, its signature header says otherwise`);
    break;
  }
  const expected = general.texts(tag.payloadDigest)?.[0];
  const hash = hashes.get(numberOf(general, tag.payloadDigestAlgorithm));
  if (expected === undefined || hash === undefined)
    throw legacyEntryError(
      "LEGACY_ENTRY_UNSUPPORTED",
      "Cannot accept rpm entry: its header has no digest of its payload by SHA-1 or SHA-2; packages from before RPM 4.14 are not read here",
    );
  const found = encodeHex(digest(hash, payload));
  if (found !== expected) throw malformed("rpm", `the ${hash} of its payload is ${found}, its header says otherwise`);
}

async function verifySignatures({ signature, general, payload }: RpmPackage, ring: KeyRing): Promise<void> {
  let count = 0;
  for (const number of headerSignatures) {
    const bytes = signature.octets(number);
    if (bytes === undefined) continue;
    await verifyPackageSignature(bytes, ring, general.bytes);
    count += 1;
  }
  for (const number of packageSignatures) {
    const bytes = signature.octets(number);
    if (bytes === undefined) continue;
    await verifyPackageSignature(bytes, ring, concatBytes(general.bytes, payload));
    count += 1;
  }
  if (count === 0) throw malformed("rpm", "it has no OpenPGP signature");
}

function headersOf({ signature, general }: RpmPackage): { [name: string]: JsonValue } {
  const md5 = signature.octets(signatureTag.md5);
  return {
    Name: textOf(general, tag.name, "name"),
    Epoch: String(Math.max(numberOf(general, tag.epoch), 0)),
    Version: textOf(general, tag.version, "version"),
    Release: textOf(general, tag.release, "release"),
    Architecture: textOf(general, tag.architecture, "architecture"),
    ...(md5 === undefined || md5.length === 0 ? {} : { RPMSIGTAG_MD5: encodeHex(md5) }),
  };
}

function textOf(header: RpmHeader, number: number, what: string): string {
  const [first] = header.texts(number) ?? [];
  if (first === undefined) throw malformed("rpm", `its header has no ${what}`);
  return first;
}

/** -1 where there is none. */
function numberOf(header: RpmHeader, number: number): number {
  return header.numbers(number)?.[0] ?? -1;
}
