// Passwords, kept as scrypt hashes (RFC 7914) in the PHC string form: $scrypt$ln=15,r=8,p=3$SALT$HASH.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { quote } from "@sigillum/library/encoding";
import { identityProviderError } from "./errors.ts";

interface Parameters {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

// 32 MiB and about a tenth of a second: the memory of several at once must fit beside a stack.
const current: Parameters = { ln: 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;
/** The longest password that is read. */
export const maxPasswordLength = 1024;
/** How many are hashed at the same time, and how many wait. */
const limits = { running: 2, waiting: 16 } as const;

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})$/u;

/** A hash that was read. */
export interface PasswordHash {
  readonly parameters: Parameters;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Hashes a password with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, current);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replace(/=+$/u, "");
  return `$scrypt$ln=${current.ln},r=${current.r},p=${current.p}$${text(salt)}$${text(hash)}`;
}

/** Reads a hash; throws IDENTITY_PASSWORD_HASH for another form, or one that takes more memory than 256 MiB or less than 16. */
export function parsePasswordHash(text: string, whose: string): PasswordHash {
  const match = form.exec(text);
  const [ln = 0, r = 0, p = 0] = (match ?? []).slice(1, 4).map(Number);
  const memory = 128 * 2 ** ln * r;
  if (match === null || p < 1 || p > 16 || memory < 16 * 1024 * 1024 || memory > 256 * 1024 * 1024)
    throw identityProviderError("IDENTITY_PASSWORD_HASH", `Cannot read the password hash of ${quote(whose)}`, {
      found: match === null ? "another form" : `ln=${ln},r=${r},p=${p}`,
      expected: "$scrypt$ln=15,r=8,p=3$SALT$HASH",
    });
  return {
    parameters: { ln, r, p },
    salt: new Uint8Array(Buffer.from(match[4] ?? "", "base64")),
    hash: new Uint8Array(Buffer.from(match[5] ?? "", "base64")),
  };
}

/** A hash that no password has: to take as long for an unknown user as for a known one. */
export const nobodysHash: PasswordHash = {
  parameters: current,
  salt: new Uint8Array(saltBytes),
  hash: new Uint8Array(hashBytes),
};

/** Whether a password is the one of a hash. Throws IDENTITY_BUSY when too many wait. */
export async function isPassword(password: string, { parameters, salt, hash }: PasswordHash): Promise<boolean> {
  if (password.length > maxPasswordLength) return false;
  return timingSafeEqual(await queued(() => derive(password, salt, parameters)), hash);
}

let running = 0;
const waiting: (() => void)[] = [];

/** Passwords are hashed a few at a time, so that sign-ins cannot take the machine's memory. */
async function queued<T>(run: () => Promise<T>): Promise<T> {
  if (waiting.length >= limits.waiting)
    throw identityProviderError("IDENTITY_BUSY", "Cannot sign in: too many people sign in at this moment; try again in a minute");
  if (running >= limits.running) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function derive(password: string, salt: Uint8Array, { ln, r, p }: Parameters): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // NFKC: the same password from another keyboard has the same octets.
    const options = { N: 2 ** ln, r, p, maxmem: 300 * 1024 * 1024 };
    scrypt(password.normalize("NFKC"), salt, hashBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
