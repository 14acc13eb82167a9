export { createEphemeralSigner, type DigestSigner } from "./ephemeral.ts";
export { signingErrors } from "./errors.ts";
export { type SigningOptions, signBlob, signStatement } from "./sign.ts";
export { readToken, type TokenClaims } from "./token.ts";
