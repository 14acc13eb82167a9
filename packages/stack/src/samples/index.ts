// Valid entries of every kind, made afresh, and what they are made of: what tests and fuzzing start from.
export { sampleClearSigned, samplePgpBinarySignature, samplePgpKey, samplePgpSignature } from "./openpgp.ts";
export {
  sampleApk,
  sampleContent,
  sampleJarFiles,
  sampleRpm,
  sampleTar,
  sampleZip,
} from "./packages.ts";
export { jarFiles, type SampleProposal, sampleProposals } from "./proposals.ts";
