/** One authentication challenge: the scheme in lower case and its parameters, names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const maxHeaderLength = 16_384;

/**
 * Read a `WWW-Authenticate` value with any number of challenges (RFC 9110 §11.6.1); commas inside quotes are text. What does
 * not parse is left out: an unreadable challenge is one that cannot be answered.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  const pattern = new RegExp(
    `\\s*(?:,\\s*)*(?:(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))|(${token})(?=\\s|,|$))`,
    "y",
  );
  const text = header.slice(0, maxHeaderLength);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined)
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "");
  }
  return challenges;
}
