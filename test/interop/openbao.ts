// A real OpenBao (the program that Vault's transit engine lives on in) in its development mode: keys in memory, on a free port of loopback.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";

/** A running server with the transit engine enabled. */
export interface OpenBao {
  readonly url: string;
  readonly token: string;
  /** POST to a path below /v1/; rejects with what it answered where that is no success. */
  post(path: string, body: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Why there is none on this machine; false where there is. */
export function missingOpenBao(): string | false {
  const peer = findPeer("openbao");
  return peer.path === undefined ? (peer.missing ?? "openbao is not here") : false;
}

/** Start it; `directory` becomes its home. */
export async function startOpenBao(directory: string): Promise<OpenBao> {
  const home = join(directory, "openbao");
  await mkdir(home, { recursive: true });
  const token = `root-${randomBytes(12).toString("hex")}`;
  const [port] = await findFreePorts(2, ["127.0.0.1"]);
  const url = `http://127.0.0.1:${port}`;
  const words = ["server", "-dev", `-dev-root-token-id=${token}`, `-dev-listen-address=127.0.0.1:${port}`, "-dev-no-store-token"];
  const child = spawn(findPeer("openbao").path ?? "", words, {
    cwd: home,
    env: { PATH: process.env["PATH"] ?? "", HOME: home },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let printed = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-2000);
  });
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const headers = { "x-vault-token": token, "content-type": "application/json" };
    const answer = await request({ method: "POST", url: `${url}/v1/${path}`, headers, body: JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`OpenBao answers ${answer.status} to ${path}: ${textOf(answer)}`);
    return answer.body.length === 0 ? undefined : parseJson(answer.body);
  };
  const stop = (): Promise<void> => end(child);
  try {
    const untilMs = Date.now() + 60_000;
    while (!(await isReady(url))) {
      if (child.exitCode !== null || Date.now() > untilMs) throw new Error(`OpenBao does not start: ${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await post("sys/mounts/transit", { type: "transit" });
    return { url, token, post, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await request({ url: `${url}/v1/sys/health` })).status === 200;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

function textOf(answer: HttpResponse): string {
  return Buffer.from(answer.body).toString("utf8").slice(0, 300);
}
