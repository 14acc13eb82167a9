// Requests that clients of a log send, each with a key and certificate of its own, as keyless signing makes them.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { encodeCreateEntryRequestV2, encodeProposedDsse, encodeProposedHashedRekord } from "@sigillum/library/log-entry";
import { encodeName, fulcioLeafExtensions, signCertificate } from "@sigillum/library/x509";

/** Which request is made. */
export type RequestKind = "v1-hashedrekord" | "v2-hashedrekord" | "v1-dsse";

/** Makes requests; no two are equal. */
export class RequestMaker {
  readonly #issuer: Signer;
  readonly #name: Uint8Array = encodeName({ organization: "bench.example", commonName: "bench" });
  #count = 0;

  constructor() {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#issuer = createSigner(privateKey.export({ type: "pkcs8", format: "der" }));
  }

  /** One request as it goes over the wire. */
  async make(kind: RequestKind): Promise<Uint8Array> {
    this.#count += 1;
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const certificate = await this.#certificate(publicKey.export({ type: "spki", format: "der" }));
    const body = this.#body(kind, privateKey, certificate);
    const path = kind === "v2-hashedrekord" ? "/api/v2/log/entries" : "/api/v1/log/entries";
    return encodeUtf8(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  #certificate(spki: Uint8Array): Promise<Uint8Array> {
    const extensions = fulcioLeafExtensions({
      spki,
      issuerKeyId: new Uint8Array(20),
      subjectAltName: { type: "email", value: `user${this.#count % 1000}@bench.example` },
      claims: { issuer: "https://issuer.bench.example" },
    });
    const fields = {
      serial: Uint8Array.of(1, ...numberBytes(this.#count)),
      issuer: this.#name,
      subject: this.#name,
      notBeforeMs: 1_700_000_000_000,
      notAfterMs: 1_700_000_600_000,
      spki,
      extensions,
    };
    return signCertificate(fields, this.#issuer);
  }

  #body(kind: RequestKind, privateKey: KeyObject, certificate: Uint8Array): string {
    const verifier = { type: "certificate", der: certificate } as const;
    const text = `artifact ${this.#count}`;
    if (kind === "v1-dsse") {
      const payloadType = "application/vnd.in-toto+json";
      const payload = encodeUtf8(
        `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"${createHash("sha256").update(text).digest("hex")}"}}],"predicateType":"https://bench.example/v1","predicate":{}}`,
      );
      const sig = sign("sha256", preAuthenticationEncoding(payloadType, payload), privateKey).toString("base64");
      return encodeProposedDsse({
        envelopeText: JSON.stringify({ payload: encodeBase64(payload), payloadType, signatures: [{ sig }] }),
        verifiers: [verifier],
      });
    }
    const digest = createHash("sha256").update(text).digest();
    const entry = { hashAlgorithm: "sha256", digest, signature: sign("sha256", encodeUtf8(text), privateKey), verifier } as const;
    return kind === "v1-hashedrekord"
      ? encodeProposedHashedRekord(entry)
      : encodeCreateEntryRequestV2({ ...entry, keyDetails: "PKIX_ECDSA_P256_SHA_256" });
  }
}

function numberBytes(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
