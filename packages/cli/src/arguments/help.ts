import type { CommandSpec, FlagSpec } from "./command.ts";
import { flagsOf } from "./parse.ts";

/** A command's help: usage, what it does, its flags, examples. */
export function commandHelp(spec: CommandSpec): string {
  const usage = ["sigillum", spec.name, spec.positionals.name, "[flags]"].filter((word) => word !== "").join(" ");
  const visible = flagsOf(spec).filter((flag) => flag.hidden !== true);
  const flags = visible.map((flag): [string, string] => [flagUsage(flag), flag.summary]);
  const examples =
    spec.examples === undefined || spec.examples.length === 0
      ? []
      : ["", "Examples:", ...spec.examples.map((line) => `  ${line}`)];
  const description = spec.description === undefined ? [] : ["", spec.description];
  return [`${spec.summary}`, "", `Usage: ${usage}`, ...description, "", "Flags:", ...columns(flags), ...examples, ""].join("\n");
}

/** The help of the whole: commands with their summaries, in groups. */
export function overallHelp(
  intro: string,
  groups: readonly { readonly title: string; readonly commands: readonly CommandSpec[] }[],
  outro: string,
): string {
  const shown = groups.map(({ title, commands }) => ({ title, commands: commands.filter(({ hidden }) => hidden !== true) }));
  const width = Math.max(...shown.flatMap((group) => group.commands.map((command) => command.name.length)));
  const parts = shown.flatMap((group) => [
    `${group.title}:`,
    ...columns(
      group.commands.map((command) => [command.name, command.summary]),
      width,
    ),
    "",
  ]);
  return [intro, "", ...parts, outro, ""].join("\n");
}

function flagUsage(flag: FlagSpec): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.type === "boolean" ? "" : ` ${flag.value ?? "VALUE"}${flag.type === "string" ? "" : "…"}`;
  return `${short}--${flag.name}${value}`;
}

function columns(
  rows: readonly (readonly [string, string])[],
  width: number = Math.max(...rows.map(([left]) => left.length)),
): string[] {
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
