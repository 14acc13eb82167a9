// users.json in the data directory: people whom the command line adds and removes, while the stack runs or not. Each change replaces the file
// whole; a running provider reads it again when its content changes.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeUtf8, isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { writeFileDurably } from "../storage/index.ts";
import { identityProviderError } from "./errors.ts";
import { parsePasswordHash } from "./password.ts";
import type { UserEntry } from "./users.ts";

const fileName = "users.json";
const maxBytes = 4 * 1024 * 1024;
const emailForm = /^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/u;

/** The file of a data directory. */
export class UserFile {
  readonly path: string;

  constructor(dataDirectory: string) {
    this.path = join(dataDirectory, fileName);
  }

  /** The people, by address; nobody where there is no file. Throws IDENTITY_USERS_UNREADABLE for one that was not written here. */
  async read(): Promise<readonly UserEntry[]> {
    const text = await this.content();
    if (text === undefined) return [];
    try {
      const users = JsonObject.exact(parseJson(text, { maxBytes }), fileName).objects("users");
      return users.map((user) => {
        const entry = { email: user.string("email"), passwordHash: user.string("passwordHash") };
        parsePasswordHash(entry.passwordHash, entry.email);
        return entry;
      });
    } catch (cause) {
      if (!isSigillumError(cause)) throw cause;
      throw identityProviderError("IDENTITY_USERS_UNREADABLE", `Cannot read ${fileName}: ${cause.message}`, { cause });
    }
  }

  /** The file's text; undefined where there is none. */
  async content(): Promise<string | undefined> {
    try {
      return await readFile(this.path, "utf8");
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown failure";
      if (code === "ENOENT") return undefined;
      throw identityProviderError("IDENTITY_USERS_UNREADABLE", `Cannot read ${fileName}: ${code}`, { cause });
    }
  }

  /** Adds a person, or gives one another password; whether the person is new. Durable when it returns. */
  async put(entry: UserEntry): Promise<boolean> {
    if (!emailForm.test(entry.email))
      throw identityProviderError("IDENTITY_USER_ADDRESS", `Cannot add user: ${quote(entry.email, 80)} is no email address`, {
        found: quote(entry.email, 80),
        expected: "name@example.com",
      });
    const users = await this.read();
    const others = users.filter(({ email }) => email.toLowerCase() !== entry.email.toLowerCase());
    await this.#write([...others, entry]);
    return others.length === users.length;
  }

  /** Removes a person. Throws IDENTITY_USER_UNKNOWN for an address that nobody has. */
  async remove(address: string): Promise<void> {
    const users = await this.read();
    const others = users.filter(({ email }) => email.toLowerCase() !== address.toLowerCase());
    if (others.length === users.length)
      throw identityProviderError("IDENTITY_USER_UNKNOWN", `Cannot remove user: nobody has the address ${quote(address, 80)}`, {
        found: quote(address, 80),
      });
    await this.#write(others);
  }

  async #write(users: readonly UserEntry[]): Promise<void> {
    const sorted = [...users].sort((a, b) => (a.email < b.email ? -1 : 1));
    const value = { users: sorted.map(({ email, passwordHash }) => ({ email, passwordHash })) };
    await writeFileDurably(this.path, encodeUtf8(`${JSON.stringify(value, null, 2)}\n`));
  }
}
