// A verification told step by step: what was checked, against what, and what each step proves.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, formatRfc3339, quote } from "@sigillum/library/encoding";
import type { Expectations, TextMatcher, Verified } from "@sigillum/library/verification";
import { describeCertificate } from "@sigillum/library/x509";
import { formatTime } from "../terminal/index.ts";

/** The steps of a verification that succeeded, as lines. */
export function explanationLines(verified: Verified, expectations: Expectations): string[] {
  const steps = [
    signatureStep(verified),
    ...certificateSteps(verified),
    ...logSteps(verified),
    ...timeSteps(verified),
    signerStep(verified, expectations),
  ];
  return ["What was checked:", ...steps.map((step, index) => `  ${index + 1}. ${step}`)];
}

function signatureStep({ statement }: Verified): string {
  return statement === undefined
    ? "The signature is over exactly this artifact, by the key below."
    : `The envelope's signature holds, and a subject of its in-toto statement (${statement.predicateType}) has exactly this artifact's digest.`;
}

function certificateSteps({ identity }: Verified): string[] {
  if (identity === undefined) return [];
  const path = identity.path.map((certificate) => describeCertificate(certificate)).join(" ← ");
  const scts = identity.scts.map(({ log, timeMs }) => `${log.baseUrl} at ${formatTime(timeMs)}`).join(", ");
  return [
    `The key belongs to a certificate that chains to an authority of the trusted root: ${path}.`,
    scts === ""
      ? "No certificate transparency log was asked for."
      : `The certificate is public: a promise of CT log ${scts} stands in it and holds.`,
    `It was valid from ${formatRfc3339(identity.certificate.notBeforeMs)} to ${formatRfc3339(identity.certificate.notAfterMs)}, and every time below lies within.`,
  ];
}

function logSteps({ logEntries }: Verified): string[] {
  if (logEntries.length === 0) return ["No transparency log was asked for."];
  return logEntries.map(({ log, logIndex, kind, version, inclusion }) => {
    const about = `Entry ${logIndex} (${kind} ${version}) of ${log.baseUrl} is about this signature and this key`;
    return inclusion === undefined
      ? `${about}; the log promised to keep it, and nothing here shows that it did.`
      : `${about}; it is leaf ${inclusion.leafIndex} of the log's tree of ${inclusion.treeSize}, whose checkpoint the log's key signed.`;
  });
}

function timeSteps({ times }: Verified): string[] {
  return times.map(({ timeMs, source, url }) => `The signature existed at ${formatTime(timeMs)}: the ${source} ${url} says so.`);
}

function signerStep({ identity, publicKey }: Verified, expectations: Expectations): string {
  if (identity === undefined || !("identity" in expectations))
    return `The key is the one that was given${publicKey === undefined ? "" : ` (its SHA-256 begins ${encodeHex(sha256(publicKey.spki)).slice(0, 16)})`}.`;
  const { san, issuer } = expectations.identity;
  const by = identity.issuer === "" ? "and no identity provider" : `vouched for by ${quote(identity.issuer)}`;
  return `The certificate names ${quote(identity.san)}, ${by}; demanded were ${shown(san)} and ${shown(issuer)}.`;
}

function shown(expected: string | TextMatcher): string {
  return typeof expected === "string" ? quote(expected) : expected.description;
}
