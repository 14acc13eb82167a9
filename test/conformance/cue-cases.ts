// The official cases of CUE: txtar archives whose sources carry what is expected as @test attributes.
import {
  type Attribute,
  type CompiledCue,
  type CueSource,
  type CueView,
  compileCue,
  type Declaration,
  type Expression,
  inspectCue,
  type StructLiteral,
} from "@sigillum/policy/cue";

/** One expectation of an archive. */
export interface CueCase {
  readonly path: string;
  readonly directive: string;
  readonly arguments: readonly string[];
  readonly line: number;
  /** The paths of the archive where CUE's authors mark an expectation as wrong, or as not what is wanted: neither is asked of us. */
  readonly doubted: ReadonlySet<string>;
  /** The paths where they write down, beside the value that CUE gives, another one as what is wanted. */
  readonly wanted: ReadonlySet<string>;
  /** The paths where the archive expects that a validator does not hold for the time being. */
  readonly awaited: ReadonlySet<string>;
}

/** How a case ended: as expected, otherwise, or not asked of us, with the reason. */
export interface CueOutcome {
  readonly status: "pass" | "fail" | "outside";
  readonly reason: string;
}

/** The files of a txtar archive. */
export function parseArchive(text: string): Map<string, string> {
  const files = new Map<string, string>();
  let name: string | undefined;
  let lines: string[] = [];
  const end = (): void => {
    if (name !== undefined) files.set(name, `${lines.join("\n")}\n`);
    lines = [];
  };
  for (const line of text.split("\n")) {
    const match = /^-- (.+) --$/.exec(line);
    if (match === null) lines.push(line);
    else {
      end();
      name = match[1];
    }
  }
  end();
  return files;
}

/** The CUE sources of an archive's root folder. */
export function sourcesOf(files: ReadonlyMap<string, string>): CueSource[] {
  return [...files].filter(([name]) => name.endsWith(".cue") && !name.includes("/")).map(([file, source]) => ({ file, source }));
}

/** The package that a source declares. */
export function packageOf({ source }: CueSource): string {
  return /^package[ \t]+([\w$]+)/m.exec(source)?.[1] ?? "_";
}

/** Every expectation in the sources of a compiled archive. */
export function casesOf(compiled: CompiledCue): CueCase[] {
  const cases: CueCase[] = [];
  for (const { body } of compiled.files) fromStruct(body, [], cases);
  const doubted = new Set(cases.filter(isDoubted).map(({ path }) => path));
  const awaited = new Set(cases.filter(isAwaited).map(({ path, arguments: args }) => keyOf(placeOf(path, optionsOf(args)))));
  const wanted = new Set(cases.filter(({ directive }) => directive === "eq:todo").map(({ path }) => path));
  return cases.map((one) => ({ ...one, doubted, wanted, awaited }));
}

function isAwaited({ directive, arguments: args }: CueCase): boolean {
  return directive === "err" && args.includes("code=incomplete") && args.some((text) => text.includes("does not satisfy"));
}

function optionsOf(args: readonly string[]): Map<string, string> {
  return new Map(
    args
      .filter((argument) => /^[a-z]+=(?!=)/i.test(argument))
      .map((argument) => [argument.slice(0, argument.indexOf("=")), argument.slice(argument.indexOf("=") + 1).trim()]),
  );
}

/** The labels of what a case at a path asks about. */
function placeOf(path: string, options: ReadonlyMap<string, string>): string[] {
  const at = options.get("at");
  return [...path.split("\u0000"), ...(at === undefined ? [] : splitPath(at))];
}

function keyOf(labels: readonly string[]): string {
  return labels.filter((label) => label !== "").join("\u0000");
}

function isDoubted({ directive, arguments: args }: CueCase): boolean {
  return args.includes("incorrect") || directive === "err:todo";
}

function fromStruct(struct: StructLiteral, path: readonly string[], cases: CueCase[]): void {
  for (const attribute of struct.attributes) fromAttribute(attribute, path, cases);
  for (const declaration of struct.declarations) fromDeclaration(declaration, path, cases);
}

function fromDeclaration(declaration: Declaration, path: readonly string[], cases: CueCase[]): void {
  if (declaration.kind === "embedding") {
    fromExpression(declaration.value, path, cases);
    return;
  }
  if (declaration.kind !== "field" || typeof declaration.label !== "string") return;
  const here = [...path, declaration.label];
  for (const attribute of declaration.attributes) fromAttribute(attribute, here, cases);
  fromExpression(declaration.value, here, cases);
}

function fromExpression(expression: Expression, path: readonly string[], cases: CueCase[]): void {
  if (expression.kind === "struct") fromStruct(expression, path, cases);
  else if (expression.kind === "aliased") fromExpression(expression.value, path, cases);
  else if (expression.kind === "binary" && expression.operator === "&") {
    fromExpression(expression.left, path, cases);
    fromExpression(expression.right, path, cases);
  } else if (expression.kind === "list") {
    expression.elements.forEach((element, index) => {
      if (element.kind !== "comprehension") fromExpression(element, [...path, String(index)], cases);
    });
  }
}

function fromAttribute({ text, at }: Attribute, path: readonly string[], cases: CueCase[]): void {
  if (!text.startsWith("@test(")) return;
  const [directive = "", ...rest] = splitArguments(text.slice("@test(".length, -1));
  const line = at.source.source.slice(0, at.offset).split("\n").length;
  cases.push({
    path: path.join("\u0000"),
    directive,
    arguments: rest,
    line,
    doubted: new Set(),
    wanted: new Set(),
    awaited: new Set(),
  });
}

/** Arguments of an attribute: split at commas outside strings and brackets. */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"' || character === "'") at = endOfString(text, at);
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    } else if (text.startsWith("//", at)) at = Math.max(at, text.indexOf("\n", at) - 1);
  }
  parts.push(text.slice(from).trim());
  return parts;
}

function endOfString(text: string, start: number): number {
  const mark = text.startsWith('"""', start) || text.startsWith("'''", start) ? text.slice(start, start + 3) : text.charAt(start);
  let hashes = "";
  for (let at = start - 1; text.charAt(at) === "#"; at--) hashes += "#";
  for (let at = start + mark.length; at < text.length; at++) {
    if (text.startsWith(`\\${hashes}`, at)) at += hashes.length + 1;
    else if (text.startsWith(mark + hashes, at)) return at + mark.length + hashes.length - 1;
  }
  return text.length;
}

const skipped: Readonly<Record<string, string>> = {
  shareID: "sharing of structure is not observable in values",
  debug: "the debug printer's text",
  debugCheck: "the debug printer's text",
  permute: "asks the official runner to permute fields",
  ignore: "ignored by the official runner",
  skip: "skipped by the official runner",
  desc: "a description",
  "": "empty",
};

/** Whether a value is as a case expects it; where CUE does not give what its authors want, we need not give what it gives. */
export function runCase(root: CueView, one: CueCase): CueOutcome {
  const outcome = tryCase(root, one);
  return outcome.status === "fail" && one.directive === "eq" && one.wanted.has(one.path)
    ? { status: "outside", reason: "CUE does not give what its authors want there, and we give neither" }
    : outcome;
}

function tryCase(root: CueView, { path, directive, arguments: args, doubted, awaited }: CueCase): CueOutcome {
  const [name = "", flag] = directive.split(/[=:]/);
  const reason = skipped[name];
  if (reason !== undefined) return { status: "outside", reason };
  if (directive.includes(":todo") || directive.includes(":unknown"))
    return { status: "outside", reason: "marked as not held by CUE itself" };
  if (doubted.has(path)) return { status: "outside", reason: "marked as what CUE itself gets wrong" };
  if (directive.includes(":v")) return { status: "outside", reason: "for one version of the evaluator" };
  const options = optionsOf(args);
  const labels = placeOf(path, options);
  const view = find(root, labels);
  if (view === undefined)
    return name === "err"
      ? { status: "pass", reason: "no value" }
      : { status: "fail", reason: `there is no value at ${labels.join(".")}` };
  const refused = allErrors(view, 0).find((error) => error.code === "unsupported") ?? refusedAbove(root, labels);
  if (refused !== undefined)
    return { status: "outside", reason: `construct: ${refused.message.replace(" is outside the subset", "")}` };
  switch (name) {
    case "eq":
      return compareText(view, args.find((argument) => !/^[a-z]+=/.test(argument)) ?? "", {
        depth: 0,
        path: labels,
        doubted,
        awaited,
        isTerm: false,
      });
    case "err":
      return isRefused(root, labels) && options.get("contains") === '"field not allowed"'
        ? outcome(true, "")
        : checkError(view, options);
    case "closed":
      // no field can be added to a scalar, so that nothing shows whether it is closed
      if (view.kind === "scalar") return { status: "outside", reason: "asks whether a scalar is closed" };
      return outcome(view.closed === (flag !== "false"), `closed is ${view.closed}`);
    case "allows":
      return checkAllows(view, args[0] ?? "", flag !== "false");
    case "kind":
      return outcome(view.type === flag, `kind is ${view.type}`);
    default:
      return { status: "outside", reason: `the directive ${name}` };
  }
}

function outcome(holds: boolean, reason: string): CueOutcome {
  return holds ? { status: "pass", reason: "" } : { status: "fail", reason };
}

/** The official runner asks the Go interface, which goes by fields and patterns: it says yes where two closed structs differ. */
function checkAllows(view: CueView, argument: string, wanted: boolean): CueOutcome {
  if (argument === "string" || argument === "int") return { status: "outside", reason: "asks for a pattern, not for a field" };
  const name = argument.replace(/^"|"$/g, "");
  const allows = view.allows(name) || view.mentions(name);
  return outcome(allows === wanted, `allows ${name} is ${allows}`);
}

const codes: Readonly<Record<string, readonly string[]>> = {
  eval: ["eval", "user", "structural"],
  user: ["user", "eval"],
  structural_cycle: ["structural", "eval"],
  cycle: ["cycle", "incomplete", "structural", "eval"],
  incomplete: ["incomplete", "cycle"],
};

function checkError(view: CueView, options: ReadonlyMap<string, string>): CueOutcome {
  const errors = allErrors(view, 0);
  if (errors.length === 0) return { status: "fail", reason: `no error, but ${view.text}` };
  const code = options.get("code");
  const allowed = code === undefined ? undefined : codes[code];
  const found = errors.map((error) => error.code);
  const unsatisfied = /^"(does not satisfy [^"%]*)"$/.exec(options.get("contains") ?? "")?.[1];
  if (unsatisfied !== undefined && !errors.some(({ message }) => message.includes(unsatisfied)))
    return { status: "fail", reason: `expected "${unsatisfied}", found ${errors[0]?.message}` };
  return outcome(
    allowed === undefined || found.some((error) => allowed.includes(error)),
    `error of code ${found.join(", ")}, expected ${code}: ${errors[0]?.message}`,
  );
}

function allErrors(view: CueView, depth: number): { code: string; message: string }[] {
  const own = [view.error, view.inner, view.pending].filter((error) => error !== undefined);
  if (own.length > 0 || depth > 8) return own;
  const members = view.fields
    .filter(({ presence }) => presence === "member")
    .flatMap(({ value }) => allErrors(value(), depth + 1));
  const required = view.fields
    .filter(({ presence }) => presence === "required")
    .map(() => ({ code: "incomplete", message: "required" }));
  if (view.kind === "disjunction" && view.alternatives.filter(({ isDefault }) => isDefault).length !== 1)
    members.push({ code: "incomplete", message: "unresolved disjunction" });
  return [...members, ...required, ...view.elements.flatMap((element) => allErrors(element, depth + 1))];
}

function refusedAbove(root: CueView, path: readonly string[]): { code: string; message: string } | undefined {
  for (const index of path.keys()) {
    const { error } = find(root, path.slice(0, index)) ?? {};
    if (error?.code === "unsupported") return error;
  }
  return undefined;
}

/** Whether a field on the way is refused: what is below it is then, too. */
function isRefused(root: CueView, path: readonly string[]): boolean {
  return path.some((_, index) => find(root, path.slice(0, index))?.error?.message === "field not allowed");
}

function splitPath(path: string): string[] {
  return path === "."
    ? []
    : path
        .split(/\.|\[|\]/)
        .filter((part) => part !== "")
        .map((part) => (/^[#_0-9]/.test(part) ? part : `"${part.replace(/^"|"$/g, "")}`));
}

function find(root: CueView, path: readonly string[]): CueView | undefined {
  let view: CueView | undefined = root;
  for (const label of path) {
    if (label === "" || view === undefined) continue;
    const [only, second]: CueView["alternatives"] = view.alternatives.filter(({ isDefault }) => isDefault);
    if (view.kind === "disjunction" && only !== undefined && second === undefined) view = only.value;
    view = /^[0-9]/.test(label)
      ? view.elements[Number(label)]
      : view.fields.find((field) => rawLabel(field.label) === label)?.value();
  }
  return view;
}

function rawLabel(label: string): string {
  if (label.startsWith('"')) return `"${JSON.parse(label)}`;
  return label.startsWith("#") || label.startsWith("_") ? label : `"${label}`;
}

const packages = ["strings", "list", "struct", "math", "time", "regexp", "net", "strconv"];

/** Where in an archive's value a comparison stands. */
interface Spot {
  readonly depth: number;
  readonly path: readonly string[];
  readonly doubted: ReadonlySet<string>;
  readonly awaited: ReadonlySet<string>;
  /** Whether it lies in a value of a disjunction: of the errors there the archive shows none. */
  readonly isTerm: boolean;
}

function below(spot: Spot, label: string): Spot {
  return { ...spot, depth: spot.depth + 1, path: [...spot.path, label] };
}

/** Compare a value with the one that a text of CUE stands for. */
function compareText(view: CueView, text: string, spot: Spot): CueOutcome {
  const used = packages.filter((name) => new RegExp(`\\b${name}\\.`).test(text));
  if (/\bjson\./.test(text)) used.push("encoding/json");
  const source = `${used.map((name) => `import "${name}"\n`).join("")}x: ${text.replaceAll(/\$[a-zA-Z_]+/g, "")}`;
  let compiled: CompiledCue;
  try {
    compiled = compileCue([{ file: "expected", source }]);
  } catch (error) {
    return { status: "outside", reason: `the expected value cannot be written as CUE: ${String(error).slice(0, 100)}` };
  }
  const declaration = compiled.files[0]?.body.declarations.find(({ kind }) => kind === "field");
  const expected = find(inspectCue(compiled), ['"x']);
  if (expected === undefined || declaration?.kind !== "field")
    return { status: "outside", reason: "the expected value is empty" };
  const difference = compareViews(view, expected, declaration.value, spot);
  return outcome(difference === undefined, difference ?? "");
}

/** Where two values differ; undefined when they do not. */
function compareViews(found: CueView, expected: CueView, syntax: Expression | undefined, spot: Spot): string | undefined {
  if (spot.depth > 30) return undefined;
  if (expected.kind === "error") return allErrors(found, 0).length > 0 ? undefined : `found ${found.text}, expected an error`;
  if (found.kind === "disjunction" || expected.kind === "disjunction") return compareAlternatives(found, expected, spot);
  // a struct that fails a validator for the time being is compared by what is in it, where the error has a case of its own
  const waits =
    found.error?.code === "incomplete" &&
    found.error.message.includes("does not satisfy") &&
    (spot.isTerm || spot.awaited.has(keyOf(spot.path)));
  if (waits && found.kind === "error" && expected.kind === "struct") return compareFields(found, expected, syntax, spot);
  if (found.kind !== expected.kind)
    return `found ${found.kind} ${found.text} (${found.error?.message ?? ""}), expected ${expected.kind} ${expected.text}`;
  if (found.kind === "list") return compareLists(found, expected, syntax, spot);
  if ((found.kind === "scalar" || found.kind === "constraint") && found.fields.length === 0 && !sameKey(found, expected))
    return `found ${found.text}, expected ${expected.text}`;
  return compareFields(found, expected, syntax, spot);
}

/** Whether scalars or constraints are one; an argument of a validator that CUE has not evaluated, it prints as _|_. */
function sameKey(found: CueView, expected: CueView): boolean {
  if (found.key === expected.key || !/[(,[]_\|_/.test(expected.key)) return found.key === expected.key;
  const literal = expected.key.split("_|_").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".+")}$`, "s").test(found.key);
}

function compareAlternatives(found: CueView, expected: CueView, spot: Spot): string | undefined {
  const [left, right] = [distinct(found, spot), distinct(expected, spot)];
  const same =
    left.length === right.length &&
    left.every(({ value, isDefault }) =>
      right.some(
        (other) => other.isDefault === isDefault && compareViews(value, other.value, undefined, term(spot)) === undefined,
      ),
    );
  return same ? undefined : `found ${found.text}, expected ${expected.text}`;
}

/** The values of a disjunction without repetition; the expected value, being evaluated, has none either. */
function distinct(view: CueView, spot: Spot): { value: CueView; isDefault: boolean }[] {
  if (view.kind !== "disjunction") return [{ value: view, isDefault: false }];
  const kept: { value: CueView; isDefault: boolean }[] = [];
  for (const alternative of view.alternatives) {
    const before = kept.find(({ value }) => compareViews(value, alternative.value, undefined, term(spot)) === undefined);
    if (before === undefined) kept.push({ ...alternative });
    else before.isDefault ||= alternative.isDefault;
  }
  const [only] = kept;
  return kept.length === 1 && only !== undefined ? [{ ...only, isDefault: false }] : kept;
}

function term(spot: Spot): Spot {
  return { ...below(spot, ""), isTerm: true };
}

function compareLists(found: CueView, expected: CueView, syntax: Expression | undefined, spot: Spot): string | undefined {
  if (found.elements.length !== expected.elements.length) return `found ${found.text}, expected ${expected.text}`;
  for (const [index, element] of found.elements.entries()) {
    const other = expected.elements[index];
    const part = syntax?.kind === "list" ? syntax.elements[index] : undefined;
    const difference =
      other === undefined
        ? "an element more"
        : compareViews(element, other, part?.kind === "comprehension" ? undefined : part, below(spot, String(index)));
    if (difference !== undefined) return `${index}: ${difference}`;
  }
  return undefined;
}

function compareFields(found: CueView, expected: CueView, syntax: Expression | undefined, spot: Spot): string | undefined {
  const wanted = new Map(expected.fields.map((field) => [field.label, field]));
  for (const field of found.fields) {
    const other = wanted.get(field.label);
    const attributes = attributesOf(syntax, field.label);
    const at = below(spot, rawLabel(field.label));
    wanted.delete(field.label);
    if (attributes.some((text) => /@test\((ignore|err)/.test(text)) || spot.doubted.has(at.path.join("\u0000"))) continue;
    if (other === undefined) {
      if (field.presence === "optional") continue;
      return `found the field ${field.label}, which is not expected`;
    }
    if (field.presence !== other.presence) return `${field.label} is ${field.presence}, expected ${other.presence}`;
    const difference = compareViews(field.value(), other.value(), fieldValue(syntax, field.label), at);
    if (difference !== undefined) return `${field.label}: ${difference}`;
  }
  for (const [label, field] of wanted)
    if (field.presence === "member" && !attributesOf(syntax, label).some((text) => /@test\((ignore|err)/.test(text)))
      return `the field ${label} is missing`;
  return undefined;
}

function fieldOf(syntax: Expression | undefined, label: string): Extract<Declaration, { kind: "field" }> | undefined {
  if (syntax?.kind !== "struct") return undefined;
  for (const declaration of syntax.declarations)
    if (declaration.kind === "field" && declaration.label === rawLabel(label)) return declaration;
  return undefined;
}

function attributesOf(syntax: Expression | undefined, label: string): string[] {
  return (fieldOf(syntax, label)?.attributes ?? []).map(({ text }) => text);
}

function fieldValue(syntax: Expression | undefined, label: string): Expression | undefined {
  return fieldOf(syntax, label)?.value;
}
