// ca check: the issuers of a stack, each asked where its keys are, before a signer finds out that one cannot be reached.
import { resolve } from "node:path";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

/** `sigillum ca check`: exit code 1 where an issuer cannot be used. */
export async function runCaCheck(args: Arguments, terminal: Terminal): Promise<number> {
  const { checkIssuers } = await import("@sigillum/stack/compose");
  const config = args.string("config");
  const states = await checkIssuers(
    resolve(args.string("data") ?? "sigillum-data"),
    config === undefined ? {} : { configFile: resolve(config) },
  );
  const isGood = states.every(({ problem }) => problem === undefined);
  if (terminal.format === "json") terminal.json({ issuers: states.map((state) => ({ ...state })) });
  else {
    if (states.length === 0) terminal.note("No issuer is configured besides the embedded identity provider");
    for (const { issuer, type, problem } of states)
      terminal.out(
        `${problem === undefined ? "ok  " : "FAIL"}  ${issuer}  ${type}${problem === undefined ? "" : `\n      ${problem}`}`,
      );
  }
  return isGood ? exitCodes.success : exitCodes.failure;
}
