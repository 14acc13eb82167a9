// The characters of a YAML stream: lines and columns, and the scalars that are made of them.

/** Thrown inside of this folder alone, and turned into an error of the function that was called. */
export class YamlError extends Error {}

/** What reading may spend. */
export interface YamlBudget {
  step(count?: number): void;
  enter(): void;
  leave(): void;
}

/** A text with a place in it. */
export class YamlSource {
  protected readonly text: string;
  protected readonly budget: YamlBudget;
  protected at = 0;
  protected line = 1;
  protected lineStart = 0;
  /** How many flow collections are open. */
  protected flow = 0;

  constructor(text: string, budget: YamlBudget) {
    this.text = text.replace(/\r\n?/g, "\n").replace(/^\ufeff/, "");
    this.budget = budget;
  }

  /** Whether nothing is left. */
  protected get ended(): boolean {
    return this.at >= this.text.length;
  }

  /** The column, from 0. */
  protected get column(): number {
    return this.at - this.lineStart;
  }

  /** A character ahead; empty at the end. */
  protected peek(offset = 0): string {
    return this.text.charAt(this.at + offset);
  }

  /** An error that names the line. */
  protected fail(message: string): YamlError {
    return new YamlError(`yaml: line ${this.line}: ${message}`);
  }

  /** Whether a marker of documents stands here. */
  protected marker(text: "---" | "..."): boolean {
    return this.column === 0 && this.text.startsWith(text, this.at) && /^[\s]?$/.test(this.peek(3));
  }

  /** Go to the end of the line. */
  protected toLineEnd(): void {
    const end = this.text.indexOf("\n", this.at);
    this.at = end < 0 ? this.text.length : end;
  }

  /** Go past a line end. */
  protected newLine(): void {
    this.at++;
    this.line++;
    this.lineStart = this.at;
    this.budget.step();
  }

  /** Skip spaces, comments and line ends; whether a line end was among them. */
  protected blank(): boolean {
    let crossed = false;
    for (;;) {
      const character = this.peek();
      if (character === " ") this.at++;
      else if (character === "\t" && (this.flow > 0 || !this.onlySpacesBefore())) this.at++;
      else if (character === "\n") {
        this.newLine();
        crossed = true;
      } else if (character === "#" && (this.column === 0 || /\s/.test(this.peek(-1)))) this.toLineEnd();
      else return crossed;
    }
  }

  protected onlySpacesBefore(): boolean {
    return this.text.slice(this.lineStart, this.at).trim() === "";
  }

  /** Whether an item of a block sequence begins here. */
  protected isDash(): boolean {
    return this.peek() === "-" && /^\s?$/.test(this.peek(1));
  }

  /** Go back. */
  protected rewind(at: number): void {
    while (this.lineStart > at) {
      this.line--;
      this.lineStart = this.text.lastIndexOf("\n", this.lineStart - 2) + 1;
    }
    this.at = at;
  }

  /** A quoted scalar. */
  protected quoted(quote: string): string {
    const line = this.line;
    this.at++;
    let text = "";
    for (;;) {
      const from = this.at;
      while (!this.ended && !/["'\\\n]/.test(this.peek())) this.at++;
      text += this.text.slice(from, this.at);
      this.budget.step(1 + ((this.at - from) >> 6));
      const character = this.peek();
      if (this.ended || ((this.marker("---") || this.marker("...")) && this.column === 0)) {
        this.line = line;
        throw this.fail("found unexpected end of stream");
      }
      if (character === "\n") text = this.foldLines(text);
      else if (character === quote) {
        this.at++;
        if (quote === '"' || this.peek() !== "'") return text;
        text += "'";
        this.at++;
      } else if (character === "\\" && quote === '"') text = this.escape(text);
      else {
        text += character;
        this.at++;
      }
    }
  }

  /** Line ends inside of a flow scalar: one is a space, each further one itself. */
  protected foldLines(text: string): string {
    let ends = 0;
    while (this.peek() === "\n") {
      this.newLine();
      ends++;
      while (this.peek() === " " || this.peek() === "\t") this.at++;
    }
    return text.replace(/[ \t]+$/, "") + (ends === 1 ? " " : "\n".repeat(ends - 1));
  }

  protected escape(text: string): string {
    const letter = this.peek(1);
    this.at += 2;
    if (letter === "\n") {
      this.at--;
      this.newLine();
      while (this.peek() === " " || this.peek() === "\t") this.at++;
      return text;
    }
    const simple = escapes.get(letter);
    if (simple !== undefined) return text + simple;
    const length = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : 0;
    const digits = this.text.slice(this.at, this.at + length);
    if (length === 0) throw this.fail("found unknown escape character");
    const code = Number.parseInt(digits, 16);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== length || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      throw this.fail("found invalid Unicode character escape code");
    this.at += length;
    return text + String.fromCodePoint(code);
  }

  /** A plain scalar's part on this line. */
  protected plainLine(inside: boolean): string {
    const from = this.at;
    const first = this.peek();
    if (!inside && /^[-?:]$/.test(first) && (this.flow > 0 ? /^[\s,[\]{}]?$/ : /^\s?$/).test(this.peek(1))) return "";
    if (!inside && /^[,[\]{}#&*!|>'"%@`]$/.test(first)) return "";
    for (; !this.ended; this.at++) {
      const character = this.peek();
      if (character === "\n") break;
      if (character === ":" && (this.flow > 0 ? /^[\s,[\]{}]?$/ : /^\s?$/).test(this.peek(1))) break;
      if (character === "#" && this.at > from && /[ \t]/.test(this.peek(-1))) break;
      if (this.flow > 0 && /[,[\]{}]/.test(character)) break;
    }
    this.budget.step((this.at - from) >> 6);
    const text = this.text.slice(from, this.at).replace(/[ \t]+$/, "");
    this.at = from + text.length;
    return text;
  }

  /** A plain scalar, on as many lines as are further right than `parent`. */
  protected plain(parent: number): string {
    let text = this.plainLine(false);
    if (text === "" && !this.ended && !/[,\]}\n]/.test(this.peek()))
      throw this.fail(
        this.isDash() ? "block sequence entries are not allowed in this context" : "did not find expected node content",
      );
    for (;;) {
      const [at, line, lineStart] = [this.at, this.line, this.lineStart];
      while (this.peek() === " " || this.peek() === "\t") this.at++;
      let ends = 0;
      while (this.peek() === "\n") {
        this.newLine();
        ends++;
        while (this.peek() === " " || (this.peek() === "\t" && this.column > parent)) this.at++;
      }
      const goesOn =
        ends > 0 &&
        !this.ended &&
        this.peek() !== "#" &&
        !this.marker("---") &&
        !this.marker("...") &&
        (this.flow > 0 || this.column > parent);
      const more = goesOn ? this.plainLine(true) : "";
      if (more === "") {
        [this.at, this.line, this.lineStart] = [at, line, lineStart];
        return text;
      }
      if (this.flow === 0 && this.peek() === ":") throw this.fail("mapping values are not allowed in this context");
      text += (ends === 1 ? " " : "\n".repeat(ends - 1)) + more;
    }
  }

  /** A literal or folded scalar. */
  protected blockScalar(parent: number): string {
    const header = /^([|>])(?:([+-])([1-9])?|([1-9])([+-])?)?[ \t]*(?:(?<=[ \t])#[^\n]*)?(?=\n|$)/.exec(
      this.text.slice(this.at, this.at + 4096),
    );
    if (header === null) throw this.fail("did not find expected comment or line break");
    const [whole, style, firstChomp, firstIndent, secondIndent, secondChomp] = header;
    const chomp = firstChomp ?? secondChomp;
    const given = firstIndent ?? secondIndent;
    this.at += whole.length;
    if (!this.ended) this.newLine();
    let indent = given === undefined ? undefined : Math.max(parent, 0) + Number(given);
    const lines: string[] = [];
    while (!this.ended) {
      const end = this.text.indexOf("\n", this.at);
      const line = this.text.slice(this.at, end < 0 ? this.text.length : end);
      const spaces = /^ */.exec(line)?.[0].length ?? 0;
      const blank = spaces === line.length;
      if (indent === undefined && !blank) {
        if (spaces <= parent) break;
        indent = spaces;
      }
      if (!blank && spaces < (indent ?? 0)) break;
      if (this.marker("---") || this.marker("...")) break;
      this.budget.step(1 + (line.length >> 6));
      lines.push(blank && spaces <= (indent ?? spaces) ? "" : line.slice(indent ?? 0));
      this.at += line.length;
      if (end >= 0) this.newLine();
    }
    return chomped(style === ">" ? folded(lines) : lines.join("\n"), lines, chomp);
  }
}

function chomped(text: string, lines: readonly string[], chomp: string | undefined): string {
  const kept = text.replace(/\n+$/, "");
  if (chomp === "-") return kept;
  const trailing = lines.length - (lines.findLastIndex((line) => line !== "") + 1);
  if (chomp === "+") return kept === "" ? "\n".repeat(trailing) : `${kept}${"\n".repeat(trailing + 1)}`;
  return kept === "" ? "" : `${kept}\n`;
}

/** Lines of a folded scalar: joined by spaces, but for those that are further right, and for empty ones. */
function folded(lines: readonly string[]): string {
  let text = "";
  let previous: string | undefined;
  let empty = 0;
  for (const line of lines) {
    if (line === "") {
      empty++;
      continue;
    }
    const apart = /^[ \t]/.test(line) || (previous !== undefined && /^[ \t]/.test(previous));
    if (previous === undefined) text += "\n".repeat(empty);
    else if (apart) text += "\n".repeat(empty + 1);
    else text += empty === 0 ? " " : "\n".repeat(empty);
    text += line;
    previous = line;
    empty = 0;
  }
  return text;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
  [" ", " "],
  ['"', '"'],
  ["/", "/"],
  ["\\", "\\"],
  ["N", "\x85"],
  ["_", "\xa0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
]);
