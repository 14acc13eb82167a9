// A witness for tests: keeps the rules of C2SP tlog-witness, or breaks one of them.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  cosignCheckpoint,
  cosignerKey,
  encodeSignatureLine,
  encodeVerifierKey,
  type NoteKey,
  parseCheckpoint,
  parseSignedNote,
  verifyCheckpoint,
} from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import { equalBytes, isSigillumError, parseBase64 } from "@sigillum/library/encoding";
import { type Hash, verifyConsistency } from "@sigillum/library/merkle";

/** What is answered. */
export interface DoubleAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly type?: string;
}

/** What is made of a true answer; undefined keeps it, "hang" never answers. */
export type Misbehaviour = (answer: DoubleAnswer, body: string) => DoubleAnswer | Promise<DoubleAnswer> | "hang" | undefined;

/** The witness. */
export class WitnessDouble {
  readonly name: string;
  readonly signer: Signer;
  readonly #nowMs: () => number;
  readonly #server: Server;
  readonly #trees: Map<string, { size: number; root: Hash }> = new Map();
  readonly #logs: Map<string, NoteKey> = new Map();
  /** Every request body, in order. */
  readonly asked: string[] = [];
  misbehaves: Misbehaviour = () => undefined;

  constructor(name: string, signer: Signer, nowMs: () => number = () => Date.now()) {
    this.name = name;
    this.signer = signer;
    this.#nowMs = nowMs;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Its verifier key. */
  get verifierKey(): string {
    return encodeVerifierKey(cosignerKey(this.name, this.signer.publicKey));
  }

  /** What it saw last of a log; 0 where it saw nothing. */
  sizeOf(origin: string): number {
    return this.#trees.get(origin)?.size ?? 0;
  }

  /** Know a log. */
  trust(origin: string, key: NoteKey): this {
    this.#logs.set(origin, key);
    return this;
  }

  /** Forget what was seen of a log. */
  forget(origin: string): void {
    this.#trees.delete(origin);
  }

  /** Listen on a free port, or on one that was listened on before; returns the submission prefix. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    this.asked.push(body);
    const answer: DoubleAnswer =
      request.method === "POST" && request.url === "/add-checkpoint" ? await this.#answer(body) : { status: 404, body: "" };
    const given = (await this.misbehaves(answer, body)) ?? answer;
    if (given === "hang") return;
    response.writeHead(given.status, { "content-type": given.type ?? "text/plain; charset=utf-8" }).end(given.body);
  }

  async #answer(body: string): Promise<DoubleAnswer> {
    const blank = body.indexOf("\n\n");
    const [first = "", ...hashes] = body.slice(0, blank).split("\n");
    const old = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
    if (blank < 0 || old === undefined) return { status: 400, body: "malformed\n" };
    const [oldSize, note] = [Number(old), body.slice(blank + 2)];
    const { text } = parseSignedNote(note);
    const { origin, treeSize, root } = parseCheckpoint(text);
    const key = this.#logs.get(origin);
    if (key === undefined) return { status: 404, body: "unknown log\n" };
    try {
      verifyCheckpoint(note, key, { origin });
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      return { status: 403, body: "no signature of a known key\n" };
    }
    if (oldSize > treeSize) return { status: 400, body: "old size above the new one\n" };
    const seen = this.#trees.get(origin);
    if (oldSize !== (seen?.size ?? 0)) return { status: 409, body: `${seen?.size ?? 0}\n`, type: "text/x.tlog.size" };
    if (!extendsTree(seen, { size: treeSize, root }, hashes.map(parseBase64))) return { status: 422, body: "wrong proof\n" };
    this.#trees.set(origin, { size: treeSize, root });
    const line = await cosignCheckpoint(text, Math.floor(this.#nowMs() / 1000), this.name, this.signer);
    return { status: 200, body: encodeSignatureLine(line) };
  }
}

function extendsTree(
  before: { size: number; root: Hash } | undefined,
  now: { size: number; root: Hash },
  proof: readonly Uint8Array[],
): boolean {
  if (before === undefined || before.size === 0) return proof.length === 0;
  if (before.size === now.size) return proof.length === 0 && equalBytes(before.root, now.root);
  try {
    verifyConsistency({ size1: before.size, root1: before.root, size2: now.size, root2: now.root, proof });
    return true;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return false;
  }
}
