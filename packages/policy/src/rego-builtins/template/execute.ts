// Go's text/template: what it writes. Numbers of the data are texts to it (json.Number), those of the template are numbers.
import { compareStrings, formatNumber, isArray, isNumeric, ObjectValue, SetValue, type Value } from "../../values/index.ts";
import { escapeUrl } from "../encoding/go-url.ts";
import { type Operand as FormatOperand, sprintf } from "../text/go-printf.ts";
import { type Operand, type Part, type Pipeline, type Template, TemplateError } from "./parse.ts";

/** A value of the data, a number of the template's own, or what is not there. */
type Held = Value | { readonly own: number } | undefined;

/** What writing may spend. */
export interface TemplateBudget {
  step(count?: number): void;
  enter(): void;
  leave(): void;
  text(length: number): void;
}

/** Write a template over data; throws `TemplateError`. */
export function executeTemplate(template: Template, data: Value, budget: TemplateBudget): string {
  const run = new Run(template, budget);
  run.parts(template.main, data, new Scope(undefined, data));
  return run.out.join("");
}

class Scope {
  readonly #parent: Scope | undefined;
  readonly #variables = new Map<string, Held>();

  constructor(parent: Scope | undefined, dollar?: Held) {
    this.#parent = parent;
    if (parent === undefined) this.#variables.set("$", dollar);
  }

  get(name: string): Held {
    if (this.#variables.has(name)) return this.#variables.get(name);
    if (this.#parent === undefined) throw new TemplateError(`template: undefined variable ${JSON.stringify(name)}`);
    return this.#parent.get(name);
  }

  declare(name: string, value: Held): void {
    this.#variables.set(name, value);
  }

  assign(name: string, value: Held): void {
    if (this.#variables.has(name)) this.#variables.set(name, value);
    else if (this.#parent === undefined) throw new TemplateError(`template: undefined variable ${JSON.stringify(name)}`);
    else this.#parent.assign(name, value);
  }
}

type Flow = "break" | "continue" | undefined;

function isOwn(value: Held): value is { readonly own: number } {
  return typeof value === "object" && value !== null && "own" in value && typeof value.own === "number";
}

/** The items of an array or a set. */
function listOf(value: Held): readonly Value[] | undefined {
  if (value === undefined || isOwn(value)) return undefined;
  if (value instanceof SetValue) return value.values();
  return isArray(value) ? value : undefined;
}

class Run {
  readonly out: string[] = [];
  readonly #template: Template;
  readonly #budget: TemplateBudget;

  constructor(template: Template, budget: TemplateBudget) {
    this.#template = template;
    this.#budget = budget;
  }

  #write(text: string): void {
    this.#budget.text(text.length);
    this.out.push(text);
  }

  parts(parts: readonly Part[], dot: Held, scope: Scope): Flow {
    this.#budget.enter();
    for (const part of parts) {
      const flow = this.#part(part, dot, scope);
      if (flow !== undefined) {
        this.#budget.leave();
        return flow;
      }
    }
    this.#budget.leave();
    return undefined;
  }

  #part(part: Part, dot: Held, scope: Scope): Flow {
    this.#budget.step();
    switch (part.kind) {
      case "text":
        this.#write(part.text);
        return undefined;
      case "output": {
        const value = this.#pipeline(part.pipeline, dot, scope);
        if (part.pipeline.variables.length === 0) this.#write(shown(value));
        return undefined;
      }
      case "if":
      case "with": {
        const inner = new Scope(scope);
        const value = this.#pipeline(part.pipeline, dot, inner);
        const holds = isTrue(value);
        return this.parts(holds ? part.then : part.else, holds && part.kind === "with" ? value : dot, inner);
      }
      case "range":
        return this.#range(part, dot, scope);
      case "template": {
        const body = this.#template.named.get(part.name);
        if (body === undefined) throw new TemplateError(`template: template ${JSON.stringify(part.name)} not defined`);
        const data = part.pipeline && this.#pipeline(part.pipeline, dot, scope);
        this.parts(body, data, new Scope(undefined, data));
        return undefined;
      }
      default:
        return part.kind;
    }
  }

  #range(part: Part & { readonly kind: "if" | "with" | "range" }, dot: Held, scope: Scope): Flow {
    const { pipeline } = part;
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot, scope);
    const pairs = pairsOf(value);
    if (pairs.length === 0) return this.parts(part.else, dot, new Scope(scope));
    for (const [key, item] of pairs) {
      this.#budget.step();
      const inner = new Scope(scope);
      const [first, second] = pipeline.variables;
      const set = (name: string, held: Held): void => (pipeline.assigns ? scope.assign(name, held) : inner.declare(name, held));
      if (first !== undefined) set(first, second === undefined ? item : key);
      if (second !== undefined) set(second, item);
      if (this.parts(part.then, item, inner) === "break") break;
    }
    return undefined;
  }

  #pipeline(pipeline: Pipeline, dot: Held, scope: Scope): Held {
    let value: Held;
    for (const [i, command] of pipeline.commands.entries()) value = this.#command(command, dot, scope, i > 0, value);
    for (const name of pipeline.variables) {
      if (pipeline.assigns) scope.assign(name, value);
      else scope.declare(name, value);
    }
    return value;
  }

  #command(operands: readonly Operand[], dot: Held, scope: Scope, piped: boolean, fed: Held): Held {
    this.#budget.step();
    const [first, ...rest] = operands;
    if (first === undefined) return undefined;
    if (first.kind === "function") return this.#call(first.name, rest, dot, scope, piped ? [fed] : []);
    if (rest.length > 0 || piped) throw new TemplateError("template: can't give argument to non-function");
    if (first.kind === "nil") throw new TemplateError("template: nil is not a command");
    return this.#operand(first, dot, scope);
  }

  #operand(operand: Operand, dot: Held, scope: Scope): Held {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "constant":
        return typeof operand.value === "number" ? { own: operand.value } : operand.value;
      case "variable":
        return scope.get(operand.name);
      case "function":
        return this.#call(operand.name, [], dot, scope, []);
      case "pipeline":
        return this.#pipeline(operand.pipeline, dot, scope);
      default: {
        let value = this.#operand(operand.of, dot, scope);
        for (const name of operand.names) value = field(value, name);
        return value;
      }
    }
  }

  #call(name: string, operands: readonly Operand[], dot: Held, scope: Scope, fed: readonly Held[]): Held {
    // and, or stop at the operand that decides
    if (name === "and" || name === "or") {
      let value: Held;
      for (const operand of operands) {
        value = this.#operand(operand, dot, scope);
        if (isTrue(value) === (name === "or")) return value;
      }
      return fed.length > 0 ? fed[0] : value;
    }
    const args = [...operands.map((operand) => this.#operand(operand, dot, scope)), ...fed];
    const body = functions.get(name);
    if (body === undefined) throw new TemplateError(`template: function ${JSON.stringify(name)} not defined`);
    return body(args, (length) => this.#budget.text(length));
  }
}

function field(value: Held, name: string): Held {
  if (value instanceof ObjectValue) return value.get(name);
  if (value === null || value === undefined)
    throw new TemplateError(`template: nil data; no entry for key ${JSON.stringify(name)}`);
  throw new TemplateError(`template: can't evaluate field ${name} in type ${typeName(value)}`);
}

function typeName(value: Held): string {
  if (isOwn(value)) return Number.isInteger(value.own) ? "int" : "float64";
  if (isArray(value) || value instanceof SetValue) return "[]interface {}";
  if (value instanceof ObjectValue) return "map[string]interface {}";
  return isNumeric(value ?? null) ? "json.Number" : typeof value === "boolean" ? "bool" : "string";
}

function isTrue(value: Held): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  if (isOwn(value)) return value.own !== 0;
  if (isArray(value)) return value.length > 0;
  return value instanceof ObjectValue || value instanceof SetValue ? value.size > 0 : true;
}

function pairsOf(value: Held): readonly (readonly [Held, Held])[] {
  if (value === undefined || value === null) return [];
  if (isOwn(value)) return Array.from({ length: Math.max(0, value.own) }, (_, i) => [{ own: i }, { own: i }] as const);
  if (isArray(value)) return value.map((item, i) => [{ own: i }, item] as const);
  if (value instanceof SetValue) return value.values().map((item, i) => [{ own: i }, item] as const);
  if (value instanceof ObjectValue) return value.entries();
  throw new TemplateError(`template: range can't iterate over ${shown(value).slice(0, 80)}`);
}

/** A value as Go's %v writes it. */
function shown(value: Held, inside = false): string {
  if (value === undefined || value === null) return inside ? "<nil>" : "<no value>";
  if (isOwn(value)) return String(value.own);
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map((item) => shown(item, true)).join(" ")}]`;
  if (value instanceof SetValue) return shown(value.values());
  if (!(value instanceof ObjectValue)) return formatNumber(value);
  return `map[${value
    .entries()
    .map(([key, item]) => `${String(key)}:${shown(item, true)}`)
    .join(" ")}]`;
}

type TemplateFunction = (args: readonly Held[], allocate: (length: number) => void) => Held;

/** As Go's Sprint: a space between operands of which neither is a text. */
function print(args: readonly Held[]): string {
  let text = "";
  let textBefore = true;
  for (const arg of args) {
    const isText = typeof arg === "string";
    if (text !== "" && !isText && !textBefore) text += " ";
    text += shown(arg, true);
    textBefore = isText;
  }
  return text;
}

/** Numbers of the data are texts; a number of the template is comparable with another one alone. */
function basic(value: Held): readonly [kind: string, value: string | number | boolean] {
  if (isOwn(value)) return ["number", value.own];
  if (typeof value === "boolean") return ["bool", value];
  if (typeof value === "string") return ["string", value];
  if (value !== undefined && isNumeric(value)) return ["string", formatNumber(value)];
  throw new TemplateError("template: error calling eq: incompatible types for comparison");
}

function order(left: Held, right: Held): number {
  const [[kind, a], [other, b]] = [basic(left), basic(right)];
  if (kind !== other || kind === "bool") throw new TemplateError("template: incompatible types for comparison");
  return typeof a === "number" && typeof b === "number" ? a - b : compareStrings(String(a), String(b));
}

function equal(left: Held, right: Held): boolean {
  if ((left ?? null) === null || (right ?? null) === null) return (left ?? null) === (right ?? null);
  const [[kind, a], [other, b]] = [basic(left), basic(right)];
  if (kind !== other) throw new TemplateError("template: incompatible types for comparison");
  return a === b;
}

function compared(holds: (order: number) => boolean): TemplateFunction {
  return ([a, b]) => holds(order(a, b));
}

function index(args: readonly Held[]): Held {
  let [value] = args;
  for (const key of args.slice(1)) {
    if (value instanceof ObjectValue) value = value.get(typeof key === "string" ? key : shown(key));
    else {
      const list = listOf(value);
      const at = isOwn(key) ? key.own : Number.NaN;
      if (list === undefined)
        throw new TemplateError(`template: error calling index: can't index item of type ${typeName(value)}`);
      if (!(at >= 0 && at < list.length))
        throw new TemplateError(`template: error calling index: index out of range: ${shown(key).slice(0, 80)}`);
      value = list[at];
    }
  }
  return value;
}

function lengthOf([value]: readonly Held[]): Held {
  if (typeof value === "string") return { own: new TextEncoder().encode(value).length };
  const list = listOf(value);
  if (list !== undefined) return { own: list.length };
  if (value instanceof ObjectValue) return { own: value.size };
  throw new TemplateError(`template: error calling len: len of type ${typeName(value)}`);
}

function slice(args: readonly Held[]): Held {
  const [value, from, to] = args;
  const at = (held: Held, otherwise: number): number => (isOwn(held) ? held.own : otherwise);
  const sliced = typeof value === "string" ? value : listOf(value);
  if (sliced === undefined) throw new TemplateError("template: error calling slice: can't slice item");
  const [start, end] = [at(from, 0), at(to, sliced.length)];
  if (start < 0 || end > sliced.length || start > end)
    throw new TemplateError("template: error calling slice: index out of range");
  return sliced.slice(start, end);
}

function escaped(text: string, replacements: ReadonlyMap<string, string>): string {
  return [...text].map((character) => replacements.get(character) ?? character).join("");
}

const html: ReadonlyMap<string, string> = new Map([
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ["\0", "\ufffd"],
]);
const js: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["'", "\\'"],
  ['"', '\\"'],
  ["<", "\\u003C"],
  [">", "\\u003E"],
  ["&", "\\u0026"],
  ["=", "\\u003D"],
  ["\n", "\\u000A"],
  ["\r", "\\u000D"],
  ["\t", "\\u0009"],
]);

const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["not", ([value]) => !isTrue(value)],
  ["len", lengthOf],
  ["index", index],
  ["slice", slice],
  ["print", print],
  ["println", (args) => `${args.map((arg) => shown(arg, true)).join(" ")}\n`],
  [
    "printf",
    ([format, ...args], allocate) => {
      if (typeof format !== "string") throw new TemplateError("template: wrong type for value; expected string");
      return sprintf(format, args.map(formatOperand), allocate);
    },
  ],
  ["html", (args) => escaped(print(args), html)],
  ["js", (args) => escaped(print(args), js)],
  ["urlquery", (args) => escapeUrl(print(args), "query")],
  [
    "eq",
    ([first, ...rest]) => {
      if (rest.length === 0) throw new TemplateError("template: error calling eq: missing argument for comparison");
      return rest.some((each) => equal(first, each));
    },
  ],
  ["ne", ([a, b]) => !equal(a, b)],
  ["lt", compared((result) => result < 0)],
  ["le", compared((result) => result <= 0)],
  ["gt", compared((result) => result > 0)],
  ["ge", compared((result) => result >= 0)],
]);

function formatOperand(value: Held): FormatOperand {
  if (isOwn(value))
    return Number.isInteger(value.own) ? { type: "int64", value: BigInt(value.own) } : { type: "float64", value: value.own };
  return { type: "string", value: value === null || value === undefined ? "<nil>" : shown(value, true) };
}
