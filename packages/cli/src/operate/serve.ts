import { resolve } from "node:path";
import { initialiseStack, type Stack, startStack } from "@sigillum/stack/compose";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

const defaultDirectory = "sigillum-data";

/** `sigillum init`: make a data directory; nothing is started. */
export async function runInit(args: Arguments, terminal: Terminal): Promise<number> {
  const dataDirectory = resolve(args.string("data") ?? defaultDirectory);
  const { settings } = await initialiseStack({ dataDirectory });
  const shards = Object.values(settings.services).filter((service) => service.enabled);
  if (terminal.format === "json") {
    terminal.json({
      dataDirectory,
      services: Object.fromEntries(
        Object.entries(settings.services).map(([name, { enabled, publicUrl }]) => [name, { enabled, publicUrl }]),
      ),
    });
    return exitCodes.success;
  }
  terminal.out(
    `Made ${dataDirectory}: keys, certificates, trust root, and settings for ${shards.length} services in sigillum.yaml`,
  );
  terminal.out(`  next    sigillum serve${args.string("data") === undefined ? "" : ` --data ${args.string("data")}`}`);
  return exitCodes.success;
}

/** `sigillum serve`: run the stack until SIGINT or SIGTERM, then finish what was accepted. */
export async function runServe(args: Arguments, terminal: Terminal): Promise<number> {
  const dataDirectory = resolve(args.string("data") ?? defaultDirectory);
  const configFile = args.string("config");
  const stopped = stopSignal();
  const stack = await startStack({
    dataDirectory,
    ...(configFile === undefined ? {} : { configFile: resolve(configFile) }),
    ...(args.has("only") ? { only: args.strings("only") } : {}),
  });
  if (terminal.format === "json")
    terminal.json({ ready: true, dataDirectory, created: stack.created, urls: stack.urls, tufRootSha256: stack.tufRootSha256 });
  else for (const line of servingLines(stack, dataDirectory)) terminal.out(line);
  await stopped;
  terminal.note("Stopping: finishing what was accepted");
  await stack.stop();
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

/** Resolves with the first SIGINT, SIGTERM or SIGHUP; listening begins at once, so that none is missed while the stack starts. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolveSignal) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, resolveSignal);
  });
}
