import { readFile } from "node:fs/promises";
import { encodeStatement } from "@sigillum/library/attestation";
import { type Bundle, encodeBundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import type { Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodePem } from "@sigillum/library/encoding";
import { type AttachmentPlace, attachmentTag, encodeSimpleSigning, imageStatement } from "@sigillum/library/image";
import {
  type Descriptor,
  encodeReference,
  encodeRepository,
  fetchManifest,
  isIndex,
  parseReference,
  type Reference,
  type RegistryClient,
  resolveReference,
} from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import {
  describeSignature,
  isSet,
  openSession,
  optional,
  type SigningSession,
  type SigningTrust,
  signatureLines,
  writeWhole,
} from "../blob/index.ts";
import { keyReference } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { annotationsOf, attachmentPlace, byDigest, referencesOf, registryClient, warnOfTag } from "./client.ts";
import { type Layouts, layoutsOf, type Push, pushReferrerBundle, pushTagBundle } from "./layouts.ts";

/** `sigillum sign IMAGE…`: one login or key, one signature for each image, pushed beside it. */
export async function runSign(args: Arguments, terminal: Terminal): Promise<number> {
  const given = await referencesOf(args.positionals, terminal);
  const options = signOptions(args);
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  // Everything that may fail without a login fails before it.
  const images: Target[] = [];
  for (const reference of given) images.push(...(await targetsOf(client, reference, place, args, terminal)));
  const session = await openSession(args, terminal);
  const signed: Record<string, unknown>[] = [];
  for (const target of images) {
    const made = await signTarget(client, target, place, session, options);
    for (const line of made.lines) if (terminal.format === "text") terminal.note(line);
    signed.push(made.json);
    await writeParts(args, made, terminal);
  }
  if (terminal.format === "text" && options.upload) {
    const [first] = given;
    if (first !== undefined) terminal.note(`  next    ${verifyCommand(args, first, signed[0])}`);
  }
  if (terminal.format === "json") terminal.json({ signed });
  return exitCodes.success;
}

// What proves to somebody else what was just done, ready to be typed.
function verifyCommand(args: Arguments, reference: Reference, signed: Record<string, unknown> | undefined): string {
  const key = keyReference(args);
  const trust = ["trust", "trusted-root", "certificate-chain"].flatMap((flag) => {
    const value = optional(args, flag);
    return value === undefined ? [] : [`--${flag}`, value];
  });
  const certified = key === undefined || optional(args, "certificate") !== undefined || isSet(args, "issue-certificate");
  const expected = certified ? identityWords(signed ?? {}) : ["--key", /\.key$/.test(key) ? key.replace(/key$/, "pub") : key];
  const unlogged = isSet(args, "tlog-upload", true) ? [] : ["--insecure-ignore-tlog"];
  const withoutSct = optional(args, "certificate") === undefined ? [] : ["--insecure-ignore-sct"];
  const words = ["sigillum", "verify", ...trust, ...expected, ...unlogged, ...withoutSct, encodeReference(reference)];
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

// A certificate of one's own has no SCT, and need not name an identity provider.
function identityWords({ identity, issuer }: Record<string, unknown>): string[] {
  const vouched = issuer === "" ? ["--certificate-oidc-issuer-regexp", ".*"] : ["--certificate-oidc-issuer", String(issuer)];
  return ["--certificate-identity", String(identity), ...vouched];
}

interface Target {
  readonly reference: Reference;
  readonly image: Descriptor;
}

// With --recursive an index and every manifest in it; with --attachment sbom the attached SBOM in the image's place.
async function targetsOf(
  client: RegistryClient,
  given: Reference,
  place: AttachmentPlace,
  args: Arguments,
  terminal: Terminal,
): Promise<Target[]> {
  let reference = given;
  let image = await resolveReference(client, reference);
  if (optional(args, "attachment") === "sbom") {
    reference = parseReference(
      `${encodeRepository(place.repository ?? given)}:${attachmentTag(image.digest, "sbom", place.tagPrefix)}`,
    );
    image = await resolveReference(client, reference);
  } else warnOfTag(reference, image.digest, terminal);
  const targets = [{ reference, image }];
  if (!isSet(args, "recursive")) return targets;
  for (const child of await childrenOf(client, reference, image))
    targets.push({ reference: { ...reference, digest: child.digest }, image: child });
  return targets;
}

// The manifests below an index, indexes within it too; empty for an image.
async function childrenOf(client: RegistryClient, reference: Reference, image: Descriptor, depth = 0): Promise<Descriptor[]> {
  if (!isIndex(image.mediaType) || depth === maxIndexDepth) return [];
  const { manifest } = await fetchManifest(client, reference, image.digest);
  const children: Descriptor[] = [];
  for (const { mediaType, digest, size } of manifest.manifests) {
    const child: Descriptor = { mediaType, digest, size };
    children.push(child, ...(await childrenOf(client, reference, child, depth + 1)));
  }
  return children;
}

/** How deep indexes within indexes are followed. */
export const maxIndexDepth = 4;

interface SignOptions {
  readonly annotations: Readonly<Record<string, string>>;
  readonly layouts: Layouts;
  readonly upload: boolean;
  readonly identity: string | undefined;
  readonly payloadFile: string | undefined;
  readonly recordTime: boolean;
}

function signOptions(args: Arguments): SignOptions {
  return {
    annotations: annotationsOf(args),
    layouts: layoutsOf(args),
    upload: isSet(args, "upload", true),
    identity: args.declares("sign-container-identity") ? args.strings("sign-container-identity")[0] : undefined,
    payloadFile: optional(args, "payload"),
    recordTime: isSet(args, "record-creation-timestamp"),
  };
}

interface Made {
  readonly bundle: Bundle;
  readonly payload: Uint8Array | undefined;
  readonly lines: readonly string[];
  readonly json: Record<string, unknown>;
}

async function signTarget(
  client: RegistryClient,
  { reference, image }: Target,
  place: AttachmentPlace,
  session: SigningSession,
  options: SignOptions,
): Promise<Made> {
  const name = byDigest(reference, image.digest);
  const push: Push = { client, reference, image, place, trustedRoot: session.trust.trustedRoot };
  const lines = [`Signed ${name}`];
  const json: Record<string, unknown> = { image: encodeReference(reference), digest: image.digest };
  let made: { bundle: Bundle; payload: Uint8Array | undefined } | undefined;
  if (options.layouts.bundle) {
    const bundle = await signedStatement(reference, image, options.annotations, session);
    made = { bundle, payload: undefined };
    const description = describeSignature(bundle, session.trust.trustedRoot);
    lines.push(...signatureLines(description));
    Object.assign(json, description);
    if (options.upload) {
      const { manifest, where } = await pushReferrerBundle(push, bundle);
      lines.push(`  pushed  ${where}`, `Pushing signature to: ${encodeRepository(place.repository ?? reference)}`);
      Object.assign(json, { signature: manifest.digest });
    }
  }
  if (options.layouts.tag) {
    const payload = await payloadFor(reference, image, options);
    const { signBlob } = await import("@sigillum/library/signing");
    const bundle = await signBlob({ ...session, artifact: { bytes: payload }, nowMs: Date.now() });
    made = { bundle, payload };
    const description = describeSignature(bundle, session.trust.trustedRoot);
    if (!options.layouts.bundle) lines.push(...signatureLines(description));
    Object.assign(json, description);
    if (options.upload) {
      await pushTagBundle(push, bundle, { payload, recordTime: options.recordTime, publicKey: session.signer?.publicKey });
      lines.push(`Pushing signature to: ${encodeRepository(place.repository ?? reference)}`);
    }
  }
  if (made === undefined) throw new TypeError("a layout is chosen");
  return { ...made, lines, json };
}

async function payloadFor(reference: Reference, image: Descriptor, options: SignOptions): Promise<Uint8Array> {
  if (options.payloadFile !== undefined) return await readFile(options.payloadFile);
  return encodeSimpleSigning({
    dockerReference: options.identity ?? encodeRepository(reference),
    digest: image.digest,
    annotations: options.annotations,
  });
}

async function signedStatement(
  reference: Reference,
  image: Descriptor,
  annotations: Readonly<Record<string, string>>,
  session: { readonly token?: string; readonly signer?: Signer; readonly trust: SigningTrust },
): Promise<Bundle> {
  const { signStatement } = await import("@sigillum/library/signing");
  const statement = encodeStatement(
    imageStatement({ repository: encodeRepository(reference), digest: image.digest, annotations }),
  );
  return await signStatement({ ...session, statement, nowMs: Date.now() });
}

async function writeParts(args: Arguments, made: Made, terminal: Terminal): Promise<void> {
  const { bundle, payload } = made;
  const certificate = signingCertificate(bundle);
  const signature = encodeBase64(signatureBytes(bundle));
  const parts: readonly (readonly [string, string | Uint8Array | undefined])[] = [
    ["bundle", `${encodeBundle(bundle).trimEnd()}\n`],
    ["output-signature", signature],
    ["output-payload", payload],
    ["output-certificate", certificate === undefined ? undefined : encodePem("CERTIFICATE", certificate.der)],
  ];
  for (const [flag, content] of parts) {
    const path = optional(args, flag);
    if (path === undefined) continue;
    if (content === undefined)
      throw argumentError("FLAGS_CONFLICT", `Cannot write --${flag}: this signature has none; --layout tag signs a payload`, {
        found: flag,
      });
    await writeWhole(path, content);
    terminal.note(`Wrote ${flag.replace("output-", "")} to file ${path}`);
  }
  // cosign: a signature that is not uploaded is printed.
  if (!isSet(args, "upload", true) && optional(args, "output-signature") === undefined && terminal.format === "text")
    terminal.out(signature);
}

/** Which image to sign, as whom. */
export interface ImageOrder {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly image: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  readonly trust: SigningTrust;
  readonly token: string;
}

/** Sign an image's digest and attach the bundle. */
export async function signImage(
  order: ImageOrder,
): Promise<ReturnType<typeof describeSignature> & { readonly manifest: Descriptor }> {
  const { client, reference, image, annotations, trust, token } = order;
  const bundle = await signedStatement(reference, image, annotations, { token, trust });
  const { manifest } = await pushReferrerBundle({ client, reference, image, place: {}, trustedRoot: trust.trustedRoot }, bundle);
  return { ...describeSignature(bundle, trust.trustedRoot), manifest };
}
