// Statements that policies are asked about: made here, in the shapes of scans and provenance, with numbers and texts at the edges.
import { type Choices, choicesFrom } from "./random.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The predicate type of all of them. */
export const predicateType = "https://sigillum.example/scan/v1";

/** A predicate. */
export type Predicate = { readonly [key: string]: Json };

const severities = ["LOW", "MEDIUM", "HIGH", "CRITICAL"] as const;

/** So many predicates, the same for the same seed. */
export function predicates(count: number, seed = 1): readonly Predicate[] {
  return Array.from({ length: count }, (_, i) => predicate(choicesFrom(seed * 1000 + i)));
}

function predicate(choose: Choices): Predicate {
  const findings = Array.from({ length: choose.below(5) }, (_, i) => ({
    id: `CVE-20${20 + choose.below(7)}-${1000 + choose.below(50)}`,
    severity: choose.of(severities),
    score: choose.of([0, 1.5, 4, 7.25, 9.8, 10]),
    fixed: choose.chance(0.5),
    rank: i,
  }));
  return {
    scanner: {
      name: choose.of(["trivy", "grype", "clair"]),
      version: choose.of(["0.20.0", "0.9.1", "1.2.3", "2.0.0-rc.1"]),
      uri: `pkg:github/${choose.of(["aquasecurity/trivy", "anchore/grype"])}@v${choose.below(3)}`,
    },
    builder: { id: `https://ci.example/${choose.of(["main", "dev"])}/${choose.below(4)}`, trusted: choose.chance(0.6) },
    findings,
    tags: ["a", "b", "c", "d"].slice(0, choose.below(5)),
    counts: { low: choose.below(4), high: choose.below(3), total: choose.below(9) },
    when: `202${choose.below(7)}-0${1 + choose.below(9)}-1${choose.below(10)}T0${choose.below(10)}:30:00Z`,
    ratio: choose.of([0, 0.5, 1, 1.25, 1e3]),
    big: choose.of([9007199254740991, 4503599627370497]),
    nothing: null,
    labels: { team: choose.of(["red", "blue"]), tier: choose.of(["1", "2"]) },
  };
}
