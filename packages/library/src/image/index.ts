// An image's signatures in a registry: attach, find, verify.
export { type Attachment, attachBundle, bundleAnnotations } from "./attach.ts";
export { imageError, imageErrors } from "./errors.ts";
export { type FoundBundle, findBundles, hasTagLayoutSignature } from "./find.ts";
export { imageStatement } from "./statement.ts";
export { type ImageQuestion, type ImageSignature, type RejectedBundle, type VerifiedImage, verifyImage } from "./verify.ts";
