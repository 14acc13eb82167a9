// cli.verify-blob and hash.file: whole processes of the command line as it is installed (built, one chunk a command), beside an empty
// Node and the foreign tools, in turn in one run.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBundle } from "@sigillum/library/bundle";
import { parseHex } from "@sigillum/library/encoding";
import { developmentToken } from "@sigillum/library/identity-token";
import { signBlob } from "@sigillum/library/signing";
import { addRoot } from "@sigillum/library/trust-store";
import { encodeSigningConfig, encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { startStack } from "@sigillum/stack/compose";
import { bundleProgram } from "../../../tools/build.mjs";
import { findPeer } from "../../../tools/peers-list.mjs";

interface Result {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor?: { readonly name: string; readonly ratio: number };
  readonly peer?: Ratio;
  /** More of them, beside the one that counts. */
  readonly others?: readonly Ratio[];
}

interface Ratio {
  readonly name: string;
  readonly ratio: number;
}

/** The rows of this file. */
export const rows: readonly { readonly name: string; run(): Promise<Result> }[] = [
  { name: "cli.verify-blob", run: () => withSignedFile(64 * 1024, verifyBlob) },
  { name: "hash.file", run: () => withSignedFile(hashedBytes, hashFile) },
];

const runs = 21;
const hashRuns = 3;
/** Sparse, so that the disk takes no part: what is measured is reading from memory and hashing. */
const hashedBytes = 4 * 1024 ** 3;
/** How much more memory a file of that size may take than an empty one. */
const constantBytes = 48 * 1024 ** 2;

interface Signed {
  readonly directory: string;
  /** The installed program. */
  readonly program: string;
  readonly file: string;
  readonly bundle: string;
  readonly root: string;
  readonly identity: string;
  readonly issuer: string;
  readonly signingConfig: string;
}

async function verifyBlob(signed: Signed): Promise<Result> {
  const empty = join(signed.directory, "empty.cjs");
  writeFileSync(empty, "");
  const expected = ["--certificate-identity", signed.identity, "--certificate-oidc-issuer", signed.issuer];
  const common = ["verify-blob", "--bundle", signed.bundle, "--trusted-root", signed.root, ...expected];
  const series = new Map([
    ["ours", (): number => timed(process.execPath, [signed.program, ...common, signed.file])],
    ["floor", (): number => timed(process.execPath, [empty])],
  ]);
  const peers = foreignClients(signed, common);
  for (const { name, run } of peers) series.set(name, run);
  const times = interleave(series, runs);
  const ours = times.get("ours") ?? [];
  const ratio = (name: string): number => median(ours) / median(times.get(name) ?? []);
  const [peer, ...others] = peers.map(({ name }) => ({ name, ratio: ratio(name) }));
  return {
    ...summary(ours, "ms"),
    floor: { name: "an empty script", ratio: ratio("floor") },
    ...(peer === undefined ? {} : { peer }),
    ...(others.length === 0 ? {} : { others }),
  };
}

/** The foreign clients that are here, as what verifies the same file with each: cosign first. */
function foreignClients(signed: Signed, flags: readonly string[]): { readonly name: string; run(): number }[] {
  const [cosign, js, python] = [findPeer("cosign-3"), findPeer("sigstore-js"), findPeer("sigstore-python")];
  const found: { name: string; run(): number }[] = [];
  if (cosign.path !== undefined) {
    const program = cosign.path;
    found.push({ name: `cosign ${cosign.version}`, run: () => timed(program, [...flags, signed.file]) });
  }
  if (js.path !== undefined) {
    const script = join(signed.directory, "sigstore-js.cjs");
    writeFileSync(script, scriptOf(js.path));
    const words = [signed.bundle, signed.root, signed.identity, signed.issuer, signed.file];
    found.push({ name: "a script on @sigstore/verify", run: () => timed(process.execPath, [script, ...words]) });
  }
  if (python.path !== undefined) {
    const program = python.path;
    const identity = ["--cert-identity", signed.identity, "--cert-oidc-issuer", signed.issuer];
    const words = [
      "--trust-config",
      trustConfig(signed),
      "verify",
      "identity",
      "--bundle",
      signed.bundle,
      ...identity,
      signed.file,
    ];
    found.push({ name: `sigstore-python ${python.version}`, run: () => timed(program, words) });
  }
  return found;
}

// What a program on sigstore-js has to do, and nothing more.
function scriptOf(packages: string): string {
  const at = (name: string): string => JSON.stringify(join(packages, "node_modules", name));
  return `const { readFileSync } = require("node:fs");
const { bundleFromJSON } = require(${at("@sigstore/bundle")});
const { TrustedRoot } = require(${at("@sigstore/protobuf-specs")});
const { Verifier, toSignedEntity, toTrustMaterial } = require(${at("@sigstore/verify")});
const [bundle, root, san, issuer, file] = process.argv.slice(2);
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(root))));
const entity = toSignedEntity(bundleFromJSON(json(bundle)), readFileSync(file));
verifier.verify(entity, { subjectAlternativeName: san, extensions: { issuer } });
`;
}

// sigstore-python takes no trusted root alone; the services are never asked.
function trustConfig(signed: Signed): string {
  const path = join(signed.directory, "trust_config.json");
  const config = {
    mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    trustedRoot: JSON.parse(readFileSync(signed.root, "utf8")),
    signingConfig: JSON.parse(signed.signingConfig),
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
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
  requireConstantMemory(signed, args);
  const [ours, peer] = [times.get("ours") ?? [], times.get("peer") ?? []];
  const rates = ours.map((ms) => hashedBytes / 1e6 / (ms / 1000));
  return { ...summary(rates, "MB/s"), peer: { name: "openssl dgst -sha256", ratio: median(peer) / median(ours) } };
}

// The most that the process ever held, told by itself, beside a run that hashes nothing: a refusal of an empty file.
function requireConstantMemory({ directory, program, file }: Signed, args: readonly string[]): void {
  const script = join(directory, "peak.cjs");
  const [peak, small] = [join(directory, "peak"), join(directory, "small")];
  writeFileSync(
    script,
    'process.on("exit", () => require("fs").writeFileSync(process.env.PEAK, String(process.resourceUsage().maxRSS)));',
  );
  writeFileSync(small, "");
  const peakOf = (of: string): number => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), PEAK: peak };
    spawnSync(process.execPath, [`--require=${script}`, program, ...args.slice(0, -1), of], { stdio: "ignore", env });
    return 1024 * Number(readFileSync(peak, "utf8"));
  };
  const [large, none] = [peakOf(file), peakOf(small)];
  if (large - none > constantBytes) throw new Error(`hashing takes ${large} octets of memory, an empty file ${none}`);
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
    return { bundle: bundlePath, root, identity: token.identity, issuer, signingConfig: encodeSigningConfig(signingConfig) };
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
