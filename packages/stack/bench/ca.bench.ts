// Benchmarks of certificate authority and timestamp authority: whole requests over HTTP on loopback, the load from a process of its own.
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { encodeTimestampRequest } from "@sigillum/library/timestamp";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { type Stack, startStack } from "../src/compose/index.ts";
import { silentLogger } from "../src/host/index.ts";
import type { LoadOrder, LoadResult } from "./http-load.ts";

/** What a row measured. */
export interface Measured {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor: { readonly name: string; readonly ratio: number };
  readonly notes: Readonly<Record<string, number>>;
}

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

/** One round warms up; each of the others sends fresh requests. The CA runs with its CT log, durable as ever. */
async function measure(
  service: "ca" | "tsa",
  unit: string,
  makeBodies: (count: number) => Promise<string[]>,
  path: string,
  contentType: string,
): Promise<Measured> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "sigillum-bench-"));
  const child = fork(join(import.meta.dirname, "http-load.ts"), { execArgv: process.execArgv });
  const stack = await startStack({
    dataDirectory,
    initialise: { ports: "free" },
    only: [service, "identity"],
    logger: silentLogger,
  });
  try {
    const port = stack.settings.services[service].port;
    const authorization = service === "ca" ? `Bearer ${await stack.developmentToken()}` : undefined;
    const rates: number[] = [];
    let cpuMicros = 0;
    let answered = 0;
    for (let round = 0; round <= rounds; round += 1) {
      const bodies = await makeBodies(round === 0 ? 500 : 1500);
      const cpu = process.cpuUsage();
      const result = await load(child, {
        port,
        path,
        contentType,
        bodies,
        connections,
        ...(authorization === undefined ? {} : { authorization }),
      });
      if (result.failed > 0) throw new Error(`${result.failed} of ${bodies.length} requests were refused`);
      if (round === 0) continue;
      const spent = process.cpuUsage(cpu);
      cpuMicros += spent.user + spent.system;
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
      notes: { cpuMicrosPerOperation: Math.round(cpuMicros / answered) },
    };
  } finally {
    child.kill();
    await stack.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

function load(child: ReturnType<typeof fork>, order: LoadOrder): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    child.once("message", (answer: { result: LoadResult; error?: string }) => {
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
