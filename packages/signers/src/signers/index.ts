// Key reference to Signer.
export { signersError, signersErrors } from "./errors.ts";
export { ephemeralSigner, generatePrivateKey } from "./generate.ts";
export { type OpenSignerOptions, openSigner } from "./open-signer.ts";
export { type PrivateKeyFileOptions, writePrivateKey } from "./private-key-file.ts";
export type { PassphraseSource } from "./private-key-pem.ts";
