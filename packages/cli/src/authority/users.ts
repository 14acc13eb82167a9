// user add, remove, list: the people of the embedded identity provider, in users.json of the data directory, which a running one reads again.
import { resolve } from "node:path";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, readPassword, type Terminal } from "../terminal/index.ts";
import { authorityError } from "./errors.ts";
import { readText } from "./holder.ts";

const passwordVariable = "SIGILLUM_USER_PASSWORD";

/** `sigillum user add EMAIL`: a new person, or a new password for one. */
export async function runUserAdd(args: Arguments, terminal: Terminal): Promise<number> {
  const { hashPassword, UserFile } = await import("@sigillum/stack/identity-provider");
  const [email = ""] = args.positionals;
  const file = new UserFile(directoryOf(args));
  const isNew = await file.put({ email, passwordHash: await hashPassword(await passwordFor(args, terminal, email)) });
  if (terminal.format === "json") terminal.json({ email, added: isNew });
  else terminal.out(isNew ? `Added ${email}` : `Changed the password of ${email}`);
  return exitCodes.success;
}

/** `sigillum user remove EMAIL`. */
export async function runUserRemove(args: Arguments, terminal: Terminal): Promise<number> {
  const { UserFile } = await import("@sigillum/stack/identity-provider");
  const [email = ""] = args.positionals;
  await new UserFile(directoryOf(args)).remove(email);
  if (terminal.format === "json") terminal.json({ email, removed: true });
  else terminal.out(`Removed ${email}: tokens that were given end within the hour`);
  return exitCodes.success;
}

/** `sigillum user list`. */
export async function runUserList(args: Arguments, terminal: Terminal): Promise<number> {
  const { UserFile } = await import("@sigillum/stack/identity-provider");
  const users = await new UserFile(directoryOf(args)).read();
  if (terminal.format === "json") terminal.json({ users: users.map(({ email }) => email) });
  else for (const { email } of users) terminal.out(email);
  return exitCodes.success;
}

async function passwordFor(args: Arguments, terminal: Terminal, email: string): Promise<string> {
  const file = args.string("password-file");
  const given = file === undefined ? process.env[passwordVariable] : (await readText(file)).replace(/\r?\n$/u, "");
  if (given !== undefined && given !== "") return given;
  if (terminal.interactive) return await readPassword(terminal, {}, true);
  throw authorityError("AUTHORITY_PASSWORD_MISSING", `Cannot add ${email}: there is no password and no terminal to ask on`, {
    expected: `--password-file FILE, or the environment variable ${passwordVariable}`,
  });
}

function directoryOf(args: Arguments): string {
  return resolve(args.string("data") ?? "sigillum-data");
}
