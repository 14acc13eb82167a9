// Completion scripts for four shells, made from the tables of commands: they know every command, flag and set of choices, and ask
// nothing of the program while somebody types.
import type { CommandSpec } from "./command.ts";
import { flagsOf } from "./parse.ts";

/** The shells that a completion script can be made for. */
export const completionShells: readonly ["bash", "zsh", "fish", "powershell"] = ["bash", "zsh", "fish", "powershell"];

/** A shell of `completionShells`. */
export type CompletionShell = (typeof completionShells)[number];

/** A script that completes `program`'s commands and flags in a shell. */
export function completionScript(shell: CompletionShell, program: string, commands: readonly CommandSpec[]): string {
  const visible = commands.filter((command) => command.hidden !== true);
  switch (shell) {
    case "bash":
      return bash(program, visible);
    case "zsh":
      return `#compdef ${program}\nautoload -U +X bashcompinit && bashcompinit\n${bash(program, visible)}`;
    case "fish":
      return fish(program, visible);
    case "powershell":
      return powershell(program, visible);
  }
}

function flagWords(command: CommandSpec): string[] {
  return flagsOf(command)
    .filter((flag) => flag.hidden !== true)
    .map((flag) => `--${flag.name}`);
}

// "trust add" is two words: the first word completes to "trust", the second to "add".
function wordTree(commands: readonly CommandSpec[]): Map<string, string[]> {
  const tree = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = "", second] = name.split(" ");
    const below = tree.get(first) ?? [];
    if (second !== undefined) below.push(second);
    tree.set(first, below);
  }
  return tree;
}

function bash(program: string, commands: readonly CommandSpec[]): string {
  const tree = wordTree(commands);
  const cases = [...tree].map(([first, below]) => {
    const own = commands.find(({ name }) => name === first);
    const flags = own === undefined ? "" : flagWords(own).join(" ");
    const nested = below.map((second) => {
      const command = commands.find(({ name }) => name === `${first} ${second}`);
      return `        ${second}) words="${command === undefined ? "" : flagWords(command).join(" ")}" ;;`;
    });
    if (nested.length === 0) return `    ${first}) words="${flags}" ;;`;
    return [
      `    ${first})`,
      '      case "$second" in',
      ...nested,
      `        *) words="${[...below, flags].join(" ").trim()}" ;;`,
      "      esac ;;",
    ].join("\n");
  });
  const name = `_${program.replaceAll(/[^A-Za-z0-9]/g, "_")}`;
  return `${[
    `${name}() {`,
    `  local words="" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}" current="\${COMP_WORDS[COMP_CWORD]}"`,
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${[...tree.keys()].join(" ")}"`,
    "  else",
    '  case "$first" in',
    ...cases,
    "  esac",
    "  fi",
    '  COMPREPLY=( $(compgen -W "$words" -- "$current") )',
    "}",
    `complete -o default -F ${name} ${program}`,
  ].join("\n")}\n`;
}

function fish(program: string, commands: readonly CommandSpec[]): string {
  const tree = wordTree(commands);
  const lines: string[] = [];
  for (const [first, below] of tree) {
    const own = commands.find(({ name }) => name === first);
    lines.push(
      `complete -c ${program} -n __fish_use_subcommand -f -a ${first} -d ${fishQuote(own?.summary ?? below.join(", "))}`,
    );
    for (const second of below) {
      const command = commands.find(({ name }) => name === `${first} ${second}`);
      const unless = `not __fish_seen_subcommand_from ${below.join(" ")}`;
      lines.push(
        `complete -c ${program} -n '__fish_seen_subcommand_from ${first}; and ${unless}' -f -a ${second} -d ${fishQuote(command?.summary ?? "")}`,
      );
    }
  }
  for (const command of commands) {
    const seen = command.name
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    for (const flag of flagsOf(command)) {
      if (flag.hidden === true) continue;
      const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
      const value = flag.type === "boolean" ? "" : flag.choices === undefined ? " -r" : ` -x -a '${flag.choices.join(" ")}'`;
      lines.push(`complete -c ${program} -n '${seen}' -l ${flag.name}${short}${value} -d ${fishQuote(flag.summary)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function powershell(program: string, commands: readonly CommandSpec[]): string {
  const tree = wordTree(commands);
  const entries = [
    ["", [...tree.keys()]] as const,
    ...[...tree].filter(([, below]) => below.length > 0).map(([first, below]) => [first, below] as const),
    ...commands.map((command) => [command.name, flagWords(command)] as const),
  ];
  const merged = new Map<string, string[]>();
  for (const [key, words] of entries) merged.set(key, [...(merged.get(key) ?? []), ...words]);
  const table = [...merged].map(([key, words]) => `    '${key}' = @(${words.map((word) => `'${word}'`).join(", ")})`);
  return `${[
    `Register-ArgumentCompleter -Native -CommandName '${program}' -ScriptBlock {`,
    "  param($wordToComplete, $commandAst, $cursorPosition)",
    "  $table = @{",
    ...table,
    "  }",
    "  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() } | Where-Object { $_ -notlike '-*' -and $_ -ne $wordToComplete })",
    "  $key = ($words | Select-Object -First 2) -join ' '",
    "  if (-not $table.ContainsKey($key)) { $key = ($words | Select-Object -First 1) -join ' ' }",
    '  $table[$key] | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {',
    "    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterName', $_)",
    "  }",
    "}",
  ].join("\n")}\n`;
}
