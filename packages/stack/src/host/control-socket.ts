// The control socket: the owner of the data directory asks a running stack to do something. One JSON object a line, each way:
//   {"action":"log.rotate","input":{…}}   ->   {"ok":true,"output":…}  or  {"ok":false,"code":"…","message":"…"}
import { createHash } from "node:crypto";
import { mkdirSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve as resolvePath } from "node:path";
import { isSigillumError, type JsonValue, parseJson } from "@sigillum/library/encoding";
import { hostError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import type { Action } from "./service.ts";

/** Longest line the socket reads. */
const maxLineBytes = 1024 * 1024;
/** sockaddr_un holds 104 bytes on the smallest system we run on. */
const maxPathBytes = 100;

/** The socket's path for a data directory: inside it, or, when that is too long for the system, in a private directory of this user under the temporary one. */
export function controlSocketPath(dataDirectory: string): string {
  const inside = join(resolvePath(dataDirectory), "control.sock");
  if (Buffer.byteLength(inside) <= maxPathBytes) return inside;
  const uid = process.getuid?.() ?? 0;
  const name = createHash("sha256").update(inside).digest("hex").slice(0, 24);
  return join(tmpdir(), `sigillum-${uid}`, `${name}.sock`);
}

/** Serves actions to the owner of the socket. */
export class ControlSocket {
  readonly #server: Server;
  readonly #path: string;
  readonly #pending: Set<Promise<void>>;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, path: string, pending: Set<Promise<void>>, sockets: Set<Socket>) {
    this.#server = server;
    this.#path = path;
    this.#pending = pending;
    this.#sockets = sockets;
  }

  /** Listen on `path` with mode 0600; a socket that nobody answers on (a crash left it) is replaced. */
  static async open(path: string, actions: ReadonlyMap<string, Action>, logger: Logger): Promise<ControlSocket> {
    ensurePrivateParent(path);
    if (await isAnswered(path))
      throw hostError("CONTROL_SOCKET_TAKEN", `Cannot open control socket: another process answers on ${path}`, { found: path });
    removeStale(path);
    const pending = new Set<Promise<void>>();
    const sockets = new Set<Socket>();
    const server = createServer((socket) => serveSocket(socket, actions, logger, pending, sockets));
    await listenPrivately(server, path);
    return new ControlSocket(server, path, pending, sockets);
  }

  /** Finish the actions that were accepted, then remove the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    await Promise.all(this.#pending);
    for (const socket of this.#sockets) socket.end();
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
    removeStale(this.#path);
  }
}

function ensurePrivateParent(path: string): void {
  const parent = join(path, "..");
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(parent);
  const own = process.getuid?.() ?? uid;
  // Only the fallback directory stands in a place that others can write to.
  if (
    parent.startsWith(tmpdir()) &&
    parent.includes("sigillum-") &&
    (uid !== own || (mode & 0o077) !== 0) &&
    path.endsWith(".sock") &&
    !path.endsWith("control.sock")
  ) {
    throw hostError(
      "CONTROL_SOCKET_TAKEN",
      `Cannot open control socket: ${parent} belongs to another user or is open to others`,
      { found: parent },
    );
  }
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

function hasErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // bind() happens inside listen(), so the mask makes the socket 0600 from its first moment.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

function serveSocket(
  socket: Socket,
  actions: ReadonlyMap<string, Action>,
  logger: Logger,
  pending: Set<Promise<void>>,
  sockets: Set<Socket>,
): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => socket.destroy());
  onLines(socket, (line) => {
    const work = answer(line, actions, logger).then((reply) => {
      socket.write(`${JSON.stringify(reply)}\n`);
    });
    pending.add(work);
    void work.finally(() => pending.delete(work));
  });
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    rest += text;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      take(line);
    }
    if (rest.length > maxLineBytes) socket.destroy();
  });
}

async function answer(line: string, actions: ReadonlyMap<string, Action>, logger: Logger): Promise<JsonValue> {
  try {
    const { name, input } = parseCall(line);
    const action = actions.get(name);
    if (action === undefined)
      throw hostError("CONTROL_ACTION_UNKNOWN", `Cannot run action: there is none called ${JSON.stringify(name.slice(0, 80))}`);
    logger.info("control.action", { action: name });
    return { ok: true, output: await action(input) };
  } catch (error) {
    if (isSigillumError(error)) return { ok: false, code: error.code, message: error.message };
    logger.error("control.failed", { error });
    return {
      ok: false,
      code: "INTERNAL_ERROR",
      message: "Cannot run action: an unexpected error, which the log of the running stack names",
    };
  }
}

function parseCall(line: string): { name: string; input: JsonValue } {
  const call = parseJson(line, { maxBytes: maxLineBytes, maxDepth: 32 });
  if (typeof call !== "object" || call === null || Array.isArray(call) || typeof call["action"] !== "string") {
    throw hostError("REQUEST_MALFORMED", "Cannot run action: the line is not an object with a string called action");
  }
  return { name: call["action"], input: call["input"] ?? null };
}

/** Ask the stack that serves `path` to run an action; an action that it refuses rejects with CONTROL_ACTION_REFUSED, its code in `found`. */
export function callControlSocket(path: string, action: string, input: JsonValue, timeoutMs = 60_000): Promise<JsonValue> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (reason: string, cause?: unknown): void => {
      socket.destroy();
      reject(hostError("CONTROL_SOCKET_UNREACHABLE", `Cannot reach a running stack at ${path}: ${reason}`, { cause }));
    };
    socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    socket.once("error", (error) => fail(error.message, error));
    socket.once("close", () => fail("the connection was closed before an answer"));
    socket.once("connect", () => socket.write(`${JSON.stringify({ action, input })}\n`));
    onLines(socket, (line) => {
      try {
        resolve(readAnswer(line));
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
  });
}

function readAnswer(line: string): JsonValue {
  const reply = parseJson(line, { maxBytes: maxLineBytes, maxDepth: 32 });
  if (typeof reply !== "object" || reply === null || Array.isArray(reply))
    throw hostError("CONTROL_SOCKET_UNREACHABLE", "Cannot read the stack's answer: it is no object");
  if (reply["ok"] === true) return reply["output"] ?? null;
  throw hostError(
    "CONTROL_ACTION_REFUSED",
    typeof reply["message"] === "string" ? reply["message"] : "Cannot run action: refused without a reason",
    {
      found: typeof reply["code"] === "string" ? reply["code"] : "",
    },
  );
}
