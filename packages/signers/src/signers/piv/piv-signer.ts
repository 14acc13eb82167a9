// A key in a PIV token as a signer.
import { defaultScheme, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import { concatBytes, derNull, derOctetString, derOid, derSequence } from "@sigillum/library/encoding";
import { signersError } from "../errors.ts";
import { remoteSigner } from "../remote-signer.ts";
import type { Environment } from "../vault-signer.ts";
import type { CardTransport } from "./apdu.ts";
import { openCard } from "./pcscd.ts";
import { type PivSlot, pivPublicKey, pivSlots, selectPiv, signWithPiv, verifyPin } from "./piv-card.ts";

/** How the token is reached, and its PIN asked for. */
export interface PivSignerOptions {
  /** Called once, before the first signature. */
  readonly pin: () => Promise<string>;
  readonly environment?: Environment;
  /** Another way to the card than the PC/SC daemon. */
  readonly open?: () => Promise<CardTransport>;
}

/** The slot that a command line names, by its name or its number; the slot for signatures where nothing is said. */
export function parsePivSlot(text: string | undefined): PivSlot {
  const wanted = text === undefined || text === "" ? "signature" : text.toLowerCase();
  for (const slot of ["authentication", "signature", "key-management", "card-authentication"] as const)
    if (wanted === slot || wanted === pivSlots[slot].toString(16)) return slot;
  throw signersError(
    "SIGNER_REFERENCE_UNKNOWN",
    `Cannot use slot ${wanted.slice(0, 40)} of a PIV token: there is none of that name`,
    {
      found: wanted.slice(0, 40),
      expected: `${Object.keys(pivSlots).join(", ")}`,
    },
  );
}

/** Run an operation on the token, its PIV application chosen, and give the card back. */
export async function withPivCard<T>(
  operation: (card: CardTransport) => Promise<T>,
  open: () => Promise<CardTransport> = () => openCard(process.env),
): Promise<T> {
  const card = await open();
  try {
    await selectPiv(card);
    return await operation(card);
  } finally {
    await card.close();
  }
}

/** Open the key in a slot: its public half was read, and it has signed nothing. Each signature opens the card and shows it the PIN. */
export async function openPivSigner(slot: PivSlot, options: PivSignerOptions): Promise<Signer> {
  const { environment = process.env, open = () => openCard(environment) } = options;
  const publicKey = await withPivCard((card) => pivPublicKey(card, slot), open);
  const scheme = defaultScheme(publicKey);
  const algorithm = algorithmOf(scheme, publicKey.type === "rsa" ? publicKey.spki.length : 0);
  let pin: Promise<string> | undefined;
  return remoteSigner(`the PIV token's slot ${slot}`, publicKey, scheme, (_message, digest) => {
    if (digest === undefined) throw new TypeError("piv: keys there do not hash by themselves");
    return withPivCard(async (card) => {
      pin ??= options.pin();
      await verifyPin(card, await pin);
      return await signWithPiv(
        card,
        slot,
        algorithm.id,
        scheme.type === "rsa" ? encodedMessage(digest, algorithm.octets) : digest,
      );
    }, open);
  });
}

// SP 800-78-4 table 6-2. An RSA key's SubjectPublicKeyInfo tells its size: the tokens know two.
function algorithmOf({ type }: SignatureScheme, spkiBytes: number): { readonly id: number; readonly octets: number } {
  if (type === "ecdsa-p256") return { id: 0x11, octets: 32 };
  if (type === "ecdsa-p384") return { id: 0x14, octets: 48 };
  if (type === "rsa" && spkiBytes > 200 && spkiBytes < 400) return { id: 0x07, octets: 256 };
  throw signersError(
    "SIGNER_TYPE_UNSUPPORTED",
    "Cannot use the key of a PIV token: it is of another type than tokens sign with",
    {
      found: type,
      expected: "ECDSA on P-256 or P-384, or RSA of 2048 bits",
    },
  );
}

/** RFC 8017 §9.2, padding included, which PIV leaves to the caller. */
function encodedMessage(digest: Uint8Array, octets: number): Uint8Array {
  const oid = { 32: "2.16.840.1.101.3.4.2.1", 48: "2.16.840.1.101.3.4.2.2", 64: "2.16.840.1.101.3.4.2.3" }[digest.length] ?? "";
  const info = derSequence(derSequence(derOid(oid), derNull()), derOctetString(digest));
  const padding = new Uint8Array(octets - info.length - 3).fill(0xff);
  return concatBytes(Uint8Array.of(0, 1), padding, Uint8Array.of(0), info);
}
