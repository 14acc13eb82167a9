// Which fields a closed struct allows (language specification, "Closed structs", "Definitions and hidden fields", "Embedding").
//
// Each conjunct carries the chain of groups it came through. In a vertex these chains form a tree, and a field is allowed when the
// root of that tree allows it:
//  - a definition, a reference, or the top: its parts are unified. A part that is closed must have the field itself; when no part is
//    closed, one that has the field is enough. A definition is closed, whatever its parts are.
//  - a struct literal: it has its own fields and, besides them, those of what it embeds; it is closed when something embedded is. A field
//    that one embedding lacks is allowed when another mentions it.
import { fieldsOf } from "./conjunct.ts";
import type { Expression } from "./syntax.ts";
import { added, type Group, isAncestor, isRegularLabel, type Vertex } from "./vertex.ts";

interface Node {
  readonly group: Group | undefined;
  readonly children: Node[];
  readonly names: Set<string>;
  readonly matchers: ((name: string) => boolean)[];
  all: boolean;
  /** For a struct literal: it. */
  literal: Expression | undefined;
}

/** What asks whether a vertex, or a reference to it, allows a label; undefined when it allows all. */
export function allowance(vertex: Vertex, referred = false): ((label: string) => boolean) | undefined {
  if (!mayBeClosed(vertex) && !(referred && vertex.inDefinition)) return undefined;
  const root = buildTree(vertex);
  if (!isClosed(root, vertex) && !(referred && vertex.inDefinition)) return undefined;
  return (label) => !isRegularLabel(label) || has(root, label, vertex);
}

/** Whether anything could close a vertex: quick, for most that documents have are open. */
function mayBeClosed({ items, grants }: Vertex): boolean {
  let before: Group | undefined;
  for (let i = 0; i < items.length + grants.length; i++) {
    const item = items[i];
    const group = item === undefined ? grants[i - items.length]?.group : item.kind === "struct" ? item.group : undefined;
    if (group === undefined) continue;
    if (closes(group, before)) return true;
    before = group;
  }
  return false;
}

/** Whether a group or one around it closes what is in it, up to one that is known not to. */
export function closes(group: Group | undefined, known: Group | undefined): boolean {
  for (let at: Group | undefined = group; at !== undefined && at !== known; at = at.parent)
    if (at.kind === "definition" || at.kind === "close" || at.sealed) return true;
  return false;
}

/** Note which struct literals embed a definition without `...`: it closes what they themselves hold, down to where it has one. */
export function sealStructs(vertex: Vertex): void {
  const visit = (node: Node): void => {
    const { group } = node;
    const closed = node.children.filter((child) => child.group?.kind === "embedding" && isClosed(child, vertex, false));
    if (isStruct(node) && group !== undefined && closed.length > 0) {
      if (closed.some((child) => !isOpen(child))) group.sealed = true;
      else if (group.sealed && vertex.depth > group.depth) group.opened = added(group.opened, vertex);
    }
    for (const child of node.children) visit(child);
  };
  visit(buildTree(vertex));
}

function isOpen(node: Node): boolean {
  return node.all || node.children.some(isOpen);
}

function buildTree(vertex: Vertex): Node {
  const root = newNode(undefined);
  const nodes = new Map<Group | undefined, Node>([[undefined, root]]);
  const nodeOf = (group: Group | undefined): Node => {
    const known = nodes.get(group);
    if (known !== undefined) return known;
    const node = newNode(group);
    nodes.set(group, node);
    nodeOf(group?.parent).children.push(node);
    return node;
  };
  for (const item of vertex.items) if (item.kind === "struct") nodeOf(item.group).literal = item.conjunct.expression;
  for (const { group, grants } of vertex.grants) {
    const node = nodeOf(group);
    if (grants === true) node.all = true;
    else if (typeof grants === "string") node.names.add(grants);
    else if ("matches" in grants) node.matchers.push(grants.matches);
    else for (const { label } of fieldsOf(grants)) node.names.add(label);
  }
  return root;
}

function newNode(group: Group | undefined): Node {
  return { group, children: [], names: new Set(), matchers: [], all: false, literal: undefined };
}

/** Whether a part is closed; what `close` closes is closed at that depth alone. */
function isClosed(node: Node, vertex: Vertex, shallow = true): boolean {
  const { group } = node;
  if (group?.kind === "definition" || (shallow && group?.kind === "close" && group.depth === vertex.depth)) return true;
  if (isStruct(node) && group?.sealed === true && vertex.depth > group.depth)
    if (!group.opened.some((open) => isAncestor(open, vertex))) return true;
  return node.children.some((child) => isClosed(child, vertex, shallow));
}

function isStruct({ group }: Node): boolean {
  return group?.kind === "struct" || group?.kind === "files";
}

function has(node: Node, label: string, vertex: Vertex): boolean {
  if (grants(node, label)) return true;
  const embedded = isStruct(node) ? node.children.filter((child) => child.group?.kind === "embedding") : [];
  const own = embedded.length === 0 ? node.children : node.children.filter((child) => child.group?.kind !== "embedding");
  const closed = own.filter((child) => isClosed(child, vertex));
  if (
    closed.length > 0 &&
    !embedded.flatMap((child) => definitionsBelow(child, child)).every((child) => has(child, label, vertex))
  )
    return false;
  if (closed.length > 0) return closed.every((child) => has(child, label, vertex));
  if (own.some((child) => has(child, label, vertex))) return true;
  const shut = embedded.filter((child) => isClosed(child, vertex));
  if (shut.length === 0) return embedded.some((child) => has(child, label, vertex));
  // what one embedding lacks another may have, if only in a part of it
  const elsewhere = (child: Node): boolean =>
    embedded.some((other) => other !== child && mentions(other, label) && !isSame(other, child));
  return shut.every((child) => has(child, label, vertex) || elsewhere(child));
}

/** Whether two parts are one and the same, by two ways. */
function isSame(a: Node, b: Node): boolean {
  return (
    a.group?.kind === b.group?.kind &&
    a.literal === b.literal &&
    a.names.size === b.names.size &&
    a.children.length === b.children.length &&
    [...a.names].every((name) => b.names.has(name)) &&
    a.children.every((child, i) => isSame(child, b.children[i] ?? child))
  );
}

/** The definitions that a field of an embedded struct refers to: they are not embedded themselves. */
function definitionsBelow(node: Node, embedding: Node): Node[] {
  const isBelow = node.group?.kind === "definition" && node.group.depth > (embedding.group?.depth ?? 0);
  return isBelow ? [node] : node.children.flatMap((child) => definitionsBelow(child, embedding));
}

function grants(node: Node, label: string): boolean {
  return node.all || node.names.has(label) || node.matchers.some((matches) => matches(label.slice(1)));
}

function mentions(node: Node, label: string): boolean {
  return grants(node, label) || node.children.some((child) => mentions(child, label));
}
