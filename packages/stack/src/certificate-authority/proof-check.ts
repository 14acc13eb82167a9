// What a request costs besides the certificate: the signature of its token and the proof of possession, two thirds of the arithmetic. Both are
// functions from bytes to bytes, so that threads can do them while this one signs and writes the log (docs/performance.md has the numbers).
import { encodeUtf8, parseUtf8, TlsReader, TlsWriter } from "@sigillum/library/encoding";
import { type BatchFunction, BatchWorkers, type Logger, threadUrl } from "../host/index.ts";
import { isTokenSigned, type TokenSignature } from "../issuers/index.ts";
import { type KeyProof, verifyKeyPossession } from "./key-possession.ts";

const tokenSignature = 0;
const publicKeyProof = 1;
const requestProof = 2;

const yes = Uint8Array.of(1);
const no = Uint8Array.of(0);

/** Checks one signature as `encodeTokenSignature` or `encodeKeyProof` wrote it down: one octet for a token, the proven SPKI for a key. */
export const checkProof: BatchFunction = (input) => {
  const reader = new TlsReader(input);
  const [kind] = reader.bytes(1);
  if (kind === tokenSignature) {
    const [compact, algorithm, publicKey] = [reader.vector24(), reader.vector16(), reader.vector24()].map(parseUtf8);
    return isTokenSigned({ compact: compact ?? "", algorithm: algorithm ?? "", publicKey: publicKey ?? "" }) ? yes : no;
  }
  const content = reader.vector24();
  if (kind === requestProof) return verifyKeyPossession({ type: "certificationRequest", content }, []).spki;
  const signature = reader.vector24();
  const challenges: string[] = [];
  for (let rest = reader.rest(); rest.length > 0; rest = reader.rest()) challenges.push(parseUtf8(reader.vector24()));
  return verifyKeyPossession({ type: "publicKey", content, signature }, challenges).spki;
};

function encodeTokenSignature({ compact, algorithm, publicKey }: TokenSignature): Uint8Array {
  return new TlsWriter(16 + compact.length + algorithm.length + publicKey.length)
    .bytes(Uint8Array.of(tokenSignature))
    .vector24(encodeUtf8(compact))
    .vector16(encodeUtf8(algorithm))
    .vector24(encodeUtf8(publicKey))
    .finish();
}

function encodeKeyProof(proof: KeyProof, challenges: readonly string[]): Uint8Array {
  const writer = new TlsWriter(512 + proof.content.length)
    .bytes(Uint8Array.of(proof.type === "publicKey" ? publicKeyProof : requestProof))
    .vector24(proof.content);
  if (proof.type === "certificationRequest") return writer.finish();
  writer.vector24(proof.signature);
  for (const challenge of challenges) writer.vector24(encodeUtf8(challenge));
  return writer.finish();
}

/** As many requests at once are checked here: a thread would only add to the time of the one who asks. */
const fewRequests = 3;

/** Checks signatures, in threads while many requests are under way. */
export class ProofChecks {
  readonly #workers: BatchWorkers;
  #requests = 0;
  #inThreads = 0;

  constructor(options: { readonly threads: number; readonly logger: Logger }) {
    this.#workers = new BatchWorkers({
      ...options,
      url: threadUrl("proof-worker", import.meta.url),
      inline: checkProof,
    });
  }

  /** Does `work`, one request's, which is counted among those that are under way until it is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#requests += 1;
    try {
      return await work();
    } finally {
      this.#requests -= 1;
    }
  }

  /** Whether the signature of a token is by the key that it names. */
  async isTokenSigned(signature: TokenSignature): Promise<boolean> {
    if (this.#requests <= fewRequests) return isTokenSigned(signature);
    return (await this.#run(encodeTokenSignature(signature)))[0] === 1;
  }

  /** As `verifyKeyPossession`: the SPKI of the key that was proven. */
  async provenKey(proof: KeyProof, challenges: readonly string[]): Promise<Uint8Array> {
    if (this.#requests <= fewRequests) return verifyKeyPossession(proof, challenges).spki;
    return this.#run(encodeKeyProof(proof, challenges));
  }

  /** How many signatures were handed to threads. */
  get checkedInThreads(): number {
    return this.#inThreads;
  }

  /** Starts the threads now. */
  ready(): Promise<void> {
    return this.#workers.ready();
  }

  /** Ends the threads; what waits for them is checked here. */
  close(): Promise<void> {
    return this.#workers.close();
  }

  #run(input: Uint8Array): Promise<Uint8Array> {
    this.#inThreads += 1;
    return this.#workers.run(input);
  }
}
