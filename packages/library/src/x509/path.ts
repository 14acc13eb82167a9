// Path building and validation. RFC 5280 §6, RFC 4158; client-conformance §8.2 to §8.5.
import { isValidSignature } from "../crypto/index.ts";
import { equalBytes, isSigillumError, type SigillumError } from "../encoding/index.ts";
import { schemeOfSignatureAlgorithm } from "./algorithm.ts";
import { type Certificate, describeCertificate } from "./certificate.ts";
import { x509Error } from "./errors.ts";
import { extensionOids } from "./extension.ts";
import { formatName } from "./name.ts";
import type { Purpose } from "./profile.ts";
import { basicConstraints, extendedKeyUsage, keyPurposes, keyUsage } from "./standard-extensions.ts";
import { describeTime } from "./text.ts";

/** What `verifyPath` is to prove. */
export interface PathQuestion {
  readonly leaf: Certificate;
  /** Certificates that may stand between leaf and anchor; they are not trusted. */
  readonly intermediates: readonly Certificate[];
  /** Certificates that are trusted as they are: self-signed or not, their own signature is not checked. */
  readonly anchors: readonly Certificate[];
  /** The time at which every certificate of the path, the anchor included, must be valid. */
  readonly timeMs: number;
  readonly purpose: Purpose;
  /** The leaf is a precertificate: its critical poison extension is understood. For a CT log alone. */
  readonly precertificate?: boolean;
}

/** Limits on the search for a path. */
export const pathLimits: { readonly maxDepth: number; readonly maxCandidates: number; readonly maxSignatures: number } = {
  maxDepth: 8,
  maxCandidates: 256,
  maxSignatures: 32,
};

/**
 * Find a path from `leaf` to one of `anchors` and validate it; returns it, leaf first and anchor last. Issuers are chosen by
 * signature among those with the right name (names compared as bytes). Every certificate of the path is valid at `timeMs` and
 * allows `purpose`; revocation and names are not checked. When no path holds, the error is that of the one that came furthest.
 */
export function verifyPath(question: PathQuestion): Certificate[] {
  // A time that is no number would be neither before nor after anything.
  if (Number.isNaN(question.timeMs)) throw new TypeError(`Cannot verify certificate path: ${question.timeMs} is no time`);
  const candidates = question.anchors.length + question.intermediates.length;
  if (candidates > pathLimits.maxCandidates) throw tooLong(`${candidates} certificates`, `at most ${pathLimits.maxCandidates}`);
  const search: Search = { question, failure: undefined, signatures: 0 };
  const path = extend(search, [question.leaf]);
  if (path !== undefined) return path;
  throw search.failure?.error ?? tooLong("no path", "a path");
}

/** Verify that `issuer`'s key signed `certificate` under the algorithm it names; names, validity and extensions are not checked. */
export function verifyIssuedBy(certificate: Certificate, issuer: Certificate): void {
  if (!isSignedBy(certificate, issuer)) throw notSigned(certificate);
}

interface Search {
  readonly question: PathQuestion;
  failure: { readonly rank: number; readonly error: SigillumError } | undefined;
  signatures: number;
}

// How far a failed attempt came; the furthest is what the caller learns of.
const rank = { noIssuer: 0, badSignature: 1, tooLong: 2, invalid: 3 } as const;

function extend(search: Search, path: readonly Certificate[]): Certificate[] | undefined {
  const last = path.at(-1);
  if (last === undefined) return undefined;
  const { anchors, intermediates } = search.question;
  const named = (candidate: Certificate): boolean =>
    equalBytes(candidate.subject, last.issuer) && !path.some((one) => equalBytes(one.der, candidate.der));
  const trusted = anchors.filter(named);
  const others = intermediates.filter((one) => named(one) && !trusted.some((anchor) => equalBytes(anchor.der, one.der)));
  if (trusted.length + others.length === 0) return fail(search, rank.noIssuer, noIssuer(last));
  if (path.length >= pathLimits.maxDepth)
    return fail(search, rank.tooLong, tooLong(`${path.length + 1} certificates in a path`, `at most ${pathLimits.maxDepth}`));
  let signed = false;
  for (const [i, issuer] of [...trusted, ...others].entries()) {
    if (++search.signatures > pathLimits.maxSignatures)
      throw tooLong(`${search.signatures} signatures`, `at most ${pathLimits.maxSignatures}`);
    if (!isSignedBy(last, issuer)) continue;
    signed = true;
    const longer = [...path, issuer];
    const found = i < trusted.length ? validated(search, longer) : extend(search, longer);
    if (found !== undefined) return found;
  }
  return signed ? undefined : fail(search, rank.badSignature, notSigned(last));
}

function validated(search: Search, path: Certificate[]): Certificate[] | undefined {
  try {
    validatePath(path, search.question);
    return path;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return fail(search, rank.invalid, error);
  }
}

function fail(search: Search, rankOfError: number, error: SigillumError): undefined {
  if (search.failure === undefined || rankOfError > search.failure.rank) search.failure = { rank: rankOfError, error };
  return undefined;
}

// A pure answer, remembered for as long as both objects live: authorities of a trusted root are asked about with every leaf, and one
// P-384 verification takes 0.9 ms.
const answers: WeakMap<Certificate, WeakMap<Certificate, boolean>> = new WeakMap();

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const known = answers.get(certificate) ?? new WeakMap<Certificate, boolean>();
  const remembered = known.get(issuer);
  if (remembered !== undefined) return remembered;
  const answer = hasSignatureOf(certificate, issuer);
  answers.set(certificate, known.set(issuer, answer));
  return answer;
}

function hasSignatureOf(certificate: Certificate, issuer: Certificate): boolean {
  let scheme: ReturnType<typeof schemeOfSignatureAlgorithm>;
  try {
    scheme = schemeOfSignatureAlgorithm(certificate.signatureAlgorithmIdentifier, issuer.publicKey);
  } catch (error) {
    // A key of another kind than the signature's did not sign; it may be a decoy with the issuer's name.
    if (isSigillumError(error)) return false;
    throw error;
  }
  return isValidSignature(issuer.publicKey, scheme, certificate.tbs, certificate.signature);
}

function validatePath(path: readonly Certificate[], question: PathQuestion): void {
  const [leaf, ...authorities] = path;
  if (leaf === undefined) return;
  for (const certificate of path) validateTime(certificate, question.timeMs);
  validateLeaf(leaf, question);
  // RFC 5280 §6.1.4 (l) and (m): self-issued certificates do not count against the path length.
  let below = 0;
  for (const authority of authorities) {
    validateAuthority(authority, below, question.purpose);
    if (!equalBytes(authority.subject, authority.issuer)) below++;
  }
}

function validateTime(certificate: Certificate, timeMs: number): void {
  const found = describeTime(timeMs);
  if (timeMs < certificate.notBeforeMs) {
    const expected = `not before ${describeTime(certificate.notBeforeMs)}`;
    throw refused(
      "X509_NOT_YET_VALID",
      certificate,
      `at ${found} it is not yet valid, it begins ${describeTime(certificate.notBeforeMs)}`,
      found,
      expected,
    );
  }
  if (timeMs > certificate.notAfterMs) {
    const expected = `not after ${describeTime(certificate.notAfterMs)}`;
    throw refused(
      "X509_EXPIRED",
      certificate,
      `at ${found} it is no longer valid, it ended ${describeTime(certificate.notAfterMs)}`,
      found,
      expected,
    );
  }
}

function validateLeaf(leaf: Certificate, question: PathQuestion): void {
  validateCritical(leaf, question.precertificate === true ? [extensionOids.ctPoison] : []);
  if (basicConstraints(leaf)?.isCa === true)
    throw refused("X509_LEAF_IS_A_CA", leaf, "it is a certificate authority, expected an end entity", "CA", "end entity");
  const usage = keyUsage(leaf);
  // Fulcio's profile demands the extension; a timestamp authority's may be without, or say nonRepudiation (RFC 5280 §4.2.1.12).
  const allowed =
    question.purpose === "codeSigning"
      ? usage?.has("digitalSignature") === true
      : usage === undefined || usage.has("digitalSignature") || usage.has("nonRepudiation");
  if (!allowed)
    throw refused(
      "X509_KEY_USAGE",
      leaf,
      `key usage is ${list(usage)}, expected digitalSignature`,
      list(usage),
      "digitalSignature",
    );
  const purposes = extendedKeyUsage(leaf);
  if (purposes?.has(keyPurposes[question.purpose]) !== true) throw wrongPurpose(leaf, purposes, question.purpose);
  if (question.purpose === "timeStamping") validateTimestampUsage(leaf, purposes);
}

// RFC 3161 §2.3: the extension is critical and timeStamping is its only purpose.
function validateTimestampUsage(leaf: Certificate, purposes: ReadonlySet<string>): void {
  const critical = leaf.extensions.some((extension) => extension.oid === extensionOids.extendedKeyUsage && extension.critical);
  if (critical && purposes.size === 1) return;
  const found = `${critical ? "critical" : "not critical"}, ${list(purposes)}`;
  const expected = "critical, timeStamping alone";
  throw refused("X509_EXTENDED_KEY_USAGE", leaf, `extended key usage is ${found}, expected ${expected}`, found, expected);
}

function validateAuthority(authority: Certificate, below: number, purpose: Purpose): void {
  validateCritical(authority, [extensionOids.nameConstraints]); // refused below, under a code of its own
  if (authority.extensions.some((extension) => extension.oid === extensionOids.nameConstraints)) {
    throw refused(
      "X509_NAME_CONSTRAINTS",
      authority,
      "it has name constraints, which are not supported",
      "name constraints",
      "none",
    );
  }
  const constraints = basicConstraints(authority);
  if (constraints?.isCa !== true)
    throw refused(
      "X509_NOT_A_CA",
      authority,
      "it is no certificate authority",
      constraints === undefined ? "no basic constraints" : "not a CA",
      "CA",
    );
  if (constraints.pathLength !== undefined && below > constraints.pathLength) {
    const found = `${below} intermediates below it`;
    throw refused(
      "X509_PATH_LENGTH",
      authority,
      `found ${found}, expected at most ${constraints.pathLength}`,
      found,
      `at most ${constraints.pathLength}`,
    );
  }
  const usage = keyUsage(authority);
  if (usage?.has("keyCertSign") === false)
    throw refused("X509_KEY_USAGE", authority, `key usage is ${list(usage)}, expected keyCertSign`, list(usage), "keyCertSign");
  // An authority that names purposes vouches for those alone, as every verifier of Sigstore's clients holds it.
  const purposes = extendedKeyUsage(authority);
  if (purposes !== undefined && !purposes.has(keyPurposes[purpose]) && !purposes.has(keyPurposes.any))
    throw wrongPurpose(authority, purposes, purpose);
}

const understood: ReadonlySet<string> = new Set([
  extensionOids.basicConstraints,
  extensionOids.keyUsage,
  extensionOids.extendedKeyUsage,
  extensionOids.subjectAltName,
]);

function validateCritical(certificate: Certificate, alsoUnderstood: readonly string[]): void {
  for (const { oid, critical } of certificate.extensions) {
    if (!critical || understood.has(oid) || alsoUnderstood.includes(oid)) continue;
    throw refused(
      "X509_UNKNOWN_CRITICAL_EXTENSION",
      certificate,
      `critical extension ${oid} is not understood`,
      oid,
      "no unknown critical extension",
    );
  }
}

function refused(
  code: Parameters<typeof x509Error>[0],
  certificate: Certificate,
  why: string,
  found: string,
  expected: string,
): SigillumError {
  return x509Error(code, `Cannot verify ${describeCertificate(certificate)}: ${why}`, { found, expected });
}

function wrongPurpose(certificate: Certificate, purposes: ReadonlySet<string> | undefined, purpose: Purpose): SigillumError {
  return refused(
    "X509_EXTENDED_KEY_USAGE",
    certificate,
    `extended key usage is ${list(purposes)}, expected ${purpose}`,
    list(purposes),
    purpose,
  );
}

function noIssuer(certificate: Certificate): SigillumError {
  const expected = formatName(certificate.issuer);
  return refused("X509_NO_PATH", certificate, `no trusted certificate has its issuer's name "${expected}"`, "none", expected);
}

function notSigned(certificate: Certificate): SigillumError {
  return refused(
    "X509_SIGNATURE_INVALID",
    certificate,
    "its signature does not verify with the key of any certificate that has its issuer's name",
    "a signature by another key",
    `a signature by a trusted certificate named "${formatName(certificate.issuer)}"`,
  );
}

function tooLong(found: string, expected: string): SigillumError {
  return x509Error("X509_PATH_TOO_LONG", `Cannot build certificate path: found ${found}, expected ${expected}`, {
    found,
    expected,
  });
}

function list(values: ReadonlySet<string> | undefined): string {
  return values === undefined ? "absent" : [...values].join(" ");
}
