import { readFile } from "node:fs/promises";
import { noteKey } from "@sigillum/library/checkpoint";
import { defaultScheme, sha256 } from "@sigillum/library/crypto";
import type { CertificateAuthority, TransparencyLog, TrustedRoot } from "@sigillum/library/trusted-root";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { parseCertificatesPem } from "@sigillum/library/x509";
import type { Arguments } from "../arguments/index.ts";
import { loadVerifyingTrust, readSmallFile, writeWhole } from "../blob/index.ts";
import { parsePublicText } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { parseDescription, partOf, periodOf, type ServiceDescription } from "./service-description.ts";

const maxPemBytes = 1024 * 1024;
const nothing: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };

/** `sigillum trusted-root create`: a trusted_root.json from certificates and keys at hand. Whether they are to be believed is the caller's to know. */
export async function runTrustedRootCreate(args: Arguments, terminal: Terminal): Promise<number> {
  const base = args.boolean("with-default-services") ? await loadVerifyingTrust(args, terminal) : nothing;
  const kept = <T>(flag: string, instances: readonly T[]): readonly T[] => (args.boolean(flag) ? [] : instances);
  const described = (flag: string, required: string): ServiceDescription[] =>
    args.strings(flag).map((text) => parseDescription(flag, text, ["url", required], ["start-time", "end-time", "origin"]));
  const [fulcio, ctfe, rekor, tsa] = await Promise.all([
    Promise.all(described("fulcio", "certificate-chain").map(authorityOf)),
    Promise.all(described("ctfe", "public-key").map(logOf)),
    Promise.all(described("rekor", "public-key").map(logOf)),
    Promise.all(described("tsa", "certificate-chain").map(authorityOf)),
  ]);
  const root: TrustedRoot = {
    certificateAuthorities: [...kept("no-default-fulcio", base.certificateAuthorities), ...fulcio],
    ctlogs: [...kept("no-default-ctfe", base.ctlogs), ...ctfe],
    tlogs: [...kept("no-default-rekor", base.tlogs), ...rekor],
    timestampAuthorities: [...kept("no-default-tsa", base.timestampAuthorities), ...tsa],
  };
  await writeOut(args, encodeTrustedRoot(root), terminal);
  return exitCodes.success;
}

/** Write a document to --out, or to stdout. */
export async function writeOut(args: Arguments, document: string, terminal: Terminal): Promise<void> {
  const out = args.string("out");
  const text = `${document.trimEnd()}\n`;
  if (out === undefined) terminal.write(text);
  else await writeWhole(out, text);
}

async function authorityOf(description: ServiceDescription): Promise<CertificateAuthority> {
  const path = partOf(description, "certificate-chain");
  const chain = parseCertificatesPem(await readFile(path, "utf8").catch(() => readMissing(path)));
  return { uri: partOf(description, "url"), chain, validFor: periodOf(description, chain[0]?.notBeforeMs ?? 0) };
}

// The reader of small files tells what is wrong with it.
async function readMissing(path: string): Promise<string> {
  return new TextDecoder().decode(await readSmallFile(path, "certificate chain", maxPemBytes));
}

// A log with an origin is Rekor v2: its id is the hash of its signed-note key; others go by the hash of the key itself.
async function logOf(description: ServiceDescription): Promise<TransparencyLog> {
  const path = partOf(description, "public-key");
  const publicKey = parsePublicText(new TextDecoder().decode(await readSmallFile(path, "public key", maxPemBytes)), path);
  const origin = partOf(description, "origin");
  const scheme = defaultScheme(publicKey);
  return {
    baseUrl: partOf(description, "url"),
    hashAlgorithm: "sha256",
    publicKey,
    scheme,
    validFor: periodOf(description, 0),
    logId: origin === "" ? sha256(publicKey.spki) : noteKey(origin, publicKey, scheme).keyId,
  };
}
