// Benchmarks of certificate authority and timestamp authority: whole requests over HTTP on loopback, the load from a process of its own.
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { encodeTimestampRequest } from "@sigillum/library/timestamp";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { type Stack, type StackOptions, startStack } from "../src/compose/index.ts";
import { silentLogger } from "../src/host/index.ts";
import type { LoadOrder, LoadResult } from "./http-load.ts";
import type { Measured } from "./measured.ts";

/** The rows of the two authorities. */
export const rows: readonly { readonly name: string; run(): Promise<Measured> }[] = [
  {
    name: "ca.certificate",
    run: () => measure("ca", "certificates/s", certificateBodies, "/api/v2/signingCert", "application/json"),
  },
  {
    name: "tsa.timestamp",
    run: () => measure("tsa", "timestamps/s", timestampBodies, "/api/v1/timestamp", "application/timestamp-query"),
  },
];

const email = "dev@example.com";
const rounds = 5;
const connections = 32;

/** A start, or a round, that takes longer has failed; none takes a tenth of it on a quiet machine. */
const deadlineMs = 30_000;

/**
 * One round warms up; each of the others sends fresh requests. The stack is the one that `serve` starts, in this process, with its own
 * threads for signatures and with a CT log as durable as ever; the load comes from a second process.
 */
async function measure(
  service: "ca" | "tsa",
  unit: string,
  makeBodies: (count: number) => Promise<string[]>,
  path: string,
  contentType: string,
): Promise<Measured> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "sigillum-bench-"));
  let child: ChildProcess | undefined;
  let stack: Stack | undefined;
  try {
    stack = await within("start the stack", startStack({ ...startOptions(service), dataDirectory }));
    child = fork(join(import.meta.dirname, "http-load.ts"), { execArgv: process.execArgv });
    const order = { path, contentType, connections, port: stack.settings.services[service].port };
    const authorization = service === "ca" ? { authorization: `Bearer ${await stack.developmentToken()}` } : {};
    const rates: number[] = [];
    let [cpuMicros, threadMicros, loadMicros, answered] = [0, 0, 0, 0];
    for (let round = 0; round <= rounds; round += 1) {
      const bodies = await makeBodies(round === 0 ? 500 : 1500);
      const [cpu, thread] = [process.cpuUsage(), process.threadCpuUsage()];
      const result = await within("answer a round of requests", load(child, { ...order, ...authorization, bodies }));
      if (result.failed > 0) throw new Error(`${result.failed} of ${bodies.length} requests were refused`);
      if (round === 0) continue;
      const [spent, ofThread] = [process.cpuUsage(cpu), process.threadCpuUsage(thread)];
      cpuMicros += spent.user + spent.system;
      threadMicros += ofThread.user + ofThread.system;
      loadMicros += result.cpuMicros;
      answered += result.answered;
      rates.push(result.answered / result.seconds);
    }
    const signing = await signingRate(stack, service);
    rates.sort((a, b) => a - b);
    const median = rates[Math.floor(rates.length / 2)] ?? 0;
    return {
      median,
      unit,
      spread: [rates[0] ?? 0, rates.at(-1) ?? 0],
      floor: { name: "P-256 signatures on one thread", ratio: median / signing },
      notes: {
        cpuMicrosPerOperation: Math.round(cpuMicros / answered),
        mainThreadMicrosPerOperation: Math.round(threadMicros / answered),
        loadGeneratorMicrosPerOperation: Math.round(loadMicros / answered),
        signatureMicros: Math.round(1e6 / signing),
      },
    };
  } finally {
    child?.kill();
    await stack?.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

function startOptions(service: "ca" | "tsa"): Omit<StackOptions, "dataDirectory"> {
  return { initialise: { ports: "free" }, only: [service, "identity"], logger: silentLogger };
}

/** What a promise gives, or an error that says what took too long: a row that cannot be measured fails and does not hang. */
async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${deadlineMs / 1000} s to ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function load(child: ChildProcess, order: LoadOrder): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the load generator ended with ${code ?? "a signal"}`));
    child.once("exit", ended);
    child.once("message", (answer: { result: LoadResult; error?: string }) => {
      child.off("exit", ended);
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(answer.error));
    });
    child.send(order);
  });
}

/** A key of its own for each request, as keyless signing has. */
async function certificateBodies(count: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let i = 0; i < count; i += 1) bodies.push(encodeBase64(await certificateBody(ephemeralSigner())));
  return bodies;
}

async function certificateBody(signer: Signer): Promise<Uint8Array> {
  const publicKey = { algorithm: "ECDSA", content: encodePublicKeyPem(signer.publicKey) };
  const proofOfPossession = encodeBase64(await signer.sign(encodeUtf8(email)));
  return encodeUtf8(JSON.stringify({ publicKeyRequest: { publicKey, proofOfPossession } }));
}

function timestampBodies(count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, () =>
    encodeBase64(encodeTimestampRequest({ hash: "sha256", digest: new Uint8Array(randomBytes(32)) })),
  );
  return Promise.resolve(bodies);
}

/** How many signatures a second the authority's own key makes when nothing else is done. */
async function signingRate(stack: Stack, service: "ca" | "tsa"): Promise<number> {
  const signer = stack.keyring.signer(service);
  const message = new Uint8Array(randomBytes(700));
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < 500; count += 1) await signer.sign(message);
  return count / ((performance.now() - begun) / 1000);
}
