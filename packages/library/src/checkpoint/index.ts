// The public surface of the room checkpoint.
export {
  type Checkpoint,
  type CheckpointExpectations,
  encodeCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from "./checkpoint.ts";
export { type CosignedCheckpoint, cosignCheckpoint, verifyCosignature } from "./cosignature.ts";
export { type CheckpointErrorCode, checkpointError, checkpointErrors } from "./errors.ts";
export { cosignerKey, encodeVerifierKey, keyHint, type NoteKey, noteKey, parseVerifierKey } from "./note-key.ts";
export {
  encodeSignatureLine,
  encodeSignedNote,
  maxNoteLength,
  maxNoteSignatures,
  type NoteSignature,
  parseSignedNote,
  type SignedNote,
} from "./signed-note.ts";
