// cli.verify-image: `verify` of one image and of two hundred as whole processes, beside cosign on the same registry in the same run; and how
// many requests an image costs each.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeStatement } from "@sigillum/library/attestation";
import { request } from "@sigillum/library/http";
import { developmentToken } from "@sigillum/library/identity-token";
import { attachBundle, imageStatement } from "@sigillum/library/image";
import {
  emptyConfig,
  encodeManifest,
  encodeRepository,
  mediaTypes,
  parseReference,
  pushBlob,
  pushManifest,
  RegistryClient,
} from "@sigillum/library/oci";
import { signStatement } from "@sigillum/library/signing";
import { addRoot } from "@sigillum/library/trust-store";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { startStack } from "@sigillum/stack/compose";
import { bundleProgram } from "../../../tools/build.mjs";
import { findPeer } from "../../../tools/peers-list.mjs";
import { interleave, median, type Result, silent, summary, timedAsync } from "./measured.ts";

const many = 200;

/** The rows of this file. */
export const rows: readonly { readonly name: string; run(): Promise<Result> }[] = [
  { name: "cli.verify-image.one", run: () => withSignedImages(1, (signed) => verifying(signed, 15)) },
  { name: "cli.verify-image.200", run: () => withSignedImages(many, (signed) => verifying(signed, 5)) },
  { name: "cli.verify-image.requests", run: () => withSignedImages(many, requestsPerImage) },
];

interface SignedImages {
  readonly images: readonly string[];
  readonly registry: string;
  readonly ours: (images: readonly string[]) => Promise<number>;
  /** cosign, where it is here. */
  readonly theirs: ((images: readonly string[]) => Promise<number>) | undefined;
  readonly peer: string;
}

async function verifying({ images, ours, theirs, peer }: SignedImages, runs: number): Promise<Result> {
  const series = new Map([["ours", () => ours(images)]]);
  if (theirs !== undefined) series.set("peer", () => theirs(images));
  const times = await interleave(series, runs);
  const mine = times.get("ours") ?? [];
  return {
    ...summary(mine, "ms"),
    ...(theirs === undefined ? {} : { peer: { name: peer, ratio: median(mine) / median(times.get("peer") ?? []) } }),
  };
}

async function requestsPerImage({ images, registry, ours, theirs, peer }: SignedImages): Promise<Result> {
  const count = async (run: (images: readonly string[]) => Promise<number>): Promise<number> => {
    await counts(registry);
    await run(images);
    return (await counts(registry)).length;
  };
  await counts(registry);
  await ours(images);
  const asked = await counts(registry);
  const manifests = asked.filter((line) => /^GET .*\/manifests\//.test(line));
  const twice = manifests.filter((line, index) => manifests.indexOf(line) !== index);
  if (twice.length > 0) throw new Error(`manifests fetched twice: ${twice.slice(0, 3).join(", ")} and ${twice.length} in all`);
  const mine = asked.length / images.length;
  const peerCount = theirs === undefined ? undefined : (await count(theirs)) / images.length;
  return {
    ...summary([mine], "requests"),
    ...(peerCount === undefined ? {} : { peer: { name: `${peer}, ${peerCount.toFixed(2)} requests`, ratio: mine / peerCount } }),
  };
}

async function counts(registry: string): Promise<string[]> {
  return JSON.parse(new TextDecoder().decode((await request({ url: `http://${registry}/counts` })).body));
}

async function withSignedImages(count: number, measure: (signed: SignedImages) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "sigillum-bench-"));
  let child: ChildProcess | undefined;
  try {
    const program = await installed(directory);
    const started = await startRegistry(join(directory, "registry"));
    child = started.child;
    const { images, root, identity, issuer } = await signImages(directory, started.registry, count);
    const args = ["verify", "--trusted-root", root, "--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
    const cosign = findPeer("cosign-3");
    const path = cosign.path;
    return await measure({
      images,
      registry: started.registry,
      ours: (wanted) => timedAsync(process.execPath, [program, ...args, ...wanted]),
      theirs: path === undefined ? undefined : (wanted) => timedAsync(path, [...args, ...wanted]),
      peer: `cosign ${cosign.version}`,
    });
  } finally {
    child?.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The command line as it is installed. */
async function installed(directory: string): Promise<string> {
  const cli = join(import.meta.dirname, "..");
  await bundleProgram({ source: join(cli, "src"), outdir: join(directory, "package", "dist") });
  cpSync(join(cli, "bin"), join(directory, "package", "bin"), { recursive: true });
  return join(directory, "package", "bin", "sigillum.cjs");
}

async function startRegistry(directory: string): Promise<{ child: ChildProcess; registry: string }> {
  const script = join(import.meta.dirname, "counting-registry.ts");
  const child = spawn(process.execPath, ["--conditions=@sigillum/source", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line]: unknown[] = await once(child.stdout ?? child, "data");
  return { child, registry: `127.0.0.1:${String(line).trim()}` };
}

interface Signed {
  readonly images: readonly string[];
  readonly root: string;
  readonly identity: string;
  readonly issuer: string;
}

/** Distinct images, each with a signature by a certificate of its own; the stack that made those is stopped before anything is timed. */
async function signImages(directory: string, registry: string, count: number): Promise<Signed> {
  const stack = await startStack({ dataDirectory: join(directory, "data"), initialise: { ports: "free" }, logger: silent });
  try {
    const nowMs = Date.now();
    const { signingConfig, trustedRoot } = await addRoot({ url: stack.urls.tuf ?? "", store: join(directory, "roots"), nowMs });
    if (signingConfig === undefined) throw new Error("the stack publishes no signing config");
    const issuer = stack.urls.identity ?? "";
    const token = await developmentToken(issuer, nowMs);
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    const images: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const repository = parseReference(`${registry}/bench/image-${index % 20}:tag-${index}`);
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const manifest = {
        mediaType: mediaTypes.manifest,
        config: emptyConfig.descriptor,
        layers: [],
        manifests: [],
        annotations: { index: String(index) },
      };
      const bytes = encodeManifest(manifest);
      const { digest } = await pushManifest(client, repository, { bytes, mediaType: manifest.mediaType }, repository.tag);
      const statement = encodeStatement(imageStatement({ repository: encodeRepository(repository), digest }));
      const bundle = await signStatement({ token: token.raw, trust: { trustedRoot, signingConfig }, nowMs, statement });
      const subject = { mediaType: manifest.mediaType, digest, size: bytes.length };
      await attachBundle({ client, repository, subject, bundle, nowMs });
      images.push(`${encodeRepository(repository)}:${repository.tag}`);
    }
    const root = join(directory, "trusted_root.json");
    writeFileSync(root, encodeTrustedRoot(trustedRoot));
    return { images, root, identity: token.identity, issuer };
  } finally {
    await stack.stop();
  }
}
