// What an attacker would change, for the demonstration's refusals.
import { copyFile, open } from "node:fs/promises";
import { type Bundle, type LogEntry, parseBundle } from "@sigillum/library/bundle";
import { encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { operateError } from "./errors.ts";

const chunkBytes = 1024 * 1024;

/** Write a file of `length` bytes that no compression and no cache makes smaller; the same bytes each time. */
export async function writeLargeFile(path: string, length: number): Promise<void> {
  const words = new Uint32Array(chunkBytes / 4);
  const handle = await open(path, "w", 0o600);
  try {
    let state = 0x9e3779b9;
    for (let written = 0; written < length; written += chunkBytes) {
      // xorshift32 (Marsaglia 2003): quick, and good enough to be no pattern.
      for (let index = 0; index < words.length; index += 1) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        words[index] = state;
      }
      await handle.write(new Uint8Array(words.buffer, 0, Math.min(chunkBytes, length - written)));
    }
  } finally {
    await handle.close();
  }
}

/** Copy a file and change one bit in its middle. */
export async function writeTamperedCopy(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const handle = await open(to, "r+");
  try {
    const { size } = await handle.stat();
    const middle = Math.floor(size / 2);
    const byte = new Uint8Array(1);
    await handle.read(byte, 0, 1, middle);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await handle.write(byte, 0, 1, middle);
  } finally {
    await handle.close();
  }
}

/** The bundle with one bit of the first hash of its inclusion proof changed: what a log shows that hides another tree. */
export function tamperedProof(text: string): Bundle {
  return withEntry(parseBundle(text), (entry) => {
    const [first, ...others] = entry.proof?.hashes ?? [];
    if (entry.proof === undefined || first === undefined)
      throw operateError("DEMO_STEP_FAILED", "Cannot tamper with the log's proof: it has no hash");
    return { ...entry, proof: { ...entry.proof, hashes: [flipped(first), ...others] } };
  });
}

/** The bundle with the log's entry rewritten to be about another file: one digit of the digest that it records is changed. */
export function tamperedEntry(text: string): Bundle {
  return withEntry(parseBundle(text), (entry) => {
    const body = entry.body === undefined ? "" : parseUtf8(entry.body);
    const digest = /"value":"([0-9a-f]{64})"/.exec(body)?.[1];
    if (digest === undefined) throw operateError("DEMO_STEP_FAILED", "Cannot tamper with the log's entry: it records no digest");
    const other = `${digest.startsWith("0") ? "1" : "0"}${digest.slice(1)}`;
    return { ...entry, body: encodeUtf8(body.replace(digest, other)) };
  });
}

function withEntry(bundle: Bundle, change: (entry: LogEntry) => LogEntry): Bundle {
  const [first, ...others] = bundle.tlogEntries;
  if (first === undefined) throw operateError("DEMO_STEP_FAILED", "Cannot tamper with the log: the bundle has no entry");
  return { ...bundle, tlogEntries: [change(first), ...others] };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const middle = Math.floor(changed.length / 2);
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  return changed;
}
