// Stands between the API server and the controller, and keeps what they say to each other: with SIGILLUM_RECORD=yes it becomes the
// test data that `npm test` replays.
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { request } from "@sigillum/library/http";

/** One question and its answer, and the policies that were in force. */
interface Exchange {
  readonly path: string;
  readonly policies: readonly string[];
  readonly question: unknown;
  readonly answer: unknown;
}

/** Passes requests on and remembers them. A class because of what it remembers. */
export class Recorder {
  readonly #address: string;
  readonly #port: number;
  readonly #target: number;
  readonly #exchanges: Exchange[] = [];
  readonly #policies: Map<string, object> = new Map();
  readonly #inForce: Set<string> = new Set();
  #records = false;
  #server: Server | undefined;

  constructor(address: string, port: number, target: number) {
    this.#address = address;
    this.#port = port;
    this.#target = target;
  }

  /** Listen with the controller's own certificate. */
  async start(tls: { readonly cert: string; readonly key: string }): Promise<void> {
    const server = createServer(tls, (incoming, response) => {
      const chunks: Uint8Array[] = [];
      incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      incoming.on("end", async () => {
        const body = Buffer.concat(chunks);
        const path = incoming.url ?? "/";
        const answer = await request({
          method: incoming.method ?? "POST",
          url: `https://${this.#address}:${this.#target}${path}`,
          body: new Uint8Array(body),
          headers: { "content-type": "application/json" },
          tls: { insecureSkipVerify: true },
        }).catch(() => undefined);
        if (answer === undefined) {
          response.destroy();
          return;
        }
        const text = new TextDecoder().decode(answer.body);
        if (this.#records)
          this.#exchanges.push({
            path,
            policies: [...this.#inForce],
            question: JSON.parse(body.toString("utf8")),
            answer: JSON.parse(text),
          });
        response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, this.#address, resolve));
    this.#server = server;
  }

  /** Keep nothing until `resume`. */
  pause(): void {
    this.#records = false;
  }

  /** Keep what is said from now on; a policy is in force now, or is no more. */
  resume(policy?: { readonly metadata: { readonly name: string } }, gone?: string): void {
    this.#records = true;
    for (const id of this.#inForce)
      if (gone !== undefined && (id === gone || id.startsWith(`${gone}-`))) this.#inForce.delete(id);
    if (policy === undefined) return;
    const { name } = policy.metadata;
    let id = name;
    for (let again = 2; this.#policies.has(id); again += 1) id = `${name}-${again}`;
    this.#policies.set(id, policy);
    this.#inForce.add(id);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Write what was said, where it was asked for; what differs from run to run is written as `{{name}}`. */
  async save(path: string, names: Readonly<Record<string, string>>): Promise<void> {
    if (process.env["SIGILLUM_RECORD"] !== "yes") return;
    let text = JSON.stringify(
      { policies: Object.fromEntries(this.#policies), exchanges: this.#exchanges.map(trimmed) },
      undefined,
      1,
    );
    const byLength = Object.entries(names).sort(([, left], [, right]) => right.length - left.length);
    for (const [name, value] of byLength) {
      text = text.replaceAll(JSON.stringify(value).slice(1, -1), `{{${name}}}`);
      const [, digest] = value.split("@");
      if (digest !== undefined) text = text.replaceAll(digest, `{{${name}.digest}}`);
    }
    await writeFile(path, `${text}\n`);
  }
}

// Who wrote which field is long and of no interest; the certificate and the user are this run's alone.
function trimmed({ question, ...rest }: Exchange): object {
  const text = JSON.stringify(question, (name, value: unknown) =>
    ["managedFields", "userInfo", "creationTimestamp"].includes(name) ? undefined : value,
  );
  return { ...rest, question: JSON.parse(text) };
}
