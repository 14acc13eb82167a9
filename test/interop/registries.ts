// Other people's registries on a free port of loopback: Debian's docker-registry, and zot.
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePorts } from "@sigillum/stack/settings";

/** A running registry. */
export interface ForeignRegistry {
  readonly url: string;
  stop(): Promise<void>;
}

/** Start docker-registry at `path`; it keeps what it is given below `directory` and answers when this resolves. */
export async function startDockerRegistry(path: string, directory: string): Promise<ForeignRegistry> {
  const [port = 0] = await findFreePorts(1, ["127.0.0.1", "::1"]);
  const configuration = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(directory, "docker-registry") } },
    http: { addr: `localhost:${port}` },
  };
  const file = join(directory, "docker-registry.yml");
  await writeFile(file, JSON.stringify(configuration)); // JSON is YAML
  return await startRegistry("docker-registry", path, ["serve", file], port, directory);
}

/** Start zot at `path`, in the same way. */
export async function startZot(path: string, directory: string): Promise<ForeignRegistry> {
  const [port = 0] = await findFreePorts(1, ["127.0.0.1", "::1"]);
  const configuration = {
    distSpecVersion: "1.0.1",
    log: { level: "error" },
    storage: { rootDirectory: join(directory, "zot") },
    http: { address: "localhost", port: String(port) },
  };
  const file = join(directory, "zot.json");
  await writeFile(file, JSON.stringify(configuration));
  return await startRegistry("zot", path, ["serve", file], port, directory);
}

async function startRegistry(
  name: string,
  path: string,
  args: readonly string[],
  port: number,
  directory: string,
): Promise<ForeignRegistry> {
  const child = spawn(path, args, { env: { HOME: directory }, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL"); // nothing of it is kept
    await ended;
  };
  const url = `http://localhost:${port}`;
  const end = Date.now() + 30_000;
  while (!(await answers(`${url}/v2/`))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`${name} does not answer\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false; // it does not listen yet
  }
}
