// Image globs: `*` is any run without a slash, `**` is anything, all else is itself; the whole reference must match.
const globForm = /^[a-zA-Z0-9\-_:/*.@]+$/;

/** Whether a text can be a glob. */
export function isGlob(glob: string): boolean {
  return globForm.test(glob) && glob.length <= 1024;
}

/** An image as it was written, and in full: registry, repository, tag (`latest` where neither tag nor digest is given) and digest. */
export interface ImageName {
  readonly written: string;
  readonly normalised: string;
  /** Whether a digest decides which image is meant. */
  readonly pinned: boolean;
}

/** How a glob stands to an image: `maybe` means that it depends on the digest, which is not known yet. */
export type GlobMatch = "no" | "maybe" | "yes";

/**
 * Match a glob with an image. Its full form is tried first, then the text as it was written. A bare `*` means Docker Hub's own images,
 * and `*` slash `*` those of its users. An image without a digest is matched as it will be once it has one.
 */
export function matchGlob(glob: string, image: ImageName): GlobMatch {
  const pattern = expanded(glob);
  const texts = [image.normalised, image.written].map((text) => (image.pinned ? text : `${text}@sha256:${anyDigit.repeat(64)}`));
  if (texts.some((text) => matches(pattern, text, false))) return "yes";
  return texts.some((text) => matches(pattern, text, true)) ? "maybe" : "no";
}

// Stands for a hexadecimal digit that is not known.
const anyDigit = "\0";

function expanded(glob: string): string {
  if (glob === "*") return "index.docker.io/library/*";
  return glob === "*/*" ? "index.docker.io/*/*" : glob;
}

// Two pointers with one point of return for each kind of star: time grows with the product of the lengths, and no more.
function matches(glob: string, text: string, guess: boolean): boolean {
  const tokens = glob.match(/\*\*|\*|[^*]/g) ?? [];
  let reached: boolean[] = new Array(text.length + 1).fill(false);
  reached[0] = true;
  for (const token of tokens) {
    const next: boolean[] = new Array(text.length + 1).fill(false);
    for (let at = 0; at <= text.length; at += 1) {
      if (token === "**") next[at] = reached[at] === true || (at > 0 && next[at - 1] === true);
      else if (token === "*") next[at] = reached[at] === true || (at > 0 && next[at - 1] === true && text[at - 1] !== "/");
      else next[at] = at > 0 && reached[at - 1] === true && isLiteral(token, text[at - 1] ?? "", guess);
    }
    reached = next;
  }
  return reached[text.length] === true;
}

function isLiteral(token: string, found: string, guess: boolean): boolean {
  return token === found || (guess && found === anyDigit && /[0-9a-f]/.test(token));
}
