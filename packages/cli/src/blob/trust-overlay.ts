// Trust that flags and variables name one by one, as cosign 1 and 2 have it, in place of the trusted root's own (signing-client §1.9).
import { defaultScheme, type PublicKey, sha256 } from "@sigillum/library/crypto";
import { equalBytes, parseUtf8 } from "@sigillum/library/encoding";
import type { CertificateAuthority, TransparencyLog, TrustedRoot } from "@sigillum/library/trusted-root";
import { type Certificate, parseCertificatesPem } from "@sigillum/library/x509";
import type { Arguments } from "../arguments/index.ts";
import { parsePublicText } from "../key/index.ts";
import { blobError } from "./errors.ts";
import { optional } from "./expectations.ts";
import { readSmallFile } from "./files.ts";

const maxPemBytes = 1024 * 1024;
const always = { startMs: 0 };

/** The root with its authorities and logs replaced by those that a flag or variable names; the rest as it is. */
export async function overlaidRoot(args: Arguments, root: TrustedRoot): Promise<TrustedRoot> {
  const roots = optional(args, "ca-roots") ?? optional(args, "certificate-chain") ?? variable("SIGSTORE_ROOT_FILE");
  const intermediates = optional(args, "ca-intermediates");
  const tsa = optional(args, "timestamp-certificate-chain") ?? variable("SIGSTORE_TSA_CERTIFICATE_FILE");
  const log = variable("SIGSTORE_REKOR_PUBLIC_KEY");
  const ct = variable("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE");
  return {
    ...root,
    ...(roots === undefined
      ? {}
      : {
          certificateAuthorities: authorities(
            await certificates(roots),
            intermediates === undefined ? [] : await certificates(intermediates),
          ),
        }),
    ...(tsa === undefined ? {} : { timestampAuthorities: [{ uri: tsa, chain: await certificates(tsa), validFor: always }] }),
    ...(log === undefined ? {} : { tlogs: [logOf(await publicKey(log), optional(args, "rekor-url") ?? log)] }),
    ...(ct === undefined ? {} : { ctlogs: [logOf(await publicKey(ct), ct)] }),
  };
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

// One authority for each anchor: whatever issues from it through the intermediates, nearest first.
function authorities(given: readonly Certificate[], more: readonly Certificate[]): CertificateAuthority[] {
  const all = [...given, ...more];
  const anchors = all.filter((one) => equalBytes(one.issuer, one.subject));
  const [last] = given.slice(-1);
  const chosen = anchors.length > 0 ? anchors : last === undefined ? [] : [last];
  const intermediates = all.filter((one) => !chosen.includes(one));
  return chosen.map((anchor) => ({ uri: "the given certificate chain", chain: [...intermediates, anchor], validFor: always }));
}

function logOf(key: PublicKey, baseUrl: string): TransparencyLog {
  return {
    baseUrl,
    hashAlgorithm: "sha256",
    publicKey: key,
    scheme: defaultScheme(key),
    validFor: always,
    logId: sha256(key.spki),
  };
}

async function certificates(path: string): Promise<readonly Certificate[]> {
  const found = parseCertificatesPem(parseUtf8(await readSmallFile(path, "certificate chain", maxPemBytes)));
  if (found.length > 0) return found;
  throw blobError("FILE_UNREADABLE", `Cannot read certificate chain ${path}: it holds no certificate`, {
    expected: "CERTIFICATE",
  });
}

async function publicKey(path: string): Promise<PublicKey> {
  return parsePublicText(parseUtf8(await readSmallFile(path, "public key", maxPemBytes)), path);
}
