// A certificate authority, a CT log and a timestamp authority in memory.
import { randomBytes } from "node:crypto";
import { digest, type KeyType, type PublicKey, type Signer, sha256 } from "../crypto/index.ts";
import { encodeSctList, leafIndexExtension, precertificateEntry, type SignedCertificateTimestamp, signSct } from "../ct/index.ts";
import {
  encodeTimestampRequest,
  encodeTimestampResponse,
  parseTimestampRequest,
  signTimestampToken,
} from "../timestamp/index.ts";
import type { CertificateAuthority, TransparencyLog } from "../trusted-root/index.ts";
import {
  type Certificate,
  type CertificateFields,
  ctPoisonExtension,
  emptyName,
  encodeName,
  type FulcioClaims,
  fulcioLeafExtensions,
  type GeneralNameType,
  intermediateExtensions,
  keyIdentifier,
  type Purpose,
  parseCertificate,
  rootExtensions,
  sctListExtension,
  signCertificate,
  timestampLeafExtensions,
} from "../x509/index.ts";
import { generateSigner } from "./keys.ts";

/** A period in which everything of a Sigstore in memory is valid; its signatures are made in its middle. */
export const defaultPeriod: { readonly startMs: number; readonly endMs: number } = {
  startMs: Date.UTC(2026, 0, 1),
  endMs: Date.UTC(2027, 0, 1),
};

/** The moment at which a Sigstore in memory signs. */
export const signingTimeMs: number = Date.UTC(2026, 5, 1, 12);

/** A root and the certificate below it, with their keys. */
export interface MemoryChain {
  readonly root: Certificate;
  readonly rootSigner: Signer;
  readonly issuing: Certificate;
  readonly issuingSigner: Signer;
}

/** A random serial number: positive, without a leading zero. */
export function randomSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  return serial;
}

/** A root, and below it an intermediate CA (for code signing) or a timestamp authority's leaf. */
export async function createChain(
  purpose: Purpose,
  name: string,
  period: { startMs: number; endMs: number } = defaultPeriod,
  keyType: KeyType = "ecdsa-p256",
): Promise<MemoryChain> {
  const [rootSigner, issuingSigner] = [generateSigner(keyType), generateSigner(keyType)];
  const rootName = encodeName({ organization: "sigstore.test", commonName: `${name} root` });
  const validity = { notBeforeMs: period.startMs, notAfterMs: period.endMs };
  const rootSpki = rootSigner.publicKey.spki;
  const spki = issuingSigner.publicKey.spki;
  const root = await issue(
    {
      ...validity,
      serial: randomSerial(),
      issuer: rootName,
      subject: rootName,
      spki: rootSpki,
      extensions: rootExtensions({ spki: rootSpki }),
    },
    rootSigner,
  );
  const extensions =
    purpose === "timeStamping"
      ? timestampLeafExtensions({ spki, issuerSpki: rootSpki })
      : intermediateExtensions({ spki, issuerSpki: rootSpki, purpose });
  const subject = encodeName({ organization: "sigstore.test", commonName: name });
  const issuing = await issue({ ...validity, serial: randomSerial(), issuer: rootName, subject, spki, extensions }, rootSigner);
  return { root, rootSigner, issuing, issuingSigner };
}

/** Sign a certificate and read it back. */
export async function issue(fields: CertificateFields, signer: Signer): Promise<Certificate> {
  return parseCertificate(await signCertificate(fields, signer));
}

/** The chain as a trusted root holds it. */
export function authorityOf(
  chain: MemoryChain,
  uri: string,
  period: { startMs: number; endMs: number } = defaultPeriod,
): CertificateAuthority {
  return {
    uri,
    subject: { organization: "sigstore.test", commonName: uri },
    chain: [chain.issuing, chain.root],
    validFor: period,
  };
}

/** A CT log in memory: it signs, and keeps nothing but a count. */
export class MemoryCtLog {
  readonly signer: Signer = generateSigner();
  readonly logId: Uint8Array = sha256(this.signer.publicKey.spki);
  #size = 0;

  /** Sign a precertificate. */
  async sign(precertificate: Certificate, issuer: PublicKey, timestampMs: number): Promise<SignedCertificateTimestamp> {
    const timestamped = {
      timestampMs,
      entry: precertificateEntry(precertificate, issuer.spki),
      extensions: leafIndexExtension(this.#size++),
    };
    return signSct({ timestamped, logId: this.logId, signer: this.signer });
  }

  /** The log as a trusted root holds it. */
  trusted(baseUrl: string): TransparencyLog {
    const { publicKey, scheme } = this.signer;
    return { baseUrl, hashAlgorithm: "sha256", publicKey, scheme, validFor: defaultPeriod, logId: this.logId };
  }
}

/** What a signing certificate is asked for, and where its making may be disturbed. */
export interface LeafOrder {
  readonly publicKey: PublicKey;
  readonly san: { readonly type: Exclude<GeneralNameType, "ip">; readonly value: string };
  readonly claims: FulcioClaims;
  readonly notBeforeMs: number;
  readonly ctLogs: readonly MemoryCtLog[];
  readonly chain: MemoryChain;
  /** Change the certificate before CT logs see it: what they sign is what comes out. */
  readonly editFields?: ((fields: CertificateFields) => CertificateFields) | undefined;
  /** Change the SCTs after they were signed; none left means that the certificate has no list. */
  readonly editScts?: ((scts: readonly SignedCertificateTimestamp[]) => readonly SignedCertificateTimestamp[]) | undefined;
  readonly sctTimeMs?: number | undefined;
  /** Whose key the CT logs take for the issuer's. */
  readonly sctIssuer?: PublicKey | undefined;
  /** Whose key signs, where it is not the issuing one. */
  readonly signer?: Signer | undefined;
}

/** Issue a signing certificate with embedded SCTs, valid for ten minutes. */
export async function issueLeaf(order: LeafOrder): Promise<Certificate> {
  const { chain, publicKey } = order;
  const signer = order.signer ?? chain.issuingSigner;
  const plain: CertificateFields = {
    serial: randomSerial(),
    issuer: chain.issuing.subject,
    subject: emptyName,
    notBeforeMs: order.notBeforeMs,
    notAfterMs: order.notBeforeMs + 600_000,
    spki: publicKey.spki,
    extensions: fulcioLeafExtensions({
      spki: publicKey.spki,
      issuerKeyId: keyIdentifier(chain.issuing.spki),
      subjectAltName: order.san,
      claims: order.claims,
    }),
  };
  const fields = order.editFields?.(plain) ?? plain;
  const precertificate = await issue({ ...fields, extensions: [...fields.extensions, ctPoisonExtension()] }, signer);
  const sctIssuer = order.sctIssuer ?? chain.issuingSigner.publicKey;
  const signed = await Promise.all(
    order.ctLogs.map((log) => log.sign(precertificate, sctIssuer, order.sctTimeMs ?? order.notBeforeMs)),
  );
  const scts = order.editScts?.(signed) ?? signed;
  return issue(
    scts.length === 0 ? fields : { ...fields, extensions: [...fields.extensions, sctListExtension(encodeSctList(scts))] },
    signer,
  );
}

/** Stamp a signature: a whole RFC 3161 response. */
export async function stamp(
  chain: MemoryChain,
  signature: Uint8Array,
  genTimeMs: number,
  signer: Signer = chain.issuingSigner,
): Promise<Uint8Array> {
  const request = parseTimestampRequest(encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) }));
  return encodeTimestampResponse(
    await signTimestampToken({ request, serial: randomSerial(), genTimeMs, signer, chain: [chain.issuing, chain.root] }),
  );
}
