// What a PKCS #11 module has: its tokens, and the private keys of one of them with the references that open them.
import type { Handle } from "pkcs11js";
import { privateKeyNames } from "./pkcs11-key.ts";
import { openPkcs11Library, reasonOf, returnValueOf, unavailable } from "./pkcs11-library.ts";
import { pkcs11Token, tokenInitialized } from "./pkcs11-token.ts";
import { encodePkcs11Uri } from "./pkcs11-uri.ts";

/** A token in a slot of a module. */
export interface Pkcs11TokenInfo {
  readonly slot: number;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** Whether its private keys are seen after a login alone. */
  readonly needsLogin: boolean;
  /** False: a token that nobody has given a label and PINs yet. */
  readonly isInitialized: boolean;
}

/** A private key in a token. */
export interface Pkcs11KeyInfo {
  readonly label: string;
  readonly id: Uint8Array;
  /** The reference that opens it, without a PIN. */
  readonly uri: string;
}

const loginRequired = 4;

/** The tokens that are in the slots of a module. */
export async function listPkcs11Tokens(modulePath: string): Promise<readonly Pkcs11TokenInfo[]> {
  const library = await openPkcs11Library(modulePath);
  return await library.use((api) => {
    try {
      return Promise.resolve(
        api.C_GetSlotList(true).map((handle) => {
          const info = api.C_GetTokenInfo(handle);
          return {
            slot: slotNumber(handle),
            label: trimmed(info.label),
            manufacturer: trimmed(info.manufacturerID),
            model: trimmed(info.model),
            serial: trimmed(info.serialNumber),
            needsLogin: (info.flags & loginRequired) !== 0,
            isInitialized: (info.flags & tokenInitialized) !== 0,
          };
        }),
      );
    } catch (cause) {
      if (returnValueOf(cause) === undefined) throw cause;
      throw unavailable(modulePath, reasonOf(cause), cause);
    }
  });
}

/** The private keys of the token in a slot that have a label or an id; what is seen without a PIN where none is given. */
export async function listPkcs11Keys(
  modulePath: string,
  slot: number,
  pin: string | undefined,
): Promise<readonly Pkcs11KeyInfo[]> {
  const label = (await listPkcs11Tokens(modulePath)).find((one) => one.slot === slot)?.label;
  const token = pkcs11Token(await openPkcs11Library(modulePath), { slotId: slot }, pin);
  const names = await token.run((session) => privateKeyNames(session));
  return names.map((name) => ({
    ...name,
    uri: encodePkcs11Uri({
      ...(label === undefined ? {} : { token: label }),
      slotId: slot,
      ...(name.id.length === 0 ? {} : { id: name.id }),
      ...(name.label === "" ? {} : { object: name.label }),
      modulePath,
    }),
  }));
}

function slotNumber(handle: Handle): number {
  return Number(Buffer.from(handle).readBigUInt64LE());
}

function trimmed(text: string): string {
  return text.replace(/[ \0]+$/u, "");
}
