// The certificate authority as a service: Fulcio's routes over HTTP. certificate-authority §1.
import { encodePem, isSigillumError, JsonObject } from "@sigillum/library/encoding";
import {
  type Action,
  type Clock,
  encodeStatus,
  type GrpcCall,
  type GrpcService,
  type HttpReply,
  type HttpRequest,
  type Job,
  jsonReply,
  type ListenerSpec,
  type Logger,
  type MetricsRegistry,
  Router,
  readJson,
  type Service,
} from "../host/index.ts";
import { challengeClaimOf, type IssuerConfiguration, issuersError, type TrustedIssuers } from "../issuers/index.ts";
import { type ChainSchedule, encodeChainStatus, type Keyring, parseChainOrder } from "../keyring/index.ts";
import { clientAlgorithms, requirePermitted } from "./client-algorithm.ts";
import { grpcMethods } from "./grpc.ts";
import { issueCertificate, type SubmitPrecertificate, type TrustedCtLog } from "./issue.ts";
import type { KeyProof } from "./key-possession.ts";
import { ProofChecks } from "./proof-check.ts";
import { ProofMemory } from "./proof-memory.ts";
import { type CertificateRequest, readV1Request, readV2Request } from "./request-json.ts";
import { grpcStatus, statusReply } from "./status.ts";

/** What a certificate authority needs. */
export interface CertificateAuthorityOptions {
  readonly keyring: Keyring;
  readonly issuers: TrustedIssuers;
  readonly submitPrecertificate: SubmitPrecertificate;
  /** Whether the log is in this process, with keys of the same keyring: then one SCT for each issuer is verified and not every one. */
  readonly ownCtLog?: boolean;
  /** The logs whose SCTs may be embedded; those of the keyring's trusted root where nothing is said. */
  readonly ctLogs?: readonly TrustedCtLog[];
  readonly certificateLifetimeMs: number;
  /** Keys that clients may have, of `clientAlgorithms`; all of them where nothing is said. */
  readonly clientAlgorithms?: readonly string[];
  /** Threads that check the signatures of tokens and of proofs of possession when many requests come at once; 0 checks them here. */
  readonly threads?: number;
  /** Rotates the chain while the service runs; without one nothing does. */
  readonly chainSchedule?: ChainSchedule;
  /** What else is looked at from time to time: files that may have changed. */
  readonly jobs?: readonly Job[];
  readonly metrics?: MetricsRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One for each port; all answer the same. */
  readonly listeners: readonly Omit<ListenerSpec, "handler">[];
}

/** certificate-authority §1.1. */
const maxBodyBytes = 4 * 1024 * 1024;
const pemChainType = "application/pem-certificate-chain";

/** Makes the service; chains are read from the keyring at each request, so that a rotation needs no restart. */
export function createCertificateAuthority(options: CertificateAuthorityOptions): Service {
  const count = counters(options);
  const checks = new ProofChecks({ threads: options.threads ?? 0, logger: options.logger });
  const issuing: Issuing = { options, checks, proofs: new ProofMemory(), verifiedLogs: new Set(), issued: count.issued };
  const grpc: GrpcService = {
    methods: grpcMethods({
      issue: (asked, call) => issue(issuing, asked, asked.token ?? metadataToken(call), call.id),
      chains: () => chainsOf(options.keyring),
      issuers: options.issuers,
    }),
    maxMessageBytes: maxBodyBytes,
    logger: options.logger,
    onError: (error, call, path) => {
      const status = grpcStatus(error);
      count.refused(error);
      options.logger.info("ca.refused", { requestId: call.id, path, code: status.code, error });
      return { ...status, details: encodeStatus(status, error) };
    },
  };
  const handler = routes(issuing).listener({
    logger: options.logger,
    onError: (error, request) => {
      const reply = statusReply(error);
      count.refused(error);
      // The reason, which Fulcio tells its log alone; never the token.
      options.logger.info("ca.refused", { requestId: request.id, path: request.path, status: reply.status, error });
      return reply;
    },
    // certificate-authority §12.29: Fulcio's list lacks Authorization, which browsers' signers need.
    cors: { allowHeaders: ["accept", "content-type", "x-requested-with", "authorization"] },
  });
  return {
    name: "ca",
    listeners: options.listeners.map((listener) => ({ ...listener, handler, grpc })),
    jobs: [...chainJobs(options), ...(options.jobs ?? [])],
    actions: chainActions(options),
    ready: () => Promise.resolve(readiness(options)),
    close: () => checks.close(),
  };
}

/** What is counted: certificates under the name that dashboards of Fulcio know, refusals by our codes. */
function counters({ metrics, keyring, clock }: CertificateAuthorityOptions): {
  readonly issued: () => void;
  readonly refused: (error: unknown) => void;
} {
  const issued = metrics?.counter("fulcio_new_certs", "Certificates issued");
  const refused = metrics?.counter("sigillum_ca_refusals_total", "Requests for certificates refused, by code", ["code"]);
  const daysLeft = (): number => {
    const ends = keyring.activeChain("ca").certificates.map((certificate) => certificate.notAfterMs);
    return Math.floor((Math.min(...ends) - clock.nowMs()) / 86_400_000);
  };
  metrics?.gauge("sigillum_ca_chain_days_remaining", "Days until a certificate of the active chain ends", daysLeft);
  return {
    issued: () => issued?.add(),
    refused: (error) => refused?.add(1, isSigillumError(error) ? error.code : "UNEXPECTED"),
  };
}

const advanceMs = 60_000;

function chainJobs({ chainSchedule, clock }: CertificateAuthorityOptions): Job[] {
  if (chainSchedule === undefined) return [];
  const run = async (): Promise<void> => void (await chainSchedule.advance(clock.nowMs()));
  return [{ name: "ca.rotation", everyMs: advanceMs, atStart: true, run }];
}

function chainActions({ chainSchedule, clock }: CertificateAuthorityOptions): ReadonlyMap<string, Action> {
  if (chainSchedule === undefined) return new Map();
  return new Map<string, Action>([
    ["ca.rotate", async (input) => encodeChainStatus(await chainSchedule.start(parseChainOrder(input), clock.nowMs()))],
    ["ca.status", async () => encodeChainStatus(await chainSchedule.advance(clock.nowMs()))],
  ]);
}

function routes(issuing: Issuing): Router {
  const { options } = issuing;
  return new Router()
    .add("POST", "/api/v2/signingCert", async (request) => {
      const certificates = await issueOverHttp(issuing, request, readV2Request(await readBody(request)));
      // No trailing newlines here, in the trust bundle yes (§1.2).
      return jsonReply(200, {
        signedCertificateEmbeddedSct: {
          chain: { certificates: certificates.map(trimmedPem) },
        },
      });
    })
    .add("GET", "/api/v2/trustBundle", () =>
      jsonReply(200, {
        chains: chainsOf(options.keyring).map((chain) => ({ certificates: chain.map((der) => encodePem("CERTIFICATE", der)) })),
      }),
    )
    .add("GET", "/api/v2/configuration", () =>
      jsonReply(200, {
        issuers: [
          ...options.issuers.configurations().map((one) => configurationJson(one, "issuerUrl")),
          ...options.issuers.metaConfigurations().map((one) => configurationJson(one, "wildcardIssuerUrl")),
        ],
      }),
    )
    .add("POST", "/api/v1/signingCert", async (request) => {
      const certificates = await issueOverHttp(issuing, request, readV1Request(await readBody(request)));
      // §1.7: the legacy client insists on 201 and finds the SCT in the certificate.
      return pemReply(201, certificates);
    })
    .add("GET", "/api/v1/rootCert", () => pemReply(200, chainsOf(options.keyring).flat()))
    .add("GET", "/healthz", () => jsonReply(200, { status: "SERVING" }));
}

async function readBody(request: HttpRequest): Promise<JsonObject> {
  return JsonObject.from(await readJson(request, { maxBytes: maxBodyBytes, maxDepth: 16 }), "request");
}

/** What the requests of one service share. */
interface Issuing {
  readonly options: CertificateAuthorityOptions;
  readonly checks: ProofChecks;
  readonly proofs: ProofMemory;
  readonly verifiedLogs: Set<string>;
  /** Counts a certificate. */
  readonly issued: () => void;
}

function issueOverHttp(issuing: Issuing, request: HttpRequest, asked: CertificateRequest): Promise<Uint8Array[]> {
  return issue(issuing, asked, asked.token ?? bearerToken(request), request.id);
}

function issue(issuing: Issuing, asked: CertificateRequest, token: string, requestId: string): Promise<Uint8Array[]> {
  return issuing.checks.during(() => issueOne(issuing, asked, token, requestId));
}

/** Leaf first, root last. Token, then key, then signing: nothing that fails a check reaches the signing key. */
async function issueOne(issuing: Issuing, asked: CertificateRequest, token: string, requestId: string): Promise<Uint8Array[]> {
  const { options, checks, verifiedLogs } = issuing;
  const principal = await options.issuers.verifyToken(token, (signature) => checks.isTokenSigned(signature));
  const spki = await provenKey(issuing, asked.proof, principal.challenges);
  requirePermitted(spki, options.clientAlgorithms ?? clientAlgorithms);
  const active = options.keyring.activeChain("ca");
  const leaf = await issueCertificate(
    {
      chain: active.certificates,
      signer: options.keyring.signer(active.key),
      submitPrecertificate: options.submitPrecertificate,
      ctLogs: options.ctLogs ?? options.keyring.trustedRoot().ctlogs,
      ...(options.ownCtLog === true ? { verifiedLogs } : {}),
      lifetimeMs: options.certificateLifetimeMs,
      clock: options.clock,
    },
    principal,
    spki,
  );
  issuing.issued();
  options.logger.info("ca.issued", { requestId, issuer: principal.issuer, san: principal.subjectAltName.value });
  return [leaf, ...active.certificates.map((certificate) => certificate.der)];
}

async function provenKey({ checks, proofs }: Issuing, proof: KeyProof, challenges: readonly string[]): Promise<Uint8Array> {
  if (proof.type === "certificationRequest") return checks.provenKey(proof, challenges);
  try {
    const spki = await checks.provenKey(proof, challenges);
    proofs.remember(proof.signature);
    return spki;
  } catch (error) {
    throw proofs.explain(error, proof.signature);
  }
}

/** §1.3: the header with the first `Bearer ` removed; a bare token works as well. */
function bearerToken(request: HttpRequest): string {
  const header = request.headers.authorization ?? "";
  const token = header.replace(/^Bearer /iu, "").trim();
  if (token !== "") return token;
  throw missingToken("credentials.oidcIdentityToken, or an Authorization header");
}

/** §1.3: the metadata that Fulcio's gateway makes of the header, exactly once. */
function metadataToken(call: GrpcCall): string {
  const [token = "", ...more] = call.metadata("oidcidentitytoken");
  if (token !== "" && more.length === 0) return token;
  throw missingToken("credentials.oidc_identity_token, or the metadata oidcidentitytoken once");
}

function missingToken(expected: string): Error {
  return issuersError("TOKEN_MISSING", "Cannot issue certificate: the request carries no identity token", { expected });
}

/** Every chain that verifiers may meet, the active one first. */
function chainsOf(keyring: Keyring): Uint8Array[][] {
  return keyring.chains("ca").map((chain) => chain.certificates.map((certificate) => certificate.der));
}

const issuerPem = new WeakMap<Uint8Array, string>();

/** PEM without a newline at its end; that of issuers, all after the leaf, is kept. */
function trimmedPem(der: Uint8Array, index: number): string {
  const known = issuerPem.get(der);
  if (known !== undefined) return known;
  const text = encodePem("CERTIFICATE", der).trimEnd();
  if (index > 0) issuerPem.set(der, text);
  return text;
}

function pemReply(status: number, certificates: readonly Uint8Array[]): HttpReply {
  const body = certificates.map(trimmedPem).join("\n");
  return { status, headers: { "content-type": pemChainType }, body };
}

/** OIDCIssuer with unpopulated fields, as grpc-gateway writes it; the URL stands under one of two names (a oneof). */
function configurationJson(
  configuration: IssuerConfiguration,
  urlName: "issuerUrl" | "wildcardIssuerUrl",
): Readonly<Record<string, unknown>> {
  return {
    [urlName]: configuration.url,
    audience: configuration.clientId,
    challengeClaim: configuration.challengeClaim ?? challengeClaimOf(configuration.type),
    spiffeTrustDomain: configuration.spiffeTrustDomain ?? "",
    issuerType: configuration.type,
    subjectDomain: configuration.subjectDomain ?? "",
    skipEmailVerification: configuration.skipEmailVerification,
  };
}

function readiness(options: CertificateAuthorityOptions): { ready: boolean; reason?: string } {
  const nowMs = options.clock.nowMs();
  const chain = options.keyring.activeChain("ca").certificates;
  const invalid = chain.some((certificate) => nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs);
  return invalid ? { ready: false, reason: "a certificate of the authority's chain is not valid now" } : { ready: true };
}
