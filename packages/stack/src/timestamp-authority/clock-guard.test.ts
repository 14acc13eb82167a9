import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { after, before, beforeEach, describe, it } from "node:test";
import { silentLogger } from "../host/index.ts";
import { ClockGuard, clockGuardTimes } from "./clock-guard.ts";

const time = { wall: 1_800_000_000_000, steady: 5000 };
const clock = { nowMs: () => time.wall };
const pass = (ms: number): void => {
  time.wall += ms;
  time.steady += ms;
};
const guard = (ntpServers: readonly string[] = []): ClockGuard =>
  new ClockGuard({ clock, steadyMs: () => time.steady, toleranceMs: 1000, ntpServers, logger: silentLogger });
const unsteady = (pattern: RegExp) => ({ code: "TSA_CLOCK_UNSTEADY", message: pattern });

describe("ClockGuard", () => {
  beforeEach(() => {
    time.wall = 1_800_000_000_000;
    time.steady = 5000;
  });

  it("lets a clock be that is slewed, however long", () => {
    const one = guard();
    for (let i = 0; i < 1000; i++) {
      pass(clockGuardTimes.observeMs);
      time.wall += 2;
      one.check();
    }
  });

  it("stops at a jump ahead, and goes on after a steady minute", () => {
    const one = guard();
    time.wall += 1001;
    assert.throws(() => one.check(), unsteady(/jumped: found a jump of 1001 ms, expected a minute/u));
    pass(clockGuardTimes.settleMs - 1);
    assert.throws(() => one.check(), unsteady(/jumped/u));
    pass(1);
    one.check();
  });

  it("begins to wait anew at each jump", () => {
    const one = guard();
    time.wall += 5000;
    assert.throws(() => one.check(), unsteady(/5000 ms/u));
    pass(clockGuardTimes.settleMs - 1);
    time.wall += 2000;
    assert.throws(() => one.check(), unsteady(/2000 ms/u));
    pass(clockGuardTimes.settleMs - 1);
    assert.throws(() => one.check(), unsteady(/2000 ms/u));
    pass(1);
    one.check();
  });

  it("stops at a jump back until every time it saw is past", () => {
    const one = guard();
    pass(1000);
    one.check();
    time.wall -= 3_600_000;
    assert.throws(() => one.check(), unsteady(/-3600000 ms, expected a time after 2027-01-15T08:00:01Z/u));
    for (let i = 0; i < 59; i++) {
      pass(60_000);
      assert.throws(() => one.check(), unsteady(/jumped/u));
    }
    pass(60_000);
    one.check();
  });

  it("takes no jump for a long time without a look", () => {
    const one = guard();
    pass(86_400_000);
    one.check();
  });
});

describe("ClockGuard with NTP servers", () => {
  let server: Socket;
  let address = "";
  let asked = 0;
  let answer: (request: Uint8Array) => Uint8Array | undefined;
  const reply = (request: Uint8Array, offsetMs: number, first = 0x24, stratum = 2): Uint8Array => {
    const packet = new Uint8Array(48);
    packet[0] = first;
    packet[1] = stratum;
    packet.set(request.subarray(40, 48), 24);
    const ms = time.wall + offsetMs;
    const view = new DataView(packet.buffer);
    for (const at of [32, 40]) {
      view.setUint32(at, Math.floor(ms / 1000) + 2_208_988_800);
      view.setUint32(at + 4, Math.round(((ms % 1000) / 1000) * 2 ** 32));
    }
    return packet;
  };
  before(async () => {
    server = createSocket("udp4");
    server.on("message", (request, from) => {
      asked += 1;
      const packet = answer(request);
      if (packet !== undefined) server.send(packet, from.port, from.address);
    });
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    address = `127.0.0.1:${server.address().port}`;
  });
  after(() => new Promise<void>((resolve) => server.close(resolve)));
  beforeEach(() => {
    asked = 0;
    time.wall = 1_800_000_000_000;
    time.steady = 5000;
  });
  const { signal } = new AbortController();

  it("stops while they disagree, asks once a minute, and goes on when they agree", async () => {
    const one = guard([address]);
    answer = (request) => reply(request, 1500);
    await one.askNtp(signal);
    await one.askNtp(signal);
    assert.equal(asked, 1);
    assert.throws(() => one.check(), unsteady(/is off: found 1500 ms from the NTP servers/u));
    pass(clockGuardTimes.ntpMs);
    answer = (request) => reply(request, -900);
    await one.askNtp(signal);
    one.check();
  });

  it("goes on after a jump only when they were asked again", async () => {
    const one = guard([address]);
    answer = (request) => reply(request, 0);
    await one.askNtp(signal);
    time.wall += 5000;
    assert.throws(() => one.check(), unsteady(/jumped/u));
    pass(clockGuardTimes.settleMs);
    assert.throws(() => one.check(), unsteady(/jumped/u));
    await one.askNtp(signal);
    one.check();
  });

  it("takes no answer from a server without time, to another request, or of another kind", async () => {
    for (const bad of [
      (request: Uint8Array) => reply(request, 9000, 0xe4),
      (request: Uint8Array) => reply(request, 9000, 0x24, 0),
      (request: Uint8Array) => reply(request, 9000, 0x23),
      (request: Uint8Array) => reply(request, 9000).subarray(0, 40),
      () => reply(new Uint8Array(48), 9000),
    ]) {
      const one = guard([address]);
      answer = bad;
      await one.askNtp(signal);
      one.check();
    }
  });

  it("believes the median of most", async () => {
    const one = guard([address, address, address]);
    let count = 0;
    answer = (request) => reply(request, count++ === 0 ? 60_000 : 10);
    await one.askNtp(signal);
    one.check();
    assert.equal(asked, 3);
  });
});
