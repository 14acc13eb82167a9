// What a bundle contains, in plain words and in JSON: who signed, when, where it is logged, and whether it verifies by a trust root.
import { parseStatement } from "@sigillum/library/attestation";
import { type Bundle, signingCertificate } from "@sigillum/library/bundle";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, equalBytes, formatRfc3339, isSigillumError, parseHex, type SigillumError } from "@sigillum/library/encoding";
import { parseTimestampResponse } from "@sigillum/library/timestamp";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Verified, verifyBundle } from "@sigillum/library/verification";
import { type Certificate, formatName, fulcioExtensions, subjectAltNames } from "@sigillum/library/x509";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, formatTime, type Terminal } from "../terminal/index.ts";
import { explanationLines } from "./explain.ts";
import { readBundles } from "./material.ts";
import { loadVerifyingTrust } from "./trust.ts";
import { expectationsFor } from "./verify-blob.ts";

/** `sigillum inspect BUNDLE…`: describe it; where there is a trust root, say whether it verifies by it, whoever signed. */
export async function runInspect(args: Arguments, terminal: Terminal): Promise<number> {
  const root = await rootFor(args, terminal);
  const reports: Record<string, unknown>[] = [];
  for (const path of args.positionals) {
    for (const [index, bundle] of (await readBundles(path)).entries()) {
      const verdict = judge(bundle, root);
      reports.push({ file: path, index, ...description(bundle, root), verification: verdictJson(verdict) });
      if (terminal.format === "text") for (const line of report(path, index, bundle, root, verdict)) terminal.out(line);
    }
  }
  if (terminal.format === "json") terminal.json({ bundles: reports });
  return exitCodes.success;
}

// Inspection shows what there is: that no root is at hand is one of the things shown.
async function rootFor(args: Arguments, terminal: Terminal): Promise<TrustedRoot | SigillumError> {
  try {
    return await loadVerifyingTrust(args, terminal);
  } catch (error) {
    if (isSigillumError(error) && !args.has("trusted-root")) return error;
    throw error;
  }
}

type Verdict = { readonly verified: Verified } | { readonly error: SigillumError } | { readonly unknown: string };

// By the bundle's own word on what it is about and who signed: it shows whether the evidence holds together, not whom to believe.
function judge(bundle: Bundle, root: TrustedRoot | SigillumError): Verdict {
  if (isSigillumError(root)) return { unknown: root.message };
  const artifact = statedArtifact(bundle);
  if (artifact === undefined) return { unknown: "it does not say what it is about; verify-blob with the file tells" };
  if (signingCertificate(bundle) === undefined)
    return { unknown: "it was made with a key, which it does not hold; verify-blob --key tells" };
  const anyone = { description: "anybody", matches: () => true };
  const expectations = expectationsFor(bundle, { expectations: { identity: { san: anyone, issuer: anyone } } });
  try {
    return { verified: verifyBundle({ bundle, artifact, trustedRoot: root, expectations }) };
  } catch (error) {
    if (isSigillumError(error)) return { error };
    throw error;
  }
}

function statedArtifact({ content }: Bundle): Artifact | undefined {
  if ("messageSignature" in content) return content.messageSignature.messageDigest;
  const { subject } = parseStatement(content.dsseEnvelope.payload);
  for (const { digest } of subject) {
    for (const algorithm of ["sha256", "sha384", "sha512"] as const) {
      const hex = digest.get(algorithm);
      if (hex !== undefined && /^[0-9a-f]+$/i.test(hex) && hex.length % 2 === 0)
        return { digest: parseHex(hex.toLowerCase()), algorithm };
    }
  }
  return undefined;
}

function report(path: string, index: number, bundle: Bundle, root: TrustedRoot | SigillumError, verdict: Verdict): string[] {
  const { signer, about, logEntries, timestamps } = description(bundle, root);
  const signed =
    "identity" in signer
      ? [
          `  signer       ${signer.identity}, vouched for by ${signer.issuer}`,
          `  certificate  by ${signer.certificateIssuer}, valid ${signer.notBefore} to ${signer.notAfter}`,
          ...Object.entries(signer.claims).map(([name, value]) => `    ${name}: ${value}`),
        ]
      : [`  signer       a key${signer.keyHint === "" ? "" : ` with hint ${signer.keyHint}`}`];
  return [
    `${path}${index === 0 ? "" : `, bundle ${index + 1}`}: ${bundle.version === "cosign" ? "a bundle of cosign 1" : `a Sigstore bundle of version ${bundle.version}`}`,
    ...about.map((line) => `  about        ${line}`),
    ...signed,
    ...timestamps.map((stamp) => `  timestamp    ${stamp.time}`),
    ...logEntries.map(
      (entry) =>
        `  log entry    ${entry.logIndex} (${entry.kind}) of ${entry.log}${entry.integratedTime === undefined ? "" : ` at ${entry.integratedTime}`}, with ${entry.evidence.join(" and ") || "no evidence"}`,
    ),
    ...verdictLines(verdict),
    "",
  ];
}

function verdictLines(verdict: Verdict): string[] {
  if ("unknown" in verdict) return [`  verdict      not checked: ${verdict.unknown}`];
  if ("error" in verdict) return [`  verdict      REFUSED by the trust root: ${verdict.error.message} (${verdict.error.code})`];
  const lines = explanationOf(verdict.verified);
  return ["  verdict      verifies by the trust root, for whoever signed it", ...lines.map((line) => `  ${line}`)];
}

function verdictJson(verdict: Verdict): Record<string, unknown> {
  if ("unknown" in verdict) return { verified: null, reason: verdict.unknown };
  if ("error" in verdict) {
    const { code, message, found, expected } = verdict.error;
    return { verified: false, code, message, found, expected };
  }
  // Without the headline, which is for people.
  return {
    verified: true,
    checks: explanationOf(verdict.verified)
      .slice(1)
      .map((line) => line.trim()),
  };
}

// Whoever signed: what is demanded of the signer is the business of the verifying commands.
function explanationOf(verified: Verified): readonly string[] {
  const anyone = { description: "anybody", matches: (): boolean => true };
  return explanationLines(verified, { identity: { san: anyone, issuer: anyone } });
}

interface Description {
  readonly version: string;
  readonly about: readonly string[];
  readonly signer: SignerDescription;
  readonly timestamps: readonly { readonly time: string }[];
  readonly logEntries: readonly {
    readonly log: string;
    readonly logIndex: number;
    readonly kind: string;
    readonly integratedTime: string | undefined;
    readonly evidence: readonly string[];
  }[];
}

type SignerDescription =
  | { readonly keyHint: string }
  | {
      readonly identity: string;
      readonly issuer: string;
      readonly certificateIssuer: string;
      readonly notBefore: string;
      readonly notAfter: string;
      readonly sha256: string;
      readonly claims: Readonly<Record<string, string>>;
    };

function description(bundle: Bundle, root: TrustedRoot | SigillumError): Description {
  const certificate = signingCertificate(bundle);
  return {
    version: bundle.version,
    about: aboutOf(bundle),
    signer:
      certificate === undefined
        ? { keyHint: "publicKeyHint" in bundle.material ? bundle.material.publicKeyHint : "" }
        : certificateOf(certificate),
    timestamps: bundle.timestamps.map((der) => ({ time: timeOf(der) })),
    logEntries: bundle.tlogEntries.map((entry) => {
      const log = isSigillumError(root) ? undefined : root.tlogs.find(({ logId }) => equalBytes(logId, entry.logId));
      return {
        log: log?.baseUrl ?? `the log ${encodeHex(entry.logId)}`,
        logIndex: entry.logIndex,
        kind: `${entry.kind} ${entry.version}`,
        integratedTime: entry.integratedTimeS === undefined ? undefined : formatTime(entry.integratedTimeS * 1000),
        evidence: [
          ...(entry.promise === undefined ? [] : ["a promise"]),
          ...(entry.proof === undefined ? [] : [`a proof for the tree of ${entry.proof.treeSize}`]),
        ],
      };
    }),
  };
}

function aboutOf({ content }: Bundle): string[] {
  if ("messageSignature" in content) {
    const { messageDigest } = content.messageSignature;
    return [
      messageDigest === undefined
        ? "a file, by a bare signature"
        : `a file of ${messageDigest.algorithm}:${encodeHex(messageDigest.digest)}`,
    ];
  }
  const { predicateType, subject } = parseStatement(content.dsseEnvelope.payload);
  const subjects = subject
    .slice(0, 20)
    .flatMap(({ name, digest }) =>
      [...digest].map(([algorithm, value]) => `${name === undefined ? "" : `${name} `}${algorithm}:${value}`),
    );
  return [
    `a statement of type ${predicateType}`,
    ...subjects,
    ...(subject.length > 20 ? [`and ${subject.length - 20} more`] : []),
  ];
}

function certificateOf(certificate: Certificate): SignerDescription {
  const { issuer, ...claims } = fulcioExtensions(certificate);
  const names = subjectAltNames(certificate).map((name) =>
    name.type === "unsupported" ? "a name of an unknown kind" : name.value,
  );
  return {
    identity: names.join(", "),
    issuer: issuer ?? "nobody named",
    certificateIssuer: formatName(certificate.issuer),
    notBefore: formatRfc3339(certificate.notBeforeMs),
    notAfter: formatRfc3339(certificate.notAfterMs),
    sha256: encodeHex(sha256(certificate.der)),
    claims: Object.fromEntries(Object.entries(claims).filter((pair): pair is [string, string] => typeof pair[1] === "string")),
  };
}

function timeOf(der: Uint8Array): string {
  try {
    const { token } = parseTimestampResponse(der);
    return token === undefined ? "a refusal" : formatTime(token.info.genTimeMs);
  } catch (error) {
    if (isSigillumError(error)) return "unreadable";
    throw error;
  }
}
