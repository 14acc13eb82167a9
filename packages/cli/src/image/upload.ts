// upload blob, upload wasm: files as images of one layer, several for several platforms under one index.
import { basename } from "node:path";
import { isSigillumError, parseUtf8 } from "@sigillum/library/encoding";
import {
  type Descriptor,
  encodeManifest,
  encodeReference,
  encodeRepository,
  mediaTypes,
  ociDigestOf,
  pushBlob,
  pushManifest,
  type Reference,
  type RegistryClient,
} from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { optional, readInput } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { annotationPairs, referencesOf, registryClient } from "./client.ts";
import { platformOf } from "./tree.ts";

const maxFileBytes = 1024 * 1024 * 1024;
const wasmLayer = "application/vnd.wasm.content.layer.v1+wasm";
const wasmConfig = "application/vnd.wasm.config.v1+json";

interface Content {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly configType: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** `sigillum upload blob REF -f FILE[:PLATFORM]…`: files into a registry; the reference by digest goes to stdout. */
export async function runUploadBlob(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference } = await target(args, terminal);
  const files = args.strings("files").map(fileOf);
  if (files.length === 0) args.required("files", "it is the file to upload");
  const annotations = annotationPairs(args, "annotation");
  const uploaded: Descriptor[] = [];
  const whole = files.length === 1 ? reference.tag : undefined;
  for (const { path, platform } of files) {
    const bytes = await readInput(path, "file", maxFileBytes, terminal);
    const mediaType = optional(args, "ct") ?? (isText(bytes) ? "text/plain" : "application/octet-stream");
    terminal.note(`Uploading file from [${path}] to [${encodeReference(reference)}] with media type [${mediaType}]`);
    const titled = { "org.opencontainers.image.title": basename(path), ...annotations };
    const own = platform === undefined ? {} : { platform: platformOf(platform) };
    uploaded.push(
      await pushContent(
        client,
        reference,
        { bytes, mediaType, configType: mediaTypes.config, annotations: titled, ...own },
        whole,
      ),
    );
  }
  const [only] = uploaded;
  tell(terminal, reference, files.length === 1 && only !== undefined ? only : await pushIndex(client, reference, uploaded));
  return exitCodes.success;
}

/** `sigillum upload wasm REF -f FILE`: a WebAssembly module as the image that runtimes know. */
export async function runUploadWasm(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference } = await target(args, terminal);
  const path = args.required("file", "it is the module to upload");
  const bytes = await readInput(path, "module", maxFileBytes, terminal);
  terminal.note(`Uploading wasm file from [${path}] to [${encodeReference(reference)}].`);
  const content = { bytes, mediaType: wasmLayer, configType: wasmConfig, annotations: {} };
  tell(terminal, reference, await pushContent(client, reference, content, reference.tag));
  return exitCodes.success;
}

async function target(args: Arguments, terminal: Terminal): Promise<{ client: RegistryClient; reference: Reference }> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  return { client: await registryClient(args, terminal), reference };
}

// "PATH" or "PATH:OS/ARCH"; a drive of Windows is no platform.
function fileOf(text: string): { path: string; platform?: string } {
  const match = /^(.+):([a-z0-9]+\/[a-z0-9/]+)$/.exec(text);
  return match === null ? { path: text } : { path: match[1] ?? "", platform: match[2] ?? "" };
}

function isText(bytes: Uint8Array): boolean {
  try {
    return !parseUtf8(bytes.subarray(0, 512)).includes("\0");
  } catch (error) {
    if (isSigillumError(error)) return false; // cut within a character, or no text: nobody is misled by bytes
    throw error;
  }
}

async function pushContent(
  client: RegistryClient,
  reference: Reference,
  { bytes, mediaType, configType, annotations, platform }: Content,
  tag: string | undefined,
): Promise<Descriptor> {
  const layer = await pushBlob(client, reference, bytes, mediaType);
  const shown = { architecture: platform?.architecture ?? "", os: platform?.os ?? "" };
  const text = JSON.stringify({ ...shown, rootfs: { type: "layers", diff_ids: [layer.digest] }, config: {} });
  const config = await pushBlob(client, reference, new TextEncoder().encode(text), configType);
  const hasAnnotations = Object.keys(annotations).length > 0;
  const layers = [hasAnnotations ? { ...layer, annotations } : layer];
  const manifest = encodeManifest({ mediaType: mediaTypes.manifest, config, layers, manifests: [], annotations: {} });
  await pushManifest(client, reference, { bytes: manifest, mediaType: mediaTypes.manifest }, tag);
  const descriptor = { mediaType: mediaTypes.manifest, digest: ociDigestOf(manifest), size: manifest.length };
  return platform === undefined ? descriptor : { ...descriptor, platform };
}

async function pushIndex(client: RegistryClient, reference: Reference, manifests: readonly Descriptor[]): Promise<Descriptor> {
  const unnamed = manifests.filter(({ platform }) => platform === undefined);
  if (unnamed.length > 0)
    throw argumentError("FLAG_VALUE_INVALID", "Cannot upload several files: each needs its platform, as FILE:OS/ARCH", {
      expected: "FILE:OS/ARCH",
    });
  const bytes = encodeManifest({ mediaType: mediaTypes.index, layers: [], manifests, annotations: {} });
  await pushManifest(client, reference, { bytes, mediaType: mediaTypes.index }, reference.tag);
  return { mediaType: mediaTypes.index, digest: ociDigestOf(bytes), size: bytes.length };
}

function tell(terminal: Terminal, reference: Reference, { digest }: Descriptor): void {
  const uploaded = `${encodeRepository(reference)}@${digest}`;
  if (terminal.format === "json") terminal.json({ uploaded });
  else terminal.out(uploaded);
}
