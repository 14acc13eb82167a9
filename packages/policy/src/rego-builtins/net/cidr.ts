// Functions over networks in CIDR notation. Nothing is looked up.
import { anyType, arrayOf, type Builtin, booleanType, objectOf, oneOf, setOf, stringType, tupleOf } from "../../rego/index.ts";
import { isArray, ObjectValue, SetBuilder, SetValue, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import {
  type Address,
  formatAddress,
  hasAddress,
  lastAddress,
  type Network,
  network,
  parseAddress,
  parseNetwork,
} from "./address.ts";

const element = oneOf(stringType, arrayOf(anyType));
const matchable = oneOf(stringType, arrayOf(element), objectOf(stringType, element), setOf(element));

/** The functions of this file. */
export const cidr: readonly Builtin[] = [
  define("net.cidr_contains", [stringType, stringType], booleanType, (call) =>
    contains(networkOf(call, call.string(1)), addressOrNetwork(call, call.string(2))),
  ),
  define("net.cidr_overlap", [stringType, stringType], booleanType, (call) =>
    contains(networkOf(call, call.string(1)), addressOrNetwork(call, call.string(2))),
  ),
  define("net.cidr_contains_matches", [matchable, matchable], setOf(tupleOf(anyType, anyType)), containsMatches),
  define("net.cidr_expand", [stringType], setOf(stringType), expand),
  define("net.cidr_intersects", [stringType, stringType], booleanType, (call) => {
    const [a, b] = [networkOf(call, call.string(1)), networkOf(call, call.string(2))];
    return hasAddress(a, b) || hasAddress(b, a);
  }),
  define("net.cidr_is_valid", [stringType], booleanType, (call) => parseNetwork(call.string(1)) !== undefined),
  define("net.cidr_merge", [oneOf(arrayOf(oneOf(stringType)), setOf(stringType))], setOf(stringType), merge),
];

function networkOf(call: Call, text: string): Network {
  const found = parseNetwork(text);
  if (found === undefined) throw call.fail(`invalid CIDR address: ${text}`);
  return found;
}

function addressOrNetwork(call: Call, text: string): Network {
  const address = parseAddress(text);
  return address === undefined ? networkOf(call, text) : network(address, address.bits);
}

function contains(all: Network, part: Network): boolean {
  return all.prefix <= part.prefix && hasAddress(all, part);
}

/** Each pair of keys (of items, their indexes; of members, themselves) of which the first network contains the second. */
function containsMatches(call: Call): Value {
  const [left, right] = [listed(call, 1), listed(call, 2)];
  const networks = left.map(([text, key]) => [networkOf(call, text), key] as const);
  const parts = right.map(([text, key]) => [addressOrNetwork(call, text), key] as const);
  call.step(networks.length * parts.length);
  const matches = new SetBuilder();
  for (const [all, key] of networks) {
    for (const [part, other] of parts) {
      if (!contains(all, part)) continue;
      call.elements(2);
      matches.add([key, other]);
    }
  }
  return matches.finish();
}

function listed(call: Call, operand: number): readonly (readonly [text: string, key: Value])[] {
  const value = call.value(operand);
  if (typeof value === "string") return [[value, value]];
  if (isArray(value)) return value.map((item, i) => [networkText(call, item), i]);
  if (value instanceof SetValue) return value.values().map((item) => [networkText(call, item), item]);
  if (value instanceof ObjectValue) return value.entries().map(([key, item]) => [networkText(call, item), key]);
  throw call.wrong(operand, "string", "array", "object", "set");
}

function networkText(call: Call, item: Value): string {
  const text = isArray(item) ? item[0] : item;
  if (typeof text === "string") return text;
  throw call.fail("operand 2: element must be string or non-empty array");
}

function expand(call: Call): Value {
  const all = networkOf(call, call.string(1));
  const host = all.bits - all.prefix;
  // what a number cannot count no budget allows
  call.elements(2 * 2 ** Math.min(host, 60));
  const addresses = new SetBuilder();
  const count = 1n << BigInt(host);
  for (let i = 0n; i < count; i++) addresses.add(formatAddress({ bits: all.bits, value: all.value + i }));
  return addresses.finish();
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  /** The text, until the range is joined with another one. */
  readonly alone?: string;
}

function merge(call: Call): Value {
  const items = call.items(1, "array").map((item) => {
    if (typeof item !== "string") throw call.fail("element must be string");
    return item;
  });
  call.elements(items.length * 8);
  const networks = items.map((text) => withPrefix(call, text));
  const merged = new SetBuilder();
  for (const bits of [32, 128] as const) {
    const ranges = networks.filter((one) => one.network.bits === bits).map(rangeOf);
    for (const range of joined(ranges)) {
      if (range.alone !== undefined) merged.add(range.alone);
      else for (const part of networksOf(range, bits)) merged.add(`${formatAddress(part)}/${part.prefix}`);
    }
  }
  return merged.finish();
}

/** An IPv4 address without a prefix has that of its class. */
function withPrefix(call: Call, text: string): { readonly network: Network; readonly shown: Address } {
  const address = parseAddress(text);
  if (address === undefined) {
    const found = networkOf(call, text);
    return { network: found, shown: found };
  }
  if (address.bits === 128) throw call.fail("IPv6 invalid: needs prefix length");
  const first = Number(address.value >> 24n);
  return { network: network(address, first < 128 ? 8 : first < 192 ? 16 : 24), shown: address };
}

function rangeOf({ network: net, shown }: { readonly network: Network; readonly shown: Address }): Range {
  return { first: net.value, last: lastAddress(net), alone: `${formatAddress(shown)}/${net.prefix}` };
}

function joined(ranges: readonly Range[]): readonly Range[] {
  const sorted = ranges.toSorted((a, b) => (a.first === b.first ? 0 : a.first < b.first ? -1 : 1));
  const result: Range[] = [];
  for (const range of sorted) {
    const before = result.at(-1);
    if (before === undefined || range.first > before.last + 1n) result.push(range);
    else result[result.length - 1] = { first: before.first, last: range.last > before.last ? range.last : before.last };
  }
  return result;
}

/** The fewest networks that make up a range. */
function networksOf({ first, last }: Range, bits: 32 | 128): readonly Network[] {
  const list: Network[] = [];
  for (let from = first; from <= last; ) {
    let host = 0;
    while (host < bits && from % (2n << BigInt(host)) === 0n && from + (2n << BigInt(host)) - 1n <= last) host++;
    list.push({ bits, value: from, prefix: bits - host });
    from += 1n << BigInt(host);
  }
  return list;
}
