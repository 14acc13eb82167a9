// Fulcio's v2 REST interface: POST /api/v2/signingCert (certificate-authority.md §1.2).
import { encodePublicKeyPem, type PublicKey } from "../crypto/index.ts";
import { encodeBase64, equalBytes, type JsonObject } from "../encoding/index.ts";
import { type Certificate, parseCertificatePem } from "../x509/index.ts";
import { answerMismatch, below, callService, readAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";
import { serviceError } from "./errors.ts";

/** What a certificate is asked for with. */
export interface CertificateOrder {
  /** The OIDC identity token. It is sent, and stands in no message. */
  readonly token: string;
  readonly publicKey: PublicKey;
  /** A signature by the key over the token's `email`, or `sub` where it has none. */
  readonly proofOfPossession: Uint8Array;
}

const maxAnswerBytes = 1024 * 1024;
const maxCertificates = 10;

/**
 * Ask a certificate authority for a certificate. The chain comes back with the leaf first, and the leaf is for the key that was sent.
 * Neither the chain nor the certificate's SCT was verified.
 */
export async function requestCertificate(
  caUrl: string,
  order: CertificateOrder,
  options: ServiceOptions = {},
): Promise<readonly Certificate[]> {
  const call: ServiceCall = {
    service: "certificate authority",
    method: "POST",
    url: below(caUrl, "/api/v2/signingCert"),
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({
      credentials: { oidcIdentityToken: order.token },
      publicKeyRequest: {
        // The enum has no value that fits every key, and the key itself decides.
        publicKey: { algorithm: algorithmNames[order.publicKey.type], content: encodePublicKeyPem(order.publicKey) },
        proofOfPossession: encodeBase64(order.proofOfPossession),
      },
    }),
    maxBytes: maxAnswerBytes,
    statuses: [200, 201],
  };
  const response = await callService(call, options);
  const chain = readAnswer(call, response, (answer) => readChain(answer, call.url));
  const leaf = chain[0];
  if (leaf === undefined)
    throw serviceError("SERVICE_ANSWER", `Cannot read the answer of certificate authority ${call.url}: it has no certificate`);
  if (!equalBytes(leaf.spki, order.publicKey.spki))
    throw answerMismatch(call, "the certificate's public key", "another key", "the key that was sent");
  return chain;
}

const algorithmNames = {
  "ecdsa-p256": "ECDSA",
  "ecdsa-p384": "ECDSA",
  "ecdsa-p521": "ECDSA",
  ed25519: "ED25519",
  rsa: "RSA_PSS",
  // Fulcio has no name for it: it reads the algorithm from the key.
  "ml-dsa-44": "PUBLIC_KEY_ALGORITHM_UNSPECIFIED",
  "ml-dsa-65": "PUBLIC_KEY_ALGORITHM_UNSPECIFIED",
  "ml-dsa-87": "PUBLIC_KEY_ALGORITHM_UNSPECIFIED",
} as const;

function readChain(answer: JsonObject, url: string): Certificate[] {
  const embedded = answer.optionalObject("signedCertificateEmbeddedSct");
  if (embedded === undefined) {
    const detached = answer.has("signedCertificateDetachedSct");
    throw serviceError(
      "SERVICE_ANSWER",
      `Cannot use the answer of certificate authority ${url}: it embeds no SCT in a certificate, and a bundle has no other place for one`,
      {
        found: detached ? "signedCertificateDetachedSct" : "no certificate",
        expected: "signedCertificateEmbeddedSct",
      },
    );
  }
  const pems = embedded.object("chain").strings("certificates");
  if (pems.length > maxCertificates) {
    throw serviceError(
      "SERVICE_ANSWER",
      `Cannot use the answer of certificate authority ${url}: its chain has ${pems.length} certificates`,
      {
        found: String(pems.length),
        expected: `at most ${maxCertificates}`,
      },
    );
  }
  return pems.map(parseCertificatePem);
}
