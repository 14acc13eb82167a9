// What comprehensions that are still to be done may add: fields that one names are waited for, by what refers to them and by other
// comprehensions that are decided by them. Two that wait for each other are a cycle.
import type { Engine } from "./engine.ts";
import type { Expression, StructLiteral } from "./syntax.ts";
import type { Task, Vertex } from "./vertex.ts";

/** Whether a comprehension that is still to be done, other than the one that asks, names a field of a struct. */
export function isAwaited(engine: Engine, struct: Vertex, label: string): boolean {
  return around(engine, struct, [label], names);
}

/** Whether a comprehension other than the one that asks names a field that lies in a value. */
export function awaitedBelow(engine: Engine, { label, parent }: Vertex): boolean {
  return label !== "" && parent !== undefined && around(engine, parent, [label], fills);
}

function around(
  engine: Engine,
  inner: Vertex,
  below: readonly string[],
  adds: (struct: StructLiteral, path: readonly string[]) => boolean,
): boolean {
  let path = below;
  for (let at: Vertex | undefined = inner; at !== undefined; at = at.parent) {
    for (const task of pendingOf(engine, at)) {
      const { expression } = task.conjunct;
      if (task !== engine.current && expression.kind === "struct" && adds(expression, path)) return true;
    }
    if (at.label === "") break;
    path = [at.label, ...path];
  }
  return false;
}

/** Whether a comprehension in a struct names a field, whether or not it was yielded. */
export function isNamed(struct: Vertex, label: string): boolean {
  return struct.items.some((item) => {
    const expression = item.kind === "struct" ? item.conjunct.expression : undefined;
    if (expression?.kind !== "struct") return false;
    return expression.declarations.some((own) => own.kind === "comprehension" && names(own.value, [label]));
  });
}

/** The tasks of a vertex that were not tried, are being tried, or wait for one another. */
function pendingOf(engine: Engine, vertex: Vertex): readonly Task[] {
  const live = engine.live(vertex);
  if (live.tasks.length === 0 && live.running.length === 0) return [];
  const open = live.tasks.filter(({ blocked }) => blocked === undefined || blocked.code === "cycle");
  return [...live.running.slice(live.runningAt), ...open];
}

/** Whether a struct has the field at a path as it is written. */
function names(struct: StructLiteral, [label, ...rest]: readonly string[]): boolean {
  return struct.declarations.some((declaration) => {
    if (declaration.kind === "comprehension") return label !== undefined && names(declaration.value, [label, ...rest]);
    if (declaration.kind !== "field" || declaration.label !== label || declaration.constraint !== "") return false;
    return rest.length === 0 || (declaration.value.kind === "struct" && names(declaration.value, rest));
  });
}

/** Whether a struct has a field in the value at a path, as it is written. */
function fills(struct: StructLiteral, [label, ...rest]: readonly string[]): boolean {
  return struct.declarations.some((declaration) => {
    if (declaration.kind === "comprehension") return label !== undefined && fills(declaration.value, [label, ...rest]);
    if (declaration.kind !== "field" || declaration.label !== label || declaration.constraint !== "") return false;
    return (
      declaration.value.kind === "struct" && (rest.length === 0 ? hasField(declaration.value) : fills(declaration.value, rest))
    );
  });
}

function hasField({ declarations }: Extract<Expression, { kind: "struct" }>): boolean {
  return declarations.some((declaration) => declaration.kind === "field" && declaration.constraint === "");
}
