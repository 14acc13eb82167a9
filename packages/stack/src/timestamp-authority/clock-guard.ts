// A timestamp authority is believed for its clock: this one stops signing when the system's clock jumps, or drifts from NTP servers.
import { formatRfc3339 } from "@sigillum/library/encoding";
import type { Clock, Logger } from "../host/index.ts";
import { timestampAuthorityError } from "./errors.ts";
import { askNtpServers } from "./ntp.ts";

/** What the clock is held against. */
export interface ClockGuardOptions {
  readonly clock: Clock;
  /** A clock that nobody sets, in milliseconds since any moment. */
  readonly steadyMs: () => number;
  /** How far the two may part within a minute, and how far NTP servers may disagree. */
  readonly toleranceMs: number;
  /** HOST or HOST:PORT; none where there is no network. */
  readonly ntpServers: readonly string[];
  readonly logger: Logger;
}

/** How long the clock must run steadily after a jump before anything is signed, and how often it is looked at. */
export const clockGuardTimes: {
  readonly settleMs: number;
  readonly anchorMs: number;
  readonly observeMs: number;
  readonly ntpMs: number;
} = {
  settleMs: 60_000,
  // The system's clock is slewed by up to half a millisecond a second, so the comparison begins anew each minute.
  anchorMs: 60_000,
  observeMs: 5_000,
  ntpMs: 60_000,
};

/**
 * Watches the system's clock. After a jump nothing is signed until the clock has run steadily for a minute and is past every time that
 * was seen before it, so that no timestamp lies before an earlier one; where NTP servers are given, they must agree as well.
 */
export class ClockGuard {
  readonly #options: ClockGuardOptions;
  #anchor: { readonly wallMs: number; readonly steadyMs: number };
  #highestMs: number;
  #jump: { readonly byMs: number; readonly steadyMs: number } | undefined;
  #offsetMs: number | undefined;
  #askedSteadyMs: number | undefined;

  constructor(options: ClockGuardOptions) {
    this.#options = options;
    this.#anchor = { wallMs: options.clock.nowMs(), steadyMs: options.steadyMs() };
    this.#highestMs = this.#anchor.wallMs;
  }

  /** Throws TSA_CLOCK_UNSTEADY while nothing may be signed. */
  check(): void {
    this.observe();
    const { toleranceMs } = this.#options;
    const wallMs = this.#options.clock.nowMs();
    if (this.#jump !== undefined) {
      const found = `a jump of ${Math.round(this.#jump.byMs)} ms`;
      const expected =
        wallMs < this.#highestMs
          ? `a time after ${formatRfc3339(this.#highestMs)}`
          : `a minute without a jump above ${toleranceMs} ms`;
      throw timestampAuthorityError(
        "TSA_CLOCK_UNSTEADY",
        `Cannot make timestamp: the system's clock jumped: found ${found}, expected ${expected}`,
        {
          found,
          expected,
        },
      );
    }
    if (this.#offsetMs !== undefined && Math.abs(this.#offsetMs) > toleranceMs) {
      const found = `${Math.round(this.#offsetMs)} ms from the NTP servers`;
      throw timestampAuthorityError("TSA_CLOCK_UNSTEADY", `Cannot make timestamp: the system's clock is off: found ${found}`, {
        found,
        expected: `at most ${toleranceMs} ms`,
      });
    }
  }

  /** Compares the clocks; to be called often, also while nobody asks for timestamps. */
  observe(): void {
    const { clock, steadyMs: steady, toleranceMs, logger } = this.#options;
    const wallMs = clock.nowMs();
    const steadyMs = steady();
    const byMs = wallMs - this.#anchor.wallMs - (steadyMs - this.#anchor.steadyMs);
    if (Math.abs(byMs) > toleranceMs) {
      this.#jump = { byMs, steadyMs };
      this.#anchor = { wallMs, steadyMs };
      // What NTP servers said before the jump says nothing of the clock after it.
      this.#askedSteadyMs = undefined;
      logger.error("tsa.clock-jumped", { byMs: Math.round(byMs) });
    } else if (steadyMs - this.#anchor.steadyMs >= clockGuardTimes.anchorMs) this.#anchor = { wallMs, steadyMs };
    if (this.#jump === undefined) this.#highestMs = Math.max(this.#highestMs, wallMs);
    else if (steadyMs - this.#jump.steadyMs >= clockGuardTimes.settleMs && wallMs >= this.#highestMs && this.#isConfirmed()) {
      logger.warn("tsa.clock-steady", { afterJumpOfMs: Math.round(this.#jump.byMs) });
      this.#jump = undefined;
    }
  }

  /** Asks the NTP servers when it is time; servers that do not answer are logged and stop nothing. */
  async askNtp(signal: AbortSignal): Promise<void> {
    const { ntpServers, steadyMs: steady, logger } = this.#options;
    const steadyMs = steady();
    if (ntpServers.length === 0) return;
    const isDue = this.#askedSteadyMs === undefined || steadyMs - this.#askedSteadyMs >= clockGuardTimes.ntpMs;
    if (!isDue) return;
    const offsets = await askNtpServers(ntpServers, this.#options.clock, signal);
    if (offsets.length * 2 <= ntpServers.length) {
      logger.warn("tsa.ntp-silent", { answered: offsets.length, asked: ntpServers.length });
      return;
    }
    this.#askedSteadyMs = steadyMs;
    offsets.sort((a, b) => a - b);
    this.#offsetMs = offsets[Math.floor((offsets.length - 1) / 2)];
    if (Math.abs(this.#offsetMs ?? 0) > this.#options.toleranceMs) logger.error("tsa.clock-off", { offsetMs: this.#offsetMs });
  }

  /** After a jump NTP servers, where there are any, must have been asked again. */
  #isConfirmed(): boolean {
    return this.#options.ntpServers.length === 0 || this.#askedSteadyMs !== undefined;
  }
}
