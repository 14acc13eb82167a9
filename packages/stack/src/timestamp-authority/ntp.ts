// The time of NTP servers: one request and one answer of RFC 5905 §7.3 each, as a client that never sets a clock (RFC 4330).
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Clock } from "../host/index.ts";

const packetBytes = 48;
const timeoutMs = 3000;
/** Seconds from 1900 to 1970. */
const eraSeconds = 2_208_988_800;

/** How many milliseconds this machine's clock is before each server's; servers that do not answer properly are left out. */
export async function askNtpServers(servers: readonly string[], clock: Clock, signal: AbortSignal): Promise<number[]> {
  const answers = await Promise.allSettled(servers.map((server) => askServer(server, clock, signal)));
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

function askServer(server: string, clock: Clock, signal: AbortSignal): Promise<number> {
  const [, bracketed, plain = "", port = "123"] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/u.exec(server) ?? [];
  const host = bracketed ?? plain;
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const finish = (outcome: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.close();
      outcome();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const abort = (): void => fail(new Error("the service is stopping"));
    const timer = setTimeout(() => fail(new Error(`${server} does not answer`)), timeoutMs);
    const sentMs = clock.nowMs();
    socket.once("error", fail);
    signal.addEventListener("abort", abort);
    socket.once("message", (answer) => {
      const offset = offsetOf(answer, sentMs, clock.nowMs());
      if (offset === undefined) fail(new Error(`${server} answers with something else than its time`));
      else finish(() => resolve(offset));
    });
    // Connected, so that answers from elsewhere never arrive.
    socket.connect(Number(port), host, () => socket.send(requestPacket(sentMs)));
  });
}

/** Leap 0, version 4, mode 3 (client); the transmit timestamp is what the answer's origin timestamp must repeat. */
function requestPacket(sentMs: number): Uint8Array {
  const packet = new Uint8Array(packetBytes);
  packet[0] = 0x23;
  packet.set(encodeTime(sentMs), 40);
  return packet;
}

function offsetOf(answer: Uint8Array, sentMs: number, receivedMs: number): number | undefined {
  const [first = 0, stratum = 0] = answer;
  // Mode 4 from a synchronised server (leap 3 is none, stratum 0 a refusal) to exactly this request.
  const isAnswer = answer.length >= packetBytes && (first & 7) === 4 && first >> 6 !== 3 && stratum > 0 && stratum < 16;
  if (!isAnswer || Buffer.compare(answer.subarray(24, 32), encodeTime(sentMs)) !== 0) return undefined;
  return (decodeTime(answer, 32) - sentMs + (decodeTime(answer, 40) - receivedMs)) / 2;
}

function encodeTime(ms: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(ms / 1000) + eraSeconds);
  view.setUint32(4, Math.floor(((ms % 1000) / 1000) * 2 ** 32));
  return bytes;
}

function decodeTime(packet: Uint8Array, at: number): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const seconds = view.getUint32(at);
  // RFC 4330 §3: with the first bit unset the time is in the era that begins in 2036.
  const era = seconds < 0x8000_0000 ? 2 ** 32 : 0;
  return (seconds + era - eraSeconds) * 1000 + (view.getUint32(at + 4) / 2 ** 32) * 1000;
}
