// Package net: the checks of addresses that policies use.
import type { Builtin, Call, Result } from "../builtin.ts";
import { kinds } from "../value.ts";

/** Functions of package net. */
export const netPackage: Readonly<Record<string, Builtin>> = {
  IP: { parameters: 1, validates: kinds.string, call: (call) => parseAddress(call.string(0)) !== undefined },
  IPv4: { parameters: 1, validates: kinds.string, call: (call) => parseAddress(call.string(0))?.length === 4 },
  IPv6: { parameters: 1, validates: kinds.string, call: (call) => parseAddress(call.string(0))?.length === 16 },
  IPCIDR: { parameters: 1, validates: kinds.string, call: (call) => parsePrefix(call.string(0)) !== undefined },
  InCIDR: { parameters: 2, validates: kinds.string, call: inPrefix },
  LoopbackIP: { parameters: 1, validates: kinds.string, call: (call) => isLoopback(parseAddress(call.string(0))) },
  FQDN: { parameters: 1, validates: kinds.string, call: (call) => isDomain(call.string(0)) },
};

function parseAddress(text: string): number[] | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.map(Number);
}

function parseV6(text: string): number[] | undefined {
  const [plain = "", zone] = text.split("%");
  if (zone === "") return undefined;
  const halves = plain.split("::");
  const [head, tail] = [groups(halves[0] ?? "", halves.length === 1), groups(halves[1] ?? "", true)];
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = last && i === parts.length - 1 && part.includes(".") ? parseV4(part) : undefined;
    if (v4 !== undefined) bytes.push(...v4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255);
    else return undefined;
  }
  return bytes;
}

function parsePrefix(text: string): { address: number[]; bits: number } | undefined {
  const [address = "", bits = "", more] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === undefined || more !== undefined || !/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > parsed.length * 8)
    return undefined;
  return { address: parsed, bits: Number(bits) };
}

function inPrefix(call: Call): Result {
  const [address, prefix] = [parseAddress(call.string(0)), parsePrefix(call.string(1))];
  if (prefix === undefined) throw call.fail("invalid CIDR");
  if (address === undefined || address.length !== prefix.address.length) return false;
  return address.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefix.bits - 8 * i));
    const mask = (0xff00 >> bits) & 0xff;
    return (byte & mask) === ((prefix.address[i] ?? 0) & mask);
  });
}

function isLoopback(address: readonly number[] | undefined): boolean {
  if (address === undefined) return false;
  return address.length === 4 ? address[0] === 127 : address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

function isDomain(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  return name.length < 254 && name.split(".").every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label));
}
