// What a log checks before it accepts a chain. RFC 6962 §3.1 and §4.1, §4.2; certificate-authority §7.1.
import { sha256 } from "../crypto/index.ts";
import { equalBytes } from "../encoding/index.ts";
import {
  type Certificate,
  describeCertificate,
  extensionOids,
  findExtension,
  parseCertificate,
  verifyPath,
} from "../x509/index.ts";
import { type CtEntry, precertificateEntry } from "./entry.ts";
import { ctError } from "./errors.ts";

/** A submission that a log may accept. */
export interface Submission {
  readonly entry: CtEntry;
  /** The submitted certificate or precertificate, then its issuers, the accepted root last (also where it was left out). */
  readonly path: readonly Certificate[];
  /** SHA-256 of each certificate of `path` after the first. */
  readonly chainFingerprints: readonly Uint8Array[];
}

const maxChain = 10;

/**
 * Verify a chain submitted to add-chain or add-pre-chain: parses every certificate, demands the order of issuing, a path for
 * code signing to one of `roots` at `timeMs`, and the poison exactly in a precertificate. Whether the log has it already is not checked.
 */
export function verifySubmission(p: {
  readonly chain: readonly Uint8Array[];
  readonly precertificate: boolean;
  readonly roots: readonly Certificate[];
  readonly timeMs: number;
}): Submission {
  if (p.chain.length === 0 || p.chain.length > maxChain) {
    const found = `${p.chain.length} certificates`;
    throw ctError("CT_CHAIN_MALFORMED", `Cannot accept chain: found ${found}, expected 1 to ${maxChain}`, {
      found,
      expected: `1 to ${maxChain}`,
    });
  }
  const [leaf, ...issuers] = p.chain.map((der) => parseCertificate(der));
  if (leaf === undefined) throw new TypeError("a chain that is not empty has a first certificate");
  checkPoison(leaf, p.precertificate);
  const path = verifyPath({
    leaf,
    intermediates: issuers,
    anchors: p.roots,
    timeMs: p.timeMs,
    purpose: "codeSigning",
    precertificate: p.precertificate,
  });
  checkOrder(path, [leaf, ...issuers]);
  const issuer = path[1];
  if (issuer === undefined) throw new TypeError("a verified path has an issuer");
  const entry: CtEntry = p.precertificate ? precertificateEntry(leaf, issuer.spki) : { type: "x509", certificate: leaf.der };
  return { entry, path, chainFingerprints: path.slice(1).map((certificate) => sha256(certificate.der)) };
}

function checkPoison(leaf: Certificate, isPrecertificate: boolean): void {
  const poison = findExtension(leaf.extensions, extensionOids.ctPoison);
  const isNull = poison?.critical === true && equalBytes(poison.value, Uint8Array.of(0x05, 0x00));
  if (isPrecertificate ? isNull : poison === undefined) return;
  const why = isPrecertificate ? "it is no precertificate, it lacks the critical poison extension" : "it is a precertificate";
  throw ctError("CT_POISON", `Cannot accept ${describeCertificate(leaf)}: ${why}`, {
    found: poison === undefined ? "no poison" : "poison",
  });
}

// RFC 6962 §3.1: each certificate must be followed by the one that certifies it; the root may be left out.
function checkOrder(path: readonly Certificate[], submitted: readonly Certificate[]): void {
  const whole = submitted.length === path.length || submitted.length === path.length - 1;
  if (whole && submitted.every((certificate, i) => equalBytes(certificate.der, path[i]?.der ?? new Uint8Array()))) return;
  const found = `${submitted.length} certificates`;
  throw ctError("CT_CHAIN_ORDER", `Cannot accept chain: its ${found} are not each issued by the next one`, {
    found,
    expected: `a path of ${path.length}`,
  });
}
