import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import {
  concatBytes,
  encodeUtf8,
  isSigillumError,
  type ProtobufMessage,
  parseProtobuf,
  protobufField,
  protobufVarint,
} from "@sigillum/library/encoding";
import { type GrpcCall, type GrpcService, type GrpcStatus, type Service, silentLogger, systemClock } from "../host/index.ts";
import { type LogLimits, logError } from "../log-engine/index.ts";
import { createRekorV2, openRekorV2Shard, type RekorV2Options, type RekorV2Shard, rekorV2KeyId } from "./index.ts";

const newKey = (): { privateKey: ReturnType<typeof generateKeyPairSync>["privateKey"]; signer: Signer } => {
  const { privateKey } = generateKeyPairSync("ed25519");
  return { privateKey, signer: createSigner(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }))) };
};
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
const verifier = concatBytes(protobufField(1, protobufField(1, spki)), protobufVarint(3, 5));

function createRequest(text: string, more: Uint8Array = new Uint8Array()): Uint8Array {
  const digest = createHash("sha256").update(text).digest();
  const content = sign("sha256", encodeUtf8(text), privateKey);
  const signature = concatBytes(protobufField(1, content), protobufField(2, concatBytes(verifier, more)));
  return protobufField(1, concatBytes(protobufField(1, digest), protobufField(2, signature)));
}

const callOf = (authority: string): GrpcCall => ({ id: "1", authority, metadata: () => [] });

describe("Rekor v2 by gRPC", () => {
  let directory = "";
  const services: Service[] = [];
  let opened = 0;

  const openShard = async (origin: string, limits: Partial<LogLimits> = {}): Promise<RekorV2Shard> => {
    const { signer } = newKey();
    opened += 1;
    const options = {
      directory: join(directory, String(opened)),
      origin,
      signer,
      clock: systemClock,
      logger: silentLogger,
      limits,
    };
    return { shard: await openRekorV2Shard(options), keyId: rekorV2KeyId(origin, signer) };
  };
  const serve = (newest: RekorV2Shard, more: Partial<RekorV2Options> = {}): GrpcService => {
    const listener = { addresses: ["127.0.0.1"], port: 0 };
    const service = createRekorV2({ ...newest, listener, logger: silentLogger, ...more });
    services.push(service);
    const [first] = service.listeners;
    assert.ok(first?.grpc !== undefined);
    return first.grpc;
  };
  const call = async (grpc: GrpcService, name: string, message: Uint8Array, authority = "log"): Promise<ProtobufMessage> => {
    const method = grpc.methods.get(name.startsWith("/") ? name : `/dev.sigstore.rekor.v2.Rekor/${name}`);
    assert.ok(method !== undefined);
    return parseProtobuf(await method(message, callOf(authority)));
  };
  const refused = async (
    grpc: GrpcService,
    name: string,
    message: Uint8Array,
    authority = "log",
  ): Promise<GrpcStatus & { reason: string }> => {
    try {
      await call(grpc, name, message, authority);
    } catch (error) {
      return { ...grpc.onError(error, callOf(authority), name), reason: isSigillumError(error) ? error.code : "" };
    }
    return assert.fail("it was not refused");
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-rekor-v2-grpc-"));
  });
  after(async () => {
    for (const service of services) await service.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("an entry's fields stand under the numbers of sigstore_rekor.proto, and index 0 is left out", async () => {
    const own = await openShard("log.example");
    const grpc = serve(own);
    const first = await call(grpc, "CreateEntry", createRequest("first"));
    assert.deepEqual([first.varint(1), first.message(2)?.bytes(1)], [0n, own.keyId]);
    assert.deepEqual([first.message(3)?.string(1), first.message(3)?.string(2)], ["hashedrekord", "0.0.2"]);
    const proof = first.message(6);
    assert.deepEqual([proof?.varint(3), proof?.bytes(2), proof?.allBytes(4).length], [1n, own.shard.head().root, 0]);
    assert.equal(proof?.message(5)?.string(1), own.shard.checkpoint().text);
    const second = await call(grpc, "CreateEntry", createRequest("second"));
    assert.deepEqual([second.varint(1), second.message(6)?.varint(1), second.message(6)?.allBytes(4).length], [1n, 1n, 1]);
    const entry = await own.shard.entry(1);
    assert.deepEqual(second.bytes(7), new Uint8Array(entry.leaf));
  });

  test("the authority chooses the shard, as the host of a request does", async () => {
    const [old, now] = [await openShard("old.example"), await openShard("new.example")];
    const grpc = serve(now, { earlier: [old] });
    const checkpoint = async (authority: string) => (await call(grpc, "GetCheckpoint", new Uint8Array(), authority)).string(2);
    assert.deepEqual(
      [await checkpoint("old.example"), await checkpoint("new.example")],
      [old.shard.checkpoint().text, now.shard.checkpoint().text],
    );
    const unknown = await refused(grpc, "GetCheckpoint", new Uint8Array(), "third.example");
    assert.deepEqual([unknown.code, unknown.reason], [5, "REKOR_V2_HOST_UNKNOWN"]);
  });

  test("a repeated entry is AlreadyExists with its index in x-log-index, where repetitions are refused", async () => {
    const grpc = serve(await openShard("log.example"), { duplicates: "conflict" });
    await call(grpc, "CreateEntry", createRequest("other"));
    const twice = createRequest("twice");
    await call(grpc, "CreateEntry", twice);
    const { code, metadata, reason } = await refused(grpc, "CreateEntry", twice);
    assert.deepEqual([code, metadata, reason], [6, { "x-log-index": "1" }, "REKOR_V2_DUPLICATE"]);
  });

  test("a sealed log is Unimplemented, an overloaded one Unavailable, and what nobody foresaw Internal without its text", async () => {
    const sealed = await openShard("log.example");
    await sealed.shard.seal();
    const frozen = await refused(serve(sealed), "CreateEntry", createRequest("late"));
    assert.deepEqual([frozen.code, frozen.reason], [12, "LOG_SEALED"]);
    assert.match(frozen.message, /Use the latest log/);
    const busy = await refused(
      serve(await openShard("log.example", { maxOutstandingEntries: 0 })),
      "CreateEntry",
      createRequest("x"),
    );
    assert.deepEqual([busy.code, busy.reason], [14, "LOG_OVERLOADED"]);
    const grpc = serve(await openShard("log.example"));
    assert.deepEqual(grpc.onError(new Error("secret"), callOf("log"), "x"), { code: 13, message: "failed to integrate entry" });
    const corrupt = grpc.onError(logError("LOG_ROOT_MISMATCH", "Cannot use log"), callOf("log"), "x");
    assert.equal(corrupt.code, 13);
  });

  test("what is no message, or a message with both of what only one may be, is InvalidArgument", async () => {
    const grpc = serve(await openShard("log.example"));
    const both = createRequest("both", protobufField(2, protobufField(1, Uint8Array.of(0x30))));
    for (const [message, reason] of [
      [Uint8Array.of(0x0a, 0x05, 0x01), "PROTOBUF_MALFORMED"],
      [both, "ENTRY_REQUEST_MALFORMED"],
      [concatBytes(createRequest("x"), protobufField(2, new Uint8Array())), "ENTRY_REQUEST_MALFORMED"],
      [protobufField(2, protobufField(2, verifier)), "ENTRY_REQUEST_MALFORMED"],
    ] as const) {
      const status = await refused(grpc, "CreateEntry", message);
      assert.deepEqual([status.code, status.reason], [3, reason]);
    }
  });

  test("Health says NOT_SERVING once the disk has failed", async () => {
    const own = await openShard("log.example");
    const grpc = serve(own);
    const health = "/grpc.health.v1.Health/Check";
    assert.equal((await call(grpc, health, new Uint8Array())).varint(1), 1n);
    Object.defineProperty(own.shard, "failure", { value: new Error("disk") });
    assert.equal((await call(grpc, health, new Uint8Array())).varint(1), 2n);
  });
});
