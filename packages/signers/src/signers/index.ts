// Key reference to Signer.
export { cosignKeyLabels, decryptCosignKey, encryptCosignKey } from "./cosign-key.ts";
export { type CreatedKey, createKey } from "./create-key.ts";
export { signersError, signersErrors } from "./errors.ts";
export { ephemeralSigner, generatePrivateKey } from "./generate.ts";
export { type OpenSignerOptions, openSigner } from "./open-signer.ts";
export { passphraseFromEnvironment, passphraseVariables } from "./passphrase.ts";
export type { CardTransport } from "./piv/apdu.ts";
export { authenticateManagement, parseManagementKey, randomManagementKey, setManagementKey } from "./piv/management-key.ts";
export { openCard } from "./piv/pcscd.ts";
export {
  attestPivKey,
  changePin,
  changePuk,
  factoryPin,
  factoryPuk,
  generatePivKey,
  type PivKeyOrder,
  type PivSlot,
  pinPolicies,
  pivAttestationCertificate,
  pivSlots,
  resetPiv,
  touchPolicies,
  unblockPin,
} from "./piv/piv-card.ts";
export { openPivSigner, type PivSignerOptions, parsePivSlot, withPivCard } from "./piv/piv-signer.ts";
export { listPkcs11Keys, listPkcs11Tokens, type Pkcs11KeyInfo, type Pkcs11TokenInfo } from "./pkcs11-list.ts";
export { generatePkcs11Key, type Pkcs11KeyOptions, storePkcs11Certificate } from "./pkcs11-signer.ts";
export {
  encodePkcs11Uri,
  type Pkcs11Reference,
  parseCrypto11Configuration,
  parsePkcs11Uri,
  withObject,
  withoutPin,
} from "./pkcs11-uri.ts";
export { type PrivateKeyFileOptions, writePrivateKey } from "./private-key-file.ts";
export { encodePrivateKeyPem, type PassphraseSource } from "./private-key-pem.ts";
export { openSealedBox, sealBox } from "./sealed-box.ts";
