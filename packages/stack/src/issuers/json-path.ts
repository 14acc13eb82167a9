// The part of JSONPath that names one claim: `$.federated_claims.connector_id`, `$['a']["b"][0]`. RFC 9535 §2.3.1 and §2.3.3.
import { quote } from "@sigillum/library/encoding";
import { issuersError } from "./errors.ts";

const step = /\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^'\\]+)'\]|\["([^"\\]+)"\]|\[(0|[1-9]\d{0,5})\]/uy;
const maxSteps = 16;

/** Reads a path to one value; wildcards, slices and filters are refused, for they could name several. */
export function parseJsonPath(text: string): readonly (string | number)[] {
  const steps: (string | number)[] = [];
  step.lastIndex = 1;
  while (text.startsWith("$") && step.lastIndex < text.length && steps.length < maxSteps) {
    const match = step.exec(text);
    if (match === null) break;
    const [, dotted, single, double, index] = match;
    steps.push(index === undefined ? (dotted ?? single ?? double ?? "") : Number(index));
    if (step.lastIndex === text.length) return steps;
  }
  throw issuersError("ISSUERS_CONFIGURATION", `Cannot use issuer claim ${quote(text)}: it is no path to one claim`, {
    found: quote(text),
    expected: "a path such as $.federated_claims.connector_id",
  });
}
