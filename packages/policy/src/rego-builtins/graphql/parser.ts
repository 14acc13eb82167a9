// The grammar of GraphQL: executable documents and type systems.
import { Lexer, type Place, showToken, type Token, type TokenKind } from "./lexer.ts";
import { GraphqlError, Node, valueKinds } from "./node.ts";

const maxDepth = 200;

interface Description {
  readonly text: string;
  readonly comment: Node | undefined;
}

const noDescription: Description = { text: "", comment: undefined };

const locations = new Set([
  "QUERY",
  "MUTATION",
  "SUBSCRIPTION",
  "FIELD",
  "FRAGMENT_DEFINITION",
  "FRAGMENT_SPREAD",
  "INLINE_FRAGMENT",
  "VARIABLE_DEFINITION",
  "SCHEMA",
  "SCALAR",
  "OBJECT",
  "FIELD_DEFINITION",
  "ARGUMENT_DEFINITION",
  "INTERFACE",
  "UNION",
  "ENUM",
  "ENUM_VALUE",
  "INPUT_OBJECT",
  "INPUT_FIELD_DEFINITION",
]);

const definitionKinds: ReadonlyMap<string, string> = new Map([
  ["scalar", "SCALAR"],
  ["type", "OBJECT"],
  ["interface", "INTERFACE"],
  ["union", "UNION"],
  ["enum", "ENUM"],
  ["input", "INPUT_OBJECT"],
]);

/** Read an executable document; throws `GraphqlError`. */
export function parseQuery(text: string, spend: (steps: number) => void): Node {
  return new Parser(text, spend).queryDocument();
}

/** Read a type system; throws `GraphqlError`. `builtIn` marks its definitions. */
export function parseSchema(text: string, spend: (steps: number) => void, builtIn = false): Node {
  return new Parser(text, spend, builtIn).schemaDocument();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #builtIn: boolean;
  #token: Token;
  /** The comments right before the token. */
  #comment: Node | undefined;
  #depth = 0;

  constructor(text: string, spend: (steps: number) => void, builtIn = false) {
    this.#lexer = new Lexer(text, spend);
    this.#builtIn = builtIn;
    this.#token = this.#read();
  }

  #read(): Token {
    const comments: Node[] = [];
    let token = this.#lexer.next();
    for (; token.kind === "Comment"; token = this.#lexer.next()) comments.push(new Node({ Value: token.value }, token));
    this.#comment = comments.length === 0 ? undefined : new Node({ List: comments }, comments[0]?.place);
    return token;
  }

  #next(): Token {
    const token = this.#token;
    this.#token = this.#read();
    return token;
  }

  #fail(message: string, place: Place = this.#token): GraphqlError {
    return new GraphqlError(message, place);
  }

  #unexpected(token: Token = this.#token): GraphqlError {
    return this.#fail(`Unexpected ${showToken(token)}`, token);
  }

  #expect(kind: TokenKind): Token {
    if (this.#token.kind !== kind) throw this.#fail(`Expected ${kind}, found ${this.#token.kind}`);
    return this.#next();
  }

  #keyword(word: string): void {
    if (this.#token.kind !== "Name" || this.#token.value !== word)
      throw this.#fail(`Expected ${JSON.stringify(word)}, found ${showToken(this.#token)}`);
    this.#next();
  }

  #skip(kind: TokenKind): boolean {
    if (this.#token.kind !== kind) return false;
    this.#next();
    return true;
  }

  #isWord(word: string): boolean {
    return this.#token.kind === "Name" && this.#token.value === word;
  }

  /** A list in brackets, if it is there; `least` items. */
  #list(
    open: TokenKind,
    close: TokenKind,
    item: () => Node,
    least: 0 | 1 = 1,
  ): { readonly items: Node[]; readonly comment: Node | undefined } {
    const items: Node[] = [];
    if (!this.#skip(open)) return { items, comment: undefined };
    if (++this.#depth > maxDepth) throw this.#fail(`more than ${maxDepth} levels`);
    while (this.#token.kind !== close) items.push(item());
    if (items.length < least) throw this.#fail(`expected at least one definition, found ${this.#token.kind}`);
    this.#depth--;
    const comment = this.#comment;
    this.#next();
    return { items, comment };
  }

  #name(): string {
    return this.#expect("Name").value;
  }

  queryDocument(): Node {
    const operations: Node[] = [];
    const fragments: Node[] = [];
    while (this.#token.kind !== "<EOF>") {
      if (
        this.#token.kind === "{" ||
        (this.#token.kind === "Name" && /^(?:query|mutation|subscription)$/.test(this.#token.value))
      )
        operations.push(this.#operation());
      else if (this.#isWord("fragment")) fragments.push(this.#fragmentDefinition());
      else throw this.#unexpected();
    }
    return new Node({ Operations: operations, Fragments: fragments }, undefined);
  }

  #operation(): Node {
    const [place, comment] = [this.#token, this.#comment];
    // the library keeps no comment before an operation without a keyword, nor before a value that is no list or object
    if (this.#token.kind === "{") return new Node({ Operation: "query", Name: "", SelectionSet: this.#selectionSet() }, place);
    const operation = this.#next().value;
    const name = this.#token.kind === "Name" ? this.#next().value : "";
    const variables = this.#list("(", ")", () => this.#variableDefinition()).items;
    const directives = this.#directives(false);
    const selections = this.#selectionSet();
    return new Node(
      {
        Operation: operation,
        Name: name,
        VariableDefinitions: variables,
        Directives: directives,
        SelectionSet: selections,
        Comment: comment,
      },
      place,
    );
  }

  #variableDefinition(): Node {
    const [place, comment] = [this.#token, this.#comment];
    this.#expect("$");
    const variable = this.#name();
    this.#expect(":");
    const type = this.#type();
    const value = this.#skip("=") ? this.#value(true) : undefined;
    const directives = this.#directives(false);
    return new Node(
      { Variable: variable, Type: type, DefaultValue: value, Directives: directives, Used: false, Comment: comment },
      place,
    );
  }

  #selectionSet(): Node[] {
    if (this.#token.kind !== "{") throw this.#fail(`Expected {, found ${this.#token.kind}`);
    return this.#list("{", "}", () => this.#selection()).items;
  }

  #selection(): Node {
    return this.#token.kind === "..." ? this.#fragment() : this.#field();
  }

  #field(): Node {
    const [place, comment] = [this.#token, this.#comment];
    const alias = this.#name();
    const name = this.#skip(":") ? this.#name() : alias;
    const args = this.#arguments(false);
    const directives = this.#directives(false);
    const selections = this.#token.kind === "{" ? this.#selectionSet() : [];
    return new Node(
      { Alias: alias, Name: name, Arguments: args, Directives: directives, SelectionSet: selections, Comment: comment },
      place,
    );
  }

  #arguments(constant: boolean): Node[] {
    return this.#list("(", ")", () => {
      const [place, comment] = [this.#token, this.#comment];
      const name = this.#name();
      this.#expect(":");
      return new Node({ Name: name, Value: this.#value(constant), Comment: comment }, place);
    }).items;
  }

  #fragment(): Node {
    const comment = this.#comment;
    this.#expect("...");
    const place = this.#token;
    if (this.#token.kind === "Name" && !this.#isWord("on")) {
      const name = this.#name();
      return new Node({ Name: name, Directives: this.#directives(false), Comment: comment }, place);
    }
    let condition = "";
    if (this.#isWord("on")) {
      this.#next();
      condition = this.#name();
    }
    const directives = this.#directives(false);
    const selections = this.#selectionSet();
    return new Node({ TypeCondition: condition, Directives: directives, SelectionSet: selections, Comment: comment }, place);
  }

  #fragmentDefinition(): Node {
    const [place, comment] = [this.#token, this.#comment];
    this.#keyword("fragment");
    if (this.#isWord("on")) throw this.#unexpected();
    const name = this.#name();
    const variables = this.#list("(", ")", () => this.#variableDefinition()).items;
    this.#keyword("on");
    const condition = this.#name();
    const directives = this.#directives(false);
    const selections = this.#selectionSet();
    return new Node(
      {
        Name: name,
        VariableDefinition: variables,
        TypeCondition: condition,
        Directives: directives,
        SelectionSet: selections,
        Comment: comment,
      },
      place,
    );
  }

  #value(constant: boolean): Node {
    const [token, comment] = [this.#token, this.#comment];
    const literal = (kind: number, raw: string, children: Node[] = [], before?: Node): Node =>
      new Node({ Raw: raw, Children: children, Kind: kind, ExpectedTypeHasDefault: false, Comment: before }, token);
    switch (token.kind) {
      case "[": {
        const { items } = this.#list("[", "]", () => new Node({ Name: "", Value: this.#value(constant) }, undefined), 0);
        return literal(valueKinds.list, "", items, comment);
      }
      case "{": {
        const { items } = this.#list("{", "}", () => this.#objectField(constant), 0);
        return literal(valueKinds.object, "", items, comment);
      }
      case "$":
        if (constant) throw this.#unexpected();
        this.#next();
        return literal(valueKinds.variable, this.#name());
      case "Int":
      case "Float":
      case "String":
      case "BlockString":
      case "Name": {
        this.#next();
        return literal(kindOf(token), token.value);
      }
      default:
        throw this.#unexpected();
    }
  }

  #objectField(constant: boolean): Node {
    const [place, comment] = [this.#token, this.#comment];
    const name = this.#name();
    this.#expect(":");
    return new Node({ Name: name, Value: this.#value(constant), Comment: comment }, place);
  }

  #directives(constant: boolean): Node[] {
    const directives: Node[] = [];
    while (this.#skip("@")) {
      const place = this.#token;
      const name = this.#name();
      directives.push(new Node({ Name: name, Arguments: this.#arguments(constant), Location: "" }, place));
    }
    return directives;
  }

  #type(): Node {
    if (++this.#depth > maxDepth) throw this.#fail(`more than ${maxDepth} levels`);
    const isList = this.#skip("[");
    const place = this.#token;
    const fields = isList ? { NamedType: "", Elem: this.#type() } : { NamedType: this.#name() };
    if (isList) this.#expect("]");
    this.#depth--;
    return new Node({ ...fields, NonNull: this.#skip("!") }, place);
  }

  schemaDocument(): Node {
    const lists: Record<string, Node[]> = { Schema: [], SchemaExtension: [], Directives: [], Definitions: [], Extensions: [] };
    const put = (list: string, node: Node): void => {
      lists[list]?.push(node);
    };
    while (this.#token.kind !== "<EOF>") {
      const before = this.#token;
      const description = this.#description();
      if (this.#token.kind !== "Name") throw this.#unexpected();
      const word = this.#token.value;
      if (definitionKinds.has(word)) put("Definitions", this.#definition(description, undefined));
      else if (word === "schema") put("Schema", this.#schemaDefinition(description, undefined));
      else if (word === "directive") put("Directives", this.#directiveDefinition(description));
      else if (word === "extend") {
        if (description.text !== "") throw this.#unexpected(before);
        this.#extension(put);
      } else throw this.#unexpected();
    }
    return new Node({ ...lists, Comment: this.#comment }, undefined);
  }

  #description(): Description {
    if (this.#token.kind !== "String" && this.#token.kind !== "BlockString") return noDescription;
    const comment = this.#comment;
    return { comment, text: this.#next().value };
  }

  #described(description: Description, after: Node | undefined): Record<string, Node | string | undefined> {
    return { Description: description.text, BeforeDescriptionComment: description.comment, AfterDescriptionComment: after };
  }

  /** A field's, an argument's or an enum value's description, which counts when it says something. */
  #innerDescription(): Record<string, Node | string | undefined> {
    const description = this.#description();
    return this.#described(description.text === "" ? noDescription : description, this.#comment);
  }

  #extension(put: (list: string, node: Node) => void): void {
    const comment = this.#comment;
    this.#keyword("extend");
    const word = this.#token.kind === "Name" ? this.#token.value : "";
    if (word === "schema") put("SchemaExtension", this.#schemaDefinition(noDescription, comment, true));
    else if (definitionKinds.has(word)) put("Extensions", this.#definition(noDescription, comment, true));
    else throw this.#unexpected();
  }

  #schemaDefinition(description: Description, extending: Node | undefined, extension = false): Node {
    const comment = extension ? extending : this.#comment;
    this.#keyword("schema");
    const place = this.#token;
    const directives = this.#directives(true);
    const { items, comment: end } = this.#list("{", "}", () => {
      const [at, before] = [this.#token, this.#comment];
      const operation = this.#next();
      if (!/^(?:query|mutation|subscription)$/.test(operation.value)) throw this.#unexpected(operation);
      this.#expect(":");
      return new Node({ Operation: operation.value, Type: this.#name(), Comment: before }, at);
    });
    if (extension && directives.length + items.length === 0) throw this.#unexpected();
    return new Node(
      { ...this.#described(description, comment), Directives: directives, OperationTypes: items, EndOfDefinitionComment: end },
      place,
    );
  }

  #definition(description: Description, extending: Node | undefined, extension = false): Node {
    const comment = extension ? extending : this.#comment;
    const kind = definitionKinds.get(this.#next().value) ?? "";
    const place = this.#token;
    const name = this.#name();
    const isObject = kind === "OBJECT" || kind === "INTERFACE";
    const interfaces = isObject && !(extension && kind === "INTERFACE") ? this.#implements() : [];
    const directives = this.#directives(!(extension && kind === "INPUT_OBJECT"));
    const types = kind === "UNION" ? this.#members() : [];
    const body =
      kind === "ENUM"
        ? this.#list("{", "}", () => this.#enumValue())
        : isObject
          ? this.#list("{", "}", () => this.#fieldDefinition())
          : kind === "INPUT_OBJECT"
            ? this.#list("{", "}", () => this.#inputValue())
            : { items: [], comment: undefined };
    if (extension && interfaces.length + directives.length + types.length + body.items.length === 0) throw this.#unexpected();
    return new Node(
      {
        Kind: kind,
        ...this.#described(description, comment),
        Name: name,
        Directives: directives,
        Interfaces: interfaces,
        Fields: kind === "ENUM" ? [] : body.items,
        Types: types,
        EnumValues: kind === "ENUM" ? body.items : [],
        BuiltIn: this.#builtIn,
        EndOfDefinitionComment: body.comment,
      },
      place,
    );
  }

  #implements(): string[] {
    if (!this.#isWord("implements")) return [];
    this.#next();
    this.#skip("&");
    const names = [this.#name()];
    while (this.#skip("&")) names.push(this.#name());
    return names;
  }

  #members(): string[] {
    if (!this.#skip("=")) return [];
    this.#skip("|");
    const names = [this.#name()];
    while (this.#skip("|")) names.push(this.#name());
    return names;
  }

  #fieldDefinition(): Node {
    const described = this.#innerDescription();
    const place = this.#token;
    const name = this.#name();
    const args = this.#argumentDefinitions();
    this.#expect(":");
    const type = this.#type();
    return new Node({ ...described, Name: name, Arguments: args, Type: type, Directives: this.#directives(true) }, place);
  }

  #argumentDefinitions(): Node[] {
    return this.#list("(", ")", () => this.#inputValue()).items;
  }

  #inputValue(): Node {
    const described = this.#innerDescription();
    const place = this.#token;
    const name = this.#name();
    this.#expect(":");
    const type = this.#type();
    const value = this.#skip("=") ? this.#value(true) : undefined;
    return new Node({ ...described, Name: name, Type: type, DefaultValue: value, Directives: this.#directives(true) }, place);
  }

  #enumValue(): Node {
    const described = this.#innerDescription();
    const place = this.#token;
    const name = this.#name();
    return new Node({ ...described, Name: name, Directives: this.#directives(true) }, place);
  }

  #directiveDefinition(description: Description): Node {
    const comment = this.#comment;
    this.#keyword("directive");
    this.#expect("@");
    const place = this.#token;
    const name = this.#name();
    const args = this.#argumentDefinitions();
    const repeatable = this.#isWord("repeatable");
    if (repeatable) this.#next();
    this.#keyword("on");
    this.#skip("|");
    const found = [this.#location()];
    while (this.#skip("|")) found.push(this.#location());
    return new Node(
      { ...this.#described(description, comment), Name: name, Arguments: args, Locations: found, IsRepeatable: repeatable },
      place,
    );
  }

  #location(): string {
    const token = this.#expect("Name");
    if (!locations.has(token.value)) throw this.#unexpected(token);
    return token.value;
  }
}

function kindOf({ kind, value }: Token): number {
  if (kind === "Int") return valueKinds.int;
  if (kind === "Float") return valueKinds.float;
  if (kind === "String") return valueKinds.string;
  if (kind === "BlockString") return valueKinds.block;
  if (value === "true" || value === "false") return valueKinds.boolean;
  return value === "null" ? valueKinds.null : valueKinds.enum;
}
