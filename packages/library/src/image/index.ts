// An image's signatures in a registry: attach, find, verify, in the layouts of cosign 1 and 2 (tags) and 3 (referrers).
export { type Attachment, attachBundle, attachToTag, bundleAnnotations, type TagAttachment } from "./attach.ts";
export { type Attachments, listAttachments, type TagAttachmentImage } from "./attachments.ts";
export { type CopyOrder, copyImage } from "./copy.ts";
export { directorySource, loadImage, saveImage } from "./directory.ts";
export { imageError, imageErrors } from "./errors.ts";
export { type FoundBundle, findBundles } from "./find.ts";
export {
  bundleOfLayer,
  encodeRekorBundle,
  envelopeMediaType,
  layerAnnotations,
  layerOfBundle,
  type NewLayer,
} from "./layer.ts";
export { encodeSimpleSigning, parseSimpleSigning, type SimpleSigning, simpleSigningMediaType } from "./simple-signing.ts";
export { type AttachmentPlace, type ImageSource, registrySource } from "./source.ts";
export { imageStatement } from "./statement.ts";
export {
  appendTagLayer,
  attachmentTag,
  defaultMaxAttachmentBytes,
  fetchTagImage,
  fetchTagLayers,
  maxTagLayers,
  pushTagImage,
  type TagAppendix,
  type TagKind,
  type TagLayer,
} from "./tag-layout.ts";
export {
  type ImageQuestion,
  type ImageSignature,
  type RejectedBundle,
  type VerifiedImage,
  verifyImage,
  verifyImageAttestations,
} from "./verify.ts";
