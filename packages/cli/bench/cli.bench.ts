// cli.verify-blob and hash.file: whole processes of the command line as it is installed (built, one chunk a command), beside an empty
// Node and the foreign tool, in turn in one run.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBundle } from "@sigillum/library/bundle";
import { parseHex } from "@sigillum/library/encoding";
import { developmentToken } from "@sigillum/library/identity-token";
import { signBlob } from "@sigillum/library/signing";
import { addRoot } from "@sigillum/library/trust-store";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { startStack } from "@sigillum/stack/compose";
import { bundleProgram } from "../../../tools/build.mjs";
import { findPeer } from "../../../tools/peers-list.mjs";

interface Result {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor?: { readonly name: string; readonly ratio: number };
  readonly peer?: { readonly name: string; readonly ratio: number };
}

/** The rows of this file. */
export const rows: readonly { readonly name: string; run(): Promise<Result> }[] = [
  { name: "cli.verify-blob", run: () => withSignedFile(64 * 1024, verifyBlob) },
  { name: "hash.file", run: () => withSignedFile(hashedBytes, hashFile) },
];

const runs = 21;
const hashRuns = 5;
/** Sparse, so that the disk takes no part: what is measured is reading from memory and hashing. */
const hashedBytes = 1024 * 1024 * 1024;

interface Signed {
  readonly directory: string;
  /** The installed program. */
  readonly program: string;
  readonly file: string;
  readonly bundle: string;
  readonly root: string;
  readonly identity: string;
  readonly issuer: string;
}

async function verifyBlob(signed: Signed): Promise<Result> {
  const empty = join(signed.directory, "empty.cjs");
  writeFileSync(empty, "");
  const expected = ["--certificate-identity", signed.identity, "--certificate-oidc-issuer", signed.issuer];
  const common = ["verify-blob", "--bundle", signed.bundle, "--trusted-root", signed.root, ...expected];
  const cosign = findPeer("cosign-3");
  const series = new Map([
    ["ours", (): number => timed(process.execPath, [signed.program, ...common, signed.file])],
    ["floor", (): number => timed(process.execPath, [empty])],
  ]);
  const peer = cosign.path;
  if (peer !== undefined) series.set("peer", () => timed(peer, [...common, signed.file]));
  const times = interleave(series, runs);
  const ours = times.get("ours") ?? [];
  const ratio = (name: string): number => median(ours) / median(times.get(name) ?? []);
  return {
    ...summary(ours, "ms"),
    floor: { name: "an empty script", ratio: ratio("floor") },
    ...(peer === undefined ? {} : { peer: { name: `cosign ${cosign.version}`, ratio: ratio("peer") } }),
  };
}

async function hashFile(signed: Signed): Promise<Result> {
  const expected = ["--certificate-identity", signed.identity, "--certificate-oidc-issuer", signed.issuer];
  const args = ["verify-blob", "--bundle", signed.bundle, "--trusted-root", signed.root, ...expected, signed.file];
  const times = interleave(
    new Map([
      ["ours", (): number => timed(process.execPath, [signed.program, ...args])],
      ["peer", (): number => timed("openssl", ["dgst", "-sha256", signed.file])],
    ]),
    hashRuns,
  );
  const [ours, peer] = [times.get("ours") ?? [], times.get("peer") ?? []];
  const rates = ours.map((ms) => hashedBytes / 1e6 / (ms / 1000));
  return { ...summary(rates, "MB/s"), peer: { name: "openssl dgst -sha256", ratio: median(peer) / median(ours) } };
}

/** Run a measurement on a file that a stack of our own signed; the stack is stopped before anything is timed. */
async function withSignedFile(length: number, measure: (signed: Signed) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "sigillum-bench-"));
  try {
    const program = join(directory, "package", "bin", "sigillum.cjs");
    const cli = join(import.meta.dirname, "..");
    await bundleProgram({ source: join(cli, "src"), outdir: join(directory, "package", "dist") });
    cpSync(join(cli, "bin"), join(directory, "package", "bin"), { recursive: true });
    const file = join(directory, "file");
    writeFileSync(file, "");
    truncateSync(file, length);
    return await measure({ directory, program, file, ...(await sign(directory, file)) });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function sign(directory: string, file: string): Promise<Omit<Signed, "directory" | "program" | "file">> {
  const stack = await startStack({ dataDirectory: join(directory, "data"), initialise: { ports: "free" }, logger: silent });
  try {
    const nowMs = Date.now();
    const trust = await addRoot({ url: stack.urls.tuf ?? "", store: join(directory, "roots"), nowMs });
    const issuer = stack.urls.identity ?? "";
    const token = await developmentToken(issuer, nowMs);
    const { signingConfig, trustedRoot } = trust;
    if (signingConfig === undefined) throw new Error("the stack publishes no signing config");
    const digest = parseHex(execFileSync("openssl", ["dgst", "-sha256", "-r", file], { encoding: "utf8" }).slice(0, 64));
    const artifact = { digest, algorithm: "sha256" } as const;
    const bundle = await signBlob({ token: token.raw, trust: { trustedRoot, signingConfig }, nowMs, artifact });
    const [bundlePath, root] = [join(directory, "bundle.json"), join(directory, "trusted_root.json")];
    writeFileSync(bundlePath, encodeBundle(bundle));
    writeFileSync(root, encodeTrustedRoot(trustedRoot));
    return { bundle: bundlePath, root, identity: token.identity, issuer };
  } finally {
    await stack.stop();
  }
}

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Each in turn, again and again, so that a machine whose speed drifts treats them alike. The first round is not counted. */
function interleave(series: ReadonlyMap<string, () => number>, count: number): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, number[]>([...series.keys()].map((name) => [name, []]));
  for (let round = 0; round <= count; round++) {
    for (const [name, run] of series) {
      const ms = run();
      if (round > 0) times.get(name)?.push(ms);
    }
  }
  return times;
}

function timed(program: string, args: readonly string[]): number {
  const started = process.hrtime.bigint();
  const env = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };
  const { status, stderr } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8", env });
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

function summary(values: readonly number[], unit: string): Pick<Result, "median" | "unit" | "spread"> {
  return { median: median(values), unit, spread: [Math.min(...values), Math.max(...values)] };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
