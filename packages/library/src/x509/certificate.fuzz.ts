import { type FuzzTarget, generateSigner, MemorySigstore } from "../testing/index.ts";
import {
  authorityKeyId,
  basicConstraints,
  extendedKeyUsage,
  formatName,
  fulcioExtensions,
  isCertificateAuthority,
  keyUsage,
  parseCertificate,
  parseCertificatePem,
  parseCertificationRequest,
  schemeOfSignatureAlgorithm,
  signCertificationRequest,
  subjectAltName,
  subjectAltNames,
  subjectKeyId,
  verifyCertificationRequest,
  verifyPath,
} from "./index.ts";

/** Every reader of certificates and requests. */
export async function targets(): Promise<FuzzTarget[]> {
  const sigstore = await MemorySigstore.create();
  const leaf = await sigstore.certify(generateSigner().publicKey);
  const { issuing, root } = sigstore.ca;
  const seeds = [leaf.der, issuing.der, root.der, sigstore.tsa.issuing.der];
  const signer = generateSigner();
  const request = await signCertificationRequest(signer);
  return [
    {
      name: "parseCertificate and every extension",
      seeds,
      run(input) {
        const certificate = parseCertificate(input);
        formatName(certificate.subject);
        for (const read of [
          basicConstraints,
          keyUsage,
          extendedKeyUsage,
          subjectKeyId,
          authorityKeyId,
          subjectAltNames,
          subjectAltName,
          fulcioExtensions,
          isCertificateAuthority,
        ])
          ignoringOurs(() => read(certificate));
        ignoringOurs(() => schemeOfSignatureAlgorithm(certificate.signatureAlgorithmIdentifier, certificate.publicKey));
        verifyPath({
          leaf: certificate,
          intermediates: [issuing],
          anchors: [root],
          timeMs: certificate.notBeforeMs,
          purpose: "codeSigning",
        });
      },
    },
    {
      name: "parseCertificatePem",
      seeds: [new TextEncoder().encode("-----BEGIN CERTIFICATE-----\nMAEC\n-----END CERTIFICATE-----\n")],
      run: (input) => void parseCertificatePem(new TextDecoder().decode(input)),
    },
    {
      name: "parseCertificationRequest",
      seeds: [request],
      run: (input) => void verifyCertificationRequest(parseCertificationRequest(input)),
    },
  ];
}

// One bad extension must not keep the others from being read.
function ignoringOurs(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "SigillumError") throw error;
  }
}
