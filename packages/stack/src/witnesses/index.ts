// The witnesses of a log: who cosigns its checkpoints, and how they are asked.
export { parseWitnesses, type Witness } from "./ask.ts";
export { witnessError, witnessErrors } from "./errors.ts";
export { ShardWitnesses, type WitnessLimits, type WitnessOptions } from "./shard-witnesses.ts";
export { type DoubleAnswer, type Misbehaviour, WitnessDouble } from "./witness-double.ts";
