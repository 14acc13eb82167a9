// Functions over graphs, which are objects from a vertex to its neighbours, and `walk` over the tree that any value is.
import { anyType, arrayOf, type Builtin, type BuiltinContext, objectOf, oneOf, setOf, tupleOf } from "../rego/index.ts";
import { isArray, ObjectValue, SetBuilder, SetValue, type Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";

const listOrSet = oneOf(arrayOf(anyType), setOf(anyType));
const graph = objectOf(anyType, listOrSet);

/** The functions of this file. */
export const graphs: readonly Builtin[] = [
  define("graph.reachable", [graph, listOrSet], setOf(anyType), reachable),
  define("graph.reachable_paths", [graph, listOrSet], setOf(arrayOf(anyType)), reachablePaths),
  {
    name: "walk",
    args: [anyType],
    result: tupleOf(arrayOf(anyType), anyType),
    evaluate: (context, args) => [...walk(context, [], args[0] ?? null)],
    enumerate: (context, args) => walk(context, [], args[0] ?? null),
  },
];

function neighbours(value: Value): readonly Value[] {
  return isArray(value) ? value : value instanceof SetValue ? value.values() : [];
}

function start(call: Call): readonly Value[] {
  return call.items(2, "{array, set}");
}

function reachable(call: Call): Value {
  const edges = call.object(1);
  const queue = [...start(call)];
  const reached = new SetBuilder();
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    call.step();
    const to = edges.get(next);
    if (to === undefined || !reached.add(next)) continue;
    const more = neighbours(to);
    call.elements(more.length);
    queue.push(...more);
  }
  return reached.finish();
}

function reachablePaths(call: Call): Value {
  const edges = call.object(1);
  const paths = new SetBuilder();
  for (const vertex of start(call)) {
    const to = edges.get(vertex);
    if (to === undefined) continue;
    const more = neighbours(to);
    if (more.length === 0) paths.add([vertex]);
    for (const neighbour of more) follow(call, edges, neighbour, [vertex], paths);
  }
  return paths.finish();
}

/** A path ends at a vertex without neighbours, before one that is no vertex, and before one it already holds. */
function follow(call: Call, edges: ObjectValue, vertex: Value, before: readonly Value[], paths: SetBuilder): void {
  call.elements(before.length + 1);
  const to = edges.get(vertex);
  if (to === undefined) {
    paths.add(before);
    return;
  }
  const path = [...before, vertex];
  const more = neighbours(to);
  if (more.length === 0) paths.add(path);
  const reached = SetValue.of(path);
  call.context.budget.enter();
  for (const neighbour of more) {
    if (reached.has(neighbour)) paths.add(path);
    else follow(call, edges, neighbour, path, paths);
  }
  call.context.budget.leave();
}

/** Every value inside a value with the path to it, each before what stands inside it. */
function* walk(context: BuiltinContext, path: readonly Value[], value: Value): Generator<Value> {
  // paths are short-lived: they cost steps, and bytes only where the evaluator keeps them
  context.budget.step(1 + (path.length >> 3));
  yield [path, value];
  for (const [key, inner] of children(value)) yield* walk(context, [...path, key], inner);
}

function children(value: Value): Iterable<readonly [Value, Value]> {
  if (isArray(value)) return value.entries();
  if (value instanceof ObjectValue) return value.entries();
  if (value instanceof SetValue) return value.values().map((member) => [member, member] as const);
  return [];
}
