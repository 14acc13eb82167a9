import { resolve } from "node:path";
import { initialiseStack, type Stack, startAdmission, startStack } from "@sigillum/stack/compose";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

const defaultDirectory = "sigillum-data";

/** `sigillum init`: make a data directory; nothing is started. */
export async function runInit(args: Arguments, terminal: Terminal): Promise<number> {
  const dataDirectory = resolve(args.string("data") ?? defaultDirectory);
  const { settings } = await initialiseStack({ dataDirectory });
  const count = Object.values(settings.services).filter((service) => service.enabled).length;
  if (terminal.format === "json") {
    terminal.json({
      dataDirectory,
      services: Object.fromEntries(
        Object.entries(settings.services).map(([name, { enabled, publicUrl }]) => [name, { enabled, publicUrl }]),
      ),
    });
    return exitCodes.success;
  }
  terminal.out(`Made ${dataDirectory}: keys, certificates, trust root, and settings for ${count} services in sigillum.yaml`);
  terminal.out(`  next    sigillum serve${args.string("data") === undefined ? "" : ` --data ${args.string("data")}`}`);
  return exitCodes.success;
}

/** `sigillum serve`: run the stack until SIGINT or SIGTERM, then finish what was accepted. */
export async function runServe(args: Arguments, terminal: Terminal): Promise<number> {
  if (args.has("only") && args.strings("only").join() === "admission") return await serveAdmission(args, terminal);
  const dataDirectory = resolve(args.string("data") ?? defaultDirectory);
  const configFile = args.string("config");
  const signal = new StopSignal(); // before the start, so that none is missed meanwhile
  const stack = await startStack({
    dataDirectory,
    ...(configFile === undefined ? {} : { configFile: resolve(configFile) }),
    logFormat: terminal.watched ? "text" : "json",
    ...(args.has("only") ? { only: args.strings("only") } : {}),
  }).catch((error: unknown) => {
    signal.ignore();
    throw error;
  });
  if (terminal.format === "json")
    terminal.json({ ready: true, dataDirectory, created: stack.created, urls: stack.urls, tufRootSha256: stack.tufRootSha256 });
  else for (const line of servingLines(stack, dataDirectory)) terminal.out(line);
  await signal.received;
  terminal.note("Stopping: finishing what was accepted");
  await stack.stop();
  return exitCodes.success;
}

// The admission controller has no data directory: what it knows is in its cluster.
async function serveAdmission(args: Arguments, terminal: Terminal): Promise<number> {
  const configFile = args.string("config");
  const signal = new StopSignal();
  const controller = await startAdmission(configFile === undefined ? {} : { configFile: resolve(configFile) }).catch(
    (error: unknown) => {
      signal.ignore();
      throw error;
    },
  );
  const listening = controller.addresses.map(({ service, address, port }) => ({ service, address, port }));
  if (terminal.format === "json") terminal.json({ ready: true, listening });
  else
    for (const { service, address, port } of listening)
      terminal.out(`${service === "admission" ? "Admission controller" : "Health"} on ${address} port ${port}`);
  await signal.received;
  terminal.note("Stopping: finishing what was accepted");
  await controller.stop();
  return exitCodes.success;
}

function servingLines(stack: Stack, dataDirectory: string): string[] {
  const { urls, tufRootSha256 } = stack;
  const width = Math.max(...Object.keys(urls).map((name) => name.length));
  return [
    `${stack.created ? "Made and started" : "Started"} a private Sigstore from ${dataDirectory}`,
    ...Object.entries(urls).map(([name, url]) => `  ${name.padEnd(width)}  ${url}`),
    ...(urls.tuf === undefined || tufRootSha256 === undefined
      ? []
      : [`To use it: sigillum trust add ${urls.tuf} --root-sha256 ${tufRootSha256}`]),
    "Press Ctrl-C to stop",
  ];
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Waits for SIGINT, SIGTERM or SIGHUP from when it is made; the second one ends the process as usual. */
class StopSignal {
  readonly received: Promise<void>;
  #listener: () => void = () => undefined;

  constructor() {
    this.received = new Promise((resolveSignal) => {
      this.#listener = () => {
        this.ignore();
        resolveSignal();
      };
    });
    for (const signal of signals) process.on(signal, this.#listener);
  }

  ignore(): void {
    for (const signal of signals) process.removeListener(signal, this.#listener);
  }
}
