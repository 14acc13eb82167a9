// Who can sign in: people with passwords, and the development user without one.
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64Url, encodeUtf8 } from "@sigillum/library/encoding";
import type { Clock } from "../host/index.ts";
import { AttemptLimit } from "./attempt-limit.ts";
import { identityProviderError } from "./errors.ts";
import type { TokenSubject } from "./id-token.ts";
import { isPassword, nobodysHash, type PasswordHash, parsePasswordHash } from "./password.ts";

/** A person in the settings. */
export interface UserEntry {
  readonly email: string;
  readonly passwordHash: string;
}

/** Everybody who can sign in. */
export class Users {
  readonly developmentUser: TokenSubject | undefined;
  readonly hasPasswords: boolean;
  readonly #byEmail: ReadonlyMap<string, { readonly subject: TokenSubject; readonly hash: PasswordHash }>;
  readonly #bySubject: ReadonlyMap<string, TokenSubject>;
  readonly #attempts: AttemptLimit;

  /** Throws IDENTITY_PASSWORD_HASH for a hash that cannot be read. */
  constructor(entries: readonly UserEntry[], developmentUser: TokenSubject | undefined, clock: Clock) {
    this.#byEmail = new Map(
      entries.map(({ email, passwordHash }) => [
        email.toLowerCase(),
        { subject: subjectOf("user", email), hash: parsePasswordHash(passwordHash, email) },
      ]),
    );
    const subjects = [...this.#byEmail.values()].map(({ subject }) => subject);
    this.developmentUser = developmentUser;
    this.hasPasswords = subjects.length > 0;
    this.#bySubject = new Map(
      [...subjects, ...(developmentUser === undefined ? [] : [developmentUser])].map((user) => [user.subject, user]),
    );
    this.#attempts = new AttemptLimit(clock);
  }

  /** Whether anybody can sign in at all. */
  get isEmpty(): boolean {
    return this.#bySubject.size === 0;
  }

  /** The user of a subject; undefined when there is none any more. */
  bySubject(subject: string): TokenSubject | undefined {
    return this.#bySubject.get(subject);
  }

  /**
   * The user whose address and password these are; `from` is where the request came from. Throws IDENTITY_PASSWORD_WRONG, the same
   * and after the same time for an unknown address, or IDENTITY_TOO_MANY_ATTEMPTS before anything is compared.
   */
  async signIn(email: string, password: string, from: string): Promise<TokenSubject> {
    const account = email.trim().toLowerCase().slice(0, 320);
    const keys = [`account ${account}`, `address ${from}`];
    this.#attempts.check(keys);
    const user = this.#byEmail.get(account);
    const isRight = await isPassword(password, user?.hash ?? nobodysHash);
    if (user !== undefined && isRight) {
      this.#attempts.forget(keys);
      return user.subject;
    }
    this.#attempts.count(keys);
    throw identityProviderError("IDENTITY_PASSWORD_WRONG", "Cannot sign in: address or password are not right");
  }
}

/** A subject that stays the same for an address and says nothing else. */
export function subjectOf(kind: "development" | "user", email: string): TokenSubject {
  return { email, subject: `${kind}-${encodeBase64Url(sha256(encodeUtf8(email))).slice(0, 22)}` };
}
