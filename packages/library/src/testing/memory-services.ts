// The services of a Sigstore in memory over HTTP on loopback, with the checks that real ones make.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { encodeTransparencyLogEntry, type LogEntry } from "../bundle/index.ts";
import { defaultScheme, isValidSignature, parsePublicKeyPem } from "../crypto/index.ts";
import {
  encodeBase64,
  encodeHex,
  encodePem,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseBase64Url,
  parseJson,
} from "../encoding/index.ts";
import {
  encodeLogEntryBody,
  formatEntryId,
  leafUuid,
  parseCreateEntryRequestV2,
  parseProposedEntry,
  verifyEntrySignature,
  verifyProposedEntry,
} from "../log-entry/index.ts";
import { encodeTimestampResponse, parseTimestampRequest, signTimestampToken } from "../timestamp/index.ts";
import type { SigningConfig, SigningService } from "../trusted-root/index.ts";
import { defaultPeriod, randomSerial, signingTimeMs } from "./memory-authority.ts";
import type { MemorySigstore, Recipe } from "./memory-sigstore.ts";

/** An answer given in place of the honest one. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** Where the services may be disturbed. */
export interface ServiceQuirks {
  /** Answer a request oneself, or leave it to the honest service. */
  answer?: (method: string, path: string) => ServiceAnswer | undefined;
  /** Change an honest answer. */
  edit?: (path: string, answer: ServiceAnswer) => ServiceAnswer;
  /** How certificates are made. */
  recipe?: Recipe;
  /** Rekor v1 answers a second identical write with 409 and a Location. */
  conflict?: boolean;
}

const treeId = 1193050959916656506n;

/** The services of a Sigstore in memory, listening. */
export class MemoryServices {
  readonly quirks: ServiceQuirks = {};
  readonly sigstore: MemorySigstore;
  readonly url: string;
  /** Method and path of every request, in order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #entries = new Map<string, LogEntry>();

  private constructor(sigstore: MemorySigstore, server: Server, port: number) {
    this.sigstore = sigstore;
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    server.on("request", (request, response) => {
      void this.#handle(request, response);
    });
  }

  /** Listen on a free port of loopback. */
  static async start(sigstore: MemorySigstore): Promise<MemoryServices> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
    return new MemoryServices(sigstore, server, address.port);
  }

  /** Stop listening, and drop kept connections. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** A signing config with these services; `logs` names the API versions of the logs. */
  signingConfig(logs: readonly (1 | 2)[], tsa = true): SigningConfig {
    const service = (path: string, majorApiVersion = 1): SigningService => ({
      url: `${this.url}${path}`,
      majorApiVersion,
      validFor: defaultPeriod,
      operator: "sigstore.test",
    });
    return {
      caUrls: [service("/ca")],
      oidcUrls: [],
      rekorTlogUrls: logs.map((version) => service(`/log${version}`, version)),
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: tsa ? [service("/tsa")] : [],
      tsaConfig: { selector: "ANY" },
    };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, path] = [request.method ?? "", request.url ?? ""];
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    this.requests.push(`${method} ${path}`);
    const honest =
      this.quirks.answer?.(method, path) ?? (await this.#answer(method, path, new Uint8Array(Buffer.concat(chunks))));
    const answer = this.quirks.edit?.(path, honest) ?? honest;
    response.writeHead(answer.status, answer.headers ?? {});
    response.end(answer.body);
  }

  async #answer(method: string, path: string, body: Uint8Array): Promise<ServiceAnswer> {
    try {
      if (method === "GET" && path.startsWith("/log1/api/v1/log/entries/"))
        return this.#entry(path.slice(path.lastIndexOf("/") + 1));
      switch (`${method} ${path}`) {
        case "POST /ca/api/v2/signingCert":
          return await this.#certify(body);
        case "POST /tsa":
          return await this.#stamp(body);
        case "POST /log1/api/v1/log/entries":
          return await this.#logV1(body);
        case "POST /log2/api/v2/log/entries":
          return await this.#logV2(body);
        default:
          return json(404, { code: 5, message: "Not Found", details: [] });
      }
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      return json(400, { code: 3, message: error.message, details: [] });
    }
  }

  async #certify(body: Uint8Array): Promise<ServiceAnswer> {
    const request = JsonObject.from(parseJson(body), "request");
    const token = request.object("credentials").string("oidcIdentityToken");
    const claims = JsonObject.exact(parseJson(parseBase64Url(token.split(".")[1] ?? "")), "token");
    const email = claims.optionalString("email");
    const challenge = email ?? claims.string("sub");
    const keyRequest = request.object("publicKeyRequest");
    const key = parsePublicKeyPem(keyRequest.object("publicKey").string("content"));
    if (!isValidSignature(key, defaultScheme(key), encodeUtf8(challenge), keyRequest.base64("proofOfPossession"))) {
      return json(400, { code: 3, message: "The signature supplied in the request could not be verified", details: [] });
    }
    const leaf = await this.sigstore.certify(key, {
      san: { type: email === undefined ? "uri" : "email", value: challenge },
      ...this.quirks.recipe,
    });
    const certificates = [leaf, this.sigstore.ca.issuing, this.sigstore.ca.root].map(({ der }) =>
      encodePem("CERTIFICATE", der).trimEnd(),
    );
    return json(200, { signedCertificateEmbeddedSct: { chain: { certificates } } });
  }

  async #stamp(body: Uint8Array): Promise<ServiceAnswer> {
    const { issuing, issuingSigner, root } = this.sigstore.tsa;
    const token = await signTimestampToken({
      request: parseTimestampRequest(body),
      serial: randomSerial(),
      genTimeMs: signingTimeMs,
      signer: issuingSigner,
      chain: [issuing, root],
    });
    return { status: 200, headers: { "content-type": "application/timestamp-reply" }, body: encodeTimestampResponse(token) };
  }

  async #logV1(request: Uint8Array): Promise<ServiceAnswer> {
    const body = encodeLogEntryBody(verifyProposedEntry(parseProposedEntry(request)));
    const id = formatEntryId(treeId, leafUuid(body));
    const existing = this.#entries.get(id);
    if (existing !== undefined && this.quirks.conflict === true) {
      const message = `an equivalent entry already exists in the transparency log with UUID ${id}`;
      return { ...json(409, { code: 409, message }), headers: { location: `/api/v1/log/entries/${id}` } };
    }
    this.#entries.set(id, existing ?? (await this.sigstore.logV1.add(body, signingTimeMs)));
    return { ...this.#entry(id), status: 201 };
  }

  #entry(id: string): ServiceAnswer {
    const entry = this.#entries.get(id);
    if (entry?.proof === undefined || entry.body === undefined || entry.promise === undefined)
      return json(404, { code: 404, message: "entry not found" });
    const { proof } = entry;
    return json(200, {
      [id]: {
        body: encodeBase64(entry.body),
        integratedTime: entry.integratedTimeS ?? 0,
        logID: encodeHex(entry.logId),
        logIndex: entry.logIndex,
        verification: {
          inclusionProof: {
            checkpoint: proof.checkpoint ?? "",
            hashes: proof.hashes.map(encodeHex),
            logIndex: proof.logIndex,
            rootHash: encodeHex(proof.rootHash),
            treeSize: proof.treeSize,
          },
          signedEntryTimestamp: encodeBase64(entry.promise),
        },
      },
    });
  }

  async #logV2(request: Uint8Array): Promise<ServiceAnswer> {
    const { entry, message } = parseCreateEntryRequestV2(request);
    verifyEntrySignature(entry, message);
    const logged = await this.sigstore.logV2.add(encodeLogEntryBody(entry), signingTimeMs);
    // Rekor v2 writes the fields that it does not set.
    return json(201, { ...encodeTransparencyLogEntry(logged), integratedTime: "0", inclusionPromise: null });
  }
}

function json(status: number, value: JsonValue): ServiceAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** An identity token for a Sigstore in memory, whose certificate authority does not look at its signature. */
export function unsignedToken(claims: { readonly [name: string]: JsonValue }): string {
  const part = (value: JsonValue): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ iss: "https://issuer.sigstore.test", exp: signingTimeMs / 1000 + 60, ...claims })}.c2lnbmF0dXJl`;
}
