// Certificates and certificate requests (RFC 5280, RFC 2986).
import { toUnix } from "../../values/index.ts";
import { DerReader, type Element, Malformed, tags, toBits, toInteger, toOid, toSeconds, toText } from "./der.ts";
import { type PublicKey, parsePublicKey } from "./keys.ts";

/** An attribute of a name. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

/** An extension. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What subjectAltName and name constraints are made of. */
export interface GeneralNames {
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly ip: readonly Uint8Array[];
  readonly uri: readonly string[];
  /** Tags of names of other kinds. */
  readonly other: readonly number[];
}

/** What certificates and requests share. */
export interface Signed {
  readonly raw: Uint8Array;
  readonly tbs: Uint8Array;
  readonly version: number;
  readonly subject: readonly NameAttribute[];
  readonly rawSubject: Uint8Array;
  readonly rawPublicKey: Uint8Array;
  readonly publicKey: PublicKey;
  readonly publicKeyOid: string;
  readonly extensions: readonly Extension[];
  readonly names: GeneralNames;
  readonly signatureOid: string;
  readonly signatureParameters: Uint8Array;
  readonly signature: Uint8Array;
}

/** A certificate. */
export interface Certificate extends Signed {
  readonly serialNumber: bigint;
  readonly issuer: readonly NameAttribute[];
  readonly rawIssuer: Uint8Array;
  /** Seconds since 1970. */
  readonly notBefore: bigint;
  /** Seconds since 1970. */
  readonly notAfter: bigint;
  readonly keyUsage: number;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly basicConstraints: { readonly isCA: boolean; readonly maxPathLength: number | undefined } | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly ocspServers: readonly string[];
  readonly issuingUrls: readonly string[];
  readonly crlUrls: readonly string[];
  readonly policies: readonly string[];
  readonly permitted: GeneralNames | undefined;
  readonly excluded: GeneralNames | undefined;
  readonly constraintsCritical: boolean;
  /** Critical extensions that are not understood. */
  readonly unhandled: readonly string[];
}

const none: GeneralNames = { dns: [], email: [], ip: [], uri: [], other: [] };

/** The certificates that stand one after the other; throws `Malformed`. */
export function parseCertificates(bytes: Uint8Array): Certificate[] {
  const reader = new DerReader(bytes);
  const list: Certificate[] = [];
  while (!reader.done) list.push(parseCertificate(reader.expect(tags.sequence)));
  return list;
}

function parseName(element: Element): NameAttribute[] {
  const attributes: NameAttribute[] = [];
  const sets = new DerReader(element.body);
  while (!sets.done) {
    const set = sets.inside(tags.set);
    while (!set.done) {
      const attribute = set.inside(tags.sequence);
      const oid = attribute.oid();
      attributes.push({ oid, value: toText(attribute.next()) ?? "" });
    }
  }
  return attributes;
}

function parseExtensions(element: Element | undefined): Extension[] {
  if (element === undefined) return [];
  const list = new DerReader(element.body).inside(tags.sequence);
  const extensions: Extension[] = [];
  while (!list.done) {
    const extension = list.inside(tags.sequence);
    const oid = extension.oid();
    const critical = (extension.optional(tags.boolean)?.body[0] ?? 0) !== 0;
    const value = extension.expect(tags.octetString).body;
    if (extensions.some((other) => other.oid === oid)) throw new Malformed("certificate contains duplicate extensions");
    extensions.push({ oid, critical, value });
  }
  return extensions;
}

function unixSeconds([year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0]: readonly number[]): bigint {
  return toUnix({ year, month, day, hour, minute, second, nanosecond: 0 }, 0) / 1_000_000_000n;
}

function parseAlgorithm(reader: DerReader): { readonly oid: string; readonly parameters: Uint8Array } {
  const algorithm = reader.inside(tags.sequence);
  const oid = algorithm.oid();
  return { oid, parameters: algorithm.done ? new Uint8Array(0) : algorithm.next().raw };
}

/** One certificate; throws `Malformed`. */
export function parseCertificate(element: Element): Certificate {
  const outer = new DerReader(element.body);
  const tbsElement = outer.expect(tags.sequence);
  const algorithm = parseAlgorithm(outer);
  const signature = outer.bits();
  outer.end();
  const tbs = new DerReader(tbsElement.body);
  const versionElement = tbs.optional(0xa0);
  const version = versionElement === undefined ? 0 : Number(new DerReader(versionElement.body).integer());
  if (version < 0 || version > 2) throw new Malformed("invalid version");
  const serialNumber = tbs.integer();
  parseAlgorithm(tbs);
  const issuer = tbs.expect(tags.sequence);
  const validity = tbs.inside(tags.sequence);
  const [notBefore, notAfter] = [toSeconds(validity.next(), unixSeconds), toSeconds(validity.next(), unixSeconds)];
  const subject = tbs.expect(tags.sequence);
  const keyElement = tbs.expect(tags.sequence);
  tbs.optional(0x81);
  tbs.optional(0x82);
  const extensions = parseExtensions(tbs.optional(0xa3));
  return {
    raw: element.raw,
    tbs: tbsElement.raw,
    version: version + 1,
    serialNumber,
    issuer: parseName(issuer),
    rawIssuer: issuer.raw,
    notBefore,
    notAfter,
    subject: parseName(subject),
    rawSubject: subject.raw,
    rawPublicKey: keyElement.raw,
    publicKey: parsePublicKey(new DerReader(keyElement.raw)),
    publicKeyOid: new DerReader(keyElement.body).inside(tags.sequence).oid(),
    extensions,
    signatureOid: algorithm.oid,
    signatureParameters: algorithm.parameters,
    signature,
    ...readExtensions(extensions),
  };
}

type FromExtensions = Pick<
  Certificate,
  | "names"
  | "keyUsage"
  | "extendedKeyUsage"
  | "basicConstraints"
  | "subjectKeyId"
  | "authorityKeyId"
  | "ocspServers"
  | "issuingUrls"
  | "crlUrls"
  | "policies"
  | "permitted"
  | "excluded"
  | "constraintsCritical"
  | "unhandled"
>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readExtensions(extensions: readonly Extension[]): FromExtensions {
  const found: Mutable<FromExtensions> = {
    names: none,
    keyUsage: 0,
    extendedKeyUsage: undefined,
    basicConstraints: undefined,
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    ocspServers: [],
    issuingUrls: [],
    crlUrls: [],
    policies: [],
    permitted: undefined,
    excluded: undefined,
    constraintsCritical: false,
    unhandled: [],
  };
  for (const { oid, critical, value } of extensions) {
    const reader = new DerReader(value);
    switch (oid) {
      case "2.5.29.15":
        found.keyUsage = keyUsageOf(toBits(reader.expect(tags.bitString).body));
        break;
      case "2.5.29.19":
        found.basicConstraints = basicConstraintsOf(reader);
        break;
      case "2.5.29.17":
        found.names = generalNamesOf(reader.expect(tags.sequence).body);
        if (critical && found.names.other.length > 0 && isEmpty(found.names)) found.unhandled = [...found.unhandled, oid];
        break;
      case "2.5.29.30":
        [found.permitted, found.excluded] = constraintsOf(reader.inside(tags.sequence));
        found.constraintsCritical = critical;
        if (critical && [found.permitted, found.excluded].some((names) => (names?.other.length ?? 0) > 0))
          found.unhandled = [...found.unhandled, oid];
        break;
      case "2.5.29.31":
        found.crlUrls = crlUrlsOf(reader.inside(tags.sequence));
        break;
      case "2.5.29.35":
        found.authorityKeyId = reader.inside(tags.sequence).optional(0x80)?.body;
        break;
      case "2.5.29.37":
        found.extendedKeyUsage = oidsOf(reader.inside(tags.sequence));
        break;
      case "2.5.29.14":
        found.subjectKeyId = reader.expect(tags.octetString).body;
        break;
      case "2.5.29.32":
        found.policies = policiesOf(reader.inside(tags.sequence));
        break;
      case "1.3.6.1.5.5.7.1.1":
        [found.ocspServers, found.issuingUrls] = accessOf(reader.inside(tags.sequence));
        break;
      default:
        if (critical) found.unhandled = [...found.unhandled, oid];
    }
  }
  return found;
}

function isEmpty({ dns, email, ip, uri }: GeneralNames): boolean {
  return dns.length + email.length + ip.length + uri.length === 0;
}

/** The bits in Go's order: digitalSignature is 1, and decipherOnly is 256. */
function keyUsageOf(bytes: Uint8Array): number {
  let usage = 0;
  for (let i = 0; i < 9; i++) if ((((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1) usage |= 1 << i;
  return usage;
}

function basicConstraintsOf(reader: DerReader): { isCA: boolean; maxPathLength: number | undefined } {
  const fields = reader.inside(tags.sequence);
  const isCA = (fields.optional(tags.boolean)?.body[0] ?? 0) !== 0;
  const length = fields.optional(tags.integer);
  return { isCA, maxPathLength: length === undefined ? undefined : Number(toInteger(length.body)) };
}

function generalNamesOf(body: Uint8Array): GeneralNames {
  const names = {
    dns: [] as string[],
    email: [] as string[],
    ip: [] as Uint8Array[],
    uri: [] as string[],
    other: [] as number[],
  };
  const reader = new DerReader(body);
  while (!reader.done) addName(names, reader.next());
  return names;
}

function addName(
  names: { dns: string[]; email: string[]; ip: Uint8Array[]; uri: string[]; other: number[] },
  element: Element,
): void {
  const text = (): string => {
    if (element.body.some((byte) => byte > 0x7f)) throw new Malformed("a name is not an IA5String");
    return toText({ ...element, tag: tags.ia5String }) ?? "";
  };
  if (element.tag === 0x82) names.dns.push(text());
  else if (element.tag === 0x81) names.email.push(text());
  else if (element.tag === 0x86) names.uri.push(text());
  else if (element.tag === 0x87) names.ip.push(element.body);
  else names.other.push(element.tag);
}

function constraintsOf(reader: DerReader): [GeneralNames | undefined, GeneralNames | undefined] {
  const subtrees = (element: Element | undefined): GeneralNames | undefined => {
    if (element === undefined) return undefined;
    const names = {
      dns: [] as string[],
      email: [] as string[],
      ip: [] as Uint8Array[],
      uri: [] as string[],
      other: [] as number[],
    };
    const list = new DerReader(element.body);
    while (!list.done) addName(names, list.inside(tags.sequence).next());
    return names;
  };
  return [subtrees(reader.optional(0xa0)), subtrees(reader.optional(0xa1))];
}

function crlUrlsOf(reader: DerReader): string[] {
  const urls: string[] = [];
  while (!reader.done) {
    const point = reader.inside(tags.sequence);
    const name = point.optional(0xa0);
    const full = name && new DerReader(name.body).optional(0xa0);
    if (full !== undefined) urls.push(...generalNamesOf(full.body).uri);
  }
  return urls;
}

function oidsOf(reader: DerReader): string[] {
  const list: string[] = [];
  while (!reader.done) list.push(reader.oid());
  return list;
}

function policiesOf(reader: DerReader): string[] {
  const list: string[] = [];
  while (!reader.done) list.push(toOid(reader.inside(tags.sequence).expect(tags.oid).body));
  return list;
}

function accessOf(reader: DerReader): [string[], string[]] {
  const [ocsp, issuing]: [string[], string[]] = [[], []];
  while (!reader.done) {
    const access = reader.inside(tags.sequence);
    const method = access.oid();
    const location = access.next();
    if (location.tag !== 0x86) continue;
    const url = toText({ ...location, tag: tags.ia5String }) ?? "";
    if (method === "1.3.6.1.5.5.7.48.1") ocsp.push(url);
    else if (method === "1.3.6.1.5.5.7.48.2") issuing.push(url);
  }
  return [ocsp, issuing];
}

/** A certificate request (RFC 2986); throws `Malformed`. */
export function parseRequest(bytes: Uint8Array): Signed {
  const element = new DerReader(bytes).expect(tags.sequence);
  const outer = new DerReader(element.body);
  const tbs = outer.expect(tags.sequence);
  const algorithm = parseAlgorithm(outer);
  const signature = outer.bits();
  const info = new DerReader(tbs.body);
  const version = Number(info.integer());
  const subject = info.expect(tags.sequence);
  const keyElement = info.expect(tags.sequence);
  const attributes = info.optional(0xa0);
  const extensions = attributes === undefined ? [] : requestedExtensions(new DerReader(attributes.body));
  return {
    raw: element.raw,
    tbs: tbs.raw,
    version,
    subject: parseName(subject),
    rawSubject: subject.raw,
    rawPublicKey: keyElement.raw,
    publicKey: parsePublicKey(new DerReader(keyElement.raw)),
    publicKeyOid: new DerReader(keyElement.body).inside(tags.sequence).oid(),
    extensions,
    names: readExtensions(extensions).names,
    signatureOid: algorithm.oid,
    signatureParameters: algorithm.parameters,
    signature,
  };
}

function requestedExtensions(attributes: DerReader): Extension[] {
  const found: Extension[] = [];
  while (!attributes.done) {
    const attribute = attributes.inside(tags.sequence);
    const oid = attribute.oid();
    const values = attribute.expect(tags.set);
    if (oid === "1.2.840.113549.1.9.14") found.push(...parseExtensions(values));
  }
  return found;
}
