// OpenPGP keys, detached signatures and signed texts as Rekor v1 reads them.
export { type ClearSigned, parseClearSigned } from "./clear-signed.ts";
export { type DetachedSignature, parseDetachedSignature, verifyDetachedSignature, verifyPackageSignature } from "./detached.ts";
export { openpgpError, openpgpErrors } from "./errors.ts";
export { type KeyRing, parseKeyRing } from "./key-ring.ts";
