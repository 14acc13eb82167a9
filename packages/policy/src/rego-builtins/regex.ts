// Functions over RE2 regular expressions.
import { arrayOf, type Builtin, booleanType, numberType, stringType } from "../rego/index.ts";
import { isPolicyError, quoteGo, quoteRegex, type RegexMatch, type Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";
import { globsIntersect } from "./text/glob-intersection.ts";

/** The functions of this file. */
export const regex: readonly Builtin[] = [
  define("regex.match", [stringType, stringType], booleanType, match),
  define("re_match", [stringType, stringType], booleanType, match),
  define("regex.is_valid", [stringType], booleanType, isValid),
  define("regex.find_n", [stringType, stringType, numberType], arrayOf(stringType), (call) =>
    found(call).map((one) => one.groups[0] ?? ""),
  ),
  define("regex.find_all_string_submatch_n", [stringType, stringType, numberType], arrayOf(arrayOf(stringType)), (call) =>
    found(call).map((one) => one.groups.map((group) => group ?? "")),
  ),
  define("regex.split", [stringType, stringType], arrayOf(stringType), split),
  define("regex.replace", [stringType, stringType, stringType], stringType, replace),
  define("regex.template_match", [stringType, stringType, stringType, stringType], booleanType, templateMatch),
  define("regex.globs_match", [stringType, stringType], booleanType, (call) =>
    globsIntersect(call, call.string(1), call.string(2)),
  ),
];

function match(call: Call): Value {
  const [pattern, text] = [call.string(1), call.string(2)];
  return call.regex(pattern).test(text, call.spend);
}

function isValid(call: Call): Value {
  const pattern = call.value(1);
  if (typeof pattern !== "string") return false;
  try {
    call.regex(pattern);
    return true;
  } catch (error) {
    if (isPolicyError(error) && error.code === "eval_builtin_error") return false;
    throw error;
  }
}

function found(call: Call): readonly RegexMatch[] {
  const [pattern, text, count] = [call.string(1), call.string(2), call.integer(3)];
  const matches = call.regex(pattern).findAll(text, count < 0 ? undefined : count, call.spend);
  call.elements(matches.length);
  return matches;
}

/** Go's Regexp.Split: an empty match at the very end splits nothing off. */
function split(call: Call): Value {
  const [pattern, text] = [call.string(1), call.string(2)];
  const compiled = call.regex(pattern);
  if (pattern.length > 0 && text.length === 0) return [""];
  call.text(text.length);
  const pieces: string[] = [];
  let [from, end] = [0, 0];
  for (const one of compiled.findAll(text, undefined, call.spend)) {
    end = one.start;
    if (one.end !== 0) pieces.push(text.slice(from, end));
    from = one.end;
  }
  if (end !== text.length) pieces.push(text.slice(from));
  call.elements(pieces.length);
  return pieces;
}

function replace(call: Call): Value {
  const [text, pattern, template] = [call.string(1), call.string(2), call.string(3)];
  const compiled = call.regex(pattern);
  const names = compiled.groupNames;
  const out: string[] = [];
  let from = 0;
  for (const one of compiled.findAll(text, undefined, call.spend)) {
    const piece = text.slice(from, one.start) + expand(template, one, names);
    call.allocate(piece.length);
    out.push(piece);
    from = one.end;
  }
  return out.join("") + text.slice(from);
}

/** Go's Regexp.Expand: $1, ${1}, $name and ${name}, the longest name that can be read; $$ is a dollar sign. */
function expand(template: string, one: RegexMatch, names: ReadonlyMap<string, number>): string {
  return template.replace(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return whole === "$$" ? "$" : whole;
    const number = /^(0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : names.get(name);
    return number === undefined ? "" : (one.groups[number] ?? "");
  });
}

function templateMatch(call: Call): Value {
  const [template, text, start, end] = [call.string(1), call.string(2), call.string(3), call.string(4)];
  if (start.length !== 1) throw call.fail(`start delimiter has to be exactly one character long but is ${start.length} long`);
  if (end.length !== 1) throw call.fail(`end delimiter has to be exactly one character long but is ${end.length} long`);
  return call.regex(templatePattern(call, template, start, end)).test(text, call.spend);
}

/** The template as one pattern: what stands between delimiters is a pattern, everything else is meant literally. */
function templatePattern(call: Call, template: string, start: string, end: string): string {
  let pattern = "^";
  let [level, from, opened] = [0, 0, 0];
  call.text(template.length);
  for (let i = 0; i < template.length; i++) {
    const character = template.charAt(i);
    if (character === start && ++level === 1) opened = i;
    else if (character === end && --level === 0) {
      const inner = template.slice(opened + 1, i);
      call.regex(`^${inner}$`);
      pattern += `${quoteRegex(template.slice(from, opened))}(${inner})`;
      from = i + 1;
    }
    if (level < 0) break;
  }
  if (level !== 0) throw call.fail(`unbalanced braces in ${quoteGo(template)}`);
  return `${pattern}${quoteRegex(template.slice(from))}$`;
}
