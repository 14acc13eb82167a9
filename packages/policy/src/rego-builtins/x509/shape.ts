// Certificates, requests and keys as the values that OPA makes of them: Go's structures, written as JSON.
import { formatTime, namedLayouts, numeric, ObjectBuilder, type ObjectValue, type Value } from "../../values/index.ts";
import { bitLength, type RsaPrivateKey, toBytes } from "../crypto/rsa.ts";
import { toBase64 } from "../encoding/bytes.ts";
import { parseUrl } from "../encoding/go-url.ts";
import type { Certificate, Extension, GeneralNames, NameAttribute, Signed } from "./certificate.ts";
import { pssDigest } from "./chain.ts";
import type { PrivateKey, PublicKey } from "./keys.ts";

/** An object of these fields. */
export function structure(fields: Readonly<Record<string, Value>>): ObjectValue {
  const builder = new ObjectBuilder();
  for (const [name, value] of Object.entries(fields)) builder.set(name, value);
  return builder.finish();
}

function base64(bytes: Uint8Array | undefined): Value {
  return bytes === undefined ? null : toBase64(bytes, "standard");
}

/** An empty slice that was never made is null in Go. */
function listOf(items: readonly Value[] | undefined): Value {
  return items === undefined || items.length === 0 ? null : items;
}

function oidOf(oid: string): Value {
  return oid.split(".").map((part) => numeric(BigInt(part)));
}

const nameFields: Readonly<Record<string, string>> = {
  "2.5.4.6": "Country",
  "2.5.4.10": "Organization",
  "2.5.4.11": "OrganizationalUnit",
  "2.5.4.7": "Locality",
  "2.5.4.8": "Province",
  "2.5.4.9": "StreetAddress",
  "2.5.4.17": "PostalCode",
};

function nameValue(attributes: readonly NameAttribute[]): Value {
  const lists = new Map<string, string[]>(Object.values(nameFields).map((field) => [field, []]));
  for (const { oid, value } of attributes) lists.get(nameFields[oid] ?? "")?.push(value);
  const last = (oid: string): string => attributes.findLast((attribute) => attribute.oid === oid)?.value ?? "";
  return structure({
    ...Object.fromEntries([...lists].map(([field, values]) => [field, listOf(values)])),
    SerialNumber: last("2.5.4.5"),
    CommonName: last("2.5.4.3"),
    Names: listOf(attributes.map(({ oid, value }) => structure({ Type: oidOf(oid), Value: value }))),
    ExtraNames: null,
  });
}

function publicKeyValue(key: PublicKey): Value {
  switch (key.kind) {
    case "rsa":
      return structure({ N: numeric(key.modulus), E: numeric(key.exponent) });
    case "ec":
      return structure({ Curve: structure({}), X: numeric(key.x), Y: numeric(key.y) });
    case "ed25519":
      return base64(key.bytes);
    default:
      return null;
  }
}

const signatureAlgorithms: ReadonlyMap<string, number> = new Map([
  ["1.2.840.113549.1.1.2", 1],
  ["1.2.840.113549.1.1.4", 2],
  ["1.2.840.113549.1.1.5", 3],
  ["1.3.14.3.2.29", 3],
  ["1.2.840.113549.1.1.11", 4],
  ["1.2.840.113549.1.1.12", 5],
  ["1.2.840.113549.1.1.13", 6],
  ["1.2.840.10040.4.3", 7],
  ["2.16.840.1.101.3.4.3.2", 8],
  ["1.2.840.10045.4.1", 9],
  ["1.2.840.10045.4.3.2", 10],
  ["1.2.840.10045.4.3.3", 11],
  ["1.2.840.10045.4.3.4", 12],
  ["1.3.101.112", 16],
]);
const pssAlgorithms = { sha256: 13, sha384: 14, sha512: 15 } as const;
const keyAlgorithms: ReadonlyMap<string, number> = new Map([
  ["1.2.840.113549.1.1.1", 1],
  ["1.2.840.10040.4.1", 2],
  ["1.2.840.10045.2.1", 3],
  ["1.3.101.112", 4],
]);
const keyUsages = [
  "2.5.29.37.0",
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `1.3.6.1.5.5.7.3.${n}`),
  "1.3.6.1.4.1.311.10.3.3",
  "2.16.840.1.113730.4.1",
  "1.3.6.1.4.1.311.2.1.22",
  "1.3.6.1.4.1.311.61.1.1",
];

/** Object identifiers of the extended key usages in the order of Go's numbers. */
export const extendedKeyUsages: readonly string[] = keyUsages;

function signatureAlgorithm({ signatureOid, signatureParameters }: Signed): number {
  if (signatureOid !== "1.2.840.113549.1.1.10") return signatureAlgorithms.get(signatureOid) ?? 0;
  const name = pssDigest(signatureParameters);
  return name === "sha256" || name === "sha384" || name === "sha512" ? pssAlgorithms[name] : 0;
}

function extensionValue({ oid, critical, value }: Extension): Value {
  return structure({ Id: oidOf(oid), Critical: critical, Value: base64(value) });
}

/** An address as Go writes it. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const text = groups.map((group) => group.toString(16)).join(":");
  const zeros = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length)[0];
  if (zeros === undefined) return text;
  const [before, after] = [text.slice(0, zeros.index), text.slice(zeros.index + zeros[0].length).replace(/^:/, "")];
  return `${before}::${after}`;
}

function urlValue(text: string): Value {
  const url = parseUrl(text);
  const parts = "invalid" in url ? { scheme: "", host: "", path: text, rawPath: "", rawQuery: "", fragment: "" } : url;
  return structure({
    Scheme: parts.scheme,
    Opaque: "",
    User: null,
    Host: parts.host,
    Path: parts.path,
    RawPath: "",
    OmitHost: false,
    ForceQuery: false,
    RawQuery: parts.rawQuery,
    Fragment: parts.fragment,
    RawFragment: "",
  });
}

function sharedFields(signed: Signed): Record<string, Value> {
  return {
    Raw: base64(signed.raw),
    RawSubjectPublicKeyInfo: base64(signed.rawPublicKey),
    RawSubject: base64(signed.rawSubject),
    Signature: base64(signed.signature),
    SignatureAlgorithm: signatureAlgorithm(signed),
    PublicKeyAlgorithm: keyAlgorithms.get(signed.publicKeyOid) ?? 0,
    PublicKey: publicKeyValue(signed.publicKey),
    Version: signed.version,
    Subject: nameValue(signed.subject),
    Extensions: listOf(signed.extensions.map(extensionValue)),
    ExtraExtensions: null,
    DNSNames: listOf(signed.names.dns),
    EmailAddresses: listOf(signed.names.email),
    IPAddresses: listOf(signed.names.ip.map(addressText)),
    URIs: listOf(signed.names.uri.map(urlValue)),
  };
}

/** A certificate request as a value. */
export function requestValue(request: Signed): Value {
  return structure({ ...sharedFields(request), RawTBSCertificateRequest: base64(request.tbs), Attributes: null });
}

/** A certificate as a value. */
export function certificateValue(certificate: Certificate, withUriStrings: boolean): Value {
  const { basicConstraints, extendedKeyUsage = [] } = certificate;
  const known = extendedKeyUsage.filter((oid) => keyUsages.includes(oid));
  const time = (seconds: bigint): string =>
    formatTime({ ns: seconds * 1_000_000_000n, offset: 0 }, "UTC", namedLayouts.get("RFC3339Nano") ?? "");
  return structure({
    ...sharedFields(certificate),
    RawTBSCertificate: base64(certificate.tbs),
    RawIssuer: base64(certificate.rawIssuer),
    SerialNumber: numeric(certificate.serialNumber),
    Issuer: nameValue(certificate.issuer),
    NotBefore: time(certificate.notBefore),
    NotAfter: time(certificate.notAfter),
    KeyUsage: certificate.keyUsage,
    UnhandledCriticalExtensions: listOf(certificate.unhandled.map(oidOf)),
    ExtKeyUsage: listOf(known.map((oid) => keyUsages.indexOf(oid))),
    UnknownExtKeyUsage: listOf(extendedKeyUsage.filter((oid) => !keyUsages.includes(oid)).map(oidOf)),
    BasicConstraintsValid: basicConstraints !== undefined,
    IsCA: basicConstraints?.isCA ?? false,
    MaxPathLen: basicConstraints === undefined ? 0 : (basicConstraints.maxPathLength ?? -1),
    MaxPathLenZero: basicConstraints?.maxPathLength === 0,
    SubjectKeyId: base64(certificate.subjectKeyId),
    AuthorityKeyId: base64(certificate.authorityKeyId),
    OCSPServer: listOf(certificate.ocspServers),
    IssuingCertificateURL: listOf(certificate.issuingUrls),
    PermittedDNSDomainsCritical: certificate.constraintsCritical,
    ...constraintFields("Permitted", certificate.permitted),
    ...constraintFields("Excluded", certificate.excluded),
    CRLDistributionPoints: listOf(certificate.crlUrls),
    PolicyIdentifiers: listOf(certificate.policies.map(oidOf)),
    Policies: listOf(certificate.policies),
    InhibitAnyPolicy: 0,
    InhibitAnyPolicyZero: false,
    InhibitPolicyMapping: 0,
    InhibitPolicyMappingZero: false,
    RequireExplicitPolicy: 0,
    RequireExplicitPolicyZero: false,
    PolicyMappings: null,
    ...(withUriStrings ? { URIStrings: listOf(certificate.names.uri) } : {}),
  });
}

function constraintFields(prefix: string, names: GeneralNames | undefined): Record<string, Value> {
  const ranges = names?.ip.map((range) => {
    const half = range.length / 2;
    return structure({ IP: addressText(range.subarray(0, half)), Mask: base64(range.subarray(half)) });
  });
  return {
    [`${prefix}DNSDomains`]: listOf(names?.dns),
    [`${prefix}IPRanges`]: listOf(ranges),
    [`${prefix}EmailAddresses`]: listOf(names?.email),
    [`${prefix}URIDomains`]: listOf(names?.uri),
  };
}

/** A private key as Go writes its structure in JSON. */
export function privateKeyValue(key: PrivateKey): Value {
  if (key.kind === "ed25519") return base64(Uint8Array.from([...key.seed, ...key.bytes]));
  if (key.kind === "ec")
    return structure({ Curve: structure({}), X: numeric(key.x), Y: numeric(key.y), D: numeric(key.private) });
  const { dp, dq, qi } = crtValues(key);
  return structure({
    N: numeric(key.modulus),
    E: numeric(key.exponent),
    D: numeric(key.private),
    Primes: key.primes.map((prime) => numeric(prime)),
    Precomputed: structure({ Dp: numeric(dp), Dq: numeric(dq), Qinv: numeric(qi), CRTValues: [] }),
  });
}

function crtValues({ private: secret, primes }: RsaPrivateKey): {
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qi: bigint;
} {
  const [p = 2n, q = 2n] = primes;
  return { dp: secret % (p - 1n), dq: secret % (q - 1n), qi: inverseOf(q % p, p) };
}

function inverseOf(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** A private key as a JWK (RFC 7517, RFC 8037). */
export function jwkValue(key: PrivateKey): Value {
  const text = (bytes: Uint8Array): string => toBase64(bytes, "url", false);
  const number = (value: bigint): string => text(toBytes(value, Math.ceil(bitLength(value) / 8)));
  if (key.kind === "ed25519") return structure({ kty: "OKP", crv: "Ed25519", x: text(key.bytes), d: text(key.seed) });
  if (key.kind === "ec") {
    const coordinate = (value: bigint): string => text(toBytes(value, key.curve.bytes));
    return structure({ kty: "EC", crv: key.curve.name, x: coordinate(key.x), y: coordinate(key.y), d: coordinate(key.private) });
  }
  const { dp, dq, qi } = crtValues(key);
  const [p = 0n, q = 0n] = key.primes;
  const numbers = { n: key.modulus, e: key.exponent, d: key.private, p, q, dp, dq, qi };
  return structure({
    kty: "RSA",
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, number(value)])),
  });
}
