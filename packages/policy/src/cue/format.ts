// Values as CUE, on one line: for messages, and to tell whether two values are the same.
import type { Engine } from "./engine.ts";
import { formatExpression, formatLabel } from "./format-syntax.ts";
import { formatBound, formatKinds, isIncomplete, kinds, scalarKey, showScalar } from "./value.ts";
import { isDefinitionLabel, isIndexLabel, isStruct, type Validator, type Vertex } from "./vertex.ts";

interface Style {
  /** Tell apart what only looks the same, and leave nothing out. */
  readonly exact: boolean;
  readonly maxDepth: number;
  /** Called with each piece's length. */
  readonly spend: (length: number) => void;
  /** Validators that are being written: one whose arguments contain it would never end. */
  readonly within: Set<Validator>;
}

/** A value as CUE, cut short where it is deep or long. */
export function formatVertex(evaluator: Engine, vertex: Vertex): string {
  const text = write(evaluator, vertex, 0, {
    exact: false,
    maxDepth: 6,
    spend: () => evaluator.budget.step(),
    within: new Set(),
  });
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`;
}

/** A text that two values share only when they are the same. */
export function vertexKey(evaluator: Engine, vertex: Vertex): string {
  return write(evaluator, vertex, 0, exactStyle(evaluator));
}

/** A text that two validators share only when they ask the same. */
export function validatorKey(evaluator: Engine, validator: Validator): string {
  return writeValidator(evaluator, validator, exactStyle(evaluator));
}

function exactStyle({ budget }: Engine): Style {
  return { exact: true, maxDepth: Number.POSITIVE_INFINITY, spend: () => budget.step(), within: new Set() };
}

function writeValidator(evaluator: Engine, validator: Validator, style: Style): string {
  if (!style.exact || validator.arguments.length === 0 || style.within.has(validator)) return validator.name;
  style.within.add(validator);
  const written = validator.arguments.map((argument) => write(evaluator, argument, 0, style));
  style.within.delete(validator);
  return `${validator.name.replace(/\(.*/s, "")}(${written.join(",")})`;
}

function write(evaluator: Engine, outer: Vertex, depth: number, style: Style): string {
  style.spend(1);
  const vertex = evaluator.live(outer);
  if (vertex.state === "new" && vertex.items.length === 0) evaluator.settle(vertex);
  if (depth > style.maxDepth) return "…";
  if (vertex.alternatives !== undefined && vertex.alternatives.length > 1) {
    return vertex.alternatives
      .map((alternative) => (alternative.mode === 1 ? "*" : "") + write(evaluator, alternative.vertex, depth + 1, style))
      .join(" | ");
  }
  if (vertex.bottom !== undefined && !isIncomplete(vertex.bottom)) return "_|_";
  const parts = style.exact ? pendingKeys(vertex) : [];
  if (vertex.scalar !== undefined) parts.push(style.exact ? scalarKey(vertex.scalar.value) : showScalar(vertex.scalar.value));
  else if (vertex.mask === kinds.list) parts.push(writeList(evaluator, vertex, depth, style));
  else if (isStruct(vertex)) parts.push(writeStruct(evaluator, vertex, depth, style));
  else parts.push(...constraintParts(evaluator, vertex, style));
  if (style.exact && vertex.scalar !== undefined && vertex.arcs.size > 0)
    parts.push(writeStruct(evaluator, vertex, depth, style));
  return parts.length === 0
    ? vertex.tasks.length > 0
      ? formatExpression(
          vertex.tasks[0]?.conjunct.expression ?? { kind: "bottom", at: { source: { file: "", source: "" }, offset: 0 } },
        )
      : formatKinds(vertex.mask)
    : parts.join(" & ");
}

function pendingKeys(vertex: Vertex): string[] {
  return vertex.tasks.map(
    ({ conjunct: { expression } }) => `?${formatExpression(expression)}@${expression.at.source.file}:${expression.at.offset}`,
  );
}

function constraintParts(evaluator: Engine, vertex: Vertex, style: Style): string[] {
  const parts = [
    ...vertex.bounds.map((bound) => (style.exact ? bound.operator + scalarKey(bound.value) : formatBound(bound))),
    ...vertex.validators.map((validator) => writeValidator(evaluator, validator, style)),
  ];
  const implied = vertex.bounds.length > 0 || vertex.validators.length > 0;
  if (style.exact || !implied || vertex.mask === kinds.int || vertex.mask === kinds.float)
    parts.unshift(formatKinds(vertex.mask));
  if (style.exact) parts.sort();
  return vertex.tasks.length > 0 && !implied && vertex.mask === kinds.top ? [] : parts;
}

function writeList(evaluator: Engine, vertex: Vertex, depth: number, style: Style): string {
  const elements: string[] = [];
  for (const [label, arc] of vertex.arcs)
    if (isIndexLabel(label)) elements[Number(label)] = write(evaluator, arc, depth + 1, style);
  const open = vertex.listLengths.every((length) => length.open);
  const rests = style.exact
    ? vertex.listRests
        .map(({ conjunct }) => formatExpression(conjunct.expression))
        .sort()
        .join("&")
    : "";
  if (open) elements.push(`...${rests}`);
  return `[${elements.join(",")}]`;
}

function writeStruct(evaluator: Engine, vertex: Vertex, depth: number, style: Style): string {
  const fields: string[] = [];
  for (const [label, arc] of vertex.arcs) {
    if (isIndexLabel(label) || (!style.exact && (isDefinitionLabel(label) || arc.presence === "optional"))) continue;
    const mark = arc.presence === "member" ? "" : arc.presence === "optional" ? "?" : "!";
    // an optional field that contains its own struct would never end
    const value =
      arc.presence === "member" || !style.exact
        ? write(evaluator, arc, depth + 1, style)
        : arc.conjuncts
            .map(({ expression }) => formatExpression(expression))
            .sort()
            .join("&");
    fields.push(`${formatLabel(label)}${mark}:${value}`);
  }
  if (style.exact) {
    const patterns = new Set(vertex.patterns.map(({ text, conjunct }) => `[${text}]:${formatExpression(conjunct.expression)}`));
    fields.push(...patterns);
    fields.sort();
  }
  return `{${fields.join(", ")}}`;
}

/** The type of a value, for messages. */
export function describeType(vertex: Vertex): string {
  if (isStruct(vertex)) return "struct";
  return formatKinds(vertex.mask);
}
