// A vendor's PKCS #11 library, loaded once a process: who uses it is counted, so that it can be initialised anew when a token was pulled.
import { quote } from "@sigillum/library/encoding";
import type { PKCS11 } from "pkcs11js";
import { signersError } from "./errors.ts";

/** CKR_ codes that are told apart. */
export const returnValues = {
  cryptokiNotInitialized: 0x190,
  cryptokiAlreadyInitialized: 0x191,
  userAlreadyLoggedIn: 0x100,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLenRange: 0xa2,
  pinExpired: 0xa3,
  pinLocked: 0xa4,
} as const;

const osLocking = 2;
/** How long a caller waits for a session, or for the library while it is initialised anew. */
export const pkcs11WaitMs = 10_000;
/** After a failed attempt the library is left alone this long, so that a pulled token is not asked hundreds of times a second. */
const retryMs = 500;

const libraries = new Map<string, Promise<Pkcs11Library>>();

/** The library at `path`; every caller of a process shares it, because a second initialisation would fail. */
export function openPkcs11Library(path: string): Promise<Pkcs11Library> {
  const known = libraries.get(path);
  if (known !== undefined) return known;
  const opened = loadLibrary(path);
  libraries.set(path, opened);
  // A library that cannot be loaded now may be installed later.
  opened.catch(() => libraries.delete(path));
  return opened;
}

/** A loaded library. A generation ends when it is initialised anew: every handle of before is void then. */
export class Pkcs11Library {
  readonly path: string;
  readonly #api: PKCS11;
  #generation = 1;
  #users = 0;
  #idle: (() => void)[] = [];
  #resetting: Promise<void> | undefined;
  #failedAtMs: number | undefined;

  constructor(path: string, api: PKCS11) {
    this.path = path;
    this.#api = api;
  }

  /** Runs one operation; never while the library is initialised anew. */
  async use<T>(run: (api: PKCS11, generation: number) => T | Promise<T>): Promise<T> {
    if (this.#failedAtMs !== undefined) await this.reset(this.#generation);
    while (this.#resetting !== undefined) await this.#resetting;
    this.#users += 1;
    try {
      return await run(this.#api, this.#generation);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }

  /** Initialises the library anew unless somebody did since `generation`; to be called outside of `use`. */
  async reset(generation: number): Promise<void> {
    if (generation !== this.#generation) return;
    if (this.#resetting === undefined) {
      if (this.#failedAtMs !== undefined && performance.now() - this.#failedAtMs < retryMs)
        throw unavailable(this.path, "it failed a moment ago");
      this.#resetting = this.#initialiseAnew().finally(() => {
        this.#resetting = undefined;
      });
    }
    await this.#resetting;
  }

  async #initialiseAnew(): Promise<void> {
    if (this.#users > 0)
      await withTimeout(new Promise<void>((resolve) => this.#idle.push(resolve)), () => unavailable(this.path, "it hangs"));
    this.#generation += 1;
    try {
      try {
        this.#api.C_Finalize();
      } catch (error) {
        if (returnValueOf(error) !== returnValues.cryptokiNotInitialized) throw error;
      }
      this.#api.C_Initialize({ flags: osLocking });
      this.#failedAtMs = undefined;
    } catch (cause) {
      this.#failedAtMs = performance.now();
      throw unavailable(this.path, reasonOf(cause), cause);
    }
  }
}

async function loadLibrary(path: string): Promise<Pkcs11Library> {
  const { PKCS11 } = await importPkcs11js(path);
  const api = new PKCS11();
  try {
    api.load(path);
  } catch (cause) {
    throw signersError(
      "SIGNER_MODULE_MISSING",
      `Cannot open PKCS #11 module ${quote(path)}: it cannot be loaded: ${reasonOf(cause)}`,
      { cause, expected: "the shared library of the token's maker" },
    );
  }
  try {
    api.C_Initialize({ flags: osLocking });
  } catch (cause) {
    if (returnValueOf(cause) !== returnValues.cryptokiAlreadyInitialized) throw unavailable(path, reasonOf(cause), cause);
  }
  return new Pkcs11Library(path, api);
}

async function importPkcs11js(path: string): Promise<typeof import("pkcs11js")> {
  try {
    return await import("pkcs11js");
  } catch (cause) {
    // ERR_MODULE_NOT_FOUND where npm left it out, MODULE_NOT_FOUND where its native part was not built.
    throw signersError(
      "SIGNER_MODULE_MISSING",
      `Cannot open PKCS #11 module ${quote(path)}: the optional dependency pkcs11js is not built on this machine; it needs a C++ compiler, make and python3 when it is installed`,
      { cause, expected: "npm install pkcs11js" },
    );
  }
}

/** The error for a token or library that does not do its work now. */
export function unavailable(what: string, reason: string, cause?: unknown): Error {
  return signersError("SIGNER_TOKEN_UNAVAILABLE", `Cannot use PKCS #11 ${quote(what)}: ${reason}`, { cause, found: reason });
}

/** The CKR_ code of an error of pkcs11js. */
export function returnValueOf(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

/** What an error of pkcs11js says on one line: `CKR_…`. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "an unknown failure";
}

/** Rejects after `pkcs11WaitMs`. */
export async function withTimeout<T>(promise: Promise<T>, error: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(error()), pkcs11WaitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
