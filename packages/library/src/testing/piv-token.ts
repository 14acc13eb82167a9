// Makers of PIV tokens, their tokens, and the certificates in which a token says that it made a key.
import type { Signer } from "../crypto/index.ts";
import { derInteger } from "../encoding/index.ts";
import { type Certificate, encodeExtension, encodeName, parseCertificate, signCertificate } from "../x509/index.ts";
import { generateSigner } from "./keys.ts";

const arc = "1.3.6.1.4.1.41482.3";
const startMs = Date.parse("2026-01-01T00:00:00Z");

/** Who signs a certificate. */
interface Issuer {
  readonly name: string;
  readonly signer: Signer;
}

/** A token with its own certificate. */
export interface MemoryPivToken {
  readonly device: Certificate;
  /** What the token says of a key; other words than its own where `extensions` are given. */
  attest(key: Signer, extensions?: readonly Uint8Array[]): Promise<Certificate>;
}

/** A maker of tokens. */
export interface MemoryPivMaker {
  readonly root: Certificate;
  token(serial: number): Promise<MemoryPivToken>;
}

/** Make a maker; every one has the same name and a key of its own. */
export async function createPivMaker(): Promise<MemoryPivMaker> {
  const maker: Issuer = { name: "PIV Root CA", signer: generateSigner("rsa") };
  return {
    root: await certificate(maker.name, maker.signer, maker, [encodeExtension(`${arc}.9`, false, Uint8Array.of(1))]),
    async token(serial) {
      const token: Issuer = { name: "PIV Attestation", signer: generateSigner("rsa") };
      return {
        device: await certificate(token.name, token.signer, maker, [encodeExtension(`${arc}.9`, false, Uint8Array.of(1))]),
        attest: (key, extensions = pivFacts(derInteger(serial))) => certificate("Attestation 9c", key, token, extensions),
      };
    },
  };
}

/** The extensions of an attestation: firmware 5.2.6, a serial number in DER, PIN and touch always. */
export function pivFacts(serial: Uint8Array): readonly Uint8Array[] {
  return [
    encodeExtension(`${arc}.3`, false, Uint8Array.of(5, 2, 6)),
    encodeExtension(`${arc}.7`, false, serial),
    encodeExtension(`${arc}.8`, false, Uint8Array.of(3, 2)),
  ];
}

async function certificate(
  subject: string,
  key: Signer,
  issuer: Issuer,
  extensions: readonly Uint8Array[],
): Promise<Certificate> {
  const fields = {
    serial: Uint8Array.of(1),
    issuer: encodeName({ commonName: issuer.name }),
    subject: encodeName({ commonName: subject }),
    notBeforeMs: startMs,
    notAfterMs: startMs + 1000,
    spki: key.publicKey.spki,
    extensions,
  };
  return parseCertificate(await signCertificate(fields, issuer.signer));
}
