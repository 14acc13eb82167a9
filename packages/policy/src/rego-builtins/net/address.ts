// Internet addresses and the ranges of CIDR notation, as Go's net package reads and writes them.

/** An address of 32 or 128 bits; an IPv6 address that maps an IPv4 one is that IPv4 address. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** All addresses that share the first `prefix` bits with this one, whose other bits are zero. */
export interface Network extends Address {
  readonly prefix: number;
}

/** An address in dotted or colon notation, without a zone; nothing when it is none. */
export function parseAddress(text: string): Address | undefined {
  const address = parseRaw(text);
  if (address === undefined) return undefined;
  const mapped = address.bits === 128 && address.value >> 32n === 0xffffn;
  return mapped ? { bits: 32, value: address.value & 0xffffffffn } : address;
}

function parseRaw(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) {
    const value = parseDotted(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const [left, right] = [groups(head, tail === undefined), tail === undefined ? [] : groups(tail, true)];
  if (left === undefined || right === undefined) return undefined;
  const count = left.length + right.length;
  if (tail === undefined ? count !== 8 : count > 7) return undefined;
  const all = [...left, ...Array.from({ length: 8 - count }, () => 0n), ...right];
  return { bits: 128, value: all.reduce((sum, group) => (sum << 16n) | group, 0n) };
}

/** Groups of up to four hexadecimal digits; the last two may be written as an IPv4 address when they end the text. */
function groups(text: string, last: boolean): readonly bigint[] | undefined {
  if (text === "") return [];
  const list: bigint[] = [];
  const words = text.split(":");
  for (const [i, word] of words.entries()) {
    if (last && i === words.length - 1 && word.includes(".")) {
      const dotted = parseDotted(word);
      if (dotted === undefined) return undefined;
      list.push(dotted >> 16n, dotted & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(word)) list.push(BigInt(`0x${word}`));
    else return undefined;
  }
  return list;
}

function parseDotted(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** A network in CIDR notation; nothing when it is none. Bits after the prefix are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const [raw, digits] = [parseRaw(text.slice(0, slash)), text.slice(slash + 1)];
  if (raw === undefined || !/^[0-9]{1,3}$/.test(digits) || Number(digits) > raw.bits) return undefined;
  const address = parseAddress(text.slice(0, slash)) ?? raw;
  return network(address, Math.max(0, Number(digits) - (raw.bits - address.bits)));
}

/** The network of an address. */
export function network({ bits, value }: Address, prefix: number): Network {
  const host = BigInt(bits - prefix);
  return { bits, value: (value >> host) << host, prefix };
}

/** The last address of a network. */
export function lastAddress({ bits, value, prefix }: Network): bigint {
  return value | ((1n << BigInt(bits - prefix)) - 1n);
}

/** Whether an address belongs to a network. */
export function hasAddress(net: Network, address: Address): boolean {
  const host = BigInt(net.bits - net.prefix);
  return net.bits === address.bits && net.value >> host === address.value >> host;
}

/** An address as Go writes it: RFC 5952 for IPv6. */
export function formatAddress({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let [from, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (words[i + run] === "0") run++;
    if (run > length) [from, length] = [i, run];
  }
  if (from < 0) return words.join(":");
  return `${words.slice(0, from).join(":")}::${words.slice(from + length).join(":")}`;
}
