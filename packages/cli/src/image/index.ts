// What is done with images in registries.
export { runAttachAttestation, runAttachSbom, runAttachSignature, runGenerate } from "./attach.ts";
export { runAttest } from "./attest.ts";
export { runClean } from "./clean.ts";
export { annotationsOf, attachmentPlace, registryClient } from "./client.ts";
export { dockerfileImages, runDockerfileVerify, runManifestVerify } from "./documents.ts";
export { attestationsOf, runDownloadAttestation, runDownloadSbom, runDownloadSignature } from "./download.ts";
export { runLogin } from "./login.ts";
export { type ImageOrder, runSign, signImage } from "./sign.ts";
export { runCopy, runLoad, runSave, runTree, runTriangulate } from "./tree.ts";
export { runUploadBlob, runUploadWasm } from "./upload.ts";
export { imageLines, runVerify, runVerifyAttestation } from "./verify.ts";
