import { readFile } from "node:fs/promises";
import { envelopeFromJson, parseStatement } from "@sigillum/library/attestation";
import { type Bundle, parseBundles } from "@sigillum/library/bundle";
import { encodeBase64, encodeUtf8, isSigillumError, type JsonValue, parseBase64, parseJson } from "@sigillum/library/encoding";
import {
  appendTagLayer,
  attachBundle,
  attachmentTag,
  encodeSimpleSigning,
  envelopeMediaType,
  layerAnnotations,
  pushTagImage,
  simpleSigningMediaType,
} from "@sigillum/library/image";
import { encodeRepository, type Reference, type RegistryClient, resolveReference } from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { optional, readInput } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { annotationsOf, attachmentPlace, referencesOf, registryClient } from "./client.ts";

const maxPartBytes = 1024 * 1024;
const maxSbomBytes = 128 * 1024 * 1024;

interface Opened {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly image: Awaited<ReturnType<typeof resolveReference>>;
  readonly place: ReturnType<typeof attachmentPlace>;
}

async function openImage(args: Arguments, terminal: Terminal): Promise<Opened> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const client = await registryClient(args, terminal);
  return { client, reference, image: await resolveReference(client, reference), place: attachmentPlace(args) };
}

/** `sigillum attach signature IMAGE`: put a signature that was made elsewhere beside an image. It is not verified. */
export async function runAttachSignature(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference, image, place } = await openImage(args, terminal);
  const signature = await readSignature(args.required("signature", 'it is a file, base64, or "-"'), terminal);
  const payloadPath = optional(args, "payload");
  const payload =
    payloadPath === undefined
      ? encodeSimpleSigning({ dockerReference: encodeRepository(reference), digest: image.digest })
      : await readInput(payloadPath, "payload", maxPartBytes, terminal);
  const annotations: Record<string, string> = { [layerAnnotations.signature]: signature };
  for (const [flag, name] of parts) {
    const path = optional(args, flag);
    if (path === undefined) continue;
    const bytes = await readInput(path, flag, maxPartBytes, terminal);
    annotations[layerAnnotations[name]] =
      name === "timestamp" && bytes[0] === 0x30
        ? JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(bytes) })
        : new TextDecoder().decode(bytes);
  }
  const repository = place.repository ?? reference;
  terminal.note(`Pushing signature to: ${encodeRepository(repository)}`);
  await appendTagLayer({
    client,
    repository,
    tag: attachmentTag(image.digest, "sig", place.tagPrefix),
    layer: { bytes: payload, mediaType: simpleSigningMediaType, annotations },
  });
  return exitCodes.success;
}

const parts: readonly (readonly [string, keyof typeof layerAnnotations])[] = [
  ["certificate", "certificate"],
  ["certificate-chain", "chain"],
  ["tsr", "timestamp"],
  ["rekor-response", "bundle"],
];

// A file, the base64 itself, or stdin; raw signatures become base64.
async function readSignature(value: string, terminal: Terminal): Promise<string> {
  const bytes =
    value === "-"
      ? await readInput("-", "signature", maxPartBytes, terminal)
      : await readFile(value).catch(() => encodeUtf8(value));
  const text = new TextDecoder().decode(bytes).trim();
  try {
    return encodeBase64(parseBase64(text));
  } catch (error) {
    if (isSigillumError(error)) return encodeBase64(new Uint8Array(bytes));
    throw error;
  }
}

/** `sigillum attach attestation IMAGE`: put attestations that were made elsewhere beside an image: bundles or DSSE envelopes. */
export async function runAttachAttestation(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference, image, place } = await openImage(args, terminal);
  const files = args.strings("attestation");
  if (files.length === 0)
    throw argumentError("FLAG_REQUIRED", "Cannot run attach attestation: --attestation is missing; it is the file to attach", {
      expected: "--attestation FILE",
    });
  const repository = place.repository ?? reference;
  for (const file of files) {
    const bytes = await readInput(file, "attestation", maxSbomBytes, terminal);
    for (const one of attestationsOf(bytes)) {
      if ("bundle" in one) await attachBundle({ client, repository, subject: image, bundle: one.bundle, nowMs: Date.now() });
      else {
        const { predicateType } = parseStatement(envelopeFromJson(one.envelope).payload);
        await appendTagLayer({
          client,
          repository,
          tag: attachmentTag(image.digest, "att", place.tagPrefix),
          layer: {
            bytes: encodeUtf8(JSON.stringify(one.envelope)),
            mediaType: envelopeMediaType,
            annotations: { [layerAnnotations.signature]: "", [layerAnnotations.predicateType]: predicateType },
          },
        });
      }
      terminal.note(`Pushing attestation to: ${encodeRepository(repository)}`);
    }
  }
  return exitCodes.success;
}

// Each line, or the whole, is a bundle or an envelope.
function attestationsOf(bytes: Uint8Array): readonly ({ readonly bundle: Bundle } | { readonly envelope: JsonValue })[] {
  const lines = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const documents = lines.every((line) => line.startsWith("{") && line.trimEnd().endsWith("}")) ? lines : [lines.join("\n")];
  return documents.flatMap((text): ({ bundle: Bundle } | { envelope: JsonValue })[] => {
    const value = parseJson(text, { maxBytes: maxSbomBytes });
    const isEnvelope =
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "payloadType");
    return isEnvelope ? [{ envelope: value }] : parseBundles(text).map((bundle) => ({ bundle }));
  });
}

const sbomTypes: Readonly<Record<string, string>> = {
  "spdx text": "text/spdx",
  "spdx json": "text/spdx+json",
  "cyclonedx xml": "application/vnd.cyclonedx+xml",
  "cyclonedx json": "application/vnd.cyclonedx+json",
  "syft json": "application/vnd.syft+json",
};
const usualFormats: Readonly<Record<string, string>> = { spdx: "text", cyclonedx: "xml", syft: "json" };

/** `sigillum attach sbom IMAGE`: put an SBOM beside an image, unsigned. */
export async function runAttachSbom(args: Arguments, terminal: Terminal): Promise<number> {
  const { client, reference, image, place } = await openImage(args, terminal);
  const file = args.required("sbom", 'it is the SBOM\'s file, or "-"');
  terminal.note("WARNING: attaching an SBOM does not sign it; consider sigillum attest, which does");
  const type = optional(args, "type") ?? "spdx";
  const format = optional(args, "input-format") ?? (file.endsWith(".json") ? "json" : (usualFormats[type] ?? "text"));
  const mediaType = sbomTypes[`${type} ${format}`];
  if (mediaType === undefined) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot attach SBOM: ${type} has no format ${format}`, {
      found: `${type} ${format}`,
      expected: Object.keys(sbomTypes).join(", "),
    });
  }
  const repository = place.repository ?? reference;
  const tag = attachmentTag(image.digest, "sbom", place.tagPrefix);
  const where = `${encodeRepository(repository)}:${tag}`;
  terminal.note(`Uploading SBOM file for [${encodeRepository(reference)}] to [${where}] with mediaType [${mediaType}].`);
  const bytes = await readInput(file, "SBOM", maxSbomBytes, terminal);
  await pushTagImage({ client, repository, tag, layer: { bytes, mediaType, annotations: {} } });
  return exitCodes.success;
}

/** `sigillum generate IMAGE`: the payload that a signature in the tag layout is over, without a line end. */
export async function runGenerate(args: Arguments, terminal: Terminal): Promise<number> {
  const { reference, image } = await openImage(args, terminal);
  terminal.write(
    new TextDecoder().decode(
      encodeSimpleSigning({
        dockerReference: encodeRepository(reference),
        digest: image.digest,
        annotations: annotationsOf(args),
      }),
    ),
  );
  return exitCodes.success;
}
