// The certificate authority as a service: Fulcio's routes over HTTP. certificate-authority §1.
import { encodePem, JsonObject } from "@sigillum/library/encoding";
import {
  type Clock,
  type HttpReply,
  type HttpRequest,
  jsonReply,
  type ListenerSpec,
  type Logger,
  Router,
  readJson,
  type Service,
} from "../host/index.ts";
import { challengeClaimOf, type Issuers, issuersError } from "../issuers/index.ts";
import type { Keyring } from "../keyring/index.ts";
import { issueCertificate, type SubmitPrecertificate } from "./issue.ts";
import { verifyKeyPossession } from "./key-possession.ts";
import { type CertificateRequest, readV1Request, readV2Request } from "./request-json.ts";
import { statusReply } from "./status.ts";

/** What a certificate authority needs. */
export interface CertificateAuthorityOptions {
  readonly keyring: Keyring;
  readonly issuers: Issuers;
  readonly submitPrecertificate: SubmitPrecertificate;
  readonly certificateLifetimeMs: number;
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
  const handler = routes(options).listener({
    logger: options.logger,
    onError: (error, request) => {
      const reply = statusReply(error);
      // The reason, which Fulcio tells its log alone; never the token.
      options.logger.info("ca.refused", { requestId: request.id, path: request.path, status: reply.status, error });
      return reply;
    },
    // certificate-authority §12.29: Fulcio's list lacks Authorization, which browsers' signers need.
    cors: { allowHeaders: ["accept", "content-type", "x-requested-with", "authorization"] },
  });
  return {
    name: "ca",
    listeners: options.listeners.map((listener) => ({ ...listener, handler })),
    jobs: [],
    actions: new Map(),
    ready: () => Promise.resolve(readiness(options)),
    close: () => Promise.resolve(),
  };
}

function routes(options: CertificateAuthorityOptions): Router {
  return new Router()
    .add("POST", "/api/v2/signingCert", async (request) => {
      const certificates = await issue(options, request, readV2Request(await readBody(request)));
      // No trailing newlines here, in the trust bundle yes (§1.2).
      return jsonReply(200, {
        signedCertificateEmbeddedSct: {
          chain: { certificates: certificates.map((der) => encodePem("CERTIFICATE", der).trimEnd()) },
        },
      });
    })
    .add("GET", "/api/v2/trustBundle", () =>
      jsonReply(200, {
        chains: chainsOf(options.keyring).map((chain) => ({ certificates: chain.map((der) => encodePem("CERTIFICATE", der)) })),
      }),
    )
    .add("GET", "/api/v2/configuration", () =>
      jsonReply(200, { issuers: options.issuers.configurations().map(configurationJson) }),
    )
    .add("POST", "/api/v1/signingCert", async (request) => {
      const certificates = await issue(options, request, readV1Request(await readBody(request)));
      // §1.7: the legacy client insists on 201 and finds the SCT in the certificate.
      return pemReply(201, certificates);
    })
    .add("GET", "/api/v1/rootCert", () => pemReply(200, chainsOf(options.keyring).flat()))
    .add("GET", "/healthz", () => jsonReply(200, { status: "SERVING" }));
}

async function readBody(request: HttpRequest): Promise<JsonObject> {
  return JsonObject.from(await readJson(request, { maxBytes: maxBodyBytes, maxDepth: 16 }), "request");
}

/** Leaf first, root last. Token, then key, then signing: nothing that fails a check reaches the signing key. */
async function issue(
  options: CertificateAuthorityOptions,
  request: HttpRequest,
  asked: CertificateRequest,
): Promise<Uint8Array[]> {
  const principal = await options.issuers.verifyToken(asked.token ?? bearerToken(request));
  const publicKey = verifyKeyPossession(asked.proof, principal.challenges);
  const active = options.keyring.activeChain("ca");
  const leaf = await issueCertificate(
    {
      chain: active.certificates,
      signer: options.keyring.signer(active.key),
      submitPrecertificate: options.submitPrecertificate,
      ctLogs: options.keyring.trustedRoot().ctlogs,
      lifetimeMs: options.certificateLifetimeMs,
      clock: options.clock,
    },
    principal,
    publicKey,
  );
  options.logger.info("ca.issued", { requestId: request.id, issuer: principal.issuer, san: principal.subjectAltName.value });
  return [leaf, ...active.certificates.map((certificate) => certificate.der)];
}

/** §1.3: the header with the first `Bearer ` removed; a bare token works as well. */
function bearerToken(request: HttpRequest): string {
  const header = request.headers.authorization ?? "";
  const token = header.replace(/^Bearer /iu, "").trim();
  if (token !== "") return token;
  throw issuersError("TOKEN_MISSING", "Cannot issue certificate: the request carries no identity token", {
    expected: "credentials.oidcIdentityToken, or an Authorization header",
  });
}

/** Every chain that verifiers may meet, the active one first. */
function chainsOf(keyring: Keyring): Uint8Array[][] {
  return keyring.chains("ca").map((chain) => chain.certificates.map((certificate) => certificate.der));
}

function pemReply(status: number, certificates: readonly Uint8Array[]): HttpReply {
  const body = certificates.map((der) => encodePem("CERTIFICATE", der).trimEnd()).join("\n");
  return { status, headers: { "content-type": pemChainType }, body };
}

/** OIDCIssuer with unpopulated fields, as grpc-gateway writes it. */
function configurationJson(configuration: ReturnType<Issuers["configurations"]>[number]): Readonly<Record<string, unknown>> {
  return {
    issuerUrl: configuration.url,
    audience: configuration.clientId,
    challengeClaim: challengeClaimOf(configuration.type),
    spiffeTrustDomain: "",
    issuerType: configuration.type,
    subjectDomain: "",
    skipEmailVerification: configuration.skipEmailVerification,
  };
}

function readiness(options: CertificateAuthorityOptions): { ready: boolean; reason?: string } {
  const nowMs = options.clock.nowMs();
  const chain = options.keyring.activeChain("ca").certificates;
  const invalid = chain.some((certificate) => nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs);
  return invalid ? { ready: false, reason: "a certificate of the authority's chain is not valid now" } : { ready: true };
}
