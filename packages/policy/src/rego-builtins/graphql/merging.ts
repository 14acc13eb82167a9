// October 2021 §5.3.2: fields that end up under one name in the answer must be one field.
import { GraphqlError, type Node, showType, showValue, typeName } from "./node.ts";
import { fieldOf, type Schema } from "./schema.ts";

interface Selected {
  readonly field: Node;
  readonly parent: Node | undefined;
  readonly definition: Node | undefined;
}

/** Throws `GraphqlError` when two selections cannot be merged. */
export function checkMerging(document: Node, schema: Schema, spend: (steps: number) => void): void {
  const merging = new Merging(document, schema, spend);
  for (const operation of document.list("Operations")) {
    const root = schema.roots.get(operation.text("Operation") || "query");
    merging.check([[operation.list("SelectionSet"), root === undefined ? undefined : schema.types.get(root)]], false);
  }
  for (const fragment of document.list("Fragments"))
    merging.check([[fragment.list("SelectionSet"), schema.types.get(fragment.text("TypeCondition"))]], false);
}

type SelectionSets = readonly (readonly [selections: readonly Node[], parent: Node | undefined])[];

class Merging {
  readonly #fragments: ReadonlyMap<string, Node>;
  readonly #schema: Schema;
  readonly #spend: (steps: number) => void;

  constructor(document: Node, schema: Schema, spend: (steps: number) => void) {
    this.#fragments = new Map(document.list("Fragments").map((fragment) => [fragment.text("Name"), fragment]));
    this.#schema = schema;
    this.#spend = spend;
  }

  /** The selections of several sets together; `shapeOnly`: they belong to objects that are never the same. */
  check(sets: SelectionSets, shapeOnly: boolean): void {
    const byName = new Map<string, Selected[]>();
    for (const [selections, parent] of sets) this.#collect(selections, parent, byName, new Set());
    for (const [name, selected] of byName) {
      const [first] = selected;
      if (first === undefined) continue;
      let apart = shapeOnly;
      for (const other of selected.slice(1)) {
        this.#spend(4);
        const exclusive = shapeOnly || areExclusive(first.parent, other.parent);
        apart ||= exclusive;
        const reason = conflict(first, other, exclusive) ?? this.#shapes(first, other);
        if (reason !== undefined)
          throw new GraphqlError(
            `Fields "${name}" conflict because ${reason}. Use different aliases on the fields to fetch both if this was intentional`,
            first.field.place,
          );
      }
      const inner = selected.map(({ field, definition }) => {
        const type = this.#schema.types.get(typeName(definition?.node("Type")));
        return [field.list("SelectionSet"), type] as const;
      });
      if (inner.some(([list]) => list.length > 0)) this.check(inner, apart);
    }
  }

  #collect(selections: readonly Node[], parent: Node | undefined, byName: Map<string, Selected[]>, seen: Set<string>): void {
    for (const selection of selections) {
      this.#spend(2);
      if (selection.fields.has("Alias")) {
        const list = byName.get(selection.text("Alias")) ?? [];
        list.push({ field: selection, parent, definition: fieldOf(this.#schema, parent, selection.text("Name")) });
        byName.set(selection.text("Alias"), list);
        continue;
      }
      const isInline = selection.fields.has("SelectionSet");
      const name = selection.text("Name");
      if (!isInline && seen.has(name)) continue;
      if (!isInline) seen.add(name);
      const fragment = isInline ? selection : this.#fragments.get(name);
      if (fragment === undefined) continue;
      const condition = fragment.text("TypeCondition");
      const type = condition === "" ? parent : this.#schema.types.get(condition);
      this.#collect(fragment.list("SelectionSet"), type, byName, seen);
    }
  }

  /** October 2021 §5.3.2: SameResponseShape, of the types themselves. */
  #shapes(a: Selected, b: Selected): string | undefined {
    const [left, right] = [a.definition?.node("Type"), b.definition?.node("Type")];
    if (left === undefined || right === undefined || this.#sameShape(left, right)) return undefined;
    return `they return conflicting types "${showType(left)}" and "${showType(right)}"`;
  }

  #sameShape(a: Node, b: Node): boolean {
    if (a.flag("NonNull") !== b.flag("NonNull")) return false;
    const [left, right] = [a.node("Elem"), b.node("Elem")];
    if (left !== undefined || right !== undefined)
      return left !== undefined && right !== undefined && this.#sameShape(left, right);
    const isLeaf = (type: Node): boolean =>
      ["SCALAR", "ENUM"].includes(this.#schema.types.get(type.text("NamedType"))?.text("Kind") ?? "");
    return !(isLeaf(a) || isLeaf(b)) || a.text("NamedType") === b.text("NamedType");
  }
}

/** Two object types of which an object is never both. */
function areExclusive(a: Node | undefined, b: Node | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.text("Name") !== b.text("Name") &&
    [a, b].every((type) => type.text("Kind") === "OBJECT")
  );
}

function conflict(a: Selected, b: Selected, exclusive: boolean): string | undefined {
  if (exclusive) return undefined;
  const [left, right] = [a.field.text("Name"), b.field.text("Name")];
  if (left !== right) return `"${left}" and "${right}" are different fields`;
  const shown = ({ field }: Selected): string =>
    field
      .list("Arguments")
      .map((argument) => `${argument.text("Name")}:${showValue(argument.node("Value"))}`)
      .sort()
      .join(",");
  return shown(a) === shown(b) ? undefined : "they have differing arguments";
}
