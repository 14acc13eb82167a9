// Free TCP ports, for demonstrations and tests that must not meet a running stack.
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";
import { settingsError } from "./errors.ts";

/** How often another port is tried when one address of a candidate is taken. */
const maxAttempts = 200;
/** Below what systems give to outgoing connections (Linux: 32768, others: 49152), which would take a port before it is used. */
const [lowestPort, endOfPorts] = [10_000, 32_768];

/**
 * Finds `count` distinct ports that are free on every one of `addresses`; an address that this machine does not have is passed
 * over. Nothing keeps the ports after it returns: another process may take one before they are used.
 */
export async function findFreePorts(count: number, addresses: readonly string[]): Promise<number[]> {
  const held: Server[] = [];
  try {
    const ports: number[] = [];
    for (let attempt = 0; ports.length < count; attempt++) {
      if (attempt >= count + maxAttempts) {
        throw settingsError(
          "PORT_UNAVAILABLE",
          `Cannot find free ports: ${attempt} candidates were taken on one of the addresses ${addresses.join(", ")}`,
        );
      }
      const port = await holdPort(addresses, held);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Listens on one port by chance on all addresses; the servers join `held` so that the port is not given twice. */
async function holdPort(addresses: readonly string[], held: Server[]): Promise<number | undefined> {
  const port = randomInt(lowestPort, endOfPorts);
  let isHeld = false;
  for (const address of addresses) {
    const outcome = await listen(address, port);
    if (outcome === "absent") continue;
    if (outcome === "taken") return undefined;
    held.push(outcome);
    isHeld = true;
  }
  if (isHeld) return port;
  throw settingsError(
    "PORT_UNAVAILABLE",
    `Cannot find free ports: this machine has none of the addresses ${addresses.join(", ")}`,
  );
}

function listen(address: string, port: number): Promise<Server | "absent" | "taken"> {
  return new Promise((resolve) => {
    const server = createServer();
    // EADDRNOTAVAIL and EAFNOSUPPORT: a machine without ::1. Anything else means that this port cannot be had here.
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT" ? "absent" : "taken"),
    );
    server.listen({ host: address, port, exclusive: true }, () => resolve(server));
  });
}
