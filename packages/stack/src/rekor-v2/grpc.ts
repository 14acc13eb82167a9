// `dev.sigstore.rekor.v2.Rekor` and `grpc.health.v1.Health` in protobuf: the same log by gRPC, field numbers of rekor-tiles v2.3.0.
import {
  concatBytes,
  encodeBase64,
  encodeUtf8,
  type ProtobufMessage,
  parseProtobuf,
  protobufField,
  protobufVarint,
} from "@sigillum/library/encoding";
import type { GrpcCall, GrpcMethod } from "../host/index.ts";
import type { PublishedProof } from "../log-engine/index.ts";

/** An entry that was added, with its proof. */
export interface AddedEntry {
  readonly keyId: Uint8Array;
  readonly body: Uint8Array;
  readonly proof: PublishedProof;
}

/** What the calls are answered with. */
export interface GrpcLog {
  /** Adds the entry of a request in protobuf JSON. */
  create(requestBody: Uint8Array, call: GrpcCall): Promise<AddedEntry>;
  /** A tile or entry bundle by its path. */
  tile(path: string, call: GrpcCall): Promise<Uint8Array>;
  checkpoint(call: GrpcCall): string;
  isServing(): boolean;
}

const service = "/dev.sigstore.rekor.v2.Rekor";
const [serving, notServing] = [1, 2];

/** The methods by their paths. Divergence: rekor-tiles answers Unimplemented to the three reads, which its bucket serves. */
export function grpcMethods(log: GrpcLog): ReadonlyMap<string, GrpcMethod> {
  return new Map<string, GrpcMethod>([
    [
      `${service}/CreateEntry`,
      async (message, call) => encodeLogEntry(await log.create(requestJson(parseProtobuf(message)), call)),
    ],
    [
      `${service}/GetTile`,
      async (message, call) => {
        // TileRequest: L = 1, N = 2.
        const asked = parseProtobuf(message);
        return encodeBody(octets, await log.tile(`tile/${asked.varint(1)}/${asked.string(2) ?? ""}`, call));
      },
    ],
    [
      `${service}/GetEntryBundle`,
      async (message, call) => encodeBody(octets, await log.tile(`tile/entries/${parseProtobuf(message).string(1) ?? ""}`, call)),
    ],
    [`${service}/GetCheckpoint`, (_message, call) => encodeBody("text/plain; charset=utf-8", encodeUtf8(log.checkpoint(call)))],
    ["/grpc.health.v1.Health/Check", () => protobufVarint(1, log.isServing() ? serving : notServing)],
  ]);
}

const octets = "application/octet-stream";

/** google.api.HttpBody. */
function encodeBody(contentType: string, data: Uint8Array): Uint8Array {
  return concatBytes(protobufField(1, contentType), protobufField(2, data));
}

/** dev.sigstore.rekor.v1.TransparencyLogEntry; fields of a zero are left out, as proto3 does. */
function encodeLogEntry({ keyId, body, proof }: AddedEntry): Uint8Array {
  const index = proof.index === 0 ? new Uint8Array() : protobufVarint(1, proof.index);
  const inclusionProof = concatBytes(
    index,
    protobufField(2, proof.root),
    protobufVarint(3, proof.size),
    ...proof.hashes.map((hash) => protobufField(4, hash)),
    protobufField(5, protobufField(1, proof.cosignedCheckpoint)),
  );
  return concatBytes(
    index,
    protobufField(2, protobufField(1, keyId)),
    protobufField(3, concatBytes(protobufField(1, "hashedrekord"), protobufField(2, "0.0.2"))),
    protobufField(6, inclusionProof),
    protobufField(7, body),
  );
}

/**
 * CreateEntryRequest as the protobuf JSON that HTTP clients post: one reader judges both. What is absent stays absent, and is named by
 * that reader.
 */
function requestJson(request: ProtobufMessage): Uint8Array {
  const [hashedRekord, dsse] = [request.message(1), request.message(2)];
  return encodeUtf8(
    JSON.stringify({
      ...(hashedRekord === undefined ? {} : { hashedRekordRequestV002: hashedRekordJson(hashedRekord) }),
      ...(dsse === undefined ? {} : { dsseRequestV002: dsseJson(dsse) }),
    }),
  );
}

/** HashedRekordRequestV002: digest = 1, signature = 2 {content = 1, verifier = 2}. */
function hashedRekordJson(message: ProtobufMessage): object {
  const signature = message.message(2);
  const verifier = signature?.message(2);
  return {
    digest: base64(message, 1),
    ...(signature === undefined
      ? {}
      : {
          signature: { content: base64(signature, 1), ...(verifier === undefined ? {} : { verifier: verifierJson(verifier) }) },
        }),
  };
}

/** DSSERequestV002: envelope = 1 {payload = 1, payloadType = 2, signatures = 3 {sig = 1, keyid = 2}}, verifiers = 2. */
function dsseJson(message: ProtobufMessage): object {
  const envelope = message.message(1);
  return {
    ...(envelope === undefined
      ? {}
      : {
          envelope: {
            payload: base64(envelope, 1),
            payloadType: envelope.string(2) ?? "",
            signatures: envelope.allBytes(3).map((bytes) => {
              const signature = parseProtobuf(bytes);
              return { sig: base64(signature, 1), keyid: signature.string(2) ?? "" };
            }),
          },
        }),
    verifiers: message.allBytes(2).map((bytes) => verifierJson(parseProtobuf(bytes))),
  };
}

/** Verifier: public_key = 1, x509_certificate = 2, each {raw_bytes = 1}; key_details = 3. */
function verifierJson(message: ProtobufMessage): object {
  const [publicKey, certificate] = [message.message(1), message.message(2)];
  return {
    keyDetails: Number(message.varint(3)),
    ...(publicKey === undefined ? {} : { publicKey: { rawBytes: base64(publicKey, 1) } }),
    ...(certificate === undefined ? {} : { x509Certificate: { rawBytes: base64(certificate, 1) } }),
  };
}

function base64(message: ProtobufMessage, field: number): string {
  return encodeBase64(message.bytes(field) ?? new Uint8Array());
}
