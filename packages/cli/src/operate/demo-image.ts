// A small real image: one layer with one file, made here so that the demonstration needs no Docker.
import { gzipSync } from "node:zlib";
import { concatBytes, encodeUtf8 } from "@sigillum/library/encoding";
import {
  type Descriptor,
  encodeManifest,
  mediaTypes,
  ociDigestOf,
  pushBlob,
  pushManifest,
  type Reference,
  type RegistryClient,
} from "@sigillum/library/oci";

/** Build an image whose one layer holds `text` as /hello.txt, push it, and return what its tag names. */
export async function pushSmallImage(client: RegistryClient, reference: Reference, text: string): Promise<Descriptor> {
  const layer = tarOf("hello.txt", encodeUtf8(text));
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/hello.txt"] },
    rootfs: { type: "layers", diff_ids: [ociDigestOf(layer)] },
    history: [{ created_by: "sigillum demo" }],
  };
  const configBlob = await pushBlob(client, reference, encodeUtf8(JSON.stringify(config)), mediaTypes.config);
  const layerBlob = await pushBlob(client, reference, gzipSync(layer), mediaTypes.layerGzip);
  const bytes = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: configBlob,
    layers: [layerBlob],
    manifests: [],
    annotations: {},
  });
  const { digest } = await pushManifest(client, reference, { bytes, mediaType: mediaTypes.manifest }, reference.tag);
  return { mediaType: mediaTypes.manifest, digest, size: bytes.length };
}

const blockBytes = 512;

// POSIX.1-1988 ustar: a header block, the content padded to blocks, two empty blocks.
function tarOf(name: string, content: Uint8Array): Uint8Array {
  const header = new Uint8Array(blockBytes);
  const field = (offset: number, text: string): void => header.set(encodeUtf8(text), offset);
  field(0, name);
  field(100, "0000644\0");
  field(108, "0000000\0");
  field(116, "0000000\0");
  field(124, `${content.length.toString(8).padStart(11, "0")}\0`);
  field(136, "00000000000\0");
  field(148, " ".repeat(8)); // the checksum is taken with its own field blank
  field(156, "0");
  field(257, "ustar\0");
  field(263, "00");
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  const padding = new Uint8Array((blockBytes - (content.length % blockBytes)) % blockBytes);
  return concatBytes(header, content, padding, new Uint8Array(2 * blockBytes));
}
