// The process that is killed: a Rekor v1 log that takes entries over HTTP, many at a time, and rotates its shard again and again. It prints
// what was acknowledged.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { encodeProposedHashedRekord } from "@sigillum/library/log-entry";
import { openRotatingLog } from "./rotating-log.ts";

const [directory = "", round = ""] = process.argv.slice(2);
const log = await openRotatingLog(directory);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const verifier = { type: "publicKey", der: publicKey.export({ type: "spki", format: "der" }) } as const;
let count = 0;

async function addForEver(): Promise<void> {
  for (;;) {
    count += 1;
    const text = `round${round} ${count}`;
    const digest = createHash("sha256").update(text).digest();
    const signature = sign("sha256", encodeUtf8(text), privateKey);
    const reply = await fetch(`${log.url}/api/v1/log/entries`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: encodeProposedHashedRekord({ hashAlgorithm: "sha256", digest, signature, verifier }),
    });
    if (reply.status !== 201) throw new Error(`a write was answered ${reply.status}: ${await reply.text()}`);
    const [[id, entry] = ["", undefined]] = Object.entries(
      (await reply.json()) as Record<string, { logIndex: number; integratedTime: number; body: string }>,
    );
    const { logIndex, integratedTime, body } = entry ?? {};
    // Written to a pipe synchronously: once printed, it survives the kill.
    process.stdout.write(`${JSON.stringify({ id, logIndex, integratedTime, body })}\n`);
  }
}

async function rotateForEver(): Promise<void> {
  for (;;) {
    const goal = count + 60;
    while (count < goal) await new Promise((resolve) => setImmediate(resolve));
    await log.rotate();
  }
}

await Promise.all([rotateForEver(), ...Array.from({ length: 16 }, addForEver)]);
