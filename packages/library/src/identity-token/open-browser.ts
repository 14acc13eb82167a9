import { spawn } from "node:child_process";

/**
 * Open an address in the person's browser: $BROWSER if it is set, else what the system has for that. No shell takes part.
 * Whether a window appeared cannot be known, so nothing is reported.
 */
export function openInBrowser(url: string, env: Readonly<Record<string, string | undefined>> = process.env): void {
  const [program, ...words] = browserCommand(url, process.platform, env["BROWSER"]);
  if (program === undefined) return;
  const child = spawn(program, words, { stdio: "ignore", detached: true, windowsHide: true });
  child.on("error", () => undefined); // no browser here: the address was printed
  child.unref();
}

/** Program and arguments that open an address. $BROWSER holds commands separated by colons; the first counts, "%s" is the address. */
export function browserCommand(url: string, platform: string, browser: string | undefined): readonly string[] {
  const preferred = (browser ?? "").split(platform === "win32" ? ";" : ":")[0]?.trim() ?? "";
  if (preferred !== "") {
    const words = preferred.split(/\s+/);
    return words.some((word) => word.includes("%s")) ? words.map((word) => word.replaceAll("%s", url)) : [...words, url];
  }
  if (platform === "darwin") return ["open", url];
  // rundll32 takes the address as one argument; "start" would read "&" in it as a command's end.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}
