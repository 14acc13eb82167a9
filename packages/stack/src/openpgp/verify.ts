// The one place that names openpgp.js: whether a signature verifies. What it says of keys beyond that is not asked; `key-ring.ts` decides as Rekor does.
import type { Config } from "openpgp";
import type { PgpKey } from "./public-key.ts";
import { unsupported } from "./refusals.ts";
import { type PgpSignature, signatureType } from "./signature-packet.ts";

/** What a signature is over. */
export type Signed =
  | { readonly content: Uint8Array }
  | { readonly key: PgpKey; readonly userId: Uint8Array }
  | { readonly key: PgpKey; readonly subkey?: PgpKey };

/** Counts what verifying costs, so that no ring of keys takes long. */
export class VerificationBudget {
  #left: number;

  constructor(units: number) {
    this.#left = units;
  }

  /** Take what one verification with a key costs; OPENPGP_UNSUPPORTED when it is used up. */
  take(key: PgpKey): void {
    if (key.cost === undefined) throw unsupported("no signatures are verified here with keys on brainpool curves or secp256k1");
    this.#left -= key.cost;
    if (this.#left < 0) throw unsupported("it has more signatures to verify than are verified at once");
  }
}

type OpenPgp = typeof import("openpgp");

let loading: Promise<OpenPgp> | undefined;

// 400 kB of JavaScript, for which the first key is to wait and nobody else.
function load(): Promise<OpenPgp> {
  loading ??= import("openpgp");
  return loading;
}

/** Whether a signature by this key verifies. Times, flags and revocations were not looked at. */
export async function isValidPgpSignature(
  key: PgpKey,
  signature: PgpSignature,
  signed: Signed,
  budget: VerificationBudget,
): Promise<boolean> {
  budget.take(key);
  const library = await load();
  try {
    const issuer = await publicKeyPacket(library, key);
    const packet = new library.SignaturePacket();
    packet.read(signature.body);
    // What is hashed depends on the type that the caller checked, and the time of the check is when the signature was made.
    await packet.verify(
      issuer,
      signature.type,
      await dataOf(library, signature, signed),
      packet.created ?? undefined,
      true,
      lenient(library, signature),
    );
    return true;
  } catch {
    // Its errors have no codes: whatever it does not accept is not valid.
    return false;
  }
}

type KeyPacket = InstanceType<OpenPgp["PublicKeyPacket"]> | InstanceType<OpenPgp["PublicSubkeyPacket"]>;

async function publicKeyPacket(library: OpenPgp, key: PgpKey): Promise<KeyPacket> {
  const packet = key.isSubkey ? new library.PublicSubkeyPacket() : new library.PublicKeyPacket();
  await packet.read(key.body);
  return packet;
}

async function dataOf(library: OpenPgp, { type }: PgpSignature, signed: Signed): Promise<object> {
  // In the form in which the library's own packets answer; a user id is hashed as the octets that it came as.
  if ("content" in signed) return { text: null, getBytes: () => signed.content };
  const key = await publicKeyPacket(library, signed.key);
  if ("userId" in signed) return { key, userID: { write: () => signed.userId } };
  if (signed.subkey === undefined || type === signatureType.keyRevocation) return { key };
  return { key, bind: await publicKeyPacket(library, signed.subkey) };
}

// A log is told what was signed, also long ago: SHA-1 is read, as Rekor reads it, under signatures of version 4.
function lenient({ config }: OpenPgp, { criticalNotations }: PgpSignature): Config {
  const knownNotations = [...criticalNotations]; // `detached.ts` judges them
  return { ...config, rejectHashAlgorithms: new Set(), rejectMessageHashAlgorithms: new Set(), knownNotations };
}
