// The next chain of an authority: made below the root that is there, below a new one, or brought from elsewhere (a root that is kept
// offline, a key in hardware). certificate-authority §3.2, §5.1, §8.4. Chains go from planned to active to sealed, and stay published.
import type { KeyType, Signer } from "@sigillum/library/crypto";
import { equalBytes, isSigillumError } from "@sigillum/library/encoding";
import { type Certificate, extendedKeyUsage, isCertificateAuthority, keyPurposes, verifyIssuedBy } from "@sigillum/library/x509";
import { openSigner, passphraseFromEnvironment } from "@sigillum/signers/signers";
import { createAuthorityChain, createTimestampChain, renewAuthorityChain, renewTimestampChain } from "./chains.ts";
import type { ChainRecord, KeyRecord, KeyringDocument } from "./document.ts";
import { keyringError } from "./errors.ts";
import { makeRecordedKey } from "./key-files.ts";

/** A chain that is to be recorded, with the keys that are new. */
export interface NewChain {
  readonly record: ChainRecord;
  readonly keys: readonly { readonly record: KeyRecord; readonly signer: Signer }[];
}

/** How the next chain is made. */
export interface ChainPlan {
  readonly nowMs: number;
  /** Below the root of the active chain, whose key must be here, or below a new root. */
  readonly root: "same" | "new";
  /** The key that is to sign, as the room `signers` names it; a new key file where nothing is said. */
  readonly keyReference?: string;
}

/** A chain that was made elsewhere. */
export interface ChainImport {
  readonly nowMs: number;
  /** What signs first, the root last. */
  readonly certificates: readonly Certificate[];
  readonly keyReference: string;
}

/** The time that verifiers give certificates of a chain after it was sealed: no certificate lives longer. */
const sealedGraceMs = 86_400_000;

/** Makes the next chain; new key files are durable when this returns, and the chain is not recorded. */
export async function makeChain(
  directory: string,
  document: KeyringDocument,
  service: ChainRecord["service"],
  plan: ChainPlan,
  signerOf: (spki: Uint8Array) => Signer | undefined,
): Promise<NewChain> {
  const active = activeOf(document, service);
  const id = nextId(document, service);
  const startMs = Math.floor(plan.nowMs / 1000) * 1000;
  const keys: { record: KeyRecord; signer: Signer }[] = [];
  const make = async (name: string, type: KeyType): Promise<Signer> => {
    const made = await makeRecordedKey(directory, name, [type], document);
    keys.push(made);
    return made.signer;
  };
  const { organization } = document;
  const label = service === "ca" ? "sigillum" : "sigillum-tsa";
  const lowerName = service === "ca" ? `sigillum-intermediate-${id}` : `sigillum-${id}`;
  const lower = plan.keyReference === undefined ? await make(id, "ecdsa-p256") : await recordKey(keys, id, plan.keyReference);
  const anchor = active.certificates.at(-1);
  const fields = { organization, rootName: `${label}-root-${id}`, name: lowerName, startMs };
  let certificates: Certificate[];
  if (plan.root === "new") {
    const root = await make(`${id}-root`, "ecdsa-p384");
    certificates = await (service === "ca" ? createAuthorityChain : createTimestampChain)(fields, root, lower);
  } else {
    const root = anchor === undefined ? undefined : signerOf(anchor.spki);
    if (anchor === undefined || root === undefined) throw offlineRoot(service);
    certificates = await (service === "ca" ? renewAuthorityChain : renewTimestampChain)({ ...fields, anchor }, root, lower);
  }
  const subject = plan.root === "new" ? { organization, commonName: fields.rootName } : active.subject;
  return { record: { ...active, id, key: id, subject, certificates, validFor: { startMs }, state: "planned" }, keys };
}

/** Records a chain from elsewhere after every check that the authority's verifiers will make; nothing is written here. */
export async function importChain(
  document: KeyringDocument,
  service: ChainRecord["service"],
  given: ChainImport,
): Promise<NewChain> {
  const id = nextId(document, service);
  const keys: { record: KeyRecord; signer: Signer }[] = [];
  const signer = await recordKey(keys, id, given.keyReference);
  const [first] = given.certificates;
  if (first === undefined || given.certificates.length < 2)
    throw refusedChain(`it has ${given.certificates.length} certificates`, "what signs first, the root last");
  if (!equalBytes(first.spki, signer.publicKey.spki))
    throw refusedChain(`its first certificate is for another key than ${given.keyReference}`, "the key's own certificate");
  checkProfile(service, given.certificates, given.nowMs);
  const active = activeOf(document, service);
  const subject = { organization: document.organization, commonName: `${service} root ${id}` };
  const validFor = { startMs: Math.floor(given.nowMs / 1000) * 1000 };
  return { record: { ...active, id, key: id, subject, certificates: given.certificates, validFor, state: "planned" }, keys };
}

/** The document with a chain and its keys more. */
export function withChain(document: KeyringDocument, { record, keys }: NewChain): KeyringDocument {
  return {
    ...document,
    keys: [...document.keys, ...keys.map((key) => key.record)],
    chains: [...document.chains, record],
  };
}

/** The document with a planned chain in use; the one before is sealed, and stays in the trusted root for what it signed. */
export function withActiveChain(document: KeyringDocument, id: string, nowMs: number): KeyringDocument {
  const wanted = document.chains.find((chain) => chain.id === id);
  if (wanted?.state !== "planned") {
    throw keyringError("CHAIN_NOT_PLANNED", `Cannot put chain ${id} to use: it is ${wanted?.state ?? "not there"}`, {
      found: wanted?.state ?? "no such chain",
      expected: "a planned chain",
    });
  }
  const chains = document.chains.map((chain): ChainRecord => {
    if (chain.id === id) return { ...chain, state: "active" };
    if (chain.service !== wanted.service || chain.state !== "active") return chain;
    return { ...chain, state: "sealed", validFor: { ...chain.validFor, endMs: nowMs + sealedGraceMs } };
  });
  return { ...document, chains };
}

function activeOf(document: KeyringDocument, service: ChainRecord["service"]): ChainRecord {
  const active = document.chains.find((chain) => chain.service === service && chain.state === "active");
  if (active !== undefined) return active;
  throw keyringError("KEY_UNKNOWN", `Cannot plan a chain: the keyring has no active chain for ${service}`);
}

function nextId(document: KeyringDocument, service: ChainRecord["service"]): string {
  let number = 1;
  while (document.chains.some(({ id }) => id === `${service}-${number}`)) number += 1;
  return `${service}-${number}`;
}

async function recordKey(keys: { record: KeyRecord; signer: Signer }[], name: string, reference: string): Promise<Signer> {
  // As for the keyring's own files: the passphrase is the stack's, and cosign's variable is none of it.
  const passphrase = await passphraseFromEnvironment({ ...process.env, COSIGN_PASSWORD: undefined });
  const signer = await openSigner(reference, passphrase === undefined ? {} : { passphrase });
  keys.push({ record: { name, type: signer.publicKey.type, reference, spki: signer.publicKey.spki }, signer });
  return signer;
}

/** §5.1 and §8.4: each issued by the next, a CA's first certificate an authority, a TSA's an end entity, both for their purpose. */
function checkProfile(service: ChainRecord["service"], certificates: readonly Certificate[], timeMs: number): void {
  const [first] = certificates;
  if (first === undefined) throw new TypeError("checkProfile: the chain is empty");
  const isAuthority = isCertificateAuthority(first);
  if (isAuthority !== (service === "ca"))
    throw refusedChain(
      `its first certificate is ${isAuthority ? "an authority's" : "no authority's"}`,
      service === "ca" ? "an issuing authority" : "an end entity for timestamps",
    );
  const purpose = service === "ca" ? "codeSigning" : "timeStamping";
  if (extendedKeyUsage(first)?.has(keyPurposes[purpose]) !== true)
    throw refusedChain("its first certificate has another purpose", purpose);
  certificates.forEach((certificate, index) => {
    if (timeMs < certificate.notBeforeMs || timeMs > certificate.notAfterMs)
      throw refusedChain("a certificate of it is not valid now", "certificates that are valid");
    // The root signs itself.
    const issuer = certificates[Math.min(index + 1, certificates.length - 1)] ?? certificate;
    if (!equalBytes(certificate.issuer, issuer.subject) || !isCertificateAuthority(issuer))
      throw refusedChain("a certificate of it is not followed by its issuer", "what signs first, the root last");
    try {
      verifyIssuedBy(certificate, issuer);
    } catch (cause) {
      if (!isSigillumError(cause)) throw cause;
      throw refusedChain(cause.message, "certificates that are each signed by the next", cause);
    }
  });
}

function refusedChain(found: string, expected: string, cause?: unknown): Error {
  return keyringError("CHAIN_REFUSED", `Cannot take over chain: ${found}, expected ${expected}`, { cause, found, expected });
}

function offlineRoot(service: string): Error {
  return keyringError("KEY_OFFLINE", `Cannot make a chain for ${service}: the key of its root is not here`, {
    expected: "the root's key file, a new root, or a chain that was made where the root's key is",
  });
}
