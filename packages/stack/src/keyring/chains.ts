// The certificate chains that a new stack makes for itself: certificate-authority §3.2 for the CA, §8.4 for the TSA.
import { randomFillSync } from "node:crypto";
import type { Signer } from "@sigillum/library/crypto";
import {
  type Certificate,
  encodeName,
  intermediateExtensions,
  parseCertificate,
  rootExtensions,
  signCertificate,
  timestampLeafExtensions,
} from "@sigillum/library/x509";

const dayMs = 86_400_000;
const rootLifetimeMs = 3652 * dayMs;
const intermediateLifetimeMs = 1095 * dayMs;
const timestampLeafLifetimeMs = 3287 * dayMs;

/** Names and time of a new chain. */
export interface ChainFields {
  readonly organization: string;
  /** Common name of the root. */
  readonly rootName: string;
  /** Common name of the certificate below it. */
  readonly name: string;
  /** Start of every certificate, in whole seconds. */
  readonly startMs: number;
}

const serialBytes = 20;
const pool = new Uint8Array(200 * serialBytes);
let poolAt = pool.length;

/** Twenty random octets that read as a positive number without a leading zero octet (RFC 5280 §4.1.2.2). */
export function randomSerial(): Uint8Array {
  // One call for many serials: each call to the system's generator costs more than a serial's worth of octets.
  if (poolAt + serialBytes > pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const serial = pool.slice(poolAt, poolAt + serialBytes);
  pool.fill(0, poolAt, poolAt + serialBytes);
  poolAt += serialBytes;
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** Makes the chain of a certificate authority: the intermediate, which issues, then the root. */
export async function createAuthorityChain(fields: ChainFields, root: Signer, intermediate: Signer): Promise<Certificate[]> {
  const extensions = intermediateExtensions({
    spki: intermediate.publicKey.spki,
    issuerSpki: root.publicKey.spki,
    purpose: "codeSigning",
    pathLength: 0,
  });
  return createChain(fields, root, intermediate, { extensions, pathLength: 1, lifetimeMs: intermediateLifetimeMs });
}

/** Makes the chain of a timestamp authority: the signing certificate, then the root. */
export async function createTimestampChain(fields: ChainFields, root: Signer, leaf: Signer): Promise<Certificate[]> {
  const extensions = timestampLeafExtensions({ spki: leaf.publicKey.spki, issuerSpki: root.publicKey.spki });
  return createChain(fields, root, leaf, { extensions, pathLength: 0, lifetimeMs: timestampLeafLifetimeMs });
}

interface LowerCertificate {
  readonly extensions: Uint8Array[];
  readonly pathLength: number;
  readonly lifetimeMs: number;
}

/** As `createAuthorityChain`, below a root that exists; nothing outlives the root. */
export async function renewAuthorityChain(
  fields: ChainFields & { readonly anchor: Certificate },
  root: Signer,
  intermediate: Signer,
): Promise<Certificate[]> {
  const extensions = intermediateExtensions({
    spki: intermediate.publicKey.spki,
    issuerSpki: root.publicKey.spki,
    purpose: "codeSigning",
    pathLength: 0,
  });
  return [await signLower(fields, root, intermediate, extensions, intermediateLifetimeMs), fields.anchor];
}

/** As `createTimestampChain`, below a root that exists; nothing outlives the root. */
export async function renewTimestampChain(
  fields: ChainFields & { readonly anchor: Certificate },
  root: Signer,
  leaf: Signer,
): Promise<Certificate[]> {
  const extensions = timestampLeafExtensions({ spki: leaf.publicKey.spki, issuerSpki: root.publicKey.spki });
  return [await signLower(fields, root, leaf, extensions, timestampLeafLifetimeMs), fields.anchor];
}

/** What a root says of itself. */
export interface RootFields {
  readonly organization: string;
  readonly commonName: string;
  readonly startMs: number;
  readonly lifetimeMs: number;
  readonly pathLength: number;
}

/** Makes a root: a certificate that its own key signs, for signing certificates and nothing else. */
export async function createRootCertificate(fields: RootFields, root: Signer): Promise<Certificate> {
  const { organization, commonName, startMs, lifetimeMs, pathLength } = fields;
  const name = encodeName({ organization, commonName });
  return parseCertificate(
    await signCertificate(
      {
        issuer: name,
        notBeforeMs: startMs,
        serial: randomSerial(),
        subject: name,
        notAfterMs: startMs + lifetimeMs,
        spki: root.publicKey.spki,
        extensions: rootExtensions({ spki: root.publicKey.spki, pathLength }),
      },
      root,
    ),
  );
}

async function createChain(
  fields: ChainFields,
  root: Signer,
  lower: Signer,
  { extensions, pathLength, lifetimeMs }: LowerCertificate,
): Promise<Certificate[]> {
  const { organization, startMs } = fields;
  const rootFields = { organization, commonName: fields.rootName, startMs, lifetimeMs: rootLifetimeMs, pathLength };
  const anchor = await createRootCertificate(rootFields, root);
  return [await signLower({ ...fields, anchor }, root, lower, extensions, lifetimeMs), anchor];
}

async function signLower(
  fields: ChainFields & { readonly anchor: Certificate },
  root: Signer,
  lower: Signer,
  extensions: Uint8Array[],
  lifetimeMs: number,
): Promise<Certificate> {
  const { anchor, organization, startMs } = fields;
  const der = await signCertificate(
    {
      // The anchor's subject byte for byte: verifiers compare names as bytes.
      issuer: anchor.subject,
      notBeforeMs: startMs,
      serial: randomSerial(),
      subject: encodeName({ organization, commonName: fields.name }),
      notAfterMs: Math.min(startMs + lifetimeMs, anchor.notAfterMs),
      spki: lower.publicKey.spki,
      extensions,
    },
    root,
  );
  return parseCertificate(der);
}
