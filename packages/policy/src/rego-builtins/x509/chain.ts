// Certification paths as Go's x509.Verify builds them: signatures, validity, authority, key usages, name constraints, host name.
import { type DigestName, digest } from "../crypto/digest.ts";
import { hasEcdsaSignature } from "../crypto/ecdsa.ts";
import { hasEd25519Signature } from "../crypto/ed25519.ts";
import { hasPkcs1Signature, hasPssSignature, sameBytes } from "../crypto/rsa.ts";
import type { Certificate, GeneralNames } from "./certificate.ts";
import { DerReader, Malformed, tags } from "./der.ts";
import type { PublicKey } from "./keys.ts";

/** What a path is verified for. */
export interface ChainOptions {
  /** Seconds since 1970. */
  readonly at: bigint;
  /** A host that the leaf must be for; empty for any. */
  readonly dnsName: string;
  /** Object identifiers of extended key usages, one of which the whole path must allow. */
  readonly keyUsages: readonly string[];
  /** Spends the cost of a signature. */
  readonly spend: (steps: number) => void;
}

/** extKeyUsageAny. */
export const anyUsage = "2.5.29.37.0";
const maxSignatures = 100;

/** Leaf, intermediates, root; the first path that holds, or nothing. */
export function findChain(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  root: Certificate,
  options: ChainOptions,
): readonly Certificate[] | undefined {
  if (leaf.unhandled.length > 0 || !isCurrent(leaf, options)) return undefined;
  if (options.dnsName !== "" && !matchesHost(leaf, options.dnsName)) return undefined;
  if (sameBytes(leaf.raw, root.raw)) return usagesHold([leaf], options) ? [leaf] : undefined;
  return extend([leaf], intermediates, root, options, { signatures: 0 });
}

function extend(
  path: readonly Certificate[],
  intermediates: readonly Certificate[],
  root: Certificate,
  options: ChainOptions,
  spent: { signatures: number },
): readonly Certificate[] | undefined {
  const child = path.at(-1);
  if (child === undefined) return undefined;
  for (const parent of [root, ...intermediates]) {
    if (path.some((other) => sameBytes(other.raw, parent.raw)) || !sameBytes(child.rawIssuer, parent.rawSubject)) continue;
    if (++spent.signatures > maxSignatures) return undefined;
    options.spend(signatureSteps);
    if (!mayIssue(parent, path, options) || !isSignedBy(child, parent.publicKey)) continue;
    const longer = [...path, parent];
    if (parent === root) {
      if (usagesHold(longer, options)) return longer;
      continue;
    }
    const found = extend(longer, intermediates, root, options, spent);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What verifying one signature costs, in steps: about what it takes beside other expressions. */
export const signatureSteps = 20_000;

function isCurrent(certificate: Certificate, { at }: ChainOptions): boolean {
  return at >= certificate.notBefore && at <= certificate.notAfter;
}

/** RFC 5280 §6.1: authority, its depth, its validity, its constraints on names. */
function mayIssue(parent: Certificate, path: readonly Certificate[], options: ChainOptions): boolean {
  if (parent.unhandled.length > 0 || !isCurrent(parent, options)) return false;
  const { basicConstraints, keyUsage } = parent;
  if (parent.version === 3 && basicConstraints?.isCA !== true) return false;
  if (keyUsage !== 0 && (keyUsage & 0x20) === 0) return false;
  const below = path.length - 1;
  if (basicConstraints?.maxPathLength !== undefined && below > basicConstraints.maxPathLength) return false;
  return path.every((certificate) => allowsNames(parent, certificate.names));
}

interface Scheme {
  readonly kind: "rsa" | "pss" | "ec" | "ed25519";
  readonly digest: DigestName;
}

const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ["1.2.840.113549.1.1.11", { kind: "rsa", digest: "sha256" }],
  ["1.2.840.113549.1.1.12", { kind: "rsa", digest: "sha384" }],
  ["1.2.840.113549.1.1.13", { kind: "rsa", digest: "sha512" }],
  ["1.2.840.10045.4.3.2", { kind: "ec", digest: "sha256" }],
  ["1.2.840.10045.4.3.3", { kind: "ec", digest: "sha384" }],
  ["1.2.840.10045.4.3.4", { kind: "ec", digest: "sha512" }],
  ["1.3.101.112", { kind: "ed25519", digest: "sha512" }],
]);
const pssDigests: ReadonlyMap<string, DigestName> = new Map<string, DigestName>([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

/** The digest that the parameters of RSASSA-PSS name (RFC 4055 §3.1); nothing for one that Go does not take. */
export function pssDigest(parameters: Uint8Array): DigestName | undefined {
  try {
    const hash = new DerReader(parameters).inside(tags.sequence).optional(0xa0);
    return hash && pssDigests.get(new DerReader(hash.body).inside(tags.sequence).oid());
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** As in Go, MD5 and SHA-1 sign nothing any more. */
function isSignedBy(certificate: Certificate, key: PublicKey): boolean {
  const { signatureOid, signatureParameters, tbs, signature } = certificate;
  if (signatureOid === "1.2.840.113549.1.1.10") {
    const name = pssDigest(signatureParameters);
    return name !== undefined && key.kind === "rsa" && hasPssSignature(key, name, tbs, signature);
  }
  const scheme = schemes.get(signatureOid);
  if (scheme === undefined || scheme.kind !== key.kind) return false;
  if (key.kind === "rsa") return hasPkcs1Signature(key, scheme.digest, tbs, signature);
  if (key.kind === "ed25519") return hasEd25519Signature(key, tbs, signature);
  if (key.kind !== "ec") return false;
  try {
    const pair = new DerReader(signature).inside(tags.sequence);
    return hasEcdsaSignature(key, digest(scheme.digest, tbs), pair.integer(), pair.integer());
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

/** From the leaf up, each certificate that lists usages narrows those that were asked for. */
function usagesHold(path: readonly Certificate[], { keyUsages }: ChainOptions): boolean {
  if (keyUsages.includes(anyUsage)) return true;
  let left = keyUsages;
  for (const { extendedKeyUsage } of path) {
    if (extendedKeyUsage === undefined || extendedKeyUsage.includes(anyUsage)) continue;
    left = left.filter((usage) => extendedKeyUsage.includes(usage));
    if (left.length === 0) return false;
  }
  return true;
}

/** RFC 6125 as Go has it: a wildcard stands for the whole leftmost label; an address is compared as bytes. */
function matchesHost(leaf: Certificate, host: string): boolean {
  const address = parseAddress(host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host);
  if (address !== undefined) return leaf.names.ip.some((ip) => sameBytes(ip, address));
  const wanted = host.toLowerCase().replace(/\.$/, "").split(".");
  return leaf.names.dns.some((pattern) => {
    const labels = pattern.toLowerCase().split(".");
    return labels.length === wanted.length && labels.every((label, i) => (i === 0 && label === "*") || label === wanted[i]);
  });
}

function parseAddress(text: string): Uint8Array | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return parts === null ? undefined : Uint8Array.from(parts.slice(1), Number);
}

function allowsNames({ permitted, excluded }: Certificate, names: GeneralNames): boolean {
  const kinds = [
    [names.dns, permitted?.dns, excluded?.dns, matchesDomain],
    [names.email, permitted?.email, excluded?.email, matchesEmail],
    [names.uri, permitted?.uri, excluded?.uri, matchesUri],
  ] as const;
  for (const [list, allowed = [], denied = [], matches] of kinds) {
    for (const name of list) {
      if (denied.some((constraint) => matches(name, constraint))) return false;
      if (allowed.length > 0 && !allowed.some((constraint) => matches(name, constraint))) return false;
    }
  }
  const [allowed, denied] = [permitted?.ip ?? [], excluded?.ip ?? []];
  return names.ip.every(
    (ip) =>
      !denied.some((range) => matchesRange(ip, range)) &&
      (allowed.length === 0 || allowed.some((range) => matchesRange(ip, range))),
  );
}

/** A constraint with a dot before it stands for what lies below it alone. */
function matchesDomain(name: string, constraint: string): boolean {
  const [a, b] = [name.toLowerCase(), constraint.toLowerCase()];
  if (b === "") return true;
  return b.startsWith(".") ? a.endsWith(b) : a === b || a.endsWith(`.${b}`);
}

function matchesEmail(name: string, constraint: string): boolean {
  if (constraint.includes("@")) return name.toLowerCase() === constraint.toLowerCase();
  return matchesHostConstraint(name.slice(name.lastIndexOf("@") + 1), constraint);
}

function matchesUri(name: string, constraint: string): boolean {
  const host = /^[^:]+:\/\/(?:[^/@]*@)?([^/:?#]+)/.exec(name)?.[1];
  return host !== undefined && matchesHostConstraint(host, constraint);
}

/** RFC 5280 §4.2.1.10: for mail and URIs a constraint without a dot is one host. */
function matchesHostConstraint(host: string, constraint: string): boolean {
  const [a, b] = [host.toLowerCase(), constraint.toLowerCase()];
  return b.startsWith(".") ? a.endsWith(b) : a === b;
}

function matchesRange(ip: Uint8Array, range: Uint8Array): boolean {
  if (range.length !== 2 * ip.length) return false;
  return ip.every((byte, i) => (byte & (range[ip.length + i] ?? 0)) === ((range[i] ?? 0) & (range[ip.length + i] ?? 0)));
}
