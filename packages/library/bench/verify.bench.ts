// verify.bundle: full keyless verifications of fresh bundles, from their JSON text, as the public instance writes them: an authority
// with P-384 keys, an entry of Rekor v1 with promise, proof and checkpoint, an embedded SCT. No bundle or certificate comes twice.
import { createRequire } from "node:module";
import { join } from "node:path";
import { findPeer } from "../../../tools/peers-list.mjs";
import { encodeBundle, parseBundle } from "../src/bundle/index.ts";
import { isValidSignature } from "../src/crypto/index.ts";
import {
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureArtifact,
  fixtureIdentity,
  generateSigner,
  MemorySigstore,
} from "../src/testing/index.ts";
import { encodeTrustedRoot, parseTrustedRoot, type TrustedRoot } from "../src/trusted-root/index.ts";
import { verifyBundle } from "../src/verification/index.ts";

interface Result {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor: { readonly name: string; readonly ratio: number };
  readonly peer?: { readonly name: string; readonly ratio: number };
}

interface Row {
  readonly name: string;
  run(): Promise<Result>;
}

const rounds = 7;
const bundlesPerRound = 140;
const peerBundlesPerRound = 30;

/** The rows of this file. */
export const rows: readonly Row[] = [{ name: "verify.bundle", run: verifyBundles }];

async function verifyBundles(): Promise<Result> {
  const { texts, rootJson, trustedRoot } = await createBundles();
  const identity = fixtureIdentity;
  const verifyOne = (text: string): unknown =>
    verifyBundle({ bundle: parseBundle(text), artifact: { bytes: fixtureArtifact }, trustedRoot, expectations: { identity } });
  const floor = await createFloor();
  const peer = createPeer(rootJson);
  for (const text of texts.slice(0, bundlesPerRound)) verifyOne(text);
  for (const text of texts.slice(0, 5)) peer?.verify(text);
  const ours: number[] = [];
  const floors: number[] = [];
  const peers: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const fresh = texts.slice(round * bundlesPerRound, (round + 1) * bundlesPerRound);
    ours.push(perSecond(fresh, verifyOne));
    floors.push(perSecond(fresh, floor));
    if (peer !== undefined) peers.push(perSecond(fresh.slice(0, peerBundlesPerRound), peer.verify));
  }
  const value = median(ours);
  return {
    median: value,
    unit: "bundles/s",
    spread: [Math.min(...ours), Math.max(...ours)],
    floor: { name: "one P-384 verify", ratio: value / median(floors) },
    ...(peer === undefined ? {} : { peer: { name: peer.name, ratio: value / median(peers) } }),
  };
}

async function createBundles(): Promise<{ texts: string[]; rootJson: string; trustedRoot: TrustedRoot }> {
  const sigstore = await MemorySigstore.create();
  const ca = await createChain("codeSigning", "ca", defaultPeriod, "ecdsa-p384");
  const rootJson = encodeTrustedRoot({
    ...sigstore.trustedRoot,
    certificateAuthorities: [authorityOf(ca, "https://ca.sigstore.test")],
  });
  const texts: string[] = [];
  for (let i = 0; i < (rounds + 1) * bundlesPerRound; i++) texts.push(encodeBundle((await sigstore.sign({ ca })).bundle));
  return { texts, rootJson, trustedRoot: parseTrustedRoot(rootJson) };
}

// The signature that no verifier can avoid: the authority's over the certificate.
async function createFloor(): Promise<() => unknown> {
  const signer = generateSigner("ecdsa-p384");
  const signature = await signer.sign(fixtureArtifact);
  return () => isValidSignature(signer.publicKey, signer.scheme, fixtureArtifact, signature);
}

// What we use of @sigstore/verify; it is no dependency, so its own types are not here.
interface PeerModules {
  readonly bundle: { bundleFromJSON(value: unknown): unknown };
  readonly specs: { readonly TrustedRoot: { fromJSON(value: unknown): unknown } };
  readonly verify: {
    toTrustMaterial(root: unknown): unknown;
    toSignedEntity(bundle: unknown, artifact: Buffer): unknown;
    readonly Verifier: new (trust: unknown) => { verify(entity: unknown, policy: object): unknown };
  };
}

function createPeer(rootJson: string): { readonly name: string; verify(text: string): unknown } | undefined {
  const found = findPeer("sigstore-js");
  if (found.missing !== undefined) return undefined;
  const require = createRequire(join(found.path, "package.json"));
  const { bundle, specs, verify }: PeerModules = {
    bundle: require("@sigstore/bundle"),
    specs: require("@sigstore/protobuf-specs"),
    verify: require("@sigstore/verify"),
  };
  const verifier = new verify.Verifier(verify.toTrustMaterial(specs.TrustedRoot.fromJSON(JSON.parse(rootJson))));
  const policy = { subjectAlternativeName: fixtureIdentity.san, extensions: { issuer: fixtureIdentity.issuer } };
  const artifact = Buffer.from(fixtureArtifact);
  return {
    name: "@sigstore/verify",
    verify: (text) => verifier.verify(verify.toSignedEntity(bundle.bundleFromJSON(JSON.parse(text)), artifact), policy),
  };
}

// By the CPU's time and not the clock's: others share the machine, and everything measured here runs on one thread.
function perSecond(texts: readonly string[], verify: (text: string) => unknown): number {
  const before = process.cpuUsage();
  for (const text of texts) verify(text);
  const { user, system } = process.cpuUsage(before);
  return (texts.length * 1e6) / (user + system);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
