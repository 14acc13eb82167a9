// A new stack's keys, shards and chains.
import { randomBytes } from "node:crypto";
import { noteKey } from "@sigillum/library/checkpoint";
import { type KeyType, type Signer, sha256 } from "@sigillum/library/crypto";
import { createAuthorityChain, createTimestampChain } from "./chains.ts";
import type { ChainRecord, KeyName, KeyRecord, KeyringDocument, ShardRecord } from "./document.ts";
import { type KeyHolders, makeRecordedKey } from "./key-files.ts";

/** The addresses and names that go into keys, certificates and the trust root of a new stack. */
export interface KeyringPlan extends KeyHolders {
  readonly organization: string;
  readonly operator: string;
  /** Roles of the published root that are signed here; the others are keyholders'. All of them where nothing is said. */
  readonly tufRoles?: readonly ("root" | "targets" | "snapshot" | "timestamp")[];
  readonly publicUrls: {
    readonly logV1: string;
    readonly logV2: string;
    readonly ca: string;
    readonly ct: string;
    readonly tsa: string;
    readonly identity: string;
  };
}

/** Ed25519, which every client of Rekor v2 reads; a token that lacks it makes what they read as well. */
export const v2KeyTypes: readonly [KeyType, KeyType] = ["ed25519", "ecdsa-p256"];

/** Makes every key of a new stack, writes the key files, and returns the document that records them; the document is not written. */
export async function createKeyringDocument(directory: string, plan: KeyringPlan, nowMs: number): Promise<KeyringDocument> {
  // Whole seconds: log entries and timestamps carry no fraction, and the first of them must not lie before its key's period.
  const startMs = Math.floor(nowMs / 1000) * 1000;
  const shardId = `${new Date(startMs).getUTCFullYear()}-1`;
  const keys: KeyRecord[] = [];
  const make = async (name: KeyName, type: KeyType | readonly [KeyType, KeyType], bits?: number): Promise<Signer> => {
    const types: readonly [KeyType, ...KeyType[]] = typeof type === "string" ? [type] : type;
    const made = await makeRecordedKey(directory, name, types, plan, bits);
    keys.push(made.record);
    return made.signer;
  };
  const shards = [
    v1Shard(plan.publicUrls.logV1, shardId, startMs, await make(`log-v1/${shardId}`, "ecdsa-p256")),
    v2Shard(plan.publicUrls.logV2, shardId, startMs, await make(`log-v2/${shardId}`, v2KeyTypes)),
    ctShard(plan.publicUrls.ct, shardId, startMs, await make(`ct/${shardId}`, "ecdsa-p256")),
  ];
  const chains = [
    await authorityChain(plan, startMs, await make("ca-root", "ecdsa-p384"), await make("ca", "ecdsa-p256")),
    await timestampChain(plan, startMs, await make("tsa-root", "ecdsa-p384"), await make("tsa", "ecdsa-p256")),
  ];
  for (const role of plan.tufRoles ?? ["root", "targets", "snapshot", "timestamp"]) await make(`tuf-${role}`, "ecdsa-p256");
  // cosign and sigstore-js take ID tokens that are signed RS256 alone (certificate-authority §6).
  await make("oidc", "rsa", 2048);
  return {
    operator: plan.operator,
    organization: plan.organization,
    ...(plan.keyHolder === undefined ? {} : { keyHolder: plan.keyHolder }),
    createdMs: startMs,
    keys,
    shards,
    chains,
    endpoints: [{ service: "identity", publicUrl: plan.publicUrls.identity, validFor: { startMs } }],
  };
}

/** The record of a new shard of Rekor v1, in use from `startMs`. */
export function v1Shard(publicUrl: string, id: string, startMs: number, signer: Signer): ShardRecord {
  // transparency-log §1.12: the name is the host name, which sigstore-js looks for inside the base URL; the origin adds the tree.
  const checkpointName = new URL(publicUrl).hostname;
  const treeId = randomTreeId();
  return {
    id,
    api: "v1",
    key: `log-v1/${id}`,
    treeId,
    origin: `${checkpointName} - ${treeId}`,
    checkpointName,
    logId: sha256(signer.publicKey.spki),
    publicUrl,
    validFor: { startMs },
    state: "active",
  };
}

/** The record of a new shard of Rekor v2, in use from `startMs`. */
export function v2Shard(publicUrl: string, id: string, startMs: number, signer: Signer): ShardRecord {
  // transparency-log §3.1: sigstore-go takes the host name of the base URL, without port, as the origin.
  const origin = new URL(publicUrl).hostname;
  return {
    id,
    api: "v2",
    key: `log-v2/${id}`,
    origin,
    checkpointName: origin,
    logId: noteKey(origin, signer.publicKey).keyId,
    publicUrl,
    validFor: { startMs },
    state: "active",
  };
}

/** The record of a new shard of the CT log, in use from `startMs`. */
export function ctShard(publicUrl: string, id: string, startMs: number, signer: Signer): ShardRecord {
  // static-ct-api: the origin is the submission prefix as a URL without scheme.
  const origin = publicUrl.replace(/^https?:\/\//u, "");
  return {
    id,
    api: "ct",
    key: `ct/${id}`,
    origin,
    checkpointName: origin,
    logId: sha256(signer.publicKey.spki),
    publicUrl,
    validFor: { startMs },
    state: "active",
  };
}

async function authorityChain(plan: KeyringPlan, startMs: number, root: Signer, intermediate: Signer): Promise<ChainRecord> {
  const subject = { organization: plan.organization, commonName: "sigillum" };
  const names = { organization: plan.organization, rootName: subject.commonName, name: "sigillum-intermediate" };
  const certificates = await createAuthorityChain({ ...names, startMs }, root, intermediate);
  return {
    id: "ca-1",
    service: "ca",
    key: "ca",
    publicUrl: plan.publicUrls.ca,
    subject,
    certificates,
    validFor: { startMs },
    state: "active",
  };
}

async function timestampChain(plan: KeyringPlan, startMs: number, root: Signer, leaf: Signer): Promise<ChainRecord> {
  const subject = { organization: plan.organization, commonName: "sigillum-tsa-root" };
  const names = { organization: plan.organization, rootName: subject.commonName, name: "sigillum-tsa" };
  const certificates = await createTimestampChain({ ...names, startMs }, root, leaf);
  return {
    id: "tsa-1",
    service: "tsa",
    key: "tsa",
    publicUrl: plan.publicUrls.tsa,
    subject,
    certificates,
    validFor: { startMs },
    state: "active",
  };
}

/** A random positive 63-bit number with its highest bit set, so that it has sixteen hexadecimal digits as in an entry's identifier. */
function randomTreeId(): string {
  const random = randomBytes(8).readBigUInt64BE() & 0x3fff_ffff_ffff_ffffn;
  return (random | 0x4000_0000_0000_0000n).toString();
}
