// ca create-root and create-intermediate: a root that stays offline or in hardware, and what signs below it (certificate-authority §3.2, §5.4).
import { writeFile } from "node:fs/promises";
import { encodePem } from "@sigillum/library/encoding";
import { type Certificate, parseCertificatesPem } from "@sigillum/library/x509";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { authorityError } from "./errors.ts";
import { type AuthorityKey, openOrMakeKey, openTokenKey, readText } from "./holder.ts";

const dayMs = 86_400_000;

/** `sigillum ca create-root`: a self-signed root for a key in a file or in hardware. */
export async function runCreateRoot(args: Arguments, terminal: Terminal): Promise<number> {
  const hsm = args.string("hsm");
  const out = args.string("out");
  if (hsm === "aws" && out === undefined)
    throw authorityError(
      "AUTHORITY_OUT_MISSING",
      "Cannot make root: AWS CloudHSM stores no certificates; name a file for it with --out",
      { expected: "--out FILE" },
    );
  const { createRootCertificate } = await import("@sigillum/stack/keyring");
  const service = args.string("service") === "tsa" ? "tsa" : "ca";
  const key =
    hsm === undefined
      ? await openOrMakeKey(args.string("key") ?? `${service}-root.key`, "ecdsa-p384")
      : await openTokenKey(args, "ecdsa-p384");
  const root = await createRootCertificate(
    {
      organization: args.string("org") ?? "Sigillum",
      commonName: args.string("common-name") ?? (service === "ca" ? "sigillum" : "sigillum-tsa-root"),
      startMs: Math.floor(Date.now() / 1000) * 1000,
      lifetimeMs: years(args.string("years"), 10) * 365 * dayMs,
      pathLength: service === "ca" ? 1 : 0,
    },
    key.signer,
  );
  if (out !== undefined) await writeNew(out, pemOf([root]));
  const isStored = hsm !== undefined && hsm !== "aws" && (await storeInToken(args, key, root));
  return told(terminal, { certificates: [root], key, out, isStored, next: nextAfterRoot(service, key, out) });
}

/** `sigillum ca create-intermediate`: what signs, below a root. */
export async function runCreateIntermediate(args: Arguments, terminal: Terminal): Promise<number> {
  const { renewAuthorityChain, renewTimestampChain } = await import("@sigillum/stack/keyring");
  const { openSigner, passphraseFromEnvironment } = await import("@sigillum/signers/signers");
  const service = args.string("service") === "tsa" ? "tsa" : "ca";
  const rootFile = args.required("root", "it is the root's certificate");
  const [anchor, ...more] = parseCertificatesPem(await readText(rootFile));
  if (anchor === undefined || more.length > 0)
    throw authorityError("AUTHORITY_FILE_UNREADABLE", `Cannot use ${rootFile}: it holds not exactly one certificate`, {
      found: `${more.length + 1} certificates`,
      expected: "the root alone",
    });
  const passphrase = await passphraseFromEnvironment({ ...process.env, COSIGN_PASSWORD: undefined });
  const rootKey = await openSigner(
    args.required("root-key", "it signs the new certificate"),
    passphrase === undefined ? {} : { passphrase },
  );
  const key = await openOrMakeKey(args.string("key") ?? `${service}.key`, "ecdsa-p256");
  const fields = {
    organization: args.string("org") ?? "Sigillum",
    rootName: "",
    name: args.string("common-name") ?? (service === "ca" ? "sigillum-intermediate" : "sigillum-tsa"),
    startMs: Math.floor(Date.now() / 1000) * 1000,
    anchor,
  };
  const chain = await (service === "ca" ? renewAuthorityChain : renewTimestampChain)(fields, rootKey, key.signer);
  const out = args.string("out");
  if (out !== undefined) await writeNew(out, pemOf(chain));
  const next = `sigillum ca rotate --service ${service} --chain ${out ?? "FILE"} --key ${key.reference}`;
  return told(terminal, { certificates: chain, key, out, isStored: false, next });
}

/** As Fulcio's createca does: a certificate object whose id is that of --hsm-caroot-id in ASCII. */
async function storeInToken(args: Arguments, key: AuthorityKey, root: Certificate): Promise<boolean> {
  const id = args.string("hsm-caroot-id");
  if (key.token === undefined || id === undefined) return false;
  const { storePkcs11Certificate } = await import("@sigillum/signers/signers");
  await storePkcs11Certificate(key.token.uri, root, new TextEncoder().encode(id), key.token.environment);
  return true;
}

function nextAfterRoot(service: string, key: AuthorityKey, out: string | undefined): string {
  return `sigillum ca create-intermediate --service ${service} --root ${out ?? "FILE"} --root-key ${key.reference} --out chain.pem`;
}

function told(
  terminal: Terminal,
  made: {
    readonly certificates: readonly Certificate[];
    readonly key: AuthorityKey;
    readonly out: string | undefined;
    readonly isStored: boolean;
    readonly next: string;
  },
): number {
  const { certificates, key, out, isStored, next } = made;
  if (terminal.format === "json")
    terminal.json({
      certificates: pemOf(certificates),
      key: key.reference,
      newKey: key.isNew,
      ...(out === undefined ? {} : { out }),
      isStored,
    });
  else {
    if (out === undefined) terminal.out(pemOf(certificates).trimEnd());
    else
      terminal.out(`Wrote ${out}: ${certificates.length === 1 ? "the root" : "the chain, what signs first and the root last"}`);
    terminal.note(`  key   ${key.isNew ? "made" : "found"}: ${key.reference}`);
    if (isStored) terminal.note("  token holds the certificate too");
    terminal.note(`  next  ${next}`);
  }
  return exitCodes.success;
}

function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ der }) => encodePem("CERTIFICATE", der)).join("");
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const found = isThere ? "a file stands there" : "it cannot be written";
    throw authorityError("AUTHORITY_FILE_EXISTS", `Cannot write ${path}: ${found}`, { cause, found, expected: "a new file" });
  }
}

function years(text: string | undefined, usual: number): number {
  const value = Number(text ?? usual);
  return Number.isInteger(value) && value >= 1 && value <= 30 ? value : usual;
}
