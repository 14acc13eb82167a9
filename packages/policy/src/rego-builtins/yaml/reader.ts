// A reader of YAML 1.2: block and flow collections, the five styles of scalars, anchors, aliases, merge keys, several documents.
import { formatNumber, isArray, isNumeric, ObjectBuilder, ObjectValue, type Value } from "../../values/index.ts";
import { resolvePlain, resolveTagged } from "./scalar.ts";
import { YamlError, YamlSource } from "./source.ts";

/** A key that is an array or an object, which JSON has none of, and null, which OPA refuses. */
const merge = Symbol("merge");
type Key = string | typeof merge;

interface Properties {
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
}

/** Reads one stream. */
export class YamlReader extends YamlSource {
  #anchors = new Map<string, Value>();

  /** The first document; null when there is none. The others are read too, for what may be wrong with them. */
  stream(): Value {
    let first: Value | undefined;
    for (;;) {
      const started = this.#documentStart();
      if (this.ended && !started) return first ?? null;
      const value = this.#document();
      first = first === undefined ? value : first;
    }
  }

  /** Directives and the marker of a new document, if there are any. */
  #documentStart(): boolean {
    this.#anchors = new Map();
    this.blank();
    let directives = false;
    while (this.column === 0 && this.peek() === "%") {
      directives = true;
      this.toLineEnd();
      this.blank();
    }
    if (this.marker("---")) {
      this.at += 3;
      return true;
    }
    if (directives) throw this.fail("did not find expected <document start>");
    return false;
  }

  #document(): Value {
    const value = this.#node(-1, true);
    this.blank();
    if (this.ended || this.marker("---")) return value;
    if (!this.marker("...")) throw this.fail("did not find expected <document start>");
    while (this.marker("...")) {
      this.at += 3;
      this.blank();
    }
    return value;
  }

  /** A node that must be further right than `parent`; `block`: a block collection may begin on this line. */
  #node(parent: number, block: boolean, inMapping = false): Value {
    this.budget.step();
    this.budget.enter();
    try {
      const crossed = this.blank();
      return this.#nodeHere(parent, block || crossed, crossed, inMapping);
    } finally {
      this.budget.leave();
    }
  }

  #nodeHere(parent: number, block: boolean, crossed: boolean, inMapping: boolean): Value {
    if (this.#isOutside(parent, crossed, inMapping)) return null;
    const start = this.column;
    const properties = this.#properties();
    if (properties === undefined) return this.#content(parent, block, inMapping, start);
    const below = this.blank();
    const value = this.#isOutside(parent, below, inMapping)
      ? this.#empty(properties)
      : this.#content(parent, block || below, inMapping, below ? this.column : start, properties);
    if (properties.anchor !== undefined) this.#anchors.set(properties.anchor, value);
    return value;
  }

  #isOutside(parent: number, crossed: boolean, inMapping: boolean): boolean {
    if (this.ended || this.marker("---") || this.marker("...")) return true;
    if (this.flow > 0 || !crossed) return false;
    // a sequence may stand as far left as the key that it belongs to
    return this.column < parent || (this.column === parent && !(inMapping && this.isDash()));
  }

  #empty({ tag }: Properties): Value {
    return tag === "!!str" || tag === "!" ? "" : null;
  }

  /** A tag, an anchor, or both. */
  #properties(): Properties | undefined {
    let [tag, anchor]: [string | undefined, string | undefined] = [undefined, undefined];
    for (;;) {
      const match = /^(?:!<([^>\s]*)>|(![^\s,[\]{}]*)|&([^\s,[\]{}]+))(?=[\s,[\]{}]|$)/.exec(
        this.text.slice(this.at, this.at + 1024),
      );
      if (match === null) break;
      const [whole, verbatim, short, name] = match;
      if (name === undefined ? tag !== undefined : anchor !== undefined)
        throw this.fail("found two tags or anchors for one node");
      if (name === undefined) tag = (verbatim ?? short ?? "").replace(/^tag:yaml\.org,2002:/, "!!");
      else anchor = name;
      this.at += whole.length;
      while (this.peek() === " ") this.at++;
    }
    return tag === undefined && anchor === undefined ? undefined : { tag, anchor };
  }

  #content(parent: number, block: boolean, inMapping: boolean, start: number, properties?: Properties): Value {
    const character = this.peek();
    if (character === "\t") throw this.fail("found character that cannot start any token");
    if (this.flow === 0 && block) {
      if (this.isDash()) return this.#sequence(this.column);
      if (character === "?" && /^\s?$/.test(this.peek(1))) return this.#mapping(this.column, undefined);
      const key = this.#implicitKey();
      if (key !== undefined) return this.#mapping(start, key);
    }
    if (this.flow === 0 && (character === "|" || character === ">")) return this.blockScalar(parent);
    const value = this.#flowNode(parent, properties?.tag);
    if (this.flow > 0) return value;
    // what follows on the line must be nothing, a comment, or the colon of a key that a block does not allow here
    while (this.peek() === " " || this.peek() === "\t") this.at++;
    if (this.peek() === ":" && /^\s?$/.test(this.peek(1))) throw this.fail("mapping values are not allowed in this context");
    if (!this.ended && this.peek() !== "\n" && !(this.peek() === "#" && /\s/.test(this.peek(-1))))
      throw this.fail(inMapping ? "did not find expected key" : "did not find expected <document start>");
    return value;
  }

  #sequence(column: number): Value {
    const items: Value[] = [];
    while (!this.ended && this.column === column && this.isDash() && !this.marker("---")) {
      this.at++;
      items.push(this.#node(column, true));
      this.blank();
    }
    if (!this.ended && this.column > column) throw this.fail("did not find expected '-' indicator");
    return items;
  }

  /** When a key stands here, with its colon on the same line: the key, read. */
  #implicitKey(): Key | undefined {
    const [at, flow] = [this.at, this.flow];
    const line = this.text.slice(at, this.text.indexOf("\n", at) < 0 ? undefined : this.text.indexOf("\n", at));
    // a colon with a space or the end after it must stand on the line at all
    if (!/:(?:\s|$)/.test(line)) return undefined;
    this.budget.step(1 + (Math.min(line.length, 1024) >> 4));
    const character = line.charAt(0);
    let found: Value | typeof merge | undefined;
    try {
      const key = this.#keyNode(character);
      while (this.peek() === " ") this.at++;
      if (key !== undefined && this.peek() === ":" && /^\s?$/.test(this.peek(1)) && this.lineStart <= at) {
        this.at++;
        found = key;
      }
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      // it is no key; read as a value it says what is wrong with it
    }
    if (found !== undefined) return found === merge ? merge : this.#keyText(found);
    this.flow = flow;
    this.rewind(at);
    return undefined;
  }

  #keyNode(character: string): Value | typeof merge | undefined {
    const line = this.lineStart;
    let anchor: string | undefined;
    const properties = /^[!&]/.test(character) ? this.#properties() : undefined;
    if (properties !== undefined) anchor = properties.anchor;
    const first = this.peek();
    let key: Value | typeof merge;
    if (first === '"' || first === "'") key = this.quoted(first);
    else if (first === "*") key = this.#alias();
    else if (first === "[" || first === "{") key = this.#flowNode(-1, undefined);
    else {
      const text = this.plainLine(false);
      if (text === "") return undefined;
      key = text === "<<" && properties?.tag === undefined ? merge : this.#resolve(text, properties?.tag);
    }
    if (this.lineStart !== line) return undefined;
    if (key === merge) return merge;
    if (anchor !== undefined) this.#anchors.set(anchor, key);
    return key;
  }

  #keyText(key: Value): string {
    if (typeof key === "string") return key;
    if (typeof key === "boolean") return String(key);
    if (isNumeric(key)) return formatNumber(key);
    throw this.fail(key === null ? "unsupported map key of type: null" : "invalid map key");
  }

  #mapping(column: number, first: Key | undefined): Value {
    const fields = new Fields();
    let key = first;
    for (;;) {
      this.budget.step();
      if (key === undefined && this.peek() === "?" && /^\s?$/.test(this.peek(1))) {
        this.at++;
        key = this.#keyText(this.#node(column, true));
        this.blank();
        if (this.column === column && this.peek() === ":" && /^\s?$/.test(this.peek(1))) this.at++;
        else {
          fields.set(key, null);
          key = undefined;
        }
      }
      if (key !== undefined) this.#put(fields, key, this.#node(column, false, true));
      this.blank();
      if (this.ended || this.column < column || this.marker("---") || this.marker("...")) return fields.finish();
      if (this.column > column) throw this.fail("did not find expected key");
      if (this.peek() === "\t") throw this.fail("found character that cannot start any token");
      if (this.peek() === "?" && /^\s?$/.test(this.peek(1))) key = undefined;
      else {
        key = this.#implicitKey();
        if (key === undefined) throw this.fail(this.isDash() ? "did not find expected key" : "could not find expected ':'");
      }
    }
  }

  #put(fields: Fields, key: Key, value: Value): void {
    if (key !== merge) {
      fields.set(key, value);
      return;
    }
    const sources = isArray(value) ? value : [value];
    for (const source of sources) {
      if (!(source instanceof ObjectValue)) throw this.fail("map merge requires map or sequence of maps as the value");
      this.budget.step(1 + source.size);
      fields.merge(source);
    }
  }

  #alias(): Value {
    const name = /^\*([^\s,[\]{}]+)/.exec(this.text.slice(this.at, this.at + 1024))?.[1];
    if (name === undefined) throw this.fail("did not find expected alphabetic or numeric character");
    this.at += 1 + name.length;
    const value = this.#anchors.get(name);
    if (value === undefined) throw this.fail(`unknown anchor '${name.slice(0, 80)}' referenced`);
    return value;
  }

  /** A scalar, an alias or a flow collection. */
  #flowNode(parent: number, tag: string | undefined): Value {
    const character = this.peek();
    if (character === "*") return this.#alias();
    if (character === "[") return this.#flowSequence();
    if (character === "{") return this.#flowMapping();
    if (character === '"' || character === "'") {
      const text = this.quoted(character);
      return tag === undefined ? text : this.#resolve(text, tag);
    }
    if (/^[%@`&!|>\]},]$/.test(character)) throw this.fail("found character that cannot start any token");
    return this.#resolve(this.plain(parent), tag);
  }

  #resolve(text: string, tag: string | undefined): Value {
    const value = tag === undefined ? resolvePlain(text) : resolveTagged(tag, text);
    if (typeof value === "object" && value !== null && "noJson" in value)
      throw this.fail(`json: unsupported value: ${value.noJson}`);
    if (typeof value === "object" && value !== null && "wrong" in value) throw this.fail(value.wrong);
    return value;
  }

  #flowSequence(): Value {
    const line = this.line;
    this.at++;
    this.flow++;
    const items: Value[] = [];
    for (;;) {
      this.blank();
      this.#flowEnd(line, "sequence", "',' or ']'");
      if (this.peek() === "]") break;
      items.push(this.#flowItem());
      this.blank();
      this.#flowEnd(line, "sequence", "',' or ']'");
      if (this.peek() === ",") this.at++;
      else if (this.peek() !== "]") throw this.fail("did not find expected ',' or ']'");
    }
    this.at++;
    this.flow--;
    return items;
  }

  #flowEnd(line: number, _what: string, expected: string): void {
    if (!this.ended && !this.marker("---") && !this.marker("...")) return;
    this.line = line;
    throw this.fail(`did not find expected ${expected}`);
  }

  /** An item of a flow sequence, which may be a mapping of one pair. */
  #flowItem(): Value {
    const explicit = this.peek() === "?" && /^\s$/.test(this.peek(1));
    if (explicit) this.at++;
    const value = this.#node(-1, false);
    this.blank();
    if (!explicit && !this.#isFlowColon(value)) return value;
    const fields = new Fields();
    if (this.peek() === ":") this.at++;
    this.#put(fields, value === "<<" ? merge : this.#keyText(value), this.#flowValue());
    return fields.finish();
  }

  #isFlowColon(key: Value): boolean {
    if (this.peek() !== ":") return false;
    return (
      /^[\s,[\]{}]?$/.test(this.peek(1)) || (typeof key === "string" && /["']/.test(this.peek(-1))) || /[\]}]/.test(this.peek(-1))
    );
  }

  #flowValue(): Value {
    this.blank();
    return /^[,}\]]?$/.test(this.peek()) ? null : this.#node(-1, false);
  }

  #flowMapping(): Value {
    const line = this.line;
    this.at++;
    this.flow++;
    const fields = new Fields();
    for (;;) {
      this.blank();
      this.#flowEnd(line, "mapping", "',' or '}'");
      if (this.peek() === "}") break;
      if (this.peek() === "?" && /^\s$/.test(this.peek(1))) this.at++;
      const plain = !/["'*[{&!]/.test(this.peek());
      const key = this.#node(-1, false);
      this.blank();
      let value: Value = null;
      if (this.#isFlowColon(key)) {
        this.at++;
        value = this.#flowValue();
        this.blank();
      }
      this.#put(fields, plain && key === "<<" ? merge : this.#keyText(key), value);
      this.#flowEnd(line, "mapping", "',' or '}'");
      if (this.peek() === ",") this.at++;
      else if (this.peek() !== "}") throw this.fail("did not find expected ',' or '}'");
    }
    this.at++;
    this.flow--;
    return fields.finish();
  }
}

/** Pairs of a mapping: the last of equal keys stands, and any of its own before a merged one. */
class Fields {
  readonly #own = new ObjectBuilder();
  readonly #merged = new ObjectBuilder();

  set(key: Key, value: Value): void {
    if (key !== merge) this.#own.set(key, value);
  }

  merge(source: ObjectValue): void {
    for (const [key, value] of source.entries()) if (this.#merged.get(key) === undefined) this.#merged.set(key, value);
  }

  finish(): Value {
    for (const [key, value] of this.#own.finish().entries()) this.#merged.set(key, value);
    return this.#merged.finish();
  }
}
