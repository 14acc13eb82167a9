// Key reference to Signer.
export { cosignKeyLabels, decryptCosignKey, encryptCosignKey } from "./cosign-key.ts";
export { signersError, signersErrors } from "./errors.ts";
export { ephemeralSigner, generatePrivateKey } from "./generate.ts";
export { type OpenSignerOptions, openSigner } from "./open-signer.ts";
export { passphraseFromEnvironment, passphraseVariables } from "./passphrase.ts";
export { type PrivateKeyFileOptions, writePrivateKey } from "./private-key-file.ts";
export { encodePrivateKeyPem, type PassphraseSource } from "./private-key-pem.ts";
