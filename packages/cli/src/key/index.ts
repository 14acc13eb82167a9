// Keys that commands name, and the commands that make and show them.
export { keyError, keyErrors } from "./errors.ts";
export { runGenerateKeyPair, runImportKeyPair, runPublicKey } from "./key-pair.ts";
export { keyReference, openPrivateKey, openPublicKey, parsePublicText } from "./open.ts";
