// How large a regular expression becomes when its counted repetitions are written out, which is what it takes to compile it: the seven characters
// of `x{1000}` become a thousand instructions.

/** A property of Unicode has hundreds of ranges. */
const propertySize = 4;
const repetition = /\{([0-9]+)(?:,([0-9]*))?\}/y;
// names have an end, or a pattern of nothing but beginnings would be read to its end for each
const property = /\\[pP](?:\{[^}]{0,64}\}|.)?/y;
const hexadecimal = /\\x\{[^}]{0,16}\}/y;
const quoted = /\\Q((?:[^\\]|\\(?!E))*)(?:\\E)?/y;
const groupStart = /\((?:\?(?:P?<[^>]{0,64}>|[a-zA-Z-]{0,16}:))?/y;
const flags = /\(\?[a-zA-Z-]{0,16}\)/y;

/** About how many instructions a pattern compiles to. The pattern need not be well-formed: then it is a guess. */
export function regexSize(pattern: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  const atom = (length: number): void => {
    size += length;
    last = length;
  };
  for (let at = 0; at < pattern.length; ) {
    const length = (token: RegExp): number => {
      token.lastIndex = at;
      return token.exec(pattern)?.[0].length ?? 0;
    };
    const character = pattern.charAt(at);
    let taken = 1;
    if (character === "\\") {
      const [text, name, code] = [length(quoted), length(property), length(hexadecimal)];
      atom(text > 0 ? Math.max(1, text - 2) : name > 0 ? propertySize : 1);
      taken = text || name || code || 2;
    } else if (character === "[") {
      taken = classLength(pattern, at);
      atom(1 + propertySize * (pattern.slice(at, at + taken).match(/\\[pP]/g)?.length ?? 0));
    } else if (character === "(") {
      taken = length(flags);
      if (taken === 0) {
        taken = Math.max(1, length(groupStart));
        outer.push(size);
        size = 0;
        last = 0;
      }
    } else if (character === ")") {
      const inner = size + 1;
      size = outer.pop() ?? 0;
      atom(inner);
    } else if (character === "{" && length(repetition) > 0) {
      taken = length(repetition);
      const [least = 0, most = 0] = (pattern.slice(at, at + taken).match(/[0-9]+/g) ?? []).map(Number);
      const times = Math.max(1, least, most);
      size += last * (times - 1);
      last *= times;
    } else atom(1);
    at += taken;
    if (size > 1e9) return size;
  }
  return outer.reduce((sum, each) => sum + each, size);
}

/** How many characters a class in brackets takes; to the end where it is not closed. */
function classLength(pattern: string, from: number): number {
  let at = from + 1;
  if (pattern.charAt(at) === "^") at++;
  if (pattern.charAt(at) === "]") at++;
  for (; at < pattern.length && pattern.charAt(at) !== "]"; at++) {
    if (pattern.charAt(at) === "\\") at++;
    else if (pattern.startsWith("[:", at)) {
      const end = pattern.slice(at + 2, at + 20).indexOf(":]");
      if (end >= 0) at += end + 3;
    }
  }
  return Math.min(pattern.length, at + 1) - from;
}
