// A server of S3 of a test's own: PyPI's moto on a free port, with one bucket in its memory.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./temporary-postgres.ts";

/** A running server with one bucket. */
export interface TemporaryMoto {
  /** What a client of it has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Answer nobody, as a network does that is cut, until `resume`. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const patienceMs = 60_000;

/** Start moto's server, whose program `npm run peers` brings in, with an empty bucket. */
export async function startTemporaryMoto(program: string, bucket: string): Promise<TemporaryMoto> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server: ChildProcess = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const close = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  };
  try {
    for (const end = Date.now() + patienceMs; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const made = await fetch(`${endpoint}/${bucket}`, { method: "PUT" }).catch(() => undefined);
      if (made?.status === 200) break;
      if (Date.now() > end) throw new Error(`moto does not answer on ${endpoint}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    environment: { AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "us-east-1" },
    pause: () => void server.kill("SIGSTOP"),
    resume: () => void server.kill("SIGCONT"),
    close,
  };
}
