// The older kinds of Rekor v1, by name.
import type { JsonObject } from "@sigillum/library/encoding";
import { prepareAlpine } from "./alpine.ts";
import { prepareCose } from "./cose.ts";
import { prepareHelm } from "./helm.ts";
import { prepareIntotoV001, prepareIntotoV002 } from "./intoto.ts";
import { prepareJar } from "./jar.ts";
import type { EntryTools, PreparedBody } from "./prepared.ts";
import { prepareRekord } from "./rekord.ts";
import { prepareRfc3161 } from "./rfc3161.ts";
import { prepareRpm } from "./rpm.ts";
import { prepareTuf } from "./tuf.ts";

type Prepare = (spec: JsonObject, tools: EntryTools) => PreparedBody | Promise<PreparedBody>;

const kinds: ReadonlyMap<string, Prepare> = new Map<string, Prepare>([
  ["intoto 0.0.1", prepareIntotoV001],
  ["intoto 0.0.2", prepareIntotoV002],
  ["rekord 0.0.1", prepareRekord],
  ["cose 0.0.1", prepareCose],
  ["rfc3161 0.0.1", prepareRfc3161],
  ["tuf 0.0.1", prepareTuf],
  ["alpine 0.0.1", prepareAlpine],
  ["helm 0.0.1", prepareHelm],
  ["jar 0.0.1", prepareJar],
  ["rpm 0.0.1", prepareRpm],
]);

/** The kinds and versions that are carried out here. */
export const legacyKinds: readonly string[] = [...kinds.keys()];

/**
 * Read and verify a proposal of an older kind, at once save where an OpenPGP key is in it; undefined for any other kind. Whether a certificate
 * or key is to be trusted was not checked.
 */
export function prepareLegacyEntry(proposal: JsonObject, tools: EntryTools): PreparedBody | Promise<PreparedBody> | undefined {
  const prepare = kinds.get(`${proposal.string("kind")} ${proposal.string("apiVersion")}`);
  return prepare?.(proposal.object("spec"), tools);
}
