// A whole Sigstore in memory, for tests: its bundles verify, and a recipe can break exactly one thing of one.
import {
  type Envelope,
  encodeStatement,
  preAuthenticationEncoding,
  statementPayloadType,
  statementTypeV1,
} from "../attestation/index.ts";
import { type Bundle, bundleMediaType, type LogEntry, type MessageSignature } from "../bundle/index.ts";
import { digest, type HashAlgorithm, keyDetailsOf, type PublicKey, type Signer, sha256 } from "../crypto/index.ts";
import type { SignedCertificateTimestamp } from "../ct/index.ts";
import { encodeBase64, encodeHex, encodeUtf8 } from "../encoding/index.ts";
import { type EncodableBody, type EntryHash, encodeLogEntryBody, type Verifier } from "../log-entry/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import type { Certificate, CertificateFields } from "../x509/index.ts";
import { generateSigner } from "./keys.ts";
import { authorityOf, createChain, issueLeaf, type MemoryChain, MemoryCtLog, signingTimeMs, stamp } from "./memory-authority.ts";
import { type LogHooks, MemoryLog } from "./memory-log.ts";

/** Where the making of a bundle may be disturbed. What comes after a hook is made, honestly, from what the hook returns. */
export interface Hooks extends LogHooks {
  readonly payload?: (payload: Uint8Array) => Uint8Array;
  readonly payloadType?: string;
  readonly signature?: (signature: Uint8Array) => Uint8Array;
  readonly messageDigest?: (message: MessageSignature["messageDigest"]) => MessageSignature["messageDigest"];
  readonly certificate?: (fields: CertificateFields) => CertificateFields;
  readonly scts?: (scts: readonly SignedCertificateTimestamp[]) => readonly SignedCertificateTimestamp[];
  readonly sctTimeMs?: number;
  readonly sctIssuer?: PublicKey;
  readonly certificateSigner?: Signer;
  readonly stamped?: (signature: Uint8Array) => Uint8Array;
  readonly stampTimeMs?: number;
  readonly stampSigner?: Signer;
  readonly timestamps?: (responses: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Change what the log is given. */
  readonly body?: (body: EncodableBody) => EncodableBody;
  readonly bodyBytes?: (body: Uint8Array) => Uint8Array;
  /** Change the finished entry, or the finished bundle. */
  readonly entry?: (entry: LogEntry) => LogEntry;
  readonly bundle?: (bundle: Bundle) => Bundle;
}

/** What bundle to make. */
export interface Recipe extends Hooks {
  readonly content?: "message" | "envelope";
  readonly log?: "v1" | "v2" | "none";
  /** A timestamp; where nothing is said, with Rekor v2. */
  readonly timestamp?: boolean;
  readonly tsa?: MemoryChain;
  readonly ca?: MemoryChain;
  readonly ctLogs?: readonly MemoryCtLog[];
  /** The key that signs. */
  readonly signer?: Signer;
  /** Without a certificate: the bundle holds a hint of the key alone. */
  readonly managed?: boolean;
  readonly san?: { readonly type: "email" | "uri" | "otherName"; readonly value: string };
}

/** A bundle with what it is to be verified against. */
export interface SignedFixture {
  readonly bundle: Bundle;
  readonly artifact: Uint8Array;
  readonly publicKey: PublicKey;
}

/** The identity that a Sigstore in memory gives certificates to. */
export const fixtureIdentity: { readonly san: string; readonly issuer: string } = {
  san: "dev@sigstore.test",
  issuer: "https://issuer.sigstore.test",
};

/** The artifact that a Sigstore in memory signs. */
export const fixtureArtifact: Uint8Array = encodeUtf8("an artifact\n");

/** A Sigstore in memory: own authorities and logs, all trusted by its trusted root from 2026 to 2027. */
export class MemorySigstore {
  readonly ca: MemoryChain;
  readonly tsa: MemoryChain;
  readonly ctLog: MemoryCtLog = new MemoryCtLog();
  readonly logV1: MemoryLog = new MemoryLog(1, "rekor.sigstore.test");
  readonly logV2: MemoryLog = new MemoryLog(2, "log2026-1.rekor.sigstore.test");
  readonly trustedRoot: TrustedRoot;

  private constructor(ca: MemoryChain, tsa: MemoryChain) {
    this.ca = ca;
    this.tsa = tsa;
    this.trustedRoot = {
      tlogs: [this.logV1.trusted(), this.logV2.trusted()],
      ctlogs: [this.ctLog.trusted("https://ct.sigstore.test")],
      certificateAuthorities: [authorityOf(ca, "https://ca.sigstore.test")],
      timestampAuthorities: [authorityOf(tsa, "https://tsa.sigstore.test/api/v1/timestamp")],
    };
  }

  /** Make a Sigstore with fresh keys. */
  static async create(): Promise<MemorySigstore> {
    return new MemorySigstore(await createChain("codeSigning", "ca"), await createChain("timeStamping", "tsa"));
  }

  /** Sign the artifact, or a statement about it, as the recipe says. */
  async sign(recipe: Recipe = {}): Promise<SignedFixture> {
    const signer = recipe.signer ?? generateSigner();
    const certificate = recipe.managed === true ? undefined : await this.certify(signer.publicKey, recipe);
    const content = await signContent(signer, recipe);
    const verifier: Verifier =
      certificate === undefined
        ? { type: "publicKey", der: signer.publicKey.spki }
        : { type: "certificate", der: certificate.der };
    const entries = recipe.log === "none" ? [] : [await this.#entry(signer, content, verifier, recipe)];
    const bundle: Bundle = {
      mediaType: bundleMediaType,
      version: "0.3",
      material: certificate === undefined ? { publicKeyHint: encodeBase64(sha256(signer.publicKey.spki)) } : { certificate },
      tlogEntries: entries,
      timestamps: await this.#timestamps(content.signature, recipe),
      content: content.bundleContent,
    };
    return { bundle: recipe.bundle?.(bundle) ?? bundle, artifact: fixtureArtifact, publicKey: signer.publicKey };
  }

  /** Issue a signing certificate. */
  async certify(publicKey: PublicKey, recipe: Recipe = {}): Promise<Certificate> {
    return issueLeaf({
      publicKey,
      san: recipe.san ?? { type: "email", value: fixtureIdentity.san },
      claims: { issuer: fixtureIdentity.issuer },
      notBeforeMs: signingTimeMs - 60_000,
      ctLogs: recipe.ctLogs ?? [this.ctLog],
      chain: recipe.ca ?? this.ca,
      editFields: recipe.certificate,
      editScts: recipe.scts,
      sctTimeMs: recipe.sctTimeMs,
      sctIssuer: recipe.sctIssuer,
      signer: recipe.certificateSigner,
    });
  }

  async #timestamps(signature: Uint8Array, recipe: Recipe): Promise<readonly Uint8Array[]> {
    const wanted = recipe.timestamp ?? recipe.log === "v2";
    const stamped = recipe.stamped?.(signature) ?? signature;
    const responses = wanted
      ? [await stamp(recipe.tsa ?? this.tsa, stamped, recipe.stampTimeMs ?? signingTimeMs, recipe.stampSigner)]
      : [];
    return recipe.timestamps?.(responses) ?? responses;
  }

  async #entry(signer: Signer, content: SignedContent, verifier: Verifier, recipe: Recipe): Promise<LogEntry> {
    const log = recipe.log === "v2" ? this.logV2 : this.logV1;
    const honest = log.api === 2 ? bodyV2(signer, content, verifier) : bodyV1(content, verifier);
    const bytes = encodeLogEntryBody(recipe.body?.(honest) ?? honest);
    const entry = await log.add(recipe.bodyBytes?.(bytes) ?? bytes, signingTimeMs, recipe);
    return recipe.entry?.(entry) ?? entry;
  }
}

interface SignedContent {
  readonly bundleContent: Bundle["content"];
  /** What was signed: the artifact, or the pre-authentication encoding. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly hash: EntryHash;
}

async function signContent(signer: Signer, recipe: Recipe): Promise<SignedContent> {
  const hash = entryHash(signer.scheme.hash);
  if (recipe.content === "envelope") {
    const honest = encodeStatement({
      type: statementTypeV1,
      subject: [{ name: "artifact", digest: new Map([["sha256", encodeHex(sha256(fixtureArtifact))]]) }],
      predicateType: "https://sigstore.test/predicate",
      predicate: {},
    });
    const payload = recipe.payload?.(honest) ?? honest;
    const payloadType = recipe.payloadType ?? statementPayloadType;
    const message = preAuthenticationEncoding(payloadType, payload);
    const signature = await signMessage(signer, message, recipe);
    const dsseEnvelope: Envelope = { payload, payloadType, signatures: [{ sig: signature, keyid: "" }] };
    return { bundleContent: { dsseEnvelope }, message, signature, hash };
  }
  const signature = await signMessage(signer, fixtureArtifact, recipe);
  const stated = { algorithm: hash, digest: digest(hash, fixtureArtifact) };
  const messageDigest = recipe.messageDigest === undefined ? stated : recipe.messageDigest(stated);
  return {
    bundleContent: { messageSignature: { signature, ...(messageDigest === undefined ? {} : { messageDigest }) } },
    message: fixtureArtifact,
    signature,
    hash,
  };
}

async function signMessage(signer: Signer, message: Uint8Array, recipe: Recipe): Promise<Uint8Array> {
  const signature = await signer.sign(message);
  return recipe.signature?.(signature) ?? signature;
}

function entryHash(hash: HashAlgorithm | "none"): EntryHash {
  return hash === "sha384" || hash === "sha512" ? hash : "sha256";
}

function bodyV1({ bundleContent, message, signature, hash }: SignedContent, verifier: Verifier): EncodableBody {
  if ("messageSignature" in bundleContent) {
    return { kind: "hashedrekord", version: "0.0.1", hashAlgorithm: hash, digest: digest(hash, message), signature, verifier };
  }
  const { payload } = bundleContent.dsseEnvelope;
  return {
    kind: "dsse",
    version: "0.0.1",
    envelopeHash: sha256(message),
    payloadHash: sha256(payload),
    signatures: [{ signature, verifier }],
  };
}

function bodyV2(signer: Signer, { message, signature, hash }: SignedContent, verifier: Verifier): EncodableBody {
  const keyDetails = keyDetailsOf(signer.scheme, signer.publicKey);
  return {
    kind: "hashedrekord",
    version: "0.0.2",
    hashAlgorithm: hash,
    digest: digest(hash, message),
    signature,
    keyDetails,
    verifier,
  };
}
