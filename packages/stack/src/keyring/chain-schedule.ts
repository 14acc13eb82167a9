// The rotation of an authority's chain while it runs: planned and published, then, when clients' caches of the trusted root have run out,
// put to use; the chain before is sealed and stays published. Each step is told by the durable state alone, so a restart goes on with it.
import { encodeHex, type JsonValue } from "@sigillum/library/encoding";
import { type Certificate, parseCertificatesPem } from "@sigillum/library/x509";
import type { ChainRecord } from "./document.ts";
import { keyringError } from "./errors.ts";
import type { Keyring } from "./keyring.ts";

/** What a rotation works with. */
export interface ChainScheduleParts {
  readonly keyring: Keyring;
  readonly service: ChainRecord["service"];
  /** Clients may use a trusted root that was fetched so long ago. */
  readonly cacheWindowMs: number;
  /** Publishes the trusted root and the signing configs as the keyring has them now. */
  publish(): Promise<void>;
}

/** How the next chain comes about. */
export interface ChainOrder {
  readonly root: "same" | "new";
  /** The key that is to sign; a new one where nothing is said. */
  readonly keyReference?: string;
  /** A chain from elsewhere, for `keyReference`. */
  readonly certificates?: readonly Certificate[];
  /** Put it to use at once: verifiers that have not fetched the trusted root since refuse what it signs. */
  readonly now?: boolean;
}

/** Where a rotation stands. */
export type ChainStatus =
  | { readonly step: "idle"; readonly active: string }
  | { readonly step: "published"; readonly active: string; readonly planned: string; readonly untilMs: number };

/** The rotation of one authority's chain, one step at a time. */
export class ChainSchedule {
  readonly #parts: ChainScheduleParts;
  #last: Promise<unknown> = Promise.resolve();
  /** The planned chain that this process has published already. */
  #published: string | undefined;

  constructor(parts: ChainScheduleParts) {
    this.#parts = parts;
  }

  /** Begins a rotation; one that is under way is carried on instead, and put to use at once where that is asked for. */
  start(order: ChainOrder, nowMs: number): Promise<ChainStatus> {
    return this.#alone(async () => {
      const { keyring, service } = this.#parts;
      const { root, keyReference, certificates } = order;
      if (this.#planned() === undefined) {
        if (certificates === undefined)
          await keyring.planChain(service, { nowMs, root, ...(keyReference === undefined ? {} : { keyReference }) });
        else await keyring.importChain(service, { nowMs, certificates, keyReference: keyReference ?? "" });
      }
      return this.#advance(nowMs, order.now === true);
    });
  }

  /** Does what time has come for. */
  advance(nowMs: number): Promise<ChainStatus> {
    return this.#alone(() => this.#advance(nowMs, false));
  }

  /** Takes a chain over whose first certificate the keyring has not; undefined where it has. For chain files that change. */
  takeOver(certificates: readonly Certificate[], keyReference: string, nowMs: number): Promise<ChainStatus | undefined> {
    const [first] = certificates;
    const isKnown = this.#parts.keyring
      .chains(this.#parts.service)
      .some(
        ({ certificates: [known] }) =>
          known !== undefined && first !== undefined && encodeHex(known.der) === encodeHex(first.der),
      );
    return isKnown ? Promise.resolve(undefined) : this.start({ root: "same", certificates, keyReference }, nowMs);
  }

  async #advance(nowMs: number, isAtOnce: boolean): Promise<ChainStatus> {
    const { keyring, service, cacheWindowMs, publish } = this.#parts;
    const planned = this.#planned();
    if (planned !== undefined) {
      if (this.#published !== planned.id) await publish();
      this.#published = planned.id;
      const untilMs = planned.validFor.startMs + cacheWindowMs;
      if (nowMs < untilMs && !isAtOnce) return { step: "published", active: this.#active(), planned: planned.id, untilMs };
      await keyring.activateChain(planned.id, nowMs);
      await publish();
    }
    return { step: "idle", active: keyring.activeChain(service).id };
  }

  #planned(): ChainRecord | undefined {
    return this.#parts.keyring.chains(this.#parts.service).find(({ state }) => state === "planned");
  }

  #active(): string {
    return this.#parts.keyring.activeChain(this.#parts.service).id;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Reads the input of the action `ca.rotate` or `tsa.rotate`. */
export function parseChainOrder(input: JsonValue): ChainOrder {
  const value = typeof input === "object" && input !== null && !Array.isArray(input) ? input : {};
  const { root = "same", key, chain, now } = value;
  if ((root !== "same" && root !== "new") || (key !== undefined && typeof key !== "string"))
    throw keyringError("CHAIN_REFUSED", "Cannot rotate: the order is not readable", {
      expected: 'root "same" or "new", and a key',
    });
  if (chain !== undefined && (typeof chain !== "string" || key === undefined))
    throw keyringError("CHAIN_REFUSED", "Cannot take over chain: its key is not named", { expected: "the reference of its key" });
  return {
    root,
    ...(key === undefined ? {} : { keyReference: key }),
    ...(typeof chain === "string" ? { certificates: parseCertificatesPem(chain) } : {}),
    ...(now === true ? { now } : {}),
  };
}

/** What the asker of a rotation is told. */
export function encodeChainStatus(status: ChainStatus): JsonValue {
  return status.step === "idle"
    ? { step: status.step, active: status.active }
    : { step: status.step, active: status.active, planned: status.planned, until: new Date(status.untilMs).toISOString() };
}
