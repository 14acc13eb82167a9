// Made policies over made attestations: the verdict of our cosign contract, of cosign 3, and, where they were built, of `opa` and `cue`.
// SIGILLUM_PAIRS asks more pairs than CI does, SIGILLUM_SEED others, SIGILLUM_LANGUAGE=cue or rego of one language alone.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Predicate, predicates } from "./policies/documents.ts";
import { binaryJudge, cosignJudge, type Judge } from "./policies/judges.ts";
import { type Tally, tallyOf } from "./policies/run.ts";

const pairs = Number(process.env["SIGILLUM_PAIRS"] ?? 60);
const seed = Number(process.env["SIGILLUM_SEED"] ?? 1);
/** Of each test: 2,000 pairs take minutes, and on a machine that others use an hour. */
const timeout = 3 * 3_600_000;
const [cosign, docker] = [findPeer("cosign-3"), findPeer("docker-registry")];
const binaries = { rego: findPeer("opa"), cue: findPeer("cue") } as const;

/**
 * Where cosign 3 and we differ, and why ours stands: cosign lets struct.MinFields pass whatever the struct, while `cue vet` of the same
 * version of CUE refuses as we do. A policy that asks for fields must not be passed over.
 */
function isKnown(who: string, { policy, ours, theirs }: Tally["differences"][number]): boolean {
  return who === "cosign 3" && policy.includes("struct.MinFields(") && theirs === "passes" && /MinFields/.test(ours);
}

function check(language: "cue" | "rego", who: string, tally: Tally): void {
  const rare = [...tally.constructs].filter(([, count]) => count < 20);
  const known = tally.differences.filter((one) => isKnown(who, one)).length;
  const least = Math.min(...tally.constructs.values());
  console.log(
    `${who}, ${language}: ${tally.asked} pairs of ${tally.trees} syntax trees in ${tally.shapes} forms, ${tally.allowed} allowed, ${tally.denied} denied, ${tally.constructs.size} constructs, each at least ${least} times, ${tally.differences.length} different, ${known} of them known`,
  );
  assert.deepEqual(
    tally.differences.filter((difference) => !isKnown(who, difference)),
    [],
  );
  assert.equal(tally.trees, tally.asked, "each policy has a syntax tree of its own");
  // a small number of pairs has its luck
  const slack = pairs >= 2000 ? 0 : 5;
  assert.ok(Math.min(tally.allowed, tally.denied) >= tally.asked * 0.3 - slack, "at least 30% allowed and 30% denied");
  if (pairs >= 2000) assert.deepEqual(rare, [], "every construct at least 20 times");
}

describe("policies over attestations", { timeout: 4 * timeout }, () => {
  let directory: string;
  let cosigns: { readonly judge: Judge; readonly stop: () => Promise<void> } | undefined;
  let documents: readonly Predicate[];
  const missing = cosign.path === undefined ? cosign.missing : docker.path === undefined ? docker.missing : false;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-pairs-"));
    documents = predicates(12);
    if (missing === false) cosigns = await cosignJudge(documents, directory);
  });
  after(async () => {
    await cosigns?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  for (const language of ["rego", "cue"] as const) {
    if ((process.env["SIGILLUM_LANGUAGE"] ?? language) !== language) continue;
    it(`${language}: cosign 3 says what we say`, { skip: missing, timeout }, async () => {
      if (cosigns === undefined) return;
      const who = "cosign 3";
      check(language, who, await tallyOf(language, documents, cosigns.judge, { pairs, seed, who }));
    });
    const binary = binaries[language];
    it(`${language}: the language's own program says what we say`, {
      skip: binary.path === undefined ? binary.missing : false,
      timeout,
    }, async () => {
      const judge = await binaryJudge(documents, directory);
      const who = language === "cue" ? "cue" : "opa";
      check(language, who, await tallyOf(language, documents, judge, { pairs, seed, who }));
    });
  }
});
