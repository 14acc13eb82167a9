// `dev.sigstore.fulcio.v2.CA` and `grpc.health.v1.Health` in protobuf. certificate-authority §1.1 and §1.2 have the field numbers.
import {
  concatBytes,
  encodePem,
  type ProtobufMessage,
  parseProtobuf,
  protobufField,
  protobufVarint,
} from "@sigillum/library/encoding";
import type { GrpcCall, GrpcMethod } from "../host/index.ts";
import { challengeClaimOf, type IssuerConfiguration, type TrustedIssuers } from "../issuers/index.ts";
import type { KeyProof } from "./key-possession.ts";
import { type CertificateRequest, oneProof } from "./request-json.ts";

/** What the calls are answered with. */
export interface GrpcAuthority {
  issue(asked: CertificateRequest, call: GrpcCall): Promise<readonly Uint8Array[]>;
  /** Every chain, the issuing certificate first. */
  chains(): readonly (readonly Uint8Array[])[];
  readonly issuers: TrustedIssuers;
}

const serving = 1;

/** The methods by their paths. */
export function grpcMethods(authority: GrpcAuthority): ReadonlyMap<string, GrpcMethod> {
  return new Map<string, GrpcMethod>([
    [
      "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
      async (message, call) => {
        const certificates = await authority.issue(readRequest(parseProtobuf(message)), call);
        // SigningCertificate: signed_certificate_embedded_sct = 2, its chain = 1.
        return protobufField(
          2,
          protobufField(
            1,
            encodeChain(certificates, (pem) => pem.trimEnd()),
          ),
        );
      },
    ],
    [
      "/dev.sigstore.fulcio.v2.CA/GetTrustBundle",
      () =>
        concatBytes(
          ...authority.chains().map((chain) =>
            protobufField(
              1,
              encodeChain(chain, (pem) => pem),
            ),
          ),
        ),
    ],
    [
      "/dev.sigstore.fulcio.v2.CA/GetConfiguration",
      () =>
        concatBytes(
          ...authority.issuers.configurations().map((one) => protobufField(1, encodeIssuer(one, 1))),
          ...authority.issuers.metaConfigurations().map((one) => protobufField(1, encodeIssuer(one, 2))),
        ),
    ],
    ["/grpc.health.v1.Health/Check", () => protobufVarint(1, serving)],
  ]);
}

function readRequest(message: ProtobufMessage): CertificateRequest {
  const token = message.message(1)?.string(1);
  const key = message.message(2);
  const proof = oneProof(message.bytes(3), key === undefined ? undefined : keyProof(key));
  return { ...(token === undefined || token === "" ? {} : { token }), proof };
}

/** PublicKeyRequest; the enum of its key is ignored, the key itself decides. */
function keyProof(request: ProtobufMessage): KeyProof {
  // A proto3 string is UTF-8, but Go's clients put DER into it: the octets are taken as they are.
  const content = request.message(1)?.bytes(2) ?? new Uint8Array();
  return { type: "publicKey", content, signature: request.bytes(2) ?? new Uint8Array() };
}

function encodeChain(chain: readonly Uint8Array[], finish: (pem: string) => string): Uint8Array {
  return concatBytes(...chain.map((der) => protobufField(1, finish(encodePem("CERTIFICATE", der)))));
}

/** OIDCIssuer; fields that are empty are left out, as proto3 does. */
function encodeIssuer(configuration: IssuerConfiguration, urlField: 1 | 2): Uint8Array {
  const texts: readonly (readonly [number, string])[] = [
    [3, configuration.clientId],
    [4, configuration.challengeClaim ?? challengeClaimOf(configuration.type)],
    [5, configuration.spiffeTrustDomain ?? ""],
    [6, configuration.type],
    [7, configuration.subjectDomain ?? ""],
  ];
  return concatBytes(
    protobufField(urlField, configuration.url),
    ...texts.filter(([, text]) => text !== "").map(([field, text]) => protobufField(field, text)),
    ...(configuration.skipEmailVerification ? [protobufVarint(8, true)] : []),
  );
}
