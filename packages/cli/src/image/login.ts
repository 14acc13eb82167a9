import { parseReference, storeCredentials } from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { optional } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

const maxPassword = 64 * 1024;

/** `sigillum login [SERVER]`: remember a registry account where Docker remembers its own. Whether the registry takes it is not tried. */
export async function runLogin(args: Arguments, terminal: Terminal): Promise<number> {
  const [server = "index.docker.io"] = args.positionals;
  const registry = parseReference(`${server.replace(/^https?:\/\//, "").replace(/\/.*$/, "")}/x`).registry;
  args.exclusive("password", "password-stdin");
  const username = optional(args, "username") ?? (await terminal.ask("Username: "))?.trim() ?? "";
  const password = args.boolean("password-stdin")
    ? await wholeStdin(terminal)
    : (optional(args, "password") ?? (await terminal.ask("Password: ", { secret: true })) ?? "");
  if (username === "" || password === "")
    throw argumentError("FLAG_REQUIRED", "Cannot log in: --username and --password (or --password-stdin) are missing", {
      expected: "both",
    });
  const path = await storeCredentials(registry, { username, password });
  terminal.note(`logged in via ${path}`);
  return exitCodes.success;
}

async function wholeStdin(terminal: Terminal): Promise<string> {
  let text = "";
  for await (const chunk of terminal.stdin) {
    text += new TextDecoder().decode(chunk);
    if (text.length > maxPassword) break;
  }
  return text.replace(/\r?\n$/, "");
}
