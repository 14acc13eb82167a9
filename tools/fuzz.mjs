// npm run fuzz -- ROOM… SECONDS: changes inputs that the readers of *.fuzz.ts accept and runs them, for SECONDS in all (60 where none is given)
// shared among the targets. Found is what throws anything but one of our errors, and what takes over 50 ms or over 64 MiB. A run is repeatable
// by `--seed N`, which it prints; what it finds stands in its output as base64, to become a vector. Exit 0 only if nothing is found.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { filesBelow } from "./layout.mjs";

const SLOW_MS = 50;
const MUCH_BYTES = 64 << 20;
const CORPUS = 400;

/** A repeatable source of numbers below a bound (xorshift32). */
export function randomSource(seed) {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const TEXTS = [
  '"',
  "{}",
  "[]",
  "null",
  "-1",
  "1e400",
  "9007199254740993",
  "\\u0000",
  "\\ud800",
  "AAAA",
  "=",
  "\n",
  "\n\n",
  "— ",
  "\u2028",
  '":"',
  "true",
  "[[[[[[[[",
  "0".repeat(300),
].map((text) => Buffer.from(text));
const OCTETS = [
  "00",
  "ff",
  "80",
  "30",
  "3080",
  "30820000",
  "0500",
  "0200",
  "020100",
  "8400ffffff",
  "8500ffffffff",
  "a000",
  "0101ff",
  "1f",
  "3184ffffffff",
].map((hex) => Buffer.from(hex, "hex"));

/** One input changed in one to four ways; `other` is spliced in at times. */
export function mutate(input, other, random) {
  let bytes = Buffer.from(input);
  for (let times = 1 + random(4); times > 0; times -= 1) {
    const at = random(bytes.length + 1);
    const length = Math.min(random(4) === 0 ? random(200) : 1 + random(4), bytes.length - at);
    const piece = [TEXTS, OCTETS][random(2)];
    const inserted = [
      () => Buffer.alloc(0),
      () => piece[random(piece.length)],
      () => bytes.subarray(random(bytes.length + 1)).subarray(0, random(64)),
      () =>
        Buffer.from(other)
          .subarray(random(other.length + 1))
          .subarray(0, random(64)),
      () => Buffer.from([random(256)]),
    ][random(5)]();
    if (random(3) === 0 && bytes.length > 0) {
      bytes[random(bytes.length)] ^= 1 << random(8);
    } else bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + (random(3) === 0 ? 0 : length))]);
  }
  return new Uint8Array(bytes);
}

/** What is wrong with how a target takes an input; undefined when nothing is. `seen` gets the outcome's name. */
export async function judge(target, input, seen = () => undefined) {
  const [start, before] = [performance.now(), process.cpuUsage()];
  try {
    const later = target.run(input);
    if (later instanceof Promise) await later;
    seen("accepted");
  } catch (error) {
    if (typeof error?.code !== "string" || typeof error.kind !== "string") return `throws ${error?.stack ?? error}`;
    seen(
      `${error.code} ${String(error.message)
        .replace(/[\d"'].*/s, "")
        .slice(0, 80)}`,
    );
  }
  // The processor's time where it is less than the clock's: others use the machine too.
  const { user, system } = process.cpuUsage(before);
  const took = Math.min(performance.now() - start, (user + system) / 1000);
  return took > SLOW_MS ? `takes ${took.toFixed(0)} ms` : undefined;
}

/** Run one target until a time, or for a number of inputs; its finds and the number of inputs. New outcomes become seeds. */
export async function fuzzTarget(target, until, random, most = Number.POSITIVE_INFINITY) {
  const corpus = target.seeds.map((seed) => new Uint8Array(seed));
  const outcomes = new Set();
  const finds = new Map();
  let inputs = 0;
  for (const seed of corpus) {
    const problem = await judge(target, seed, (outcome) => outcomes.add(outcome));
    if (problem?.startsWith("throws")) finds.set(problem.slice(0, 200), { problem, input: seed });
  }
  while (performance.now() < until && inputs < most) {
    const input = mutate(corpus[random(corpus.length)], corpus[random(corpus.length)], random);
    inputs += 1;
    let isNew = false;
    const before = inputs % 256 === 0 ? process.memoryUsage().arrayBuffers : undefined;
    let problem = await judge(target, input, (outcome) => {
      isNew = !outcomes.has(outcome);
      outcomes.add(outcome);
    });
    // A machine that others use is slow at times: only what is slow three times more is slow.
    if (problem?.startsWith("takes"))
      for (let i = 0; i < 3 && problem !== undefined; i += 1) problem = await judge(target, input);
    if (before !== undefined && process.memoryUsage().arrayBuffers - before > MUCH_BYTES) problem ??= "takes over 64 MiB";
    if (problem !== undefined) finds.set(problem.replace(/\d+/g, "0").slice(0, 200), { problem, input });
    else if (isNew && corpus.length < CORPUS) corpus.push(input);
  }
  return { inputs, outcomes: outcomes.size, finds: [...finds.values()] };
}

async function readTargets(root, rooms) {
  const files = filesBelow(root, "packages", (name) => name.endsWith(".fuzz.ts")).filter(
    (path) => rooms.length === 0 || rooms.some((room) => path.includes(`/src/${room}/`)),
  );
  const targets = [];
  for (const path of files) {
    const module = await import(pathToFileURL(join(root, path)).href);
    for (const target of await module.targets()) targets.push({ ...target, room: path.split("/").at(-2) });
  }
  return targets;
}

async function main(args) {
  const words = args.filter((arg, i) => !arg.startsWith("--") && args[i - 1] !== "--seed");
  const seconds = Number(words.find((word) => /^\d+$/.test(word)) ?? 60);
  const targets = await readTargets(
    join(import.meta.dirname, ".."),
    words.filter((word) => !/^\d+$/.test(word)),
  );
  if (targets.length === 0) throw new Error(`no fuzz target for ${words.join(", ")}`);
  const seed = args.includes("--seed") ? Number(args[args.indexOf("--seed") + 1]) : (Date.now() >>> 0) % 1_000_000_007;
  console.log(`seed ${seed}, ${targets.length} targets, ${seconds} s`);
  let found = 0;
  for (const target of targets) {
    const until = performance.now() + (1000 * seconds) / targets.length;
    const { inputs, outcomes, finds } = await fuzzTarget(target, until, randomSource(seed));
    console.log(
      `${target.room.padEnd(13)} ${target.name.padEnd(40)} ${String(inputs).padStart(8)} inputs, ${outcomes} outcomes, ${finds.length} finds`,
    );
    for (const { problem, input } of finds) console.log(`${problem}\n  ${Buffer.from(input).toString("base64")}`);
    found += finds.length;
  }
  console.log(`${targets.length} passed, ${found} failed`);
  return found === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
