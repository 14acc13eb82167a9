// The command line: tables of commands and flags, the parser over them, help made from them.
export { type CommandSpec, commonFlags, type FlagSpec, type PositionalSpec } from "./command.ts";
export { argumentError, argumentErrors } from "./errors.ts";
export { commandHelp, overallHelp } from "./help.ts";
export { nearest } from "./nearest.ts";
export { Arguments, parseArguments } from "./parse.ts";
