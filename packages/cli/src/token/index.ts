// Commands on tokens.
export {
  runPivAttestation,
  runPivGenerateKey,
  runPivReset,
  runPivSetManagementKey,
  runPivSetPin,
  runPivSetPuk,
  runPivUnblock,
} from "./piv-tool.ts";
export { runListKeysUris, runListTokens } from "./pkcs11-tool.ts";
