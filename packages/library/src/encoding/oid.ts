// Object identifiers (X.690 §8.19).
import { encodingError } from "./errors.ts";

/** The longest encoding of an object identifier that is read, in octets. */
export const maxOidOctets = 128;

/** Write the contents octets of an object identifier given in dots; a TypeError for a text that is none. */
export function encodeOid(dotted: string): Uint8Array {
  if (!/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(dotted))
    throw new TypeError(`Cannot encode OID: ${JSON.stringify(dotted)} is not in dotted form`);
  const arcs = dotted.split(".").map((arc) => BigInt(arc));
  const [top = 0n, second = 0n, ...rest] = arcs;
  if (top < 2n && second > 39n) throw new TypeError(`Cannot encode OID: the second arc of ${dotted} is over 39`);
  const octets: number[] = [];
  for (const arc of [top * 40n + second, ...rest]) pushBase128(octets, arc);
  return Uint8Array.from(octets);
}

function pushBase128(octets: number[], arc: bigint): void {
  const groups = [Number(arc & 127n)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 127n) | 128);
  octets.push(...groups);
}

/** Read the contents octets of an object identifier into dotted form; throws OID_MALFORMED. Arcs of any size are kept exactly. */
export function parseOid(contents: Uint8Array): string {
  if (contents.length === 0) throw malformed("it is empty");
  if (contents.length > maxOidOctets) throw malformed(`it has ${contents.length} octets, and at most ${maxOidOctets} are read`);
  let dotted = "";
  let start = 0;
  for (let i = 0; i < contents.length; i++) {
    if (i === start && contents[i] === 0x80) throw malformed("an arc is not in its shortest form");
    if ((contents[i] ?? 0) >= 0x80) continue;
    const arc = readArc(contents, start, i + 1);
    dotted = start === 0 ? firstArcs(arc) : `${dotted}.${arc}`;
    start = i + 1;
  }
  if (start !== contents.length) throw malformed("its last arc is cut off");
  return dotted;
}

function readArc(contents: Uint8Array, start: number, end: number): number | bigint {
  if (end - start > 7) {
    let large = 0n;
    for (let i = start; i < end; i++) large = (large << 7n) | BigInt((contents[i] ?? 0) & 127);
    return large;
  }
  let arc = 0;
  for (let i = start; i < end; i++) arc = arc * 128 + ((contents[i] ?? 0) & 127);
  return arc;
}

/** X.690 §8.19.4: the first subidentifier is 40 times the first arc plus the second. */
function firstArcs(first: number | bigint): string {
  if (first < 40) return `0.${first}`;
  if (first < 80) return `1.${BigInt(first) - 40n}`;
  return `2.${BigInt(first) - 80n}`;
}

function malformed(problem: string): Error {
  return encodingError("OID_MALFORMED", `Cannot parse OID: ${problem}`, { found: problem });
}
