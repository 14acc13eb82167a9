// Many made policies over made documents: our verdict beside a judge's, and how often each construct was asked.
import { evaluate, type Verdict } from "@sigillum/policy/contracts";
import { parseJson } from "@sigillum/policy/values";
import { cueConstructs, makeCue } from "./cue-pairs.ts";
import type { Predicate } from "./documents.ts";
import { type Judge, statementOf } from "./judges.ts";
import { choicesFrom } from "./random.ts";
import { type MadePolicy, makeRego, regoConstructs } from "./rego-pairs.ts";
import { shapeOf, treeOf } from "./syntax-tree.ts";

/** What came of a run. */
export interface Tally {
  readonly asked: number;
  readonly allowed: number;
  readonly denied: number;
  /** How many syntax trees there were among the policies, and how many forms: trees without their texts, numbers and names. */
  readonly trees: number;
  readonly shapes: number;
  readonly constructs: ReadonlyMap<string, number>;
  readonly differences: readonly {
    readonly policy: string;
    readonly document: number;
    readonly ours: string;
    readonly theirs: string;
  }[];
}

/** Policies of a language, each with a syntax tree of its own, and the document that each is asked about. */
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
    const tree = treeOf(language, made.source);
    if (seen.has(tree)) continue;
    seen.add(tree);
    yield [made, document];
  }
}

/** Ask so many pairs, some at a time; says how far it is every 10 seconds, for whoever ends a run that says nothing. */
export async function tallyOf(
  language: "cue" | "rego",
  documents: readonly Predicate[],
  judge: Judge,
  options: { readonly pairs: number; readonly seed: number; readonly who: string; readonly atOnce?: number },
): Promise<Tally> {
  const names = (language === "cue" ? cueConstructs : regoConstructs)(choicesFrom(1), documents[0] ?? {});
  const constructs = new Map(names.map((name): [string, number] => [name, 0]));
  const differences: Tally["differences"][number][] = [];
  const [trees, shapes] = [new Set<string>(), new Set<string>()];
  let [asked, allowed, told] = [0, 0, Date.now()];
  const pairs = pairsOf(language, documents, options.seed);
  const worker = async (): Promise<void> => {
    while (asked < options.pairs) {
      asked++;
      const next = pairs.next();
      if (next.done === true) return;
      const [made, document] = next.value;
      trees.add(treeOf(language, made.source));
      shapes.add(shapeOf(language, made.source));
      for (const construct of new Set(made.constructs)) constructs.set(construct, (constructs.get(construct) ?? 0) + 1);
      const [ours, theirs] = [
        ourVerdict(language, made.source, documents[document]),
        await judge(language, made.source, document),
      ];
      if (ours.pass) allowed++;
      if (Date.now() - told > 10_000) {
        told = Date.now();
        console.log(`${options.who}, ${language}: ${asked} of ${options.pairs} pairs, ${differences.length} different`);
      }
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
  return { asked, allowed, denied: asked - allowed, trees: trees.size, shapes: shapes.size, constructs, differences };
}

function ourVerdict(language: "cue" | "rego", source: string, predicate: Predicate | undefined): Verdict {
  const statement = parseJson(statementOf(predicate ?? {}));
  return evaluate("cosign-cli", [{ language, file: `policy.${language}`, source }], statement, {
    nowNs: BigInt(Date.now()) * 1_000_000n,
  });
}
