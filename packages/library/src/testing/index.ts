// A Sigstore in memory, for tests alone.
export type { FuzzTarget } from "./fuzz-target.ts";
export { generateEd25519phSigner, generateSigner } from "./keys.ts";
export {
  authorityOf,
  createChain,
  defaultPeriod,
  issue,
  issueLeaf,
  type LeafOrder,
  type MemoryChain,
  MemoryCtLog,
  randomSerial,
  signingTimeMs,
  stamp,
} from "./memory-authority.ts";
export { type LogHooks, MemoryLog } from "./memory-log.ts";
export { MemoryPcscd, type PcscdQuirks, type ReadableCard } from "./memory-pcscd.ts";
export { MemoryPivCard, type MemoryPivOptions } from "./memory-piv-card.ts";
export { MemoryRegistry, type RegistryFault, type RegistryQuirks, registryAccount, registryKinds } from "./memory-registry.ts";
export { MemoryServices, type ServiceAnswer, type ServiceQuirks, unsignedToken } from "./memory-services.ts";
export {
  fixtureArtifact,
  fixtureIdentity,
  type Hooks,
  MemorySigstore,
  type Recipe,
  type SignedFixture,
} from "./memory-sigstore.ts";
export { MemoryTree } from "./memory-tree.ts";
export { createPivMaker, type MemoryPivMaker, type MemoryPivToken, pivFacts } from "./piv-token.ts";
export { PublishedFolder } from "./published-folder.ts";
export { makeSoftHsm, missingSoftHsm, type SoftHsm } from "./softhsm.ts";
export { type JsonFields, type SimulatedDelegation, SimulatedTufClient, TufSimulator, tufNowMs } from "./tuf-simulator.ts";
export { assertRefused, flipLastBit, type VerifyEdits, verifyRecipe } from "./verify-fixture.ts";
