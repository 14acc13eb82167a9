import { cosignSignPredicateType, encodeEnvelope, parseStatement } from "@sigillum/library/attestation";
import { type Bundle, encodeBundle } from "@sigillum/library/bundle";
import { encodeBase64, isSigillumError, parsePem } from "@sigillum/library/encoding";
import {
  attachmentTag,
  defaultMaxAttachmentBytes,
  findBundles,
  imageError,
  layerAnnotations,
  registrySource,
  type TagLayer,
} from "@sigillum/library/image";
import {
  encodeReference,
  fetchBlob,
  fetchManifest,
  fetchPlatformManifest,
  type OciDigest,
  type Reference,
  type RegistryClient,
  resolveReference,
} from "@sigillum/library/oci";
import type { Arguments } from "../arguments/index.ts";
import { optional, predicateTypesFor } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { attachmentPlace, referencesOf, registryClient } from "./client.ts";
import { platformOf } from "./tree.ts";

const maxListed = 100;

/** `sigillum download signature IMAGE`: its signatures as JSON lines, bundles as they are. Nothing is verified. */
export async function runDownloadSignature(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference, digest, source, place } = await openImage(args, args.positionals, terminal);
  const bundles = (await findBundles(client, place.repository ?? reference, digest)).flatMap((one) =>
    "bundle" in one && predicateTypeOf(one.bundle) === cosignSignPredicateType ? [one.bundle] : [],
  );
  const layers = await source.layers(digest, "sig");
  requireSome(bundles.length + layers.length, "signatures", reference);
  for (const bundle of bundles.slice(0, maxListed)) terminal.out(encodeBundle(bundle).trimEnd());
  for (const layer of layers.slice(0, maxListed)) terminal.out(JSON.stringify(signatureJson(layer)));
  return exitCodes.success;
}

/** `sigillum download attestation IMAGE`: its attestations as JSON lines: DSSE envelopes, or whole bundles on request. */
export async function runDownloadAttestation(args: Arguments, terminal: Terminal): Promise<number> {
  const type = optional(args, "predicate-type");
  const opened = await openImage(args, args.positionals, terminal);
  const wanted = type === undefined ? undefined : predicateTypesFor(type);
  for (const line of await attestationLines(opened, wanted, optional(args, "output") === "bundle")) terminal.out(line);
  return exitCodes.success;
}

/** The attestations of an image as DSSE envelopes, a JSON document each. Nothing is verified. */
export async function attestationsOf(image: string, args: Arguments, terminal: Terminal): Promise<readonly string[]> {
  return await attestationLines(await openImage(args, [image], terminal), undefined, false);
}

async function attestationLines(
  { client, reference, digest, source, place }: Opened,
  wanted: readonly string[] | undefined,
  whole: boolean,
): Promise<string[]> {
  const isWanted = (found: string | undefined): boolean =>
    found !== undefined && (wanted === undefined ? found !== cosignSignPredicateType : wanted.includes(found));
  const bundles = (await findBundles(client, place.repository ?? reference, digest)).flatMap((one) =>
    "bundle" in one && isWanted(predicateTypeOf(one.bundle)) ? [one.bundle] : [],
  );
  const layers = (await source.layers(digest, "att")).filter(({ descriptor }) =>
    isWanted(descriptor.annotations?.[layerAnnotations.predicateType] ?? "unknown"),
  );
  requireSome(bundles.length + layers.length, "attestations", reference);
  return [
    ...bundles
      .slice(0, maxListed)
      .map((bundle) =>
        whole || !("dsseEnvelope" in bundle.content)
          ? encodeBundle(bundle).trimEnd()
          : encodeEnvelope(bundle.content.dsseEnvelope),
      ),
    ...layers.slice(0, maxListed).map(({ bytes }) => new TextDecoder().decode(bytes).trim()),
  ];
}

/** `sigillum download sbom IMAGE`: the attached SBOM as it is. */
export async function runDownloadSbom(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference, digest, place } = await openImage(args, args.positionals, terminal);
  terminal.note("WARNING: SBOM attachments are not signed; attestations are (sigillum attest, download attestation)");
  const repository = place.repository ?? reference;
  const { manifest } = await fetchManifest(client, repository, attachmentTag(digest, "sbom", place.tagPrefix));
  const [layer] = manifest.layers;
  requireSome(layer === undefined ? 0 : 1, "SBOMs", reference);
  if (layer === undefined) return exitCodes.failure;
  terminal.note(`Found SBOM of media type: ${layer.mediaType}`);
  terminal.write(await fetchBlob(client, repository, layer, place.maxBytes ?? defaultMaxAttachmentBytes));
  return exitCodes.success;
}

interface Opened {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly digest: OciDigest;
  readonly source: ReturnType<typeof registrySource>;
  readonly place: ReturnType<typeof attachmentPlace>;
}

async function openImage(args: Arguments, images: readonly string[], terminal: Terminal): Promise<Opened> {
  const [reference] = await referencesOf(images, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const client = await registryClient(args, terminal);
  const platform = args.declares("platform") ? optional(args, "platform") : undefined;
  const { digest } =
    platform === undefined
      ? await resolveReference(client, reference)
      : (await fetchPlatformManifest(client, reference, platformOf(platform))).descriptor;
  const place = attachmentPlace(args);
  return { client, reference, digest, place, source: registrySource(client, reference, place) };
}

function requireSome(count: number, what: string, reference: Reference): void {
  if (count > 0) return;
  const code = what === "attestations" ? "IMAGE_NO_ATTESTATIONS" : "IMAGE_NO_SIGNATURES";
  throw imageError(code, `Cannot download from ${encodeReference(reference)}: no ${what} found; found no ${what}`, {
    found: `no ${what}`,
  });
}

function predicateTypeOf({ content }: Bundle): string | undefined {
  if (!("dsseEnvelope" in content)) return undefined;
  try {
    return parseStatement(content.dsseEnvelope.payload).predicateType;
  } catch (error) {
    if (isSigillumError(error)) return undefined; // no statement: of no type that could be asked for
    throw error;
  }
}

// cosign prints Go's certificate structure, of which Raw is the useful member.
function signatureJson({ descriptor, bytes }: TagLayer): Record<string, unknown> {
  const annotation = (name: keyof typeof layerAnnotations): string | undefined =>
    descriptor.annotations?.[layerAnnotations[name]];
  const parsed = (text: string | undefined): unknown => (text === undefined ? null : JSON.parse(text));
  const certificates = (text: string | undefined): unknown[] =>
    text === undefined ? [] : parsePem(text).map((block) => ({ Raw: encodeBase64(block.bytes) }));
  const [certificate = null] = certificates(annotation("certificate"));
  const chain = certificates(annotation("chain"));
  return {
    Base64Signature: annotation("signature") ?? "",
    Payload: encodeBase64(bytes),
    Cert: certificate,
    Chain: chain.length === 0 ? null : chain,
    Bundle: parsed(annotation("bundle")),
    RFC3161Timestamp: parsed(annotation("timestamp")),
  };
}
