// A type system held against the rules of GraphQL October 2021 §3.
import { GraphqlError, Node, showType, typeName, valueKinds } from "./node.ts";
import { parseSchema } from "./parser.ts";
import { prelude, redefinable } from "./prelude.ts";

/** A valid type system. */
export interface Schema {
  readonly types: ReadonlyMap<string, Node>;
  readonly directives: ReadonlyMap<string, Node>;
  /** Names of the root types by operation. */
  readonly roots: ReadonlyMap<string, string>;
  /** Names of object types by the interface or union that they belong to. */
  readonly possible: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Hold a document against the rules; throws `GraphqlError`. */
export function validateSchema(document: Node, spend: (steps: number) => void): Schema {
  return new SchemaBuilder(document, spend).schema();
}

/** The first of a list with a name. */
export function named(list: readonly Node[], name: string): Node | undefined {
  return list.find((item) => item.text("Name") === name);
}

const stringType = new Node({ NamedType: "String", NonNull: false }, undefined);
const typeNameField = new Node({ Name: "__typename", Type: stringType.with({ NonNull: true }) }, undefined);

/** The definition of a field of a type; `__schema` and `__type` are fields of the query type. */
export function fieldOf(schema: Schema, parent: Node | undefined, name: string): Node | undefined {
  if (name === "__typename") return typeNameField;
  if (parent !== undefined && parent.text("Name") === schema.roots.get("query")) {
    if (name === "__schema")
      return new Node({ Name: name, Type: new Node({ NamedType: "__Schema", NonNull: true }, undefined) }, undefined);
    if (name === "__type") {
      const argument = new Node({ Name: "name", Type: stringType.with({ NonNull: true }) }, undefined);
      return new Node({ Name: name, Type: new Node({ NamedType: "__Type" }, undefined), Arguments: [argument] }, undefined);
    }
  }
  return parent === undefined ? undefined : named(parent.list("Fields"), name);
}

class SchemaBuilder {
  readonly #document: Node;
  readonly #spend: (steps: number) => void;
  readonly #types = new Map<string, Node>();
  readonly #directives = new Map<string, Node>();
  readonly #roots = new Map<string, string>();
  readonly #possible = new Map<string, Set<string>>();

  constructor(document: Node, spend: (steps: number) => void) {
    this.#document = document;
    this.#spend = spend;
  }

  schema(): Schema {
    const built = parseSchema(prelude, this.#spend, true);
    const all = (list: string): readonly Node[] => [...built.list(list), ...this.#document.list(list)];
    for (const definition of all("Definitions")) {
      const name = definition.text("Name");
      if (this.#types.has(name)) throw new GraphqlError(`Cannot redeclare type ${name}`, definition.place);
      this.#types.set(name, definition);
    }
    for (const extension of all("Extensions")) this.#extend(extension);
    for (const definition of this.#types.values()) this.#collect(definition);
    for (const directive of all("Directives")) {
      const name = directive.text("Name");
      if (this.#directives.has(name) && !redefinable.has(name))
        throw new GraphqlError(`Cannot redeclare directive ${name}`, directive.place);
      this.#directives.set(name, directive);
    }
    this.#entryPoints(all("Schema"), all("SchemaExtension"));
    for (const name of [...this.#types.keys()].sort()) this.#definition(this.#types.get(name));
    this.#cycles();
    for (const directive of this.#directives.values()) {
      this.#name(directive);
      this.#arguments(directive.list("Arguments"), directive);
    }
    if (all("Schema").length === 0) {
      for (const operation of ["Query", "Mutation", "Subscription"]) {
        const key = operation.toLowerCase();
        if (!this.#roots.has(key) && this.#types.has(operation)) this.#roots.set(key, operation);
      }
    }
    return { types: this.#types, directives: this.#directives, roots: this.#roots, possible: this.#possible };
  }

  #extend(extension: Node): void {
    const name = extension.text("Name");
    const base = this.#types.get(name) ?? new Node({ Kind: extension.text("Kind"), Name: name }, extension.place);
    if (base.text("Kind") !== extension.text("Kind"))
      throw new GraphqlError(
        `Cannot extend type ${name} because the base type is a ${base.text("Kind")}, not ${extension.text("Kind")}`,
        extension.place,
      );
    this.#types.set(
      name,
      base.with({
        Directives: [...base.list("Directives"), ...extension.list("Directives")],
        Interfaces: [...base.texts("Interfaces"), ...extension.texts("Interfaces")],
        Fields: [...base.list("Fields"), ...extension.list("Fields")],
        Types: [...base.texts("Types"), ...extension.texts("Types")],
        EnumValues: [...base.list("EnumValues"), ...extension.list("EnumValues")],
      }),
    );
  }

  #collect(definition: Node): void {
    const name = definition.text("Name");
    const add = (key: string, value: string): void => {
      const set = this.#possible.get(key) ?? new Set();
      this.#possible.set(key, set.add(value));
    };
    for (const member of definition.texts("Types")) add(name, member);
    for (const each of definition.texts("Interfaces")) add(each, name);
    if (definition.text("Kind") === "OBJECT" || definition.text("Kind") === "INPUT_OBJECT") add(name, name);
  }

  #entryPoints(schemas: readonly Node[], extensions: readonly Node[]): void {
    if (schemas.length > 1)
      throw new GraphqlError("Cannot have multiple schema entry points, consider schema extensions instead", schemas[1]?.place);
    for (const schema of [...schemas, ...extensions]) {
      for (const entry of schema.list("OperationTypes")) {
        const [operation, type] = [entry.text("Operation"), entry.text("Type")];
        if (!this.#types.has(type))
          throw new GraphqlError(`Schema root ${operation} refers to a type ${type} that does not exist`, entry.place);
        this.#roots.set(operation, type);
      }
      this.#uses(schema.list("Directives"), "SCHEMA", undefined, true);
    }
  }

  #name(node: Node): void {
    if (node.text("Name").startsWith("__"))
      throw new GraphqlError(
        `Name "${node.text("Name")}" must not begin with "__", which is reserved by GraphQL introspection`,
        node.place,
      );
  }

  #known(type: Node | undefined): Node {
    const found = this.#types.get(typeName(type));
    if (found === undefined) throw new GraphqlError(`Undefined type ${typeName(type)}`, type?.place);
    return found;
  }

  #arguments(list: readonly Node[], directive: Node | undefined): void {
    for (const argument of list) {
      this.#name(argument);
      const type = this.#known(argument.node("Type"));
      if (!["SCALAR", "ENUM", "INPUT_OBJECT"].includes(type.text("Kind"))) {
        const shown = showType(argument.node("Type"));
        throw new GraphqlError(
          `cannot use ${shown} as argument ${argument.text("Name")} because ${type.text("Kind")} is not a valid input type`,
          argument.place,
        );
      }
      this.#uses(argument.list("Directives"), "ARGUMENT_DEFINITION", directive, true);
    }
  }

  /** Directives where they are used; `single`: they stand at one place, and so each once. */
  #uses(list: readonly Node[], location: string, self: Node | undefined, single: boolean): void {
    const seen = new Set<string>();
    for (const use of list) {
      this.#name(use);
      const name = use.text("Name");
      if (self?.text("Name") === name) throw new GraphqlError(`Directive ${name} cannot refer to itself`, use.place);
      const definition = this.#directives.get(name);
      if (definition === undefined) throw new GraphqlError(`Undefined directive ${name}`, use.place);
      if (single && seen.has(name) && !definition.flag("IsRepeatable"))
        throw new GraphqlError(`The directive ${name} can only be used once at this location`, use.place);
      seen.add(name);
      if (!definition.texts("Locations").includes(location))
        throw new GraphqlError(`Directive ${name} is not applicable on ${location}`, use.place);
      for (const argument of use.list("Arguments")) {
        if (named(definition.list("Arguments"), argument.text("Name")) === undefined)
          throw new GraphqlError(`Undefined argument ${argument.text("Name")} for directive ${name}`, argument.place);
      }
      for (const wanted of definition.list("Arguments")) {
        if (!wanted.node("Type")?.flag("NonNull") || wanted.node("DefaultValue") !== undefined) continue;
        const given = named(use.list("Arguments"), wanted.text("Name"))?.node("Value");
        if (given === undefined || given.number("Kind") === valueKinds.null)
          throw new GraphqlError(`Argument ${wanted.text("Name")} for directive ${name} cannot be null`, use.place);
      }
    }
  }

  #definition(definition: Node | undefined): void {
    if (definition === undefined) return;
    const [kind, name] = [definition.text("Kind"), definition.text("Name")];
    this.#spend(1 + definition.fields.size);
    const fields = definition.list("Fields");
    for (const field of fields) {
      this.#spend(1);
      this.#name(field);
      this.#known(field.node("Type"));
      this.#arguments(field.list("Arguments"), undefined);
      this.#uses(
        field.list("Directives"),
        kind === "INPUT_OBJECT" ? "INPUT_FIELD_DEFINITION" : "FIELD_DEFINITION",
        undefined,
        true,
      );
    }
    for (const member of definition.texts("Types")) {
      const type = this.#types.get(member);
      if (type === undefined) throw new GraphqlError(`Undefined type ${JSON.stringify(member)}`, definition.place);
      if (type.text("Kind") !== "OBJECT")
        throw new GraphqlError(`${kind} type ${JSON.stringify(member)} must be OBJECT`, definition.place);
    }
    for (const each of definition.texts("Interfaces")) this.#implements(definition, each);
    this.#body(definition, kind, name, fields);
    for (const list of [fields, definition.list("EnumValues")]) {
      const seen = new Set<string>();
      for (const item of list) {
        const what = list === fields ? "Field" : "Enum value";
        if (seen.has(item.text("Name")))
          throw new GraphqlError(`${what} ${name}.${item.text("Name")} can only be defined once`, item.place);
        seen.add(item.text("Name"));
      }
    }
    const members = definition.texts("Types");
    const twice = members.find((member, i) => members.indexOf(member) !== i);
    if (twice !== undefined) throw new GraphqlError(`Union type ${name} can only include type ${twice} once`, definition.place);
    if (!definition.flag("BuiltIn")) this.#name(definition);
    this.#uses(definition.list("Directives"), kind, undefined, false);
  }

  #body(definition: Node, kind: string, name: string, fields: readonly Node[]): void {
    const fieldKinds = (allowed: readonly string[]): Node | undefined =>
      fields.find((field) => !allowed.includes(this.#known(field.node("Type")).text("Kind")));
    if (kind === "OBJECT" || kind === "INTERFACE") {
      if (fields.length === 0) throw new GraphqlError(`${kind} ${name}: must define one or more fields`, definition.place);
      const allowed = ["SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM"];
      const wrong = fieldKinds(allowed);
      if (wrong) throw new GraphqlError(`${kind} ${name}: field must be one of ${allowed.join(", ")}`, wrong.place);
    } else if (kind === "ENUM") {
      const values = definition.list("EnumValues");
      if (values.length === 0)
        throw new GraphqlError(`${kind} ${name}: must define one or more unique enum values`, definition.place);
      for (const value of values) {
        if (["true", "false", "null"].includes(value.text("Name")))
          throw new GraphqlError(`${kind} ${name}: non-enum value ${value.text("Name")}`, definition.place);
        this.#uses(value.list("Directives"), "ENUM_VALUE", undefined, true);
      }
    } else if (kind === "INPUT_OBJECT") {
      if (fields.length === 0) throw new GraphqlError(`${kind} ${name}: must define one or more input fields`, definition.place);
      const allowed = ["SCALAR", "ENUM", "INPUT_OBJECT"];
      const wrong = fieldKinds(allowed);
      if (wrong) {
        const found = this.#known(wrong.node("Type")).text("Kind");
        throw new GraphqlError(`${found} ${wrong.text("Name")}: field must be one of ${allowed.join(", ")}`, wrong.place);
      }
    }
  }

  /** October 2021 §3.6: IsValidImplementation. */
  #implements(definition: Node, interfaceName: string): void {
    const name = definition.text("Name");
    const parent = this.#types.get(interfaceName);
    if (parent === undefined) throw new GraphqlError(`Undefined type ${JSON.stringify(interfaceName)}`, definition.place);
    if (parent.text("Kind") !== "INTERFACE")
      throw new GraphqlError(`${JSON.stringify(interfaceName)} is a non interface type ${parent.text("Kind")}`, definition.place);
    for (const wanted of parent.list("Fields")) {
      this.#spend(1);
      const start = `For ${name} to implement ${interfaceName}`;
      const field = wanted.text("Name");
      const found = named(definition.list("Fields"), field);
      if (found === undefined) throw new GraphqlError(`${start} it must have a field called ${field}`, definition.place);
      if (!this.#isCovariant(wanted.node("Type"), found.node("Type")))
        throw new GraphqlError(`${start} the field ${field} must have type ${showType(wanted.node("Type"))}`, found.place);
      for (const argument of wanted.list("Arguments")) {
        const given = named(found.list("Arguments"), argument.text("Name"));
        const same = `${start} the field ${field} must have the same arguments but`;
        if (given === undefined) throw new GraphqlError(`${same} it is missing ${argument.text("Name")}`, found.place);
        if (showType(given.node("Type")) !== showType(argument.node("Type")))
          throw new GraphqlError(`${same} ${argument.text("Name")} has the wrong type`, given.place);
      }
      for (const argument of found.list("Arguments")) {
        const isNew = named(wanted.list("Arguments"), argument.text("Name")) === undefined;
        if (isNew && argument.node("Type")?.flag("NonNull") && argument.node("DefaultValue") === undefined)
          throw new GraphqlError(
            `${start} any additional arguments on ${field} must be optional or have a default value but ${argument.text("Name")} is required`,
            argument.place,
          );
      }
    }
    for (const ancestor of parent.texts("Interfaces")) {
      if (definition.texts("Interfaces").includes(ancestor)) continue;
      if (ancestor === name)
        throw new GraphqlError(
          `Type ${name} cannot implement ${interfaceName} because it would create a circular reference`,
          definition.place,
        );
      throw new GraphqlError(
        `Type ${name} must implement ${ancestor} because it is implemented by ${interfaceName}`,
        definition.place,
      );
    }
  }

  #isCovariant(required: Node | undefined, actual: Node | undefined): boolean {
    if (required === undefined || actual === undefined) return required === actual;
    if (required.flag("NonNull") && !actual.flag("NonNull")) return false;
    const [wanted, found] = [required.text("NamedType"), actual.text("NamedType")];
    if (wanted === "") return actual.node("Elem") !== undefined && this.#isCovariant(required.node("Elem"), actual.node("Elem"));
    return wanted === found || (found !== "" && this.#possible.get(wanted)?.has(found) === true);
  }

  /** October 2021 §3.10: an input object that needs itself can never be given. */
  #cycles(): void {
    const done = new Set<string>();
    const visit = (definition: Node, path: readonly (readonly [type: string, field: Node])[]): void => {
      const name = definition.text("Name");
      if (done.has(name)) return;
      this.#spend(1);
      for (const field of definition.list("Fields")) {
        const type = field.node("Type");
        if (!type?.flag("NonNull") || type.text("NamedType") === "") continue;
        const next = this.#types.get(type.text("NamedType"));
        if (next?.text("Kind") !== "INPUT_OBJECT") continue;
        const longer = [...path, [name, field] as const];
        const start = longer.findIndex(([each]) => each === next.text("Name"));
        if (start >= 0) {
          const names = longer.slice(start).map(([, each]) => each.text("Name"));
          throw new GraphqlError(
            `Cannot reference Input Object ${JSON.stringify(next.text("Name"))} within itself through a series of non-null fields: ${JSON.stringify(names.join("."))}`,
            longer[start]?.[1].place,
          );
        }
        visit(next, longer);
      }
      done.add(name);
    };
    for (const definition of this.#types.values()) if (definition.text("Kind") === "INPUT_OBJECT") visit(definition, []);
  }
}
