// A token: found by label, serial number or slot; logged in once; sessions in a pool, each with one operation at a time.
import { quote } from "@sigillum/library/encoding";
import type { Handle, PKCS11 } from "pkcs11js";
import { signersError } from "./errors.ts";
import { type Pkcs11Library, pkcs11WaitMs, reasonOf, returnValueOf, returnValues, unavailable } from "./pkcs11-library.ts";
import type { Pkcs11Reference } from "./pkcs11-uri.ts";

const serialSession = 4;
const readWriteSession = 2;
const normalUser = 1;
/** CKF_TOKEN_INITIALIZED. */
export const tokenInitialized = 0x400;
const defaultSessions = 8;

/** One session, and where its key handles are valid. */
export interface TokenSession {
  readonly api: PKCS11;
  readonly handle: Handle;
  readonly generation: number;
}

const tokens = new Map<string, Pkcs11Token>();

/** The token that a reference names, shared by all keys in it. */
export function pkcs11Token(library: Pkcs11Library, reference: Pkcs11Reference, pin: string | undefined): Pkcs11Token {
  const key = JSON.stringify([library.path, reference.token, reference.serial, reference.slotId, pin]);
  const known = tokens.get(key);
  if (known !== undefined) return known;
  const token = new Pkcs11Token(library, reference, pin);
  tokens.set(key, token);
  return token;
}

/** A token with a bounded pool of sessions. */
export class Pkcs11Token {
  readonly #library: Pkcs11Library;
  readonly #reference: Pkcs11Reference;
  readonly #pin: string | undefined;
  readonly #limit: number;
  #generation = 0;
  #slot: Handle | undefined;
  #open = 0;
  #free: Handle[] = [];
  readonly #waiting: Set<() => void> = new Set();

  constructor(library: Pkcs11Library, reference: Pkcs11Reference, pin: string | undefined) {
    this.#library = library;
    this.#reference = reference;
    this.#pin = pin;
    this.#limit = reference.maxSessions ?? defaultSessions;
  }

  /** What messages call it. */
  get name(): string {
    const { token, serial, slotId } = this.#reference;
    return token ?? serial ?? `slot ${slotId ?? "?"}`;
  }

  /**
   * Runs one operation in a session of its own. What the library refuses is tried once more after it was initialised anew: a token that
   * was pulled and put back has forgotten its sessions. Errors of this room are final.
   */
  async run<T>(operation: (session: TokenSession) => T | Promise<T>): Promise<T> {
    let generation = 0;
    const attempt = (): Promise<T> =>
      this.#library.use(async (api, current) => {
        generation = current;
        const handle = await this.#acquire(api, current);
        try {
          return await operation({ api, handle, generation: current });
        } finally {
          this.#release(handle, current);
        }
      });
    try {
      return await attempt();
    } catch (error) {
      if (returnValueOf(error) === undefined) throw error;
      await this.#library.reset(generation);
    }
    try {
      return await attempt();
    } catch (cause) {
      if (returnValueOf(cause) === undefined) throw cause;
      throw unavailable(this.name, reasonOf(cause), cause);
    }
  }

  async #acquire(api: PKCS11, generation: number): Promise<Handle> {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#slot = undefined;
      this.#open = 0;
      this.#free = [];
    }
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#open < this.#limit) return this.#openSession(api);
    await this.#turn();
    return this.#acquire(api, generation);
  }

  #release(handle: Handle, generation: number): void {
    if (generation === this.#generation) this.#free.push(handle);
    const [first] = this.#waiting;
    first?.();
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(wake);
        reject(unavailable(this.name, `no session became free in ${pkcs11WaitMs / 1000} s`));
      }, pkcs11WaitMs);
      const wake = (): void => {
        this.#waiting.delete(wake);
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }

  #openSession(api: PKCS11): Handle {
    this.#slot ??= findSlot(api, this.#reference, this.name);
    const handle = api.C_OpenSession(this.#slot, serialSession | readWriteSession);
    this.#open += 1;
    // Login is the token's and not the session's: it is lost with the last session, and ours are never closed.
    if (this.#open === 1 && this.#pin !== undefined) logIn(api, handle, this.#pin, this.name);
    return handle;
  }
}

function findSlot(api: PKCS11, { token, serial, slotId }: Pkcs11Reference, name: string): Handle {
  const labels: string[] = [];
  for (const slot of api.C_GetSlotList(true)) {
    const info = api.C_GetTokenInfo(slot);
    if ((info.flags & tokenInitialized) === 0) continue;
    const label = info.label.replace(/[ \0]+$/u, "");
    labels.push(label);
    const isMeant =
      (token === undefined || token === label) &&
      (serial === undefined || serial === info.serialNumber.replace(/[ \0]+$/u, "")) &&
      (slotId === undefined || slotId === Number(Buffer.from(slot).readBigUInt64LE()));
    if (isMeant) return slot;
  }
  throw signersError("SIGNER_TOKEN_UNAVAILABLE", `Cannot use PKCS #11 token ${quote(name)}: it is not there`, {
    found: labels.length === 0 ? "no token" : `tokens ${labels.map((label) => quote(label, 40)).join(", ")}`,
    expected: quote(name),
  });
}

function logIn(api: PKCS11, session: Handle, pin: string, name: string): void {
  try {
    api.C_Login(session, normalUser, pin);
  } catch (cause) {
    const value = returnValueOf(cause);
    if (value === returnValues.userAlreadyLoggedIn) return;
    const { pinIncorrect, pinInvalid, pinLenRange, pinExpired, pinLocked } = returnValues;
    if (value !== undefined && [pinIncorrect, pinInvalid, pinLenRange, pinExpired, pinLocked].some((one) => one === value))
      throw signersError("SIGNER_PIN_REFUSED", `Cannot log in to PKCS #11 token ${quote(name)}: ${reasonOf(cause)}`, {
        cause,
        found: reasonOf(cause),
        expected: "the user PIN of the token",
      });
    throw cause;
  }
}
