import { completionScript, completionShells } from "../arguments/index.ts";
import { exitCodes } from "../terminal/index.ts";
import type { Command } from "./command.ts";
import { toggle } from "./flags.ts";
import { runVersion } from "./version.ts";

const none = { name: "", min: 0, max: 0 } as const;

const versionCommand: Command = {
  name: "version",
  summary: "show the version",
  positionals: none,
  flags: [toggle("json", "as JSON, with cosign's fields")],
  run: runVersion,
};

/** The command that prints completion scripts, made from all commands. */
function completionCommand(all: () => Promise<readonly Command[]>): Command {
  return {
    name: "completion",
    summary: "print a completion script for bash, zsh, fish or powershell",
    positionals: { name: "SHELL", min: 1, max: 1, choices: completionShells },
    flags: [],
    examples: ["source <(sigillum completion bash)", "sigillum completion fish > ~/.config/fish/completions/sigillum.fish"],
    run: async (args, terminal) => {
      const shell = completionShells.find((one) => one === args.positionals[0]) ?? "bash";
      const program = /cosign(?:\.\w+)?$/.test(process.argv[1] ?? "") ? "cosign" : "sigillum";
      terminal.write(completionScript(shell, program, await all()));
      return exitCodes.success;
    },
  };
}

const env: Command = {
  name: "env",
  summary: "show the environment variables that are read, and their values",
  positionals: none,
  flags: [toggle("show-descriptions", "say what each is for (true)"), toggle("show-sensitive-values", "show secrets too")],
  run: async (args, terminal) => await (await import("../setup/index.ts")).runEnv(args, terminal),
};

/** Commands that are about the program itself; completion asks for all commands. */
export function aboutCommands(all: () => Promise<readonly Command[]>): readonly Command[] {
  return [versionCommand, env, completionCommand(all)];
}
