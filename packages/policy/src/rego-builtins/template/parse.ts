// Go's text/template: the syntax. Actions in {{ }}, pipelines of commands, if, with, range, define, template, block, break, continue.

/** Thrown inside of this folder alone, and turned into an error of the function that was called. */
export class TemplateError extends Error {}

/** A command's operand. */
export type Operand =
  | { readonly kind: "dot" | "nil" }
  | { readonly kind: "constant"; readonly value: string | number | boolean }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline }
  /** Fields of an operand: `.a.b`, `$x.a`, `(pipeline).a`. */
  | { readonly kind: "fields"; readonly of: Operand; readonly names: readonly string[] };

/** Commands, each fed with the result of the one before it; the result goes to variables, when there are some. */
export interface Pipeline {
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

/** A part of a template. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly pipeline: Pipeline }
  | { readonly kind: "if" | "with" | "range"; readonly pipeline: Pipeline; readonly then: Part[]; readonly else: Part[] }
  | { readonly kind: "template"; readonly name: string; readonly pipeline: Pipeline | undefined }
  | { readonly kind: "break" | "continue" };

/** A template and those that it defines by name. */
export interface Template {
  readonly main: readonly Part[];
  readonly named: ReadonlyMap<string, readonly Part[]>;
}

interface Action {
  readonly text: string | undefined;
  readonly tokens: readonly string[];
}

const maxDepth = 100;
const token =
  /\s+|:=|[|(),=]|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+'|\.?\$?[A-Za-z_\u0080-\uffff$][A-Za-z0-9_\u0080-\uffff]*|\.[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*|[+-]?(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)|\.|\$/y;

/** Read a template; throws `TemplateError`. */
export function parseTemplate(source: string): Template {
  return new Parser(actionsOf(source)).template();
}

/** Cut a template into texts and actions, with the space trimmed that `{{-` and `-}}` trim. */
function actionsOf(source: string): Action[] {
  const actions: Action[] = [];
  let at = 0;
  let trim = false;
  for (;;) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trim) text = text.trimStart();
    const trimsBefore = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4));
    if (trimsBefore) text = text.trimEnd();
    if (text !== "") actions.push({ text, tokens: [] });
    if (open < 0) return actions;
    const start = open + (trimsBefore ? 3 : 2);
    const comment = /^\s*\/\*[\s\S]*?\*\/\s*(-?)\}\}/.exec(source.slice(start));
    if (comment !== null) {
      at = start + comment[0].length;
      trim = comment[1] === "-";
      continue;
    }
    const [tokens, end] = tokensOf(source, start);
    actions.push({ text: undefined, tokens });
    trim = source.startsWith("-}}", end);
    at = end + (trim ? 3 : 2);
  }
}

function tokensOf(source: string, start: number): readonly [tokens: string[], end: number] {
  const tokens: string[] = [];
  let at = start;
  for (;;) {
    if (source.startsWith("}}", at)) return [tokens, at];
    if (source.startsWith("-}}", at) && /\s/.test(source.charAt(at - 1))) return [tokens, at];
    if (at >= source.length) throw new TemplateError("template: unclosed action");
    token.lastIndex = at;
    const found = token.exec(source)?.[0];
    if (found === undefined) throw new TemplateError(`template: unexpected ${JSON.stringify(source.charAt(at))} in command`);
    tokens.push(/^\s/.test(found) ? " " : found);
    at += found.length;
  }
}

class Parser {
  readonly #actions: readonly Action[];
  readonly #named = new Map<string, readonly Part[]>();
  #next = 0;
  #depth = 0;

  constructor(actions: readonly Action[]) {
    this.#actions = actions;
  }

  template(): Template {
    const [main, end] = this.#parts();
    if (end !== undefined) throw new TemplateError(`template: unexpected {{${end.join("")}}}`);
    return { main, named: this.#named };
  }

  /** Parts up to an action that ends or divides them. */
  #parts(): readonly [Part[], readonly string[] | undefined] {
    if (++this.#depth > maxDepth) throw new TemplateError(`template: more than ${maxDepth} levels`);
    const parts: Part[] = [];
    for (;;) {
      const action = this.#actions[this.#next++];
      if (action === undefined) break;
      if (action.text !== undefined) {
        parts.push({ kind: "text", text: action.text });
        continue;
      }
      const words = action.tokens.filter((each, i) => each !== " " || (i > 0 && i < action.tokens.length - 1));
      while (words.at(-1) === " ") words.pop();
      if (words[0] === "end" || words[0] === "else") {
        this.#depth--;
        return [parts, words];
      }
      const part = this.#part(words);
      if (part !== undefined) parts.push(part);
    }
    this.#depth--;
    return [parts, undefined];
  }

  #part(words: readonly string[]): Part | undefined {
    const [keyword = ""] = words;
    const rest = words.slice(words[1] === " " ? 2 : 1);
    switch (keyword) {
      case "if":
      case "with":
      case "range":
        return this.#branch(keyword, rest);
      case "break":
      case "continue":
        return { kind: keyword };
      case "define": {
        this.#named.set(nameOf(rest[0]), this.#body("define"));
        return undefined;
      }
      case "block": {
        const name = nameOf(rest[0]);
        const pipeline = pipelineOf(rest.slice(1));
        this.#named.set(name, this.#body("block"));
        return { kind: "template", name, pipeline };
      }
      case "template": {
        const argument = rest.slice(1).filter((each, i) => each !== " " || i > 0);
        return { kind: "template", name: nameOf(rest[0]), pipeline: argument.length === 0 ? undefined : pipelineOf(argument) };
      }
      default:
        return { kind: "output", pipeline: pipelineOf(words) };
    }
  }

  #body(what: string): Part[] {
    const [parts, end] = this.#parts();
    if (end?.[0] !== "end") throw new TemplateError(`template: unexpected end of {{${what}}}`);
    return parts;
  }

  #branch(kind: "if" | "with" | "range", words: readonly string[]): Part {
    const pipeline = pipelineOf(words);
    const [then, end] = this.#parts();
    if (end === undefined) throw new TemplateError("template: unexpected EOF");
    if (end[0] === "end") return { kind, pipeline, then, else: [] };
    // {{else if}} and {{else with}} stand for an {{if}} in the {{else}} that ends with it
    const again = end.filter((each) => each !== " ")[1];
    if (again === "if" || again === "with") {
      const rest = end.slice(end.indexOf(again) + 1);
      return { kind, pipeline, then, else: [this.#branch(again, rest[0] === " " ? rest.slice(1) : rest)] };
    }
    if (again !== undefined) throw new TemplateError(`template: unexpected ${JSON.stringify(again)} in {{else}}`);
    return { kind, pipeline, then, else: this.#body(kind) };
  }
}

function nameOf(word: string | undefined): string {
  const name = word === undefined ? undefined : textOf(word);
  if (name === undefined) throw new TemplateError("template: a template's name must be a string");
  return name;
}

/** The text of a quoted word. */
function textOf(word: string): string | undefined {
  if (word.startsWith("`")) return word.slice(1, -1);
  if (!word.startsWith('"')) return undefined;
  try {
    const value: unknown = JSON.parse(
      word
        .replace(/\\x([0-9a-fA-F]{2})/g, "\\u00$1")
        .replace(/\\a/g, "\\u0007")
        .replace(/\\v/g, "\\u000b"),
    );
    if (typeof value === "string") return value;
  } catch {
    // told below
  }
  throw new TemplateError(`template: malformed string ${word.slice(0, 80)}`);
}

function pipelineOf(words: readonly string[]): Pipeline {
  const reader = new PipelineReader(words);
  const pipeline = reader.pipeline();
  reader.end();
  return pipeline;
}

class PipelineReader {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  #space(): boolean {
    let found = false;
    for (; this.#words[this.#at] === " "; this.#at++) found = true;
    return found;
  }

  end(): void {
    this.#space();
    const left = this.#words[this.#at];
    if (left !== undefined) throw new TemplateError(`template: unexpected ${JSON.stringify(left)} in command`);
  }

  pipeline(): Pipeline {
    this.#space();
    const declaration = /^((?:\$[A-Za-z0-9_]+)(?: ?, ?\$[A-Za-z0-9_]+)?) ?(:=|=)/.exec(
      this.#words.slice(this.#at, this.#at + 8).join(""),
    );
    let variables: string[] = [];
    if (declaration !== null) {
      variables = (declaration[1] ?? "").split(",").map((name) => name.trim());
      while (this.#words[this.#at] !== ":=" && this.#words[this.#at] !== "=") this.#at++;
      this.#at++;
    }
    const commands: (readonly Operand[])[] = [];
    do {
      const command = this.#command();
      if (command.length === 0) throw new TemplateError("template: missing value for command");
      commands.push(command);
      this.#space();
    } while (this.#words[this.#at] === "|" && ++this.#at > 0);
    return { variables, assigns: declaration?.[2] === "=", commands };
  }

  #command(): readonly Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      this.#space();
      const word = this.#words[this.#at];
      if (word === undefined || word === "|" || word === ")") return operands;
      operands.push(this.#operand());
    }
  }

  #operand(): Operand {
    const word = this.#words[this.#at++] ?? "";
    let operand: Operand = this.#simple(word);
    const names: string[] = [];
    for (let next = this.#words[this.#at]; next !== undefined && /^\.[A-Za-z_]/.test(next); next = this.#words[++this.#at])
      names.push(next.slice(1));
    if (/^\.[A-Za-z_]/.test(word)) operand = { kind: "fields", of: { kind: "dot" }, names: [word.slice(1), ...names] };
    else if (names.length > 0) operand = { kind: "fields", of: operand, names };
    return operand;
  }

  #simple(word: string): Operand {
    if (word === "(") {
      const pipeline = this.pipeline();
      if (this.#words[this.#at++] !== ")") throw new TemplateError("template: unclosed left paren");
      return { kind: "pipeline", pipeline };
    }
    if (word.startsWith(".") && !/^\.[0-9]/.test(word)) return { kind: "dot" };
    if (word === "nil") return { kind: "nil" };
    if (word === "true" || word === "false") return { kind: "constant", value: word === "true" };
    if (word.startsWith("$")) return { kind: "variable", name: word };
    if (/^["`]/.test(word)) return { kind: "constant", value: textOf(word) ?? "" };
    if (word.startsWith("'")) return { kind: "constant", value: textOf(`"${word.slice(1, -1)}"`)?.codePointAt(0) ?? 0 };
    if (/^[+-]?[0-9.]/.test(word)) return { kind: "constant", value: Number(word.replace(/_/g, "")) };
    if (/^[A-Za-z_\u0080-\uffff]/.test(word)) return { kind: "function", name: word };
    throw new TemplateError(`template: unexpected ${JSON.stringify(word)} in command`);
  }
}
