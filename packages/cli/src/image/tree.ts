import {
  type Attachments,
  attachmentTag,
  copyImage,
  listAttachments,
  loadImage,
  saveImage,
  type TagKind,
} from "@sigillum/library/image";
import {
  type Descriptor,
  encodeReference,
  encodeRepository,
  type OciDigest,
  type Reference,
  resolveReference,
} from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { isSet, optional } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { attachmentPlace, referencesOf, registryClient } from "./client.ts";

const labels: Readonly<Record<TagKind, string>> = {
  att: "💾 Attestations for an image tag",
  sig: "🔐 Signatures for an image tag",
  sbom: "📦 SBOMs for an image tag",
};

/** `sigillum tree IMAGE`: what hangs on an image, in cosign's drawing; the order never changes. */
export async function runTree(args: Arguments, terminal: Terminal): Promise<number> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  const image = await resolveReference(client, reference);
  const repository = place.repository ?? reference;
  const found = await listAttachments(client, repository, image.digest, place.tagPrefix);
  if (terminal.format === "json") {
    terminal.json({ image: encodeReference(reference), digest: image.digest, ...treeJson(found) });
    return exitCodes.success;
  }
  const branches = [...tagBranches(found, encodeRepository(repository)), ...referrerBranches(found)];
  if (branches.length === 0) {
    terminal.out(`No Supply Chain Security Related Artifacts found for image ${encodeReference(reference)}`);
    terminal.note('  start creating one with "sigillum sign"');
    return exitCodes.success;
  }
  terminal.out(`📦 Supply Chain Security Related artifacts for an image: ${encodeReference(reference)}`);
  for (const branch of branches) for (const line of branch) terminal.out(line);
  return exitCodes.success;
}

function tagBranches({ tags }: Attachments, repository: string): string[][] {
  return tags.map(({ kind, tag, image }) => [
    `└── ${labels[kind]}: ${repository}:${tag}`,
    ...leaves(image.manifest.layers.map(({ digest }) => digest)),
  ]);
}

function referrerBranches({ referrers }: Attachments): string[][] {
  const byType = new Map<string, Descriptor[]>();
  for (const one of referrers) {
    const type = one.annotations?.["dev.sigstore.bundle.predicateType"] ?? one.artifactType ?? "unknown";
    byType.set(type, [...(byType.get(type) ?? []), one]);
  }
  return [...byType]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([type, list]) =>
      list.map(({ digest }) => [`└── 🔗 ${type} artifacts via OCI referrer: ${digest}`, ...leaves([digest])]),
    );
}

function leaves(digests: readonly string[]): string[] {
  return digests.map((digest, index) => `   ${index === digests.length - 1 ? "└──" : "├──"} 🍒 ${digest}`);
}

function treeJson({ tags, referrers }: Attachments): Record<string, unknown> {
  return {
    tags: tags.map(({ kind, tag, image }) => ({
      kind,
      tag,
      layers: image.manifest.layers.map(({ digest, mediaType }) => ({ digest, mediaType })),
    })),
    referrers,
  };
}

/** `sigillum triangulate IMAGE`: where the signature, attestation or SBOM of an image is in the tag layout. */
export async function runTriangulate(args: Arguments, terminal: Terminal): Promise<number> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  const { digest } = await resolveReference(client, reference);
  terminal.out(
    `${encodeRepository(place.repository ?? reference)}${suffixOf(optional(args, "type") ?? "signature", digest, place.tagPrefix)}`,
  );
  return exitCodes.success;
}

function suffixOf(type: string, digest: OciDigest, prefix: string | undefined): string {
  if (type === "digest") return `@${digest}`;
  return `:${attachmentTag(digest, type === "attestation" ? "att" : type === "sbom" ? "sbom" : "sig", prefix)}`;
}

/** `sigillum copy SOURCE TARGET`: an image with everything that hangs on it, referrers too. */
export async function runCopy(args: Arguments, terminal: Terminal): Promise<number> {
  const [source, target] = await referencesOf(args.positionals, terminal);
  if (source === undefined || target === undefined) throw new TypeError("the table demands two references");
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  const platform = optional(args, "platform");
  const image = await copyImage({
    client,
    source,
    target,
    onCopy: (what) =>
      terminal.note(`Copying ${encodeRepository(source)}${separator(what)} to ${encodeRepository(target)}${separator(what)}...`),
    ...onlyOf(args),
    ...(place.tagPrefix === undefined ? {} : { tagPrefix: place.tagPrefix }),
    ...(platform === undefined ? {} : { platform: platformOf(platform) }),
  });
  if (terminal.format === "json") terminal.json({ copied: `${encodeRepository(target)}@${image.digest}` });
  return exitCodes.success;
}

function separator(what: string): string {
  return what.includes(":") ? `@${what}` : `:${what}`;
}

function onlyOf(args: Arguments): { only?: ("sig" | "att" | "sbom" | "referrer")[] } {
  const known = ["sig", "att", "sbom", "referrer"] as const;
  const given = isSet(args, "sig-only") ? ["sig"] : args.strings("only");
  const unknown = given.find((one) => !known.some((kind) => kind === one));
  if (unknown !== undefined)
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run copy: --only has ${JSON.stringify(unknown)}`, {
      found: unknown,
      expected: known.join(", "),
    });
  return given.length === 0 ? {} : { only: known.filter((kind) => given.includes(kind)) };
}

/** Read "linux/arm64". */
export function platformOf(text: string): { os: string; architecture: string } {
  const [os = "", architecture = ""] = text.split("/");
  if (os !== "" && architecture !== "") return { os, architecture };
  throw argumentError("FLAG_VALUE_INVALID", `Cannot read --platform ${JSON.stringify(text)}`, {
    found: text,
    expected: "OS/ARCHITECTURE",
  });
}

/** `sigillum save IMAGE --dir DIR`: an image and what hangs on it as an OCI image layout on disk. */
export async function runSave(args: Arguments, terminal: Terminal): Promise<number> {
  const { reference, directory, client } = await forDirectory(args, terminal);
  const image = await saveImage(client, reference, directory);
  terminal.note(`Saved ${encodeRepository(reference)}@${image.digest} to ${directory}`);
  return exitCodes.success;
}

/** `sigillum load IMAGE --dir DIR`: push what `save` wrote. */
export async function runLoad(args: Arguments, terminal: Terminal): Promise<number> {
  const { reference, directory, client } = await forDirectory(args, terminal);
  const image = await loadImage(client, reference, directory);
  terminal.note(`Loaded ${encodeRepository(reference)}@${image.digest} from ${directory}`);
  return exitCodes.success;
}

async function forDirectory(
  args: Arguments,
  terminal: Terminal,
): Promise<{ reference: Reference; directory: string; client: Awaited<ReturnType<typeof registryClient>> }> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const directory = args.required("dir", "it is the directory of the image");
  return { reference, directory, client: await registryClient(args, terminal) };
}
