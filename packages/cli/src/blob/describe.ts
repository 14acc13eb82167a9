// What was signed or proved, as lines for people and as an object for programs.
import type { Bundle } from "@sigillum/library/bundle";
import { signingCertificate } from "@sigillum/library/bundle";
import { encodeHex, equalBytes, formatRfc3339 } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import type { Verified } from "@sigillum/library/verification";
import { fulcioExtensions, subjectAltName } from "@sigillum/library/x509";
import { formatTime } from "../terminal/index.ts";

/** A signature that was just made. */
export interface SignatureDescription {
  readonly identity: string;
  readonly issuer: string;
  readonly logEntries: readonly { readonly log: string; readonly logIndex: number }[];
}

/** Say who signed and where it is logged. The bundle was verified by whoever made it. */
export function describeSignature(bundle: Bundle, trustedRoot: TrustedRoot): SignatureDescription {
  const certificate = signingCertificate(bundle);
  const name = certificate === undefined ? undefined : subjectAltName(certificate);
  return {
    identity: name === undefined || name.type === "unsupported" ? "" : name.value,
    issuer: certificate === undefined ? "" : (fulcioExtensions(certificate).issuer ?? ""),
    logEntries: bundle.tlogEntries.map((entry) => {
      const log = trustedRoot.tlogs.find(({ logId }) => equalBytes(logId, entry.logId));
      return { log: log?.baseUrl ?? encodeHex(entry.logId), logIndex: entry.logIndex };
    }),
  };
}

/** Lines below the headline of a signature. */
export function signatureLines(signature: SignatureDescription): string[] {
  return [
    signature.identity === "" ? "  signer  the given key" : `  signer  ${voucher(signature.identity, signature.issuer)}`,
    ...signature.logEntries.map(({ log, logIndex }) => `  log     entry ${logIndex} of ${log}`),
  ];
}

/** Who signed and who says so; a certificate of an authority of one's own may name no identity provider. */
export function voucher(identity: string, issuer: string): string {
  return issuer === ""
    ? `${identity}, by a certificate that names no identity provider`
    : `${identity}, vouched for by ${issuer}`;
}

/** Lines below the headline of a verification. */
export function verifiedLines(verified: Verified): string[] {
  const { identity, statement } = verified;
  return [
    identity === undefined ? "  signer  the given public key" : `  signer  ${voucher(identity.san, identity.issuer)}`,
    ...verified.times.map(({ timeMs, source, url }) => `  time    ${formatTime(timeMs)}, by the ${source} ${url}`),
    ...verified.logEntries.flatMap(({ log, logIndex, inclusion }) => [
      `  log     entry ${logIndex} of ${log.baseUrl}${inclusion === undefined ? "" : `, proved to be in its tree of ${inclusion.treeSize}`}`,
      ...(inclusion?.witnesses ?? []).map(
        ({ name, timestampMs }) => `  witness ${name} saw this tree and no other of the log at ${formatTime(timestampMs)}`,
      ),
    ]),
    ...(statement === undefined ? [] : [`  claim   ${statement.predicateType}`]),
  ];
}

/** What was proved, for `--output json`. */
export function verifiedJson(verified: Verified): Record<string, unknown> {
  const { identity, statement } = verified;
  return {
    identity: identity?.san,
    issuer: identity?.issuer,
    claims: identity === undefined ? undefined : { ...identity.claims },
    times: verified.times.map(({ timeMs, source, url }) => ({ time: formatRfc3339(timeMs), source, url })),
    logEntries: verified.logEntries.map(({ log, logIndex, kind, version, inclusion }) => ({
      log: log.baseUrl,
      logIndex,
      kind,
      version,
      treeSize: inclusion?.treeSize,
      ...((inclusion?.witnesses.length ?? 0) === 0
        ? {}
        : { witnesses: inclusion?.witnesses.map(({ name, timestampMs }) => ({ name, time: formatRfc3339(timestampMs) })) }),
    })),
    predicateType: statement?.predicateType,
  };
}
