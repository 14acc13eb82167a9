// An executable document held against a type system (GraphQL October 2021 §5).

import { checkMerging } from "./merging.ts";
import { GraphqlError, type Node, showType, showValue, typeName, valueKinds } from "./node.ts";
import { fieldOf, named, type Schema } from "./schema.ts";

/** Hold a document against the rules; throws `GraphqlError` for the first that it breaks. */
export function validateQuery(document: Node, schema: Schema, spend: (steps: number) => void): void {
  const validator = new QueryValidator(document, schema, spend);
  validator.document();
  checkMerging(document, schema, spend);
}

const composite = ["OBJECT", "INTERFACE", "UNION"];

class QueryValidator {
  readonly #document: Node;
  readonly #schema: Schema;
  readonly #spend: (steps: number) => void;
  readonly #fragments = new Map<string, Node>();
  /** Of the operation that is walked: its variables, those used, and the fragments seen. */
  #variables: readonly Node[] | undefined;
  #used = new Set<string>();
  #spread = new Set<string>();
  readonly #spreadAnywhere = new Set<string>();

  constructor(document: Node, schema: Schema, spend: (steps: number) => void) {
    this.#document = document;
    this.#schema = schema;
    this.#spend = spend;
  }

  document(): void {
    for (const fragment of this.#document.list("Fragments")) {
      const name = fragment.text("Name");
      if (this.#fragments.has(name)) throw new GraphqlError(`There can be only one fragment named "${name}"`, fragment.place);
      this.#fragments.set(name, fragment);
    }
    const operations = this.#document.list("Operations");
    const names = new Set<string>();
    for (const operation of operations) {
      const name = operation.text("Name");
      if (names.has(name)) throw new GraphqlError(`There can be only one operation named "${name}"`, operation.place);
      names.add(name);
      if (name === "" && operations.length > 1)
        throw new GraphqlError("This anonymous operation must be the only defined operation", operation.place);
    }
    for (const operation of operations) this.#operation(operation);
    this.#variables = undefined;
    for (const fragment of this.#fragments.values()) this.#fragmentDefinition(fragment);
    this.#cycles();
  }

  #operation(operation: Node): void {
    const kind = operation.text("Operation") || "query";
    const root = this.#schema.roots.get(kind);
    const type = root === undefined ? undefined : this.#schema.types.get(root);
    if (type === undefined) throw new GraphqlError(`Schema does not support operation type "${kind}"`, operation.place);
    this.#variables = operation.list("VariableDefinitions");
    this.#used = new Set();
    this.#spread = new Set();
    const names = new Set<string>();
    for (const variable of this.#variables) this.#variableDefinition(variable, names);
    this.#directives(operation.list("Directives"), kind.toUpperCase());
    this.#selections(operation.list("SelectionSet"), type);
    if (kind === "subscription") this.#subscription(operation);
    for (const variable of this.#variables) {
      const name = variable.text("Variable");
      if (this.#used.has(name)) continue;
      const where = operation.text("Name") === "" ? "" : ` in operation "${operation.text("Name")}"`;
      throw new GraphqlError(`Variable "$${name}" is never used${where}`, variable.place);
    }
  }

  #variableDefinition(variable: Node, names: Set<string>): void {
    const name = variable.text("Variable");
    const type = variable.node("Type");
    if (names.has(name)) throw new GraphqlError(`There can be only one variable named "$${name}"`, variable.place);
    names.add(name);
    const definition = this.#schema.types.get(typeName(type));
    if (definition === undefined) throw new GraphqlError(`Unknown type "${typeName(type)}"`, variable.place);
    if (composite.includes(definition.text("Kind")))
      throw new GraphqlError(`Variable "$${name}" cannot be non-input type "${showType(type)}"`, variable.place);
    const value = variable.node("DefaultValue");
    if (value !== undefined) this.#value(value, type, false);
    this.#directives(variable.list("Directives"), "VARIABLE_DEFINITION");
  }

  #fragmentDefinition(fragment: Node): void {
    const name = fragment.text("Name");
    const type = this.#condition(fragment, `Fragment "${name}"`);
    this.#spread = new Set();
    this.#directives(fragment.list("Directives"), "FRAGMENT_DEFINITION");
    this.#selections(fragment.list("SelectionSet"), type);
    if (!this.#spreadAnywhere.has(name)) throw new GraphqlError(`Fragment "${name}" is never used`, fragment.place);
  }

  /** The type of a fragment's condition. */
  #condition(fragment: Node, what: string): Node {
    const name = fragment.text("TypeCondition");
    const type = this.#schema.types.get(name);
    if (type === undefined) throw new GraphqlError(`Unknown type "${name}"`, fragment.place);
    if (!composite.includes(type.text("Kind")))
      throw new GraphqlError(`${what} cannot condition on non composite type "${name}"`, fragment.place);
    return type;
  }

  #selections(list: readonly Node[], parent: Node | undefined): void {
    for (const selection of list) {
      this.#spend(2);
      if (selection.fields.has("Alias")) this.#field(selection, parent);
      else if (selection.fields.has("Name") && !selection.fields.has("SelectionSet")) this.#fragmentSpread(selection, parent);
      else this.#inlineFragment(selection, parent);
    }
  }

  #field(field: Node, parent: Node | undefined): void {
    const name = field.text("Name");
    const definition = fieldOf(this.#schema, parent, name);
    if (parent !== undefined && definition === undefined)
      throw new GraphqlError(`Cannot query field "${name}" on type "${parent.text("Name")}"`, field.place);
    const type = this.#schema.types.get(typeName(definition?.node("Type")));
    this.#arguments(
      field.list("Arguments"),
      definition?.list("Arguments"),
      (argument) => `Unknown argument "${argument}" on field "${parent?.text("Name") ?? ""}.${name}"`,
    );
    for (const wanted of definition?.list("Arguments") ?? []) {
      if (!isRequired(wanted) || named(field.list("Arguments"), wanted.text("Name")) !== undefined) continue;
      const shown = `Field "${name}" argument "${wanted.text("Name")}" of type "${showType(wanted.node("Type"))}"`;
      throw new GraphqlError(`${shown} is required, but it was not provided`, field.place);
    }
    this.#directives(field.list("Directives"), "FIELD");
    const selections = field.list("SelectionSet");
    if (definition !== undefined && type !== undefined) {
      const shown = showType(definition.node("Type"));
      const isLeaf = !composite.includes(type.text("Kind"));
      if (isLeaf && selections.length > 0)
        throw new GraphqlError(
          `Field "${name}" must not have a selection since type "${type.text("Name")}" has no subfields`,
          field.place,
        );
      if (!isLeaf && selections.length === 0)
        throw new GraphqlError(`Field "${name}" of type "${shown}" must have a selection of subfields`, field.place);
    }
    this.#selections(selections, type);
  }

  #inlineFragment(fragment: Node, parent: Node | undefined): void {
    let type = parent;
    if (fragment.text("TypeCondition") !== "") {
      type = this.#condition(fragment, "Fragment");
      if (parent !== undefined && !this.#overlaps(parent, type))
        throw new GraphqlError(
          `Fragment cannot be spread here as objects of type "${parent.text("Name")}" can never be of type "${type.text("Name")}"`,
          fragment.place,
        );
    }
    this.#directives(fragment.list("Directives"), "INLINE_FRAGMENT");
    this.#selections(fragment.list("SelectionSet"), type);
  }

  #fragmentSpread(spread: Node, parent: Node | undefined): void {
    const name = spread.text("Name");
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) throw new GraphqlError(`Unknown fragment "${name}"`, spread.place);
    this.#spreadAnywhere.add(name);
    const type = this.#condition(fragment, `Fragment "${name}"`);
    if (parent !== undefined && !this.#overlaps(parent, type))
      throw new GraphqlError(
        `Fragment "${name}" cannot be spread here as objects of type "${parent.text("Name")}" can never be of type "${type.text("Name")}"`,
        spread.place,
      );
    this.#directives(spread.list("Directives"), "FRAGMENT_SPREAD");
    if (this.#spread.has(name)) return;
    this.#spread.add(name);
    this.#directives(fragment.list("Directives"), "FRAGMENT_DEFINITION");
    this.#selections(fragment.list("SelectionSet"), type);
  }

  /** Whether an object may be of both types. */
  #overlaps(a: Node, b: Node): boolean {
    const [left, right] = [this.#schema.possible.get(a.text("Name")), this.#schema.possible.get(b.text("Name"))];
    return left !== undefined && right !== undefined && [...left].some((name) => right.has(name));
  }

  #arguments(given: readonly Node[], known: readonly Node[] | undefined, unknown: (name: string) => string): void {
    const seen = new Set<string>();
    for (const argument of given) {
      const name = argument.text("Name");
      if (seen.has(name)) throw new GraphqlError(`There can be only one argument named "${name}"`, argument.place);
      seen.add(name);
      const definition = known && named(known, name);
      if (known !== undefined && definition === undefined) throw new GraphqlError(unknown(name), argument.place);
      const value = argument.node("Value");
      if (value !== undefined) this.#value(value, definition?.node("Type"), hasDefault(definition));
    }
  }

  #directives(list: readonly Node[], location: string): void {
    const seen = new Set<string>();
    for (const use of list) {
      const name = use.text("Name");
      const definition = this.#schema.directives.get(name);
      if (definition === undefined) throw new GraphqlError(`Unknown directive "@${name}"`, use.place);
      if (!definition.texts("Locations").includes(location))
        throw new GraphqlError(`Directive "@${name}" may not be used on ${location}`, use.place);
      if (seen.has(name) && !definition.flag("IsRepeatable"))
        throw new GraphqlError(`The directive "@${name}" can only be used once at this location`, use.place);
      seen.add(name);
      this.#arguments(
        use.list("Arguments"),
        definition.list("Arguments"),
        (argument) => `Unknown argument "${argument}" on directive "@${name}"`,
      );
      for (const wanted of definition.list("Arguments")) {
        if (!isRequired(wanted) || named(use.list("Arguments"), wanted.text("Name")) !== undefined) continue;
        const shown = `Directive "@${name}" argument "${wanted.text("Name")}" of type "${showType(wanted.node("Type"))}"`;
        throw new GraphqlError(`${shown} is required, but it was not provided`, use.place);
      }
    }
  }

  /** A value where one of a type is expected; without a type its variables alone are looked at. */
  #value(value: Node, type: Node | undefined, typeHasDefault: boolean): void {
    this.#spend(1);
    const kind = value.number("Kind");
    if (kind === valueKinds.variable) {
      this.#variable(value, type, typeHasDefault);
      return;
    }
    const definition = type && this.#schema.types.get(typeName(type));
    if (kind === valueKinds.list) {
      const element = type?.node("Elem");
      for (const child of value.list("Children")) {
        const item = child.node("Value");
        if (item !== undefined) this.#value(item, element, false);
      }
      if (definition !== undefined && element === undefined && !isCustomScalar(definition))
        throw wrongType(value, type, definition);
      return;
    }
    if (kind === valueKinds.object) {
      this.#object(value, type, definition);
      return;
    }
    if (definition === undefined || type === undefined) return;
    if (kind === valueKinds.null) {
      if (type.flag("NonNull")) throw new GraphqlError(`Expected value of type "${showType(type)}", found null`, value.place);
      return;
    }
    checkLeaf(value, type, definition);
  }

  #object(value: Node, type: Node | undefined, definition: Node | undefined): void {
    const seen = new Set<string>();
    const isInput = definition?.text("Kind") === "INPUT_OBJECT";
    for (const child of value.list("Children")) {
      const name = child.text("Name");
      if (seen.has(name)) throw new GraphqlError(`There can be only one input field named "${name}"`, child.place);
      seen.add(name);
      const field = isInput ? named(definition.list("Fields"), name) : undefined;
      if (isInput && field === undefined)
        throw new GraphqlError(`Field "${name}" is not defined by type "${definition.text("Name")}"`, child.place);
      const item = child.node("Value");
      if (item !== undefined) this.#value(item, field?.node("Type"), hasDefault(field));
    }
    if (definition === undefined) return;
    if (!isInput) {
      if (!isCustomScalar(definition)) throw wrongType(value, type, definition);
      return;
    }
    for (const field of definition.list("Fields")) {
      if (!isRequired(field) || seen.has(field.text("Name"))) continue;
      const shown = `${definition.text("Name")}.${field.text("Name")}`;
      throw new GraphqlError(`Field "${shown}" of required type "${showType(field.node("Type"))}" was not provided`, value.place);
    }
    if (named(definition.list("Directives"), "oneOf") !== undefined && value.list("Children").length !== 1)
      throw new GraphqlError(`OneOf Input Object "${definition.text("Name")}" must specify exactly one key`, value.place);
  }

  #variable(value: Node, type: Node | undefined, typeHasDefault: boolean): void {
    if (this.#variables === undefined) return;
    const name = value.text("Raw");
    const variable = this.#variables.find((each) => each.text("Variable") === name);
    if (variable === undefined) throw new GraphqlError(`Variable "$${name}" is not defined`, value.place);
    this.#used.add(name);
    const given = variable.node("Type");
    if (type === undefined || given === undefined) return;
    const value_ = variable.node("DefaultValue");
    const isGiven = value_ !== undefined && value_.number("Kind") !== valueKinds.null;
    // October 2021 §5.8.5: a default on either side lets a nullable variable stand where no null may
    const wanted =
      type.flag("NonNull") && !given.flag("NonNull") && (isGiven || typeHasDefault) ? type.with({ NonNull: false }) : type;
    if (isCompatible(given, wanted)) return;
    throw new GraphqlError(
      `Variable "$${name}" of type "${showType(given)}" used in position expecting type "${showType(type)}"`,
      value.place,
    );
  }

  #subscription(operation: Node): void {
    const name =
      operation.text("Name") === "" ? "Anonymous Subscription" : `Subscription ${JSON.stringify(operation.text("Name"))}`;
    const fields = this.#topFields(operation.list("SelectionSet"), new Set());
    if (new Set(fields.map((field) => field.text("Alias"))).size > 1)
      throw new GraphqlError(`${name} must select only one top level field`, fields[1]?.place);
    const hidden = fields.find((field) => field.text("Name").startsWith("__"));
    if (hidden !== undefined) throw new GraphqlError(`${name} must not select an introspection top level field`, hidden.place);
  }

  #topFields(list: readonly Node[], seen: Set<string>): readonly Node[] {
    return list.flatMap((selection) => {
      if (selection.fields.has("Alias")) return [selection];
      if (selection.fields.has("SelectionSet")) return this.#topFields(selection.list("SelectionSet"), seen);
      const name = selection.text("Name");
      if (seen.has(name)) return [];
      seen.add(name);
      return this.#topFields(this.#fragments.get(name)?.list("SelectionSet") ?? [], seen);
    });
  }

  /** October 2021 §5.5.2.2: no fragment may spread itself, through others or not. */
  #cycles(): void {
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) {
        const via = path.slice(path.indexOf(name) + 1);
        const shown = via.length === 0 ? "" : ` via ${via.map((each) => JSON.stringify(each)).join(", ")}`;
        throw new GraphqlError(`Cannot spread fragment "${name}" within itself${shown}`, this.#fragments.get(name)?.place);
      }
      if (done.has(name)) return;
      for (const next of spreadsOf(this.#fragments.get(name)?.list("SelectionSet") ?? [], this.#spend))
        visit(next, [...path, name]);
      done.add(name);
    };
    for (const name of this.#fragments.keys()) visit(name, []);
  }
}

function spreadsOf(list: readonly Node[], spend: (steps: number) => void): readonly string[] {
  return list.flatMap((selection) => {
    spend(1);
    if (selection.fields.has("SelectionSet")) return spreadsOf(selection.list("SelectionSet"), spend);
    return selection.fields.has("Alias") ? [] : [selection.text("Name")];
  });
}

function isRequired(definition: Node): boolean {
  return definition.node("Type")?.flag("NonNull") === true && definition.node("DefaultValue") === undefined;
}

function hasDefault(definition: Node | undefined): boolean {
  const value = definition?.node("DefaultValue");
  return value !== undefined && value.number("Kind") !== valueKinds.null;
}

const builtInScalars = ["Int", "Float", "String", "Boolean", "ID"];

function isCustomScalar(definition: Node): boolean {
  return definition.text("Kind") === "SCALAR" && !builtInScalars.includes(definition.text("Name"));
}

/** October 2021 §5.8.5: AreTypesCompatible. */
function isCompatible(given: Node, wanted: Node): boolean {
  if (wanted.flag("NonNull") && !given.flag("NonNull")) return false;
  const [a, b] = [given.node("Elem"), wanted.node("Elem")];
  if (a === undefined || b === undefined) return a === b && given.text("NamedType") === wanted.text("NamedType");
  return isCompatible(a, b);
}

/** October 2021 §3.5: which literals a scalar or an enum takes. */
function checkLeaf(value: Node, type: Node, definition: Node): void {
  if (isCustomScalar(definition)) return;
  const name = definition.text("Name");
  const isEnum = definition.text("Kind") === "ENUM";
  const takes = (...names: string[]): boolean => !isEnum && definition.text("Kind") === "SCALAR" && names.includes(name);
  switch (value.number("Kind")) {
    case valueKinds.int: {
      const fits = name !== "Int" || BigInt.asIntN(32, BigInt(value.text("Raw"))) === BigInt(value.text("Raw"));
      if (!takes("Int", "Float", "ID") || !fits) throw wrongType(value, type, definition);
      return;
    }
    case valueKinds.float:
      if (!takes("Float")) throw wrongType(value, type, definition);
      return;
    case valueKinds.string:
    case valueKinds.block:
      if (!takes("String", "ID")) throw wrongType(value, type, definition);
      return;
    case valueKinds.boolean:
      if (!takes("Boolean")) throw wrongType(value, type, definition);
      return;
    default:
      if (!isEnum) throw wrongType(value, type, definition);
      if (named(definition.list("EnumValues"), value.text("Raw")) === undefined)
        throw new GraphqlError(`Value "${showValue(value)}" does not exist in "${showType(type)}" enum`, value.place);
  }
}

function wrongType(value: Node, type: Node | undefined, definition: Node): GraphqlError {
  const [expected, found] = [showType(type), showValue(value)];
  const sentences: Readonly<Record<string, string>> = {
    String: "String cannot represent a non string value",
    Boolean: "Boolean cannot represent a non boolean value",
    Float: "Float cannot represent non numeric value",
    ID: "ID cannot represent a non-string and non-integer value",
  };
  const name = expected.replace(/!$/, "");
  const isLarge = value.number("Kind") === valueKinds.int;
  if (name === "Int")
    return new GraphqlError(
      `Int cannot represent non ${isLarge ? "32-bit signed " : "-"}integer value: ${found}`.replace("non -", "non-"),
      value.place,
    );
  const sentence = sentences[name];
  if (sentence !== undefined) return new GraphqlError(`${sentence}: ${found}`, value.place);
  if (definition.text("Kind") === "ENUM")
    return new GraphqlError(`Enum "${expected}" cannot represent non-enum value: ${found}`, value.place);
  return new GraphqlError(`Expected value of type "${expected}", found ${found}`, value.place);
}
