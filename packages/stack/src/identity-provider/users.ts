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

/** As long as oidc-provider keeps a session. */
const federatedMs = 3_600_000;
const maxFederated = 20_000;

/** Everybody who can sign in. */
export class Users {
  readonly developmentUser: TokenSubject | undefined;
  #byEmail: ReadonlyMap<string, { readonly subject: TokenSubject; readonly hash: PasswordHash }> = new Map();
  #bySubject: ReadonlyMap<string, TokenSubject> = new Map();
  readonly #attempts: AttemptLimit;
  readonly #federated: Map<string, { readonly user: TokenSubject; readonly untilMs: number }> = new Map();
  readonly #clock: Clock;
  readonly #hasUpstreams: boolean;

  /** Throws IDENTITY_PASSWORD_HASH for a hash that cannot be read. */
  constructor(
    entries: readonly UserEntry[],
    developmentUser: TokenSubject | undefined,
    clock: Clock,
    hasUpstreams: boolean = false,
  ) {
    this.#clock = clock;
    this.#hasUpstreams = hasUpstreams;
    this.developmentUser = developmentUser;
    this.#attempts = new AttemptLimit(clock);
    this.replace(entries);
  }

  /** Exchanges the people with passwords; those that are gone can neither sign in nor end a sign-in that they began. */
  replace(entries: readonly UserEntry[]): void {
    const byEmail = new Map(
      entries.map(({ email, passwordHash }) => [
        email.toLowerCase(),
        { subject: subjectOf("user", email), hash: parsePasswordHash(passwordHash, email) },
      ]),
    );
    const subjects = [...byEmail.values()].map(({ subject }) => subject);
    const { developmentUser } = this;
    this.#byEmail = byEmail;
    this.#bySubject = new Map(
      [...subjects, ...(developmentUser === undefined ? [] : [developmentUser])].map((user) => [user.subject, user]),
    );
  }

  /** Whether anybody signs in with a password. */
  get hasPasswords(): boolean {
    return this.#byEmail.size > 0;
  }

  /** Whether anybody can sign in at all. */
  get isEmpty(): boolean {
    return this.#bySubject.size === 0 && !this.#hasUpstreams;
  }

  /** The user of a subject; undefined when there is none any more. */
  bySubject(subject: string): TokenSubject | undefined {
    const federated = this.#federated.get(subject);
    if (federated !== undefined && federated.untilMs > this.#clock.nowMs()) return federated.user;
    return this.#bySubject.get(subject);
  }

  /** Keeps somebody who signed in elsewhere, for as long as a session lasts. */
  remember(user: TokenSubject): void {
    this.#federated.delete(user.subject);
    this.#federated.set(user.subject, { user, untilMs: this.#clock.nowMs() + federatedMs });
    for (const oldest of this.#federated.keys()) {
      if (this.#federated.size <= maxFederated) break;
      this.#federated.delete(oldest);
    }
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
