// Path patterns of delegations (TUF 1.0.34 §4.5 PATHPATTERN): `*` and `?`, neither of which crosses a `/`.

/**
 * Whether `pattern` covers `path`. `*` stands for any run of characters within a segment, `?` for exactly one; everything else,
 * `[`, `{` and `\` among it, is literal, and a leading dot is a character like any other. Case counts.
 */
export function matchesPattern(pattern: string, path: string): boolean {
  const patterns = pattern.split("/");
  const segments = path.split("/");
  return patterns.length === segments.length && patterns.every((part, i) => matchesSegment([...part], [...(segments[i] ?? "")]));
}

// Greedy with one way back, to the newest star: linear but for repeated stars, and never exponential.
function matchesSegment(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let i = 0;
  while (i < text.length) {
    const wanted = pattern[at];
    if (wanted === "*") {
      star = at++;
      resume = i;
    } else if (wanted === "?" || (wanted !== undefined && wanted === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
