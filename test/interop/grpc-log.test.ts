// Rekor v2's gRPC service as a foreign client calls it: grpcio, with the messages of rekor-tiles' own proto files, on the port that serves
// HTTP/1.1 too.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { noteKey, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { encodeBase64, encodeUtf8, parseBase64, parseHex, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { leafHash, verifyInclusion } from "@sigillum/library/merkle";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { findPeer } from "../../tools/peers-list.mjs";
import { callGrpcio } from "./clients/grpcio.ts";

const grpcio = findPeer("grpcio");
const protos = [findPeer("rekor-tiles-proto"), findPeer("sigstore-proto"), findPeer("openapi-proto")];
const missing = [grpcio, ...protos].find(({ path }) => path === undefined)?.missing;

interface Entry {
  readonly logIndex?: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  readonly inclusionProof: {
    readonly logIndex?: string;
    readonly rootHash: string;
    readonly treeSize: string;
    readonly hashes?: string[];
    readonly checkpoint: { readonly envelope: string };
  };
  readonly canonicalizedBody: string;
}

interface Answer {
  readonly answer?: Entry & { readonly contentType?: string; readonly data?: string };
  readonly health?: string;
  readonly code?: number;
  readonly message?: string;
  readonly details?: string;
  readonly trailers?: Record<string, string>;
}

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const verifier = {
  publicKey: { rawBytes: encodeBase64(publicKey.export({ type: "spki", format: "der" })) },
  keyDetails: "PKIX_ECDSA_P256_SHA_256",
};

function hashedRekord(text: string, change: object = {}): object {
  const digest = createHash("sha256").update(text).digest("base64");
  const content = sign("sha256", encodeUtf8(text), privateKey).toString("base64");
  return { hashedRekordRequestV002: { digest, signature: { content, verifier }, ...change } };
}

function dsse(): object {
  const [payloadType, payload] = ["application/vnd.in-toto+json", "{}"];
  const message = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload}`;
  const sig = sign("sha256", encodeUtf8(message), privateKey).toString("base64");
  const envelope = { payload: encodeBase64(encodeUtf8(payload)), payloadType, signatures: [{ sig }] };
  return { dsseRequestV002: { envelope, verifiers: [verifier] } };
}

describe("gRPC of log v2", { skip: missing ?? false, timeout: 120_000 }, () => {
  let directory = "";
  let stack: Stack;
  let target = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-grpc-log-"));
    const dataDirectory = join(directory, "data");
    stack = await startStack({ dataDirectory, initialise: { ports: "free" }, only: ["log-v2"], logger: silentLogger });
    target = `localhost:${stack.settings.services["log-v2"].port}`;
  });
  after(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const call = (asked: readonly object[]): Promise<Answer[]> => {
    const [rekor = "", sigstore = "", openapi = ""] = protos.map(({ path }) => path ?? "");
    const own = ["verifier", "hashedrekord", "dsse", "entry", "rekor_service"].map((name) => `rekor/v2/${name}.proto`);
    const files = ["sigstore_common.proto", "envelope.proto", "sigstore_rekor.proto", ...own];
    const folders = [rekor, sigstore, join(openapi, "../..")];
    return callGrpcio<Answer>(grpcio.path ?? "", { target, root: "-", folders, files, service: "Rekor" }, asked);
  };

  const assertProved = ({ answer }: Answer): number => {
    assert.ok(answer !== undefined);
    const { inclusionProof: proof, canonicalizedBody } = answer;
    const [record] = stack.keyring.shards("v2");
    assert.ok(record !== undefined);
    assert.equal(answer.logId.keyId, encodeBase64(record.logId));
    assert.deepEqual(answer.kindVersion, { kind: "hashedrekord", version: "0.0.2" });
    const checkpoint = verifyCheckpoint(
      proof.checkpoint.envelope,
      noteKey(record.origin, stack.keyring.signer(record.key).publicKey),
    );
    assert.equal(checkpoint.treeSize, Number(proof.treeSize));
    assert.equal(encodeBase64(checkpoint.root), proof.rootHash);
    const leafIndex = Number(proof.logIndex ?? 0);
    assert.equal(Number(answer.logIndex ?? 0), leafIndex);
    verifyInclusion({
      leafHash: leafHash(parseBase64(canonicalizedBody)),
      leafIndex,
      treeSize: checkpoint.treeSize,
      root: checkpoint.root,
      proof: (proof.hashes ?? []).map(parseBase64),
    });
    return leafIndex;
  };

  it("CreateEntry adds an entry with its proof, a second one as HTTP does, and a repeated one once", async () => {
    const first = hashedRekord("a file");
    const answers = await call([
      { method: "CreateEntry", request: first },
      { method: "CreateEntry", request: dsse() },
      { method: "CreateEntry", request: first },
    ]);
    assert.deepEqual(answers.map(assertProved), [1, 2, 1]);
    const body = JSON.stringify(first);
    const headers = { "content-type": "application/json" };
    const overHttp = await request({ method: "POST", url: `${stack.urls["log-v2"]}/api/v2/log/entries`, headers, body });
    assert.equal(JSON.parse(parseUtf8(overHttp.body)).canonicalizedBody, answers[0]?.answer?.canonicalizedBody);
  });

  it("GetCheckpoint, GetTile and GetEntryBundle give what HTTP gives", async () => {
    const answers = await call([
      { method: "GetCheckpoint" },
      { method: "GetTile", request: { L: 0, N: "000.p/3" } },
      { method: "GetEntryBundle", request: { N: "000.p/2" } },
    ]);
    const paths = ["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/2"];
    for (const [at, path] of paths.entries()) {
      const { body, headers } = await request({ url: `${stack.urls["log-v2"]}/api/v2/${path}` });
      assert.deepEqual(
        [answers[at]?.answer?.contentType, answers[at]?.answer?.data],
        [headers["content-type"], encodeBase64(body)],
      );
    }
  });

  it("Health says SERVING", async () => {
    const [health] = await call([{ method: "Health" }]);
    assert.equal(health?.health, "0801");
  });

  it("refuses with the codes of rekor-tiles, and says why in details", async () => {
    const wrongKey = { keyDetails: "PKIX_ED25519_PH", publicKey: verifier.publicKey };
    const answers = await call([
      { method: "CreateEntry", request: {} },
      { method: "CreateEntry", request: { hashedRekordRequestV002: {} } },
      { method: "CreateEntry", request: hashedRekord("x", { digest: "AAAA" }) },
      { method: "CreateEntry", request: hashedRekord("x", { digest: createHash("sha256").update("y").digest("base64") }) },
      { method: "CreateEntry", request: hashedRekord("x", { signature: { content: "AAAA", verifier: wrongKey } }) },
      { method: "CreateEntry", request: hashedRekord("x", { signature: { content: "AAAA" } }) },
      { method: "GetTile", request: { L: 0, N: "000" } },
      { method: "GetEntryBundle", request: { N: "../../keyring.json" } },
    ]);
    assert.deepEqual(
      answers.map(({ code }) => code),
      [3, 3, 3, 3, 3, 3, 5, 5],
    );
    const reasons = answers.map(
      ({ details = "" }) =>
        /[A-Z][A-Z0-9_]{5,}/.exec(
          parseUtf8(parseHex(details).filter((octet) => octet < 128)).replaceAll(/^.*ErrorInfo/gs, ""),
        )?.[0],
    );
    assert.deepEqual(reasons, [
      "ENTRY_REQUEST_MALFORMED",
      "ENTRY_REQUEST_MALFORMED",
      "ENTRY_REQUEST_MALFORMED",
      "ENTRY_SIGNATURE_INVALID",
      "ENTRY_KEY_UNSUPPORTED",
      "ENTRY_REQUEST_MALFORMED",
      "REKOR_V2_NOT_FOUND",
      "TILE_PATH_MALFORMED",
    ]);
  });
});
