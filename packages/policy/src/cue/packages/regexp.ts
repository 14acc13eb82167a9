// Package regexp: RE2, as everywhere.
import type { Regex, RegexMatch } from "../../values/index.ts";
import { quoteRegex } from "../../values/index.ts";
import type { Builtin, Call, Result } from "../builtin.ts";
import { kinds, Stop } from "../value.ts";

/** Functions of package regexp. */
export const regexpPackage: Readonly<Record<string, Builtin>> = {
  Find: { parameters: 2, call: (call) => first(call).groups[0] ?? "" },
  FindAll: { parameters: 3, call: (call) => all(call).map(({ groups }) => groups[0] ?? "") },
  FindAllNamedSubmatch: { parameters: 3, call: (call) => all(call).map((match) => named(call, match)) },
  FindAllSubmatch: { parameters: 3, call: (call) => all(call).map(({ groups }) => groups.map((group) => group ?? "")) },
  FindNamedSubmatch: { parameters: 2, call: (call) => named(call, first(call)) },
  FindSubmatch: { parameters: 2, call: (call) => first(call).groups.map((group) => group ?? "") },
  Match: {
    parameters: 2,
    validates: kinds.string,
    call: (call) => compile(call).test(call.string(1), (steps) => call.evaluator.budget.step(steps)),
  },
  QuoteMeta: { parameters: 1, call: (call) => quoteRegex(call.string(0)) },
  ReplaceAllLiteral: { parameters: 3, call: (call) => replaceAll(call, (_match, text) => text) },
  ReplaceAll: { parameters: 3, call: (call) => replaceAll(call, expand) },
  Valid: { parameters: 1, validates: kinds.string, call: valid },
};

function compile(call: Call): Regex {
  const pattern = call.string(0);
  try {
    return call.evaluator.regexes.compile(pattern, (size) => call.evaluator.budget.step(size));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "POLICY_REGEX_MALFORMED") throw call.fail(error.message);
    throw error;
  }
}

function valid(call: Call): Result {
  try {
    compile(call);
    return true;
  } catch (error) {
    if (error instanceof Stop) return { because: error.bottom.message };
    throw error;
  }
}

function find(call: Call, limit: number): RegexMatch[] {
  const matches = compile(call).findAll(call.string(1), limit, (steps) => call.evaluator.budget.step(steps));
  call.evaluator.budget.allocate(matches.length * 64);
  return matches;
}

function first(call: Call): RegexMatch {
  const [match] = find(call, 1);
  if (match === undefined) throw call.fail("no match");
  return match;
}

function all(call: Call): RegexMatch[] {
  const limit = call.int(2);
  const matches = find(call, limit < 0 ? Number.POSITIVE_INFINITY : limit);
  if (matches.length === 0) throw call.fail("no match");
  return matches;
}

function named(call: Call, match: RegexMatch): ReadonlyMap<string, Result> {
  const names = compile(call).groupNames;
  if (names.size === 0) throw call.fail("no named groups");
  return new Map([...names].map(([name, group]) => [name, match.groups[group] ?? ""]));
}

function replaceAll(
  call: Call,
  replacement: (match: RegexMatch, text: string, names: ReadonlyMap<string, number>) => string,
): string {
  const [text, source] = [call.string(2), call.string(1)];
  const names = compile(call).groupNames;
  let result = "";
  let from = 0;
  for (const match of find(call, Number.POSITIVE_INFINITY)) {
    const piece = replacement(match, text, names);
    call.evaluator.budget.allocate(2 * (piece.length + match.start - from));
    result += source.slice(from, match.start) + piece;
    from = match.end;
  }
  return result + source.slice(from);
}

/** `$1`, `${1}`, `$name` and `$$` in a replacement, as Go's Expand. */
function expand(match: RegexMatch, template: string, names: ReadonlyMap<string, number>): string {
  return template.replace(
    /\$(?:\$|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g,
    (whole, braced: string | undefined, bare: string | undefined) => {
      if (whole === "$$") return "$";
      const name = braced ?? bare ?? "";
      const group = /^[0-9]+$/.test(name) ? Number(name) : names.get(name);
      return group === undefined ? "" : (match.groups[group] ?? "");
    },
  );
}
