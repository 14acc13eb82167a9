// PEM (RFC 7468) as Go's reader takes it.
import { fromBase64 } from "../encoding/bytes.ts";

/** A block: its label and its bytes. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const block =
  /(?:^|\n)-----BEGIN ([^\n-]*(?:-[^\n-]+)*)-----[ \t\r]*\n([\s\S]*?)-----END ([^\n-]*(?:-[^\n-]+)*)-----[ \t\r]*(?:\n|$)/g;

/** The first block of a text and what stands after it; nothing when there is none. */
export function decodePem(text: string): { readonly block: PemBlock; readonly rest: string } | undefined {
  block.lastIndex = 0;
  for (let match = block.exec(text); match !== null; match = block.exec(text)) {
    const [whole, label = "", body = "", end] = match;
    const content = label === end ? contentOf(body) : undefined;
    if (content !== undefined) return { block: { label, bytes: content }, rest: text.slice(match.index + whole.length) };
    // another block may begin inside of the one that is wrong
    block.lastIndex = match.index + 1;
  }
  return undefined;
}

/** The bytes of a block's lines; headers before an empty line are skipped. */
function contentOf(body: string): Uint8Array | undefined {
  const lines = body.split("\n").map((line) => line.trim());
  while (lines[0]?.includes(":")) lines.shift();
  const bytes = fromBase64(lines.join(""), "standard");
  return typeof bytes === "number" ? undefined : bytes;
}
