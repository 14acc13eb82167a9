// Time as a service is given it, so that tests hold it in their hand.

/** Where a service reads the time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  nowMs(): number;
}

/** The machine's own clock; it may step when the machine is set. */
export const systemClock: Clock = { nowMs: () => Date.now() };
