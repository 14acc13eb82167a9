// The codes of the room `signers`.
import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Every error code of this room. */
export const signersErrors = {
  SIGNER_REFERENCE_UNKNOWN: {
    kind: "state",
    means: "A key reference has a scheme that no signer serves, or is not written as its scheme demands.",
  },
  SIGNER_FILE_MISSING: { kind: "state", means: "The file of a key reference does not exist." },
  SIGNER_FILE_UNREADABLE: {
    kind: "state",
    means: "The file of a key reference cannot be read, is no regular file, or is larger than a key can be.",
  },
  SIGNER_FILE_MODE: { kind: "state", means: "A private key file can be read or written by others than its owner." },
  SIGNER_FILE_EXISTS: {
    kind: "state",
    means: "A private key was to be written where a file already stands; it was left as it was.",
  },
  SIGNER_FILE_UNWRITABLE: { kind: "state", means: "A private key file could not be written; nothing was left behind." },
  SIGNER_ENVIRONMENT_MISSING: { kind: "state", means: "The environment variable of a key reference is not set." },
  SIGNER_KEY_FORMAT: {
    kind: "malformed",
    means: "A key reference leads to something other than one private key in PKCS #8 PEM.",
  },
  SIGNER_PASSPHRASE_MISSING: { kind: "state", means: "A private key is encrypted and no passphrase was given." },
  SIGNER_PASSPHRASE_WRONG: {
    kind: "state",
    means: "A private key cannot be decrypted: the passphrase is wrong, or the file is damaged.",
  },
  SIGNER_CREDENTIALS_MISSING: {
    kind: "state",
    means: "The environment does not say how to reach the service that holds a key, or who asks.",
  },
  SIGNER_REMOTE_UNAVAILABLE: {
    kind: "unavailable",
    means: "The service that holds a key did not answer, or says that it cannot now.",
  },
  SIGNER_REMOTE_REFUSED: {
    kind: "state",
    means: "The service that holds a key refuses its use: no such key, or no right to it.",
  },
  SIGNER_REMOTE_ANSWER: {
    kind: "unavailable",
    means: "The service that holds a key answers something that is not its protocol.",
  },
  SIGNER_MODULE_MISSING: {
    kind: "state",
    means: "A PKCS #11 module cannot be loaded, or the optional dependency that loads it was not built when it was installed.",
  },
  SIGNER_TOKEN_UNAVAILABLE: {
    kind: "unavailable",
    means:
      "A PKCS #11 or PIV token is not there or does not work now: it was pulled, its library hangs, or no session became free.",
  },
  SIGNER_PIN_REFUSED: { kind: "state", means: "A token refuses the PIN or PUK." },
  SIGNER_PIN_FORMAT: { kind: "state", means: "A PIN, PUK or management key is of a length that no PIV token takes." },
  SIGNER_CARD_MISSING: {
    kind: "state",
    means: "There is no PIV token to use: no PC/SC daemon, no card in a reader, or several cards and nothing that says which.",
  },
  SIGNER_CARD_REFUSED: { kind: "state", means: "A PIV token refuses a command; its status says why." },
  SIGNER_CARD_ANSWER: { kind: "unavailable", means: "A PIV token answers something that is not its protocol." },
  SIGNER_MANAGEMENT_KEY: { kind: "state", means: "A PIV token has another management key than the one that was given." },
  SIGNER_KEY_NOT_FOUND: {
    kind: "state",
    means: "A token has no private key of that name or in that slot, several, or one whose public half cannot be read.",
  },
  SIGNER_KEY_EXISTS: {
    kind: "state",
    means: "A key or certificate was to be made in a PKCS #11 token that has one of that name; nothing was made.",
  },
  SIGNER_TYPE_UNSUPPORTED: { kind: "state", means: "A key was to be made in a service that has no keys of that type." },
  SIGNER_REMOTE_SIGNATURE: {
    kind: "unavailable",
    means: "A signature that a service made does not verify with the public key that it gave.",
  },
} as const;

/** Make an error of this room. */
export const signersError: ErrorMaker<typeof signersErrors> = defineErrors(signersErrors);
