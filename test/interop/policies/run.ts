// Many made policies over made documents: our verdict beside a judge's, and how often each construct was asked.
import { evaluate, type Verdict } from "@sigillum/policy/contracts";
import { parseJson } from "@sigillum/policy/values";
import { makeCue } from "./cue-pairs.ts";
import type { Predicate } from "./documents.ts";
import { type Judge, statementOf } from "./judges.ts";
import { choicesFrom } from "./random.ts";
import { type MadePolicy, makeRego } from "./rego-pairs.ts";

/** What came of a run. */
export interface Tally {
  readonly asked: number;
  readonly allowed: number;
  readonly denied: number;
  readonly constructs: ReadonlyMap<string, number>;
  readonly differences: readonly {
    readonly policy: string;
    readonly document: number;
    readonly ours: string;
    readonly theirs: string;
  }[];
}

/** Distinct policies of a language with the document that each is asked about. */
export function* pairsOf(
  language: "cue" | "rego",
  documents: readonly Predicate[],
  seed: number,
): Generator<readonly [MadePolicy, number]> {
  const seen = new Set<string>();
  for (let i = 0; ; i++) {
    const choose = choicesFrom(seed * 1_000_003 + i);
    const document = choose.below(documents.length);
    const predicate = documents[document];
    if (predicate === undefined) return;
    const made = (language === "cue" ? makeCue : makeRego)(choose, predicate);
    if (seen.has(made.source)) continue;
    seen.add(made.source);
    yield [made, document];
  }
}

/** Ask so many pairs, some at a time. */
export async function tallyOf(
  language: "cue" | "rego",
  documents: readonly Predicate[],
  judge: Judge,
  options: { readonly pairs: number; readonly seed: number; readonly atOnce?: number },
): Promise<Tally> {
  const constructs = new Map<string, number>();
  const differences: Tally["differences"][number][] = [];
  let [asked, allowed] = [0, 0];
  const pairs = pairsOf(language, documents, options.seed);
  const worker = async (): Promise<void> => {
    while (asked < options.pairs) {
      asked++;
      const next = pairs.next();
      if (next.done === true) return;
      const [made, document] = next.value;
      for (const construct of new Set(made.constructs)) constructs.set(construct, (constructs.get(construct) ?? 0) + 1);
      const [ours, theirs] = [
        ourVerdict(language, made.source, documents[document]),
        await judge(language, made.source, document),
      ];
      if (ours.pass) allowed++;
      if (ours.pass === theirs.pass) continue;
      const texts = ours.messages.map(({ code, text }) => `${code}: ${text}`).join("\n");
      differences.push({
        policy: made.source,
        document,
        ours: ours.pass ? "passes" : texts,
        theirs: theirs.pass ? "passes" : theirs.said,
      });
    }
  };
  await Promise.all(Array.from({ length: options.atOnce ?? 2 }, worker));
  return { asked, allowed, denied: asked - allowed, constructs, differences };
}

function ourVerdict(language: "cue" | "rego", source: string, predicate: Predicate | undefined): Verdict {
  const statement = parseJson(statementOf(predicate ?? {}));
  return evaluate("cosign-cli", [{ language, file: `policy.${language}`, source }], statement, {
    nowNs: BigInt(Date.now()) * 1_000_000n,
  });
}
