// The extension of an SCT that tells where the entry stands. C2SP static-ct-api, "SCT Extension".
//
//   enum { leaf_index(0), (255) } ExtensionType;
//   struct { ExtensionType extension_type; opaque extension_data<0..2^16-1>; } Extension;  Extension CTExtensions<0..2^16-1>;
//   uint40 LeafIndex;
import { TlsReader, TlsWriter } from "../encoding/index.ts";
import { ctError, parsing } from "./errors.ts";

const leafIndexType = 0;

/** Write the SCT extensions of a static-ct log: the leaf index alone, 8 bytes. */
export function leafIndexExtension(index: number): Uint8Array {
  return new TlsWriter(8).uint8(leafIndexType).uint16(5).uint40(index).finish();
}

/** The leaf index in an SCT's extensions, or undefined where they do not tell it; others are skipped. One index at most may stand there. */
export function parseLeafIndexExtension(extensions: Uint8Array): number | undefined {
  return parsing("CT_EXTENSIONS_MALFORMED", "parse SCT extensions", () => {
    const reader = new TlsReader(extensions);
    let index: number | undefined;
    while (!reader.atEnd) {
      const type = reader.uint8("extension type");
      const data = reader.vector16("extension data");
      if (type !== leafIndexType) continue;
      if (index !== undefined)
        throw ctError("CT_EXTENSIONS_MALFORMED", "Cannot parse SCT extensions: the leaf index stands twice");
      const field = new TlsReader(data);
      index = field.uint40("leaf index");
      field.end("leaf index");
    }
    return index;
  });
}
