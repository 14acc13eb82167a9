// A repository of ours that goes through its life in a folder on a loopback server: what foreign TUF clients have to follow.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createSigner, type Signer, sha256 } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { parseRoot, parseSnapshot, parseTimestamp, type RoleName, tufKeyId } from "@sigillum/library/tuf";
import {
  acceptKey,
  addKey,
  buildTimestamp,
  type CeremonyEvent,
  defaultPeriods,
  delegate,
  delegateBins,
  finishEvent,
  type PublicationPlan,
  type PublishedState,
  parsePublishedState,
  planPublication,
  proposeRoot,
  proposeTargets,
  rotateKey,
  signEvent,
  signMetadata,
  startEvent,
  submitKey,
} from "@sigillum/library/tuf-repository";
import { generatePrivateKey } from "@sigillum/signers/signers";

const dayMs = 86_400_000;

/** One step of the life, and what a client must be able to fetch after it. */
export interface Stage {
  readonly name: string;
  readonly target: string;
  readonly text: string;
}

/** The folder and the server of it. */
export interface OwnRepository {
  readonly directory: string;
  readonly url: string;
  readonly rootPath: string;
  /** Take the next step; undefined after the last. */
  next(): Promise<Stage | undefined>;
  /** Serve a timestamp that is signed by a key which was revoked; no client may take it. */
  forgeTimestamp(): Promise<void>;
  close(): Promise<void>;
}

const ecdsa = (): Signer => createSigner(generatePrivateKey("ecdsa-p256"));

/** Make a repository with every kind of key. Nothing is published before the first `next`. */
export async function startOwnRepository(): Promise<OwnRepository> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-tuf-interop-"));
  const life = new Life(directory);
  const server = createServer((request, response) => {
    readFile(join(directory, "repository", ...decodeURIComponent(request.url ?? "/").split("/"))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    directory,
    url: `http://127.0.0.1:${address.port}`,
    rootPath: join(directory, "repository", "1.root.json"),
    next: () => life.next(),
    forgeTimestamp: () => life.forgeTimestamp(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

class Life {
  readonly #directory: string;
  readonly #nowMs = Date.now();
  readonly #people: Signer[] = [
    ecdsa(),
    createSigner(generatePrivateKey("ed25519")),
    createSigner(generatePrivateKey("ecdsa-p384")),
    createSigner(generatePrivateKey("rsa", 2048), { padding: "pss" }),
    ecdsa(),
  ];
  readonly #project = createSigner(generatePrivateKey("ecdsa-p384"));
  readonly #bins = createSigner(generatePrivateKey("ed25519"));
  #online: Record<RoleName, readonly Signer[]> = {
    root: [],
    targets: [],
    snapshot: [ecdsa()],
    timestamp: [createSigner(generatePrivateKey("ed25519"))],
  };
  #stolen: readonly Signer[] = [];
  #state: PublishedState | undefined;
  readonly #files = new Map<string, Uint8Array>();
  readonly #stages: readonly (() => Promise<Stage>)[] = [
    () => this.#initialise(),
    () => this.#delegate(),
    () => this.#nestAndBin(),
    () => this.#rotateDelegate(),
    () => this.#rotateRoot(),
    () => this.#raiseVersions(),
    () => this.#recover(),
  ];
  #done = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async next(): Promise<Stage | undefined> {
    return this.#stages[this.#done++]?.();
  }

  async forgeTimestamp(): Promise<void> {
    this.#online = { ...this.#online, timestamp: this.#stolen };
    const state = this.#state;
    if (state === undefined) throw new Error("nothing is published");
    const expiresMs = this.#nowMs + 5 * dayMs;
    const signed = buildTimestamp({ version: 5000, expiresMs }, { version: state.snapshot.version, bytes: state.snapshot.bytes });
    await this.#write("timestamp.json", await signMetadata(signed, this.#stolen, expiresMs, this.#nowMs));
  }

  get #expiresMs(): number {
    return this.#nowMs + 300 * dayMs;
  }

  async #initialise(): Promise<Stage> {
    let event = startEvent({ name: "first", nonce: "01", nowMs: this.#nowMs });
    for (const signer of this.#people)
      event = acceptKey(
        event,
        await submitKey(event, { owner: `keyholder ${tufKeyId(signer.publicKey).slice(0, 4)}`, role: "root", signer }),
      );
    const people = { keys: this.#people.map(({ publicKey }) => publicKey), threshold: 3 };
    const machine = (role: RoleName) => ({ keys: this.#online[role].map(({ publicKey }) => publicKey), threshold: 1 });
    const roles = { root: people, targets: people, snapshot: machine("snapshot"), timestamp: machine("timestamp") };
    event = proposeRoot(event, { expiresMs: this.#expiresMs, roles });
    event = this.#add(event, "targets", "hello.txt", "hello");
    await this.#publish(await this.#sign(event, this.#people.slice(0, 3)));
    return { name: "init, root 3 of 5 with ECDSA P-256 and P-384, Ed25519 and RSA-PSS", target: "hello.txt", text: "hello" };
  }

  async #delegate(): Promise<Stage> {
    const plan = { keys: [this.#project.publicKey], threshold: 1, terminating: false, paths: ["acme/*", "acme/*/*"] };
    let event = delegate(this.#event("delegate"), "targets", { name: "acme", ...plan }, this.#expiresMs);
    event = this.#add(event, "acme", "acme/keys.json", "keys");
    await this.#publish(await this.#sign(event, [...this.#people.slice(2), this.#project]));
    return { name: "delegation with a P-384 key", target: "acme/keys.json", text: "keys" };
  }

  async #nestAndBin(): Promise<Stage> {
    let event = this.#event("nest");
    const bins = { keys: [this.#bins.publicKey], threshold: 1 };
    event = delegate(event, "acme", { name: "acme-bins", ...bins, terminating: true, paths: ["acme/*/*"] }, this.#expiresMs);
    event = proposeTargets(event, "acme-bins", { expiresMs: this.#expiresMs });
    event = delegateBins(event, "acme-bins", { ...bins, bitLength: 3, namePrefix: "bin" }, this.#expiresMs);
    for (let bin = 0; bin < 8; bin++) event = proposeTargets(event, `bin-${bin}`, { expiresMs: this.#expiresMs });
    // SHA-256 of acme/deep/file begins with the three bits that choose its bin.
    event = this.#add(event, `bin-${(sha256(encodeUtf8("acme/deep/file"))[0] ?? 0) >> 5}`, "acme/deep/file", "from a bin");
    await this.#publish(await this.#sign(event, [this.#project, this.#bins]));
    return { name: "nested delegation to succinct bins", target: "acme/deep/file", text: "from a bin" };
  }

  async #rotateDelegate(): Promise<Stage> {
    const fresh = ecdsa();
    const plan = { keys: [fresh.publicKey], threshold: 1, terminating: false, paths: ["acme/*", "acme/*/*"] };
    let event = delegate(this.#event("revoke"), "targets", { name: "acme", ...plan }, this.#expiresMs);
    event = this.#add(event, "acme", "acme/keys.json", "keys by a new key");
    await this.#publish(await this.#sign(event, [...this.#people.slice(0, 3), fresh]));
    return { name: "key revocation of a delegate", target: "acme/keys.json", text: "keys by a new key" };
  }

  async #rotateRoot(): Promise<Stage> {
    let event = this.#event("rotate");
    const [leaver] = this.#people;
    const newcomer = ecdsa();
    if (leaver === undefined) throw new Error("nobody is left");
    event = rotateKey(
      event,
      tufKeyId(leaver.publicKey),
      await submitKey(event, { owner: "newcomer", role: "root", signer: newcomer }),
      this.#expiresMs,
    );
    event = addKey(event, await submitKey(event, { owner: "sixth", role: "root", signer: ecdsa() }), this.#expiresMs);
    await this.#publish(await this.#sign(event, [...this.#people.slice(1, 4), newcomer]));
    return { name: "root rotation", target: "hello.txt", text: "hello" };
  }

  /** What a thief of the online keys does, and every client believes. */
  async #raiseVersions(): Promise<Stage> {
    await this.#publish(undefined, { restartAt: { timestamp: 100_000 } });
    return { name: "versions raised by a thief of the timestamp key", target: "hello.txt", text: "hello" };
  }

  async #recover(): Promise<Stage> {
    const [old] = this.#online.timestamp;
    if (old === undefined) throw new Error("no timestamp key");
    const fresh = ecdsa();
    let event = this.#event("recover");
    event = rotateKey(
      event,
      tufKeyId(old.publicKey),
      await submitKey(event, { owner: "server", role: "timestamp", signer: fresh }),
      this.#expiresMs,
    );
    event = await this.#sign(event, this.#people.slice(1, 4));
    this.#stolen = this.#online.timestamp;
    this.#online = { ...this.#online, timestamp: [fresh] };
    await this.#publish(event, { restartAt: { timestamp: 50 } });
    return { name: "fast-forward recovery", target: "hello.txt", text: "hello" };
  }

  #event(name: string): CeremonyEvent {
    const state = this.#state;
    const firstRoot = this.#files.get("1.root.json");
    if (state === undefined || firstRoot === undefined) throw new Error("nothing is published");
    return startEvent({ name, nonce: "02", nowMs: this.#nowMs, live: { state, firstRoot } });
  }

  #add(event: CeremonyEvent, role: string, path: string, text: string): CeremonyEvent {
    return proposeTargets(event, role, { add: new Map([[path, { bytes: encodeUtf8(text) }]]), expiresMs: this.#expiresMs });
  }

  async #sign(event: CeremonyEvent, signers: readonly Signer[]): Promise<CeremonyEvent> {
    let signed = event;
    for (const signer of signers) signed = await signEvent(signed, signer);
    return signed;
  }

  async #publish(event: CeremonyEvent | undefined, change: Partial<PublicationPlan> = {}): Promise<void> {
    const files = await planPublication(this.#state, {
      nowMs: this.#nowMs,
      periods: defaultPeriods,
      files: new Map(),
      signers: this.#online,
      thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
      ...(event === undefined ? {} : { ceremony: finishEvent(event) }),
      ...change,
    });
    for (const { path, bytes } of files) {
      this.#files.set(path, bytes);
      await this.#write(decodeURIComponent(path), bytes);
    }
    this.#state = this.#read();
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.#directory, "repository", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }

  #read(): PublishedState {
    const file = (name: string): Uint8Array => this.#files.get(name) ?? new Uint8Array();
    const timestamp = file("timestamp.json");
    const snapshot = file(`${parseTimestamp(timestamp).snapshot.version}.snapshot.json`);
    const delegated = new Map<string, Uint8Array>();
    let targets = new Uint8Array();
    for (const [name, { version }] of parseSnapshot(snapshot).meta) {
      const bytes = file(`${version}.${name}`);
      if (name === "targets.json") targets = new Uint8Array(bytes);
      else delegated.set(name.slice(0, -".json".length), bytes);
    }
    parseRoot(file("root.json"));
    return parsePublishedState({ root: file("root.json"), targets, snapshot, timestamp }, delegated);
  }
}
