// A PostgreSQL server of a test's own: Debian's binaries, a temporary directory, a free port, and not as root.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PostgresConnection } from "./postgres-connection.ts";

/** A running server; anybody on this machine's loopback may use it. */
export interface TemporaryPostgres {
  readonly url: string;
  /** Make a database, empty, and give its address. */
  createDatabase(name: string): Promise<string>;
  /** Stop as a power cut would, and start again on the same data and port. */
  crashAndRestart(): Promise<void>;
  /** Stop, and remove the data. */
  close(): Promise<void>;
}

/** Why there is no server to start, or undefined when there is one. */
export function postgresMissing(): string | undefined {
  return findBinaries() === undefined ? "SKIPPED: PostgreSQL is not installed (below /usr/lib/postgresql)" : undefined;
}

/** Start a server; rejects when `postgresMissing` says why there is none. */
export async function startTemporaryPostgres(): Promise<TemporaryPostgres> {
  const binaries = findBinaries();
  if (binaries === undefined) throw new Error(postgresMissing());
  const directory = await mkdtemp(join(tmpdir(), "sigillum-postgres-"));
  const identity = unprivileged();
  if (identity.uid !== undefined && identity.gid !== undefined) await chown(directory, identity.uid, identity.gid);
  const data = join(directory, "data");
  const made = spawnSync(
    join(binaries, "initdb"),
    ["-D", data, "-U", "sigillum", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"],
    {
      ...identity,
      cwd: directory,
      encoding: "utf8",
    },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const start = (): Promise<ChildProcess> => startServer(join(binaries, "postgres"), data, port, identity);
  let server = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const exited = once(server, "exit");
    server.kill(signal);
    await exited;
  };
  return {
    url: `postgresql://sigillum@127.0.0.1:${port}/postgres`,
    async createDatabase(name) {
      const address = (database: string): string => `postgresql://sigillum@127.0.0.1:${port}/${database}`;
      const connection = new PostgresConnection({ url: address("postgres") });
      try {
        await connection.execute(`CREATE DATABASE ${name}`);
      } finally {
        await connection.close();
      }
      return address(name);
    },
    async crashAndRestart() {
      // SIGQUIT: immediate shutdown, without a checkpoint; the next start recovers from the server's own log.
      await end("SIGQUIT");
      server = await start();
    },
    async close() {
      await end("SIGINT");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** The newest version's folder of binaries. */
function findBinaries(): string | undefined {
  const top = "/usr/lib/postgresql";
  const versions = existsSync(top) ? readdirSync(top).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(top, version, "bin")).find((path) => existsSync(join(path, "initdb")));
}

// The server refuses to run as root.
function unprivileged(): Identity {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((text) => text.split(":"))
    .find(([name]) => name === "postgres");
  const [, , uid, gid] = line ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

async function startServer(binary: string, data: string, port: number, identity: Identity): Promise<ChildProcess> {
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=40",
    "shared_buffers=32MB",
  ];
  const server = spawn(binary, ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    ...identity,
    cwd: data,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said}`)));
    createInterface({ input: server.stderr }).on("line", (line) => {
      said = `${said}${line}\n`.slice(-2000);
      if (line.includes("database system is ready to accept connections")) resolve();
    });
  });
  return server;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("A TCP server has a port");
  return address.port;
}
