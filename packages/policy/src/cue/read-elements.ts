// The elements of a document's list that must become vertices: all that are not seen to fit their constraints as they are.
import { closes } from "./closedness.ts";
import { allOf, type CheckScope, type DataCheck, dataCheck, neverKnown } from "./data-check.ts";
import type { Engine } from "./engine.ts";
import { added, type Conjunct, type Environment, Vertex } from "./vertex.ts";

/** Make vertices of the elements of a list that are not seen to fit at once; the others have no errors. */
export function readElements(engine: Engine, vertex: Vertex): void {
  const { unreadElements: unread, listRests: rests } = vertex;
  if (unread === undefined || rests.length === 0) return;
  const isSimple = !vertex.inDefinition && !closes(unread.conjunct.group, undefined);
  const from = Math.min(...rests.map((rest) => rest.from));
  // that one of several begins later is left to unification
  const isLevel = rests.every((rest) => rest.from === from);
  const check =
    isSimple && isLevel ? allOf(rests.map(({ conjunct }) => conjunctCheck(engine, vertex, conjunct, []))) : neverKnown;
  const { values } = unread.list;
  for (let i = from; i < values.length; i++) if (!check(engine, values[i] ?? null)) vertex.arc(String(i));
}

/** The check of a conjunct; `within` are the fields whose conjuncts lead to it, each of which is looked at once. */
function conjunctCheck(engine: Engine, list: Vertex, conjunct: Conjunct, within: readonly Vertex[], closed = false): DataCheck {
  const { environment, expression, group } = conjunct;
  const scope: CheckScope = {
    closes: closed || closes(group, undefined),
    depth: 0,
    named: (label, up) => {
      const field = fieldOf(engine, environment, label, up);
      if (field === undefined || within.includes(field) || within.length > 8) return neverKnown;
      watch(engine, list, field);
      const isClosed = scope.closes || field.inDefinition;
      return allOf(field.conjuncts.map((own) => conjunctCheck(engine, list, own, [...within, field], isClosed)));
    },
  };
  return dataCheck(expression, scope);
}

/** The field of a scope, when all that it is are its conjuncts: nothing of it is on trial or refused. */
function fieldOf(engine: Engine, environment: Environment, label: string, up: number): Vertex | undefined {
  let at: Environment | undefined = environment;
  for (let i = 0; i < up; i++) at = at?.up;
  const struct = at?.vertex;
  if (struct === undefined || engine.live(struct) !== struct || isOnTrial(struct)) return undefined;
  const field = struct.arc(label);
  const isKnown = field !== undefined && field.presence === "member" && field.bottom === undefined && !isOnTrial(field);
  return isKnown && field.conjuncts.length > 0 && field.conjuncts.every(({ cyclic }) => !cyclic) ? field : undefined;
}

function isOnTrial({ standIn, copyOf }: Vertex): boolean {
  return standIn !== undefined || copyOf !== undefined;
}

/** When a field that was looked at gets one more conjunct, its list becomes vertices, and is finished anew. */
function watch(engine: Engine, list: Vertex, field: Vertex): void {
  const watcher = new Vertex(list, "");
  watcher.state = "settled";
  watcher.finished = "yes";
  engine.budget.allocate(512);
  const adapt = (conjunct: Conjunct): Conjunct => {
    void list.arcs;
    return conjunct;
  };
  field.dependents = added(field.dependents, { vertex: watcher, adapt });
}
