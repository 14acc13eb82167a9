// What the flags of a verifying command demand of a signature.
import type { Bundle } from "@sigillum/library/bundle";
import { cosignerKey, type NoteKey, parseVerifierKey } from "@sigillum/library/checkpoint";
import { encodeHex, equalBytes, quote } from "@sigillum/library/encoding";
import type { Expectations, TextMatcher, Thresholds, Verified } from "@sigillum/library/verification";
import type { FulcioClaimName } from "@sigillum/library/x509";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { keyReference, openPublicKey } from "../key/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { blobError } from "./errors.ts";
import { isUnanchored, regexpMatcher } from "./regexp.ts";
import { refuseUnsupported } from "./unsupported.ts";

/** What must hold of a signature: what the library checks, and what is checked after it or done before it. */
export interface Demands {
  readonly expectations: Expectations;
  /** Throws unless the certificate has the claims that the --certificate-github-… flags name. */
  readonly accept: (verified: Verified) => void;
  /** Takes out of a bundle what the caller wants left out of account. */
  readonly prepare: (bundle: Bundle) => Bundle;
}

/** Read the demands. With --key the signer is that key, else an identity with its issuer, each exact or as a regular expression. */
export async function demandsOf(args: Arguments, terminal: Terminal): Promise<Demands> {
  const expectations = await signerOf(args, terminal);
  const claims = claimFlags.flatMap(([flag, claim]) => {
    const expected = optional(args, flag);
    return expected === undefined ? [] : [{ flag, claim, expected }];
  });
  const ignoresLog = isSet(args, "insecure-ignore-tlog") || isSet(args, "private-infrastructure");
  const { quorum, ...witnesses } = witnessesOf(args, ignoresLog);
  const thresholds = thresholdsOf(args, ignoresLog, "publicKey" in expectations);
  return {
    expectations: { ...expectations, ...witnesses, thresholds: { ...thresholds, ...quorum } },
    accept: (verified) => requireClaims(verified, claims),
    prepare: (bundle) => (ignoresLog ? withoutLog(bundle, "publicKey" in expectations) : bundle),
  };
}

async function signerOf(args: Arguments, terminal: Terminal): Promise<Expectations> {
  refuseUnsupported(args, false);
  for (const flag of ["identity", "identity-regexp", "oidc-issuer", "oidc-issuer-regexp"])
    for (const own of ["key", "sk"]) args.exclusive(own, `certificate-${flag}`);
  args.exclusive("certificate-identity", "certificate-identity-regexp");
  args.exclusive("certificate-oidc-issuer", "certificate-oidc-issuer-regexp");
  const key = keyReference(args);
  if (key !== undefined) return { publicKey: await openPublicKey(key, terminal) };
  return {
    identity: {
      san: await matcher(
        args,
        terminal,
        "certificate-identity",
        "say who must have signed (an email address or URI), or give --key FILE",
      ),
      issuer: await matcher(
        args,
        terminal,
        "certificate-oidc-issuer",
        "say which identity provider must have vouched for the signer",
      ),
    },
  };
}

async function matcher(args: Arguments, terminal: Terminal, flag: string, why: string): Promise<string | TextMatcher> {
  const pattern = optional(args, `${flag}-regexp`);
  if (pattern === undefined) return args.required(flag, why);
  if (isUnanchored(pattern))
    terminal.note(
      `WARNING: --${flag}-regexp ${quote(pattern)} is not anchored: it also matches within longer names; "^…$" would not`,
    );
  return await regexpMatcher(pattern, `${flag}-regexp`);
}

// signing-client §3.5: the claims of GitHub's tokens that Fulcio copies into OIDs .1.2 to .1.6.
const claimFlags: readonly (readonly [string, FulcioClaimName])[] = [
  ["certificate-github-workflow-trigger", "githubWorkflowTrigger"],
  ["certificate-github-workflow-sha", "githubWorkflowSha"],
  ["certificate-github-workflow-name", "githubWorkflowName"],
  ["certificate-github-workflow-repository", "githubWorkflowRepository"],
  ["certificate-github-workflow-ref", "githubWorkflowRef"],
];

function requireClaims(
  { identity }: Verified,
  claims: readonly { readonly flag: string; readonly claim: FulcioClaimName; readonly expected: string }[],
): void {
  for (const { flag, claim, expected } of claims) {
    const found = identity?.claims[claim];
    if (found === expected) continue;
    throw blobError(
      "CLAIM_MISMATCH",
      `Cannot accept signature: its certificate has ${found === undefined ? `no ${claim}` : `${claim} ${quote(found)}`}, --${flag} demands ${quote(expected)}`,
      { found: found ?? "no such claim", expected },
    );
  }
}

function thresholdsOf(args: Arguments, ignoresLog: boolean, isKey: boolean): Partial<Thresholds> {
  return {
    ...(ignoresLog ? { logEntries: 0 } : {}),
    ...(isSet(args, "insecure-ignore-sct") ? { scts: 0 } : {}),
    ...(isSet(args, "use-signed-timestamps") ? { timestamps: 1, ...(isKey ? { observedTimes: 1 } : {}) } : {}),
  };
}

// Whose cosignatures the checkpoint of each log entry must have: of all that are named, or of so many of them as --witness-quorum says.
function witnessesOf(
  args: Arguments,
  ignoresLog: boolean,
): { readonly witnesses?: readonly NoteKey[]; readonly quorum?: Partial<Thresholds> } {
  const texts = args.declares("witness") ? args.strings("witness") : [];
  const asked = optional(args, "witness-quorum");
  if (texts.length === 0 && asked === undefined) return {};
  if (texts.length === 0) requireWith(args, "witness-quorum", "witness");
  if (ignoresLog)
    throw argumentError(
      "FLAGS_CONFLICT",
      `Cannot run ${args.command}: witnesses cosign a log, which is to be left out of account`,
      {
        found: "--witness beside --insecure-ignore-tlog or --private-infrastructure",
      },
    );
  const witnesses = texts.map((text) => witnessKey(text, args));
  const count = new Set(witnesses.map(({ publicKey }) => encodeHex(publicKey.spki))).size;
  const quorum = asked === undefined ? count : /^[1-9]\d?$/.test(asked) ? Number(asked) : 0;
  if (quorum >= 1 && quorum <= count) return { witnesses, quorum: { witnesses: quorum } };
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --witness-quorum is ${quote(asked ?? "")}`, {
    found: asked ?? "",
    expected: `1 to ${count}, the witnesses that are named`,
  });
}

/** Read the verifier key of a witness; that of a log is refused. */
export function witnessKey(text: string, args: Arguments): NoteKey {
  const key = parseVerifierKey(text);
  if (key.publicKey.type !== "ed25519" || equalBytes(cosignerKey(key.name, key.publicKey).keyId, key.keyId)) return key;
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --witness ${quote(text)} is the key of a log`, {
    found: "type 1",
    expected: "the key of a witness, type 4 or 6",
  });
}

// A certificate is judged at a time, and without timestamps the log's promise is the only one there is: then its entries stay.
function withoutLog(bundle: Bundle, isKey: boolean): Bundle {
  return isKey || bundle.timestamps.length > 0 ? { ...bundle, tlogEntries: [] } : bundle;
}

/** A flag's value; undefined too where the command does not have the flag. */
export function optional(args: Arguments, name: string): string | undefined {
  const value = args.declares(name) ? args.string(name) : undefined;
  return value === "" ? undefined : value;
}

/** Whether a switch is on; false too where the command does not have it. */
export function isSet(args: Arguments, name: string, otherwise: boolean = false): boolean {
  return args.declares(name) ? args.boolean(name, otherwise) : otherwise;
}

/** Fail for a flag that only makes sense with another. */
export function requireWith(args: Arguments, flag: string, other: string): void {
  if (args.has(flag) && !args.has(other))
    throw argumentError("FLAG_REQUIRED", `Cannot run ${args.command}: --${flag} needs --${other} beside it`, {
      expected: `--${other}`,
    });
}
