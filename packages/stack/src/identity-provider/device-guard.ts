// What RFC 8628 asks of a device's polls and oidc-provider does not do: a pause between them (§3.5), and the verifier of the challenge that the
// device began with (RFC 7636 §4.6), so that a device code that somebody else saw gets nobody a token.
import { createHash, timingSafeEqual } from "node:crypto";

/** RFC 8628 §3.2: how long a device waits between two polls; oidc-provider leaves it out, and some clients then poll without a pause. */
export const deviceIntervalSeconds = 5;
/** §3.5: how much longer after each poll that came too soon. */
const slowDownSeconds = 5;
/** Timers and networks are not exact: a poll that is this much early is in time. */
const earlyMs = 1000;
/** Sign-ins under way; beyond it the oldest is forgotten and refused. */
const maxDevices = 10_000;

/** How long a device code lives. */
export const deviceCodeSeconds = 600;

interface Device {
  readonly challenge: string | undefined;
  readonly expiresMs: number;
  intervalSeconds: number;
  lastPollMs: number | undefined;
}

/** The sign-ins of devices that are under way, by the hash of their secret code. */
export class DeviceGuard {
  readonly #nowMs: () => number;
  readonly #devices: Map<string, Device> = new Map();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Why a request for a device code is not valid; undefined for a good one. A device may do without a challenge. */
  static problem(form: URLSearchParams): string | undefined {
    const challenge = form.get("code_challenge");
    const method = form.get("code_challenge_method");
    if (challenge === null && method === null) return undefined;
    if (method !== "S256") return "code_challenge_method must be S256";
    return /^[A-Za-z0-9_-]{43}$/u.test(challenge ?? "") ? undefined : "code_challenge must be a SHA-256 in base64url";
  }

  /** A device code was given for this request. */
  issued(deviceCode: string, form: URLSearchParams): void {
    const nowMs = this.#nowMs();
    for (const [key, device] of this.#devices) {
      // In the order in which they were issued, so in that in which they end.
      if (device.expiresMs > nowMs && this.#devices.size < maxDevices) break;
      this.#devices.delete(key);
    }
    this.#devices.set(keyOf(deviceCode), {
      challenge: form.get("code_challenge") ?? undefined,
      expiresMs: nowMs + 2 * deviceCodeSeconds * 1000,
      intervalSeconds: deviceIntervalSeconds,
      lastPollMs: undefined,
    });
  }

  /** The error that a poll is answered with, of RFC 8628 §3.5 and RFC 6749 §5.2; undefined where the rest may judge it. */
  refusal(form: URLSearchParams): "slow_down" | "invalid_grant" | undefined {
    const device = this.#devices.get(keyOf(form.get("device_code") ?? ""));
    if (device === undefined || !isVerified(device.challenge, form.get("code_verifier"))) return "invalid_grant";
    const nowMs = this.#nowMs();
    const nextMs = device.lastPollMs === undefined ? nowMs : device.lastPollMs + device.intervalSeconds * 1000 - earlyMs;
    device.lastPollMs = nowMs;
    if (nowMs >= nextMs) return undefined;
    device.intervalSeconds += slowDownSeconds;
    return "slow_down";
  }
}

/** A verifier without a challenge is refused as well: somebody took the challenge away (RFC 9700 §4.8.2). */
function isVerified(challenge: string | undefined, verifier: string | null): boolean {
  if (challenge === undefined || verifier === null) return challenge === undefined && verifier === null;
  const found = createHash("sha256").update(verifier).digest("base64url");
  return found.length === challenge.length && timingSafeEqual(Buffer.from(found), Buffer.from(challenge));
}

function keyOf(deviceCode: string): string {
  return createHash("sha256").update(deviceCode).digest("base64url");
}
