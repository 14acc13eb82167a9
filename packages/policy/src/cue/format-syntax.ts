// Expressions as CUE, on one line, for messages.
import type { Comprehension, Declaration, Expression } from "./syntax.ts";
import { quoteText } from "./text.ts";
import { showScalar } from "./value.ts";

const maxLength = 200;

/** An expression as its source would be, compactly; cut short when it is long. */
export function formatExpression(expression: Expression): string {
  const text = write(expression, 0);
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

function write(expression: Expression, depth: number): string {
  if (depth > 12) return "…";
  const inner = (part: Expression): string => write(part, depth + 1);
  switch (expression.kind) {
    case "literal":
      return showScalar(expression.value);
    case "interpolation": {
      const mark = expression.bytes ? "'" : '"';
      return (
        mark +
        expression.parts
          .map((part) => (typeof part === "string" ? quoteText(part, mark).slice(1, -1) : `\\(${inner(part)})`))
          .join("") +
        mark
      );
    }
    case "identifier":
      return expression.name;
    case "struct":
      return `{${expression.declarations
        .slice(0, 40)
        .map((declaration) => writeDeclaration(declaration, depth + 1))
        .join(",")}}`;
    case "list":
      return `[${[...expression.elements.slice(0, 40).map((element) => (element.kind === "comprehension" ? writeComprehension(element, depth + 1) : inner(element))), ...(expression.open === undefined ? [] : [`...${expression.open === true ? "" : inner(expression.open)}`])].join(",")}]`;
    case "selector":
      return `${inner(expression.of)}.${expression.quoted ? quoteText(expression.name) : expression.name}`;
    case "index":
      return `${inner(expression.of)}[${inner(expression.index)}]`;
    case "slice":
      return `${inner(expression.of)}[${expression.low === undefined ? "" : inner(expression.low)}:${expression.high === undefined ? "" : inner(expression.high)}]`;
    case "call":
      return `${inner(expression.callee)}(${expression.arguments.map(inner).join(",")})`;
    case "unary":
      return `${expression.operator}${inner(expression.operand)}`;
    case "binary":
      return expression.grouped === true
        ? `(${inner(expression.left)} ${expression.operator} ${inner(expression.right)})`
        : `${inner(expression.left)} ${expression.operator} ${inner(expression.right)}`;
    case "bottom":
      return "_|_";
    case "aliased":
      return inner(expression.value);
    case "vertex":
      return "_";
  }
}

function writeDeclaration(declaration: Declaration, depth: number): string {
  switch (declaration.kind) {
    case "field":
      return `${typeof declaration.label === "string" ? formatLabel(declaration.label) : `(${write(declaration.label, depth)})`}${declaration.constraint}:${write(declaration.value, depth)}`;
    case "pattern":
      return `[${write(declaration.pattern, depth)}]:${write(declaration.value, depth)}`;
    case "ellipsis":
      return "...";
    case "embedding":
      return write(declaration.value, depth);
    case "let":
      return `let ${declaration.name}=${write(declaration.value, depth)}`;
    case "comprehension":
      return writeComprehension(declaration, depth);
  }
}

function writeComprehension({ clauses, value }: Comprehension, depth: number): string {
  const parts = clauses.map((clause) => {
    if (clause.kind === "if") return `if ${write(clause.condition, depth)}`;
    if (clause.kind === "let") return `let ${clause.name}=${write(clause.value, depth)}`;
    return `for ${clause.key === undefined ? "" : `${clause.key}, `}${clause.name} in ${write(clause.of, depth)}`;
  });
  return `${parts.join(" ")} ${write(value, depth)}`;
}

/** A label as CUE writes it. */
export function formatLabel(label: string): string {
  if (!label.startsWith('"')) return label;
  const name = label.slice(1);
  return /^[\p{L}$][\p{L}\p{N}_$]*$/u.test(name) ? name : quoteText(name);
}
