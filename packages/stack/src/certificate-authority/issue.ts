// Principal and key -> certificate: precertificate, log entry, certificate. certificate-authority §3.1, §7.1 and §11.1.
import type { PublicKey, Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import {
  type CtEntry,
  encodeSctList,
  isDigitallySigned,
  type SignedCertificateTimestamp,
  sctSigningInput,
} from "@sigillum/library/ct";
import { encodeHex, equalBytes, formatRfc3339, isSigillumError } from "@sigillum/library/encoding";
import {
  type Certificate,
  type CertificateFields,
  ctPoisonExtension,
  emptyName,
  encodeCertificate,
  encodeTbsCertificate,
  fulcioLeafExtensions,
  sctListExtension,
  signatureAlgorithmIdentifier,
  subjectKeyId,
} from "@sigillum/library/x509";
import type { Clock } from "../host/index.ts";
import type { Principal } from "../issuers/index.ts";
import { randomSerial } from "../keyring/index.ts";
import { certificateAuthorityError } from "./errors.ts";

/**
 * Enters a precertificate in a certificate transparency log; `chain` is the precertificate, then its issuers up to the root, `entry`
 * what the log's leaf is to hold. It resolves only after the entry is durable, and rejects when that is not known.
 */
export type SubmitPrecertificate = (chain: readonly Uint8Array[], entry: CtEntry) => Promise<SignedCertificateTimestamp>;

/** A log whose SCTs may be embedded. */
export interface TrustedCtLog {
  readonly logId: Uint8Array;
  readonly publicKey: PublicKey;
}

/** What issuing needs. */
export interface IssuingOptions {
  /** The issuing certificate first, the root last. */
  readonly chain: readonly Certificate[];
  /** The key of the issuing certificate. */
  readonly signer: Signer;
  readonly submitPrecertificate: SubmitPrecertificate;
  readonly ctLogs: readonly TrustedCtLog[];
  /**
   * For a log in this process: pairs of log and issuer whose SCT was verified once. What follows is signed with the same key over the
   * same structure and is not verified again. Without it, as for a log elsewhere, every SCT is.
   */
  readonly verifiedLogs?: Set<string>;
  readonly lifetimeMs: number;
  readonly clock: Clock;
}

/**
 * Issues one certificate: DER, leaf alone. What returns was preceded by its precertificate in the log, durably; the SCT in it was
 * verified against a trusted log's key. Neither the principal nor the possession of the key is checked here.
 */
export async function issueCertificate(options: IssuingOptions, principal: Principal, spki: Uint8Array): Promise<Uint8Array> {
  const { chain, signer } = options;
  const issuer = chain[0];
  if (issuer === undefined) throw new TypeError("issueCertificate: the chain is empty");
  const algorithm = signatureAlgorithmIdentifier(signer.scheme);
  const fields = leafFields(options, issuer, principal, spki);
  // The three encodings share one list of finished extensions, so that they cannot disagree.
  const logged = encodeTbsCertificate(fields, algorithm);
  const poisoned = encodeTbsCertificate({ ...fields, extensions: [...fields.extensions, ctPoisonExtension()] }, algorithm);
  const precertificate = encodeCertificate(poisoned, algorithm, await sign(signer, poisoned));
  const entry: CtEntry = { type: "precert", issuerKeyHash: sha256(issuer.spki), tbs: logged };
  const sct = await enterInLog(options, [precertificate, ...chain.map((certificate) => certificate.der)], entry);
  verifySct(options, sct, entry, issuer);
  const final = encodeTbsCertificate(
    { ...fields, extensions: [...fields.extensions, sctListExtension(encodeSctList([sct]))] },
    algorithm,
  );
  return encodeCertificate(final, algorithm, await sign(signer, final));
}

function leafFields(options: IssuingOptions, issuer: Certificate, principal: Principal, spki: Uint8Array): CertificateFields {
  const nowMs = options.clock.nowMs();
  const notBeforeMs = Math.floor(nowMs / 1000) * 1000;
  const notAfterMs = notBeforeMs + options.lifetimeMs;
  for (const certificate of options.chain) {
    if (notBeforeMs >= certificate.notBeforeMs && notAfterMs <= certificate.notAfterMs) continue;
    const found = `${formatRfc3339(certificate.notBeforeMs)} to ${formatRfc3339(certificate.notAfterMs)}`;
    throw certificateAuthorityError(
      "CA_CHAIN_OUTSIDE_VALIDITY",
      `Cannot issue certificate: a certificate of the authority's chain is valid from ${found}, and it is ${formatRfc3339(nowMs)}`,
      {
        found,
        expected: `${formatRfc3339(notBeforeMs)} to ${formatRfc3339(notAfterMs)} within it`,
      },
    );
  }
  return {
    serial: randomSerial(),
    // The parent's subject byte for byte: verifiers compare names as bytes.
    issuer: issuer.subject,
    subject: emptyName,
    notBeforeMs,
    notAfterMs,
    spki,
    extensions: leafExtensions(issuer, principal, spki),
  };
}

function leafExtensions(issuer: Certificate, principal: Principal, spki: Uint8Array): Uint8Array[] {
  try {
    return fulcioLeafExtensions({
      spki,
      issuerKeyId: subjectKeyId(issuer),
      subjectAltName: principal.subjectAltName,
      claims: { ...principal.extensions, issuer: principal.issuer, tokenSubject: principal.subject },
    });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw certificateAuthorityError("CA_IDENTITY_NOT_ENCODABLE", `Cannot issue certificate: ${cause.message}`, {
      cause,
      ...(cause.found === undefined ? {} : { found: cause.found }),
    });
  }
}

async function sign(signer: Signer, message: Uint8Array): Promise<Uint8Array> {
  try {
    return await signer.sign(message);
  } catch (cause) {
    throw certificateAuthorityError(
      "CA_SIGNING_FAILED",
      "Cannot issue certificate: the key of the certificate authority does not sign",
      { cause },
    );
  }
}

async function enterInLog(
  options: IssuingOptions,
  chain: readonly Uint8Array[],
  entry: CtEntry,
): Promise<SignedCertificateTimestamp> {
  try {
    return await options.submitPrecertificate(chain, entry);
  } catch (cause) {
    // Whatever went wrong, the entry is not known to be durable: no certificate may leave.
    const reason = isSigillumError(cause) ? cause.message : "an unexpected error";
    throw certificateAuthorityError(
      "CA_CT_UNAVAILABLE",
      `Cannot issue certificate: the certificate transparency log did not take its precertificate: ${reason}`,
      { cause },
    );
  }
}

function verifySct(options: IssuingOptions, sct: SignedCertificateTimestamp, entry: CtEntry, issuer: Certificate): void {
  const { ctLogs: logs, verifiedLogs } = options;
  const pair = verifiedLogs === undefined ? "" : `${encodeHex(sct.logId)} ${encodeHex(issuer.serial)}`;
  if (verifiedLogs?.has(pair) === true) return;
  const log = logs.find(({ logId }) => equalBytes(logId, sct.logId));
  const message = sctSigningInput({ timestampMs: sct.timestampMs, entry, extensions: sct.extensions });
  if (log !== undefined && isDigitallySigned(log.publicKey, message, sct)) {
    verifiedLogs?.add(pair);
    return;
  }
  const found = log === undefined ? `log ${encodeHex(sct.logId)}` : "a signature that is not over the precertificate";
  throw certificateAuthorityError(
    "CA_CT_SCT_INVALID",
    `Cannot issue certificate: the SCT is not one of a trusted log: found ${found}`,
    {
      found,
      expected: logs.map(({ logId }) => encodeHex(logId)).join(" or "),
    },
  );
}
