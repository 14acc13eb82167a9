// Who signs: a key, an identity token, or a token for a given key's certificate.
import type { Signer } from "@sigillum/library/crypto";
import type { TlsTrust } from "@sigillum/library/http";
import type { Certificate } from "@sigillum/library/x509";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { keyReference, openPrivateKey } from "../key/index.ts";
import { confirm, type Terminal } from "../terminal/index.ts";
import { isSet, optional } from "./expectations.ts";
import { readOwnCertificate, timestampTls } from "./own-certificate.ts";
import { signIn } from "./sign-in.ts";
import { loadSigningTrust, type SigningTrust } from "./trust.ts";
import { refuseUnsupported } from "./unsupported.ts";

/** What a signing command signs with; the options of `signBlob` and `signStatement` but for what is signed. */
export interface SigningSession {
  readonly token?: string;
  readonly signer?: Signer;
  readonly certificate?: Certificate | undefined;
  readonly timestampTls?: TlsTrust | undefined;
  readonly trust: SigningTrust;
}

/** Open the key that --key names, with its certificate if there is one, or sign in; load what is believed and used. */
export async function openSession(args: Arguments, terminal: Terminal): Promise<SigningSession> {
  refuseUnsupported(args, true);
  const given = { certificate: await readOwnCertificate(args), timestampTls: await timestampTls(args) };
  const reference = keyReference(args);
  const signer = reference === undefined ? await freshSigner(args) : await openPrivateKey(reference, terminal);
  if (reference !== undefined && signer !== undefined) requireAlgorithm(args, signer);
  const trust = await loadSigningTrust(args);
  if (reference !== undefined && signer !== undefined && !isSet(args, "issue-certificate")) return { ...given, signer, trust };
  await privacyNotice(args, terminal, trust);
  const { raw } = await signIn(args, trust.signingConfig, terminal);
  return { ...given, token: raw, trust, ...(signer === undefined ? {} : { signer }) };
}

// cosign's names: of which type the key is, and with which hash it signs. An RSA key says its size.
const algorithms: Readonly<
  Record<string, { readonly type: "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "rsa"; readonly bits?: number }>
> = {
  "ecdsa-sha2-256-nistp256": { type: "ecdsa-p256" },
  "ecdsa-sha2-384-nistp384": { type: "ecdsa-p384" },
  "ecdsa-sha2-512-nistp521": { type: "ecdsa-p521" },
  "rsa-sign-pkcs1-2048-sha256": { type: "rsa", bits: 2048 },
  "rsa-sign-pkcs1-3072-sha256": { type: "rsa", bits: 3072 },
  "rsa-sign-pkcs1-4096-sha256": { type: "rsa", bits: 4096 },
};

// The key of one signature, where it is to be another than the P-256 key that is made anyway.
async function freshSigner(args: Arguments): Promise<Signer | undefined> {
  const name = optional(args, "signing-algorithm");
  const wanted = name === undefined ? undefined : algorithms[name];
  if (wanted === undefined || wanted.type === "ecdsa-p256") return undefined;
  const { generatePrivateKey } = await import("@sigillum/signers/signers");
  const { createSigner } = await import("@sigillum/library/crypto");
  return createSigner(generatePrivateKey(wanted.type, wanted.bits));
}

function requireAlgorithm(args: Arguments, signer: Signer): void {
  const name = optional(args, "signing-algorithm");
  if (name === undefined || algorithms[name]?.type === signer.publicKey.type) return;
  throw argumentError(
    "FLAG_VALUE_INVALID",
    `Cannot run ${args.command}: the key is of type ${signer.publicKey.type}, not for ${name}`,
    {
      found: signer.publicKey.type,
      expected: algorithms[name]?.type ?? name,
    },
  );
}

const notice = `
	The sigstore service, hosted by sigstore a Series of LF Projects, LLC, is provided pursuant to the Hosted Project Tools Terms of Use,
	available at https://lfprojects.org/policies/hosted-project-tools-terms-of-use/.
	Note that if your submission includes personal data associated with this signed artifact, it will be part of an immutable record.
	This may include the email address associated with the account with which you authenticate your contractual Agreement.
	This information will be used for signing this artifact and will be stored in public transparency logs and cannot be removed later.
`;

// Only where the public log is written: in a private one an address stays in the house.
async function privacyNotice(args: Arguments, terminal: Terminal, trust: SigningTrust): Promise<void> {
  const isPublic = trust.signingConfig.rekorTlogUrls.some(({ url }) => /^https?:\/\/[^/]*\bsigstore\.dev(?::|\/|$)/.test(url));
  if (!isPublic) return;
  terminal.note(notice);
  await confirm(terminal, "Are you sure you would like to continue?", isSet(args, "yes"));
}
