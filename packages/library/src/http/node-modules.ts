// Node's own HTTP, loaded when it is first used: node:https costs a program 11 ms at its start, and verifying offline needs none of it.

/** The module node:http. */
export function nodeHttp(): typeof import("node:http") {
  return process.getBuiltinModule("node:http");
}

/** The module node:https. */
export function nodeHttps(): typeof import("node:https") {
  return process.getBuiltinModule("node:https");
}
