// The command line: tables of commands and flags, the parser over them, help and completion made from them.
export { type CommandSpec, commonFlags, type FlagSpec, type PositionalSpec } from "./command.ts";
export { type CompletionShell, completionScript, completionShells } from "./completion.ts";
export { parseDuration } from "./duration.ts";
export { argumentError, argumentErrors } from "./errors.ts";
export { commandHelp, overallHelp } from "./help.ts";
export { nearest } from "./nearest.ts";
export { Arguments, type Environment, flagsOf, parseArguments } from "./parse.ts";
