// sign and verify: images in a registry.
export { type ImageOrder, registryClient, runSign, signImage } from "./sign.ts";
export { imageLines, runVerify } from "./verify.ts";
