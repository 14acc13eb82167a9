import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

/** The version of all packages; a test keeps it equal to package.json. */
export const version = "0.1.0";
/** The release of cosign whose command line this one follows: tools that ask for cosign's version compare this one. */
const cosignVersion = "v3.1.2";

/** Name, version and platform on one line. */
export function versionLine(): string {
  return `sigillum ${version} (Node ${process.versions.node}, ${process.platform}/${process.arch})`;
}

/** `sigillum version`: what this program is, also in the fields of cosign's `version --json`. */
export async function runVersion(args: Arguments, terminal: Terminal): Promise<number> {
  const platform = `${process.platform}/${process.arch}`;
  const gitVersion = process.env["SIGILLUM_COSIGN_VERSION"] ?? cosignVersion;
  if (terminal.format === "json" || args.boolean("json")) {
    const cosign = {
      gitVersion,
      gitCommit: "unknown",
      gitTreeState: "unknown",
      buildDate: "unknown",
      goVersion: "none",
      compiler: "node",
      platform,
    };
    terminal.json({ sigillum: version, node: process.versions.node, ...cosign });
    return exitCodes.success;
  }
  terminal.out(versionLine());
  for (const [name, value] of [
    ["GitVersion", gitVersion],
    ["Platform", platform],
  ] as const)
    terminal.out(`${`${name}:`.padEnd(15)}${value}`);
  return exitCodes.success;
}
