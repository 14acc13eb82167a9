import type { Arguments, CommandSpec } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";

/** A command and what runs it; `run` returns the exit code. What carries it out is loaded when it is called. */
export interface Command extends CommandSpec {
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** Commands under a heading of the help. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}
