import { encodeEnvelope } from "@sigillum/library/attestation";
import {
  directorySource,
  type ImageQuestion,
  registrySource,
  type VerifiedImage,
  verifyImage,
  verifyImageAttestations,
} from "@sigillum/library/image";
import { encodeReference, type Reference, type RegistryClient } from "@sigillum/library/oci";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import {
  type Demands,
  demandsOf,
  explanationLines,
  isSet,
  loadVerifyingTrust,
  optional,
  predicateTypesFor,
  verifiedJson,
  verifiedLines,
} from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { annotationsOf, attachmentPlace, referencesOf, registryClient } from "./client.ts";
import { eachOf } from "./many.ts";
import { payloadElement } from "./payload.ts";
import { maxIndexDepth } from "./sign.ts";

/** `sigillum verify IMAGE…`: every image must have a signature that proves what is asked. */
export async function runVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const references = isSet(args, "local-image")
    ? args.positionals.map(localReference)
    : await referencesOf(args.positionals, terminal);
  return await verifyReferences(references, args, terminal);
}

/** Verify images as `verify` does: what the flags of the command demand, told as its --output says. */
export async function verifyReferences(given: readonly Reference[], args: Arguments, terminal: Terminal): Promise<number> {
  const context = await contextOf(args, terminal);
  const found = await verifyEach(given, context, terminal);
  if (terminal.format === "json")
    terminal.json({
      verified: true,
      images: found.map(({ item, result }) => ({ image: nameOf(item), ...imageJson(result) })),
    });
  else for (const { item, result } of found) tellSignatures(item, result, context, terminal);
  return exitCodes.success;
}

/** `sigillum verify-attestation IMAGE…`: every image must have an attestation of the wanted type that proves what is asked. */
export async function runVerifyAttestation(args: Arguments, terminal: Terminal): Promise<number> {
  const references = isSet(args, "local-image")
    ? args.positionals.map(localReference)
    : await referencesOf(args.positionals, terminal);
  const type = optional(args, "type") ?? "custom";
  const wanted = predicateTypesFor(type);
  const policies =
    args.strings("policy").length === 0 ? undefined : await (await import("../policy/index.ts")).loadPolicies(args, terminal);
  const context = await contextOf(args, terminal);
  const found = await eachOf(references, terminal, "Verifying images", (reference) =>
    verifyImageAttestations(question(reference, context), wanted),
  );
  for (const { result } of found) policies?.enforce(payloadsOf(result), type);
  if (terminal.format === "json")
    terminal.json({
      verified: true,
      images: found.map(({ item, result }) => ({ image: nameOf(item), ...imageJson(result) })),
    });
  else for (const { item, result } of found) tellAttestations(item, result, context, terminal);
  return exitCodes.success;
}

function payloadsOf({ signatures }: VerifiedImage): Uint8Array[] {
  return signatures.flatMap(({ bundle: { content } }) => ("dsseEnvelope" in content ? [content.dsseEnvelope.payload] : []));
}

interface Context {
  readonly args: Arguments;
  readonly client: RegistryClient;
  readonly demands: Demands;
  readonly trustedRoot: TrustedRoot;
  readonly annotations: Readonly<Record<string, string>>;
  readonly checkClaims: boolean;
}

async function contextOf(args: Arguments, terminal: Terminal): Promise<Context> {
  const demands = await demandsOf(args, terminal);
  const client = await registryClient(args, terminal);
  const trustedRoot = await loadVerifyingTrust(args, terminal);
  const annotations = args.declares("annotations") ? annotationsOf(args) : {};
  return { args, client, demands, trustedRoot, annotations, checkClaims: isSet(args, "check-claims", true) };
}

// An image that `save` wrote: the directory stands in the place of a repository's name, and no registry is asked.
function localReference(directory: string): Reference {
  return { registry: "", name: directory };
}

function nameOf(reference: Reference): string {
  if (reference.registry !== "") return encodeReference(reference);
  return reference.digest === undefined ? reference.name : `${reference.name}@${reference.digest}`;
}

function question(reference: Reference, context: Context): ImageQuestion {
  const { client, trustedRoot, demands, annotations, checkClaims } = context;
  const source = isSet(context.args, "local-image")
    ? directorySource(reference.name, reference.digest)
    : registrySource(client, reference, attachmentPlace(context.args));
  return { client, reference, trustedRoot, ...demands, annotations, checkClaims, source };
}

interface FoundImage {
  readonly item: Reference;
  readonly result: VerifiedImage;
}

// With --recursive the images of an index too: those that the manifest names which was just proved, each after its index.
async function verifyEach(
  references: readonly Reference[],
  context: Context,
  terminal: Terminal,
  depth = 0,
): Promise<FoundImage[]> {
  const found = await eachOf(references, terminal, "Verifying images", (reference) => verifyImage(question(reference, context)));
  if (!isSet(context.args, "recursive") || depth === maxIndexDepth) return found;
  const families: FoundImage[][] = [];
  for (const one of found) {
    const { registry, name } = one.item;
    const children = one.result.manifest.manifests.map(({ digest }): Reference => ({ registry, name, digest }));
    families.push([one, ...(children.length === 0 ? [] : await verifyEach(children, context, terminal, depth + 1))]);
  }
  return families.flat();
}

function tellSignatures(reference: Reference, found: VerifiedImage, context: Context, terminal: Terminal): void {
  const name = nameOf(reference);
  tellChecks(name, found, context, terminal);
  const elements = found.signatures.map((signature) => payloadElement(signature, found.image, name));
  if (optional(context.args, "output") !== "text") {
    terminal.out("");
    terminal.out(JSON.stringify(elements));
    return;
  }
  for (const [index, element] of elements.entries()) {
    const { identity } = found.signatures[index]?.verified ?? {};
    if (identity !== undefined) {
      terminal.note(`Certificate subject: ${identity.san}`);
      terminal.note(`Certificate issuer URL: ${identity.issuer}`);
    }
    terminal.out(JSON.stringify(element));
  }
}

function tellAttestations(reference: Reference, found: VerifiedImage, context: Context, terminal: Terminal): void {
  tellChecks(nameOf(reference), found, context, terminal);
  for (const { bundle } of found.signatures)
    if ("dsseEnvelope" in bundle.content) terminal.out(encodeEnvelope(bundle.content.dsseEnvelope));
}

// cosign's header, which scripts look for, then what was proved.
function tellChecks(
  name: string,
  found: VerifiedImage,
  { args, demands, annotations, checkClaims }: Context,
  terminal: Terminal,
): void {
  const hasLog = found.signatures.some(({ verified }) => verified.logEntries.length > 0);
  const checks = [
    ...(Object.keys(annotations).length === 0 ? [] : ["The specified annotations were verified."]),
    ...(checkClaims ? ["The cosign claims were validated"] : []),
    ...(hasLog ? ["Existence of the claims in the transparency log was verified offline"] : []),
    "publicKey" in demands.expectations
      ? "The signatures were verified against the specified public key"
      : "The code-signing certificate was verified using trusted certificate authority certificates",
  ];
  const header = ["", `Verification for ${name} --`, "The following checks were performed on each of these signatures:"];
  for (const line of [...header, ...checks.map((check) => `  - ${check}`), ...imageLines(name, found)]) terminal.note(line);
  if (!isSet(args, "explain")) return;
  for (const { verified } of found.signatures)
    for (const line of explanationLines(verified, demands.expectations)) terminal.note(line);
}

/** What was proved of an image, as lines. */
export function imageLines(name: string, found: VerifiedImage): string[] {
  const lines = [`Verified ${name}`, `  digest  ${found.image.digest}`];
  for (const [index, { verified }] of found.signatures.entries()) {
    if (found.signatures.length > 1) lines.push(`  signature ${index + 1} of ${found.signatures.length}`);
    lines.push(...verifiedLines(verified));
  }
  if (found.rejected.length > 0)
    lines.push(
      `  ${found.rejected.length} other ${found.rejected.length === 1 ? "bundle does" : "bundles do"} not prove it: ${found.rejected[0]?.error.message}`,
    );
  return lines;
}

function imageJson(found: VerifiedImage): Record<string, unknown> {
  return {
    digest: found.image.digest,
    signatures: found.signatures.map(({ manifest, layout, verified }) => ({ manifest, layout, ...verifiedJson(verified) })),
    rejected: found.rejected.map(({ manifest, error }) => ({ manifest, code: error.code, message: error.message })),
  };
}
