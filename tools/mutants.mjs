// Mutants from the syntax tree: every throw, comparison and early return of a file, and every call whose answer nobody takes, each
// changed in one way. TypeScript's own parser reads the file, so that nothing is missed that a pattern would not see.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SyntaxKind } from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

const COMPARISONS = new Map([
  [SyntaxKind.EqualsEqualsEqualsToken, ["!=="]],
  [SyntaxKind.ExclamationEqualsEqualsToken, ["==="]],
  [SyntaxKind.LessThanToken, ["<=", ">="]],
  [SyntaxKind.LessThanEqualsToken, ["<", ">"]],
  [SyntaxKind.GreaterThanToken, [">=", "<="]],
  [SyntaxKind.GreaterThanEqualsToken, [">", "<"]],
  [SyntaxKind.AmpersandAmpersandToken, ["||"]],
  [SyntaxKind.BarBarToken, ["&&"]],
]);

const CONSTANTS = new Set([SyntaxKind.TrueKeyword, SyntaxKind.FalseKeyword]);
const EQUALITIES = new Set([SyntaxKind.EqualsEqualsEqualsToken, SyntaxKind.ExclamationEqualsEqualsToken]);

/**
 * The mutants of the source files of a room, given its project: {file, line, start, end, before, after, kind, owner}. Left out: what only
 * chooses the words of an error (the arguments of a throw's maker, functions that return an Error), constants outside functions, tests.
 */
export function mutantsOfRoom(root, room, only = () => true) {
  const config = join(root, "packages/library/src", room, "tsconfig.json");
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProject: config });
    const { program } = snapshot.getProject(config) ?? snapshot.getProjects()[0];
    const folder = join(root, "packages/library/src", room);
    return program
      .getSourceFileNames()
      .filter((path) => path.startsWith(`${folder}/`) && !/\.(test|fuzz|d)\.ts$/.test(path))
      .map((path) => relative(root, path))
      .filter(only)
      .flatMap((path) => mutantsOfFile(path, readFileSync(join(root, path), "utf8"), program.getSourceFile(join(root, path))));
  } finally {
    api.close();
  }
}

/** The mutants of one parsed file. */
export function mutantsOfFile(file, text, source) {
  const found = [];
  const add = (node, after, kind, owner) => {
    const start = node.getStart === undefined ? skipTrivia(text, node.pos) : node.getStart(source);
    const [line, code] = lineOf(text, start);
    found.push({ file, line, code, start, end: node.end, before: text.slice(start, node.end), after, kind, owner });
  };
  const visit = (node, context) => {
    const inner = contextInside(node, context, text);
    if (inner.owner !== undefined && !inner.words) mutate(node, inner, text, add);
    node.forEachChild((child) => {
      visit(child, wordsIn(node, child, inner));
    });
  };
  visit(source, { owner: undefined, words: false, last: undefined });
  return found;
}

// A function that gives back an Error, or `never`, only words it.
function contextInside(node, context, text) {
  const isFunction = [
    SyntaxKind.FunctionDeclaration,
    SyntaxKind.MethodDeclaration,
    SyntaxKind.Constructor,
    SyntaxKind.GetAccessor,
    SyntaxKind.ArrowFunction,
    SyntaxKind.FunctionExpression,
  ].includes(node.kind);
  if (!isFunction) return context;
  const name = node.name === undefined ? undefined : text.slice(skipTrivia(text, node.name.pos), node.name.end);
  const result = node.type === undefined ? "" : text.slice(node.type.pos, node.type.end).trim();
  return {
    owner: name ?? context.owner ?? "(module)",
    words:
      context.words || /^(?:\w*Error|ReturnType<typeof \w+Error>)$/.test(result) || /^(?:describe|format|quote)/.test(name ?? ""),
    last: node.body?.statements?.at(-1),
    answers: result === "boolean",
  };
}

// `throw maker("CODE", …)` and `new TypeError(…)`: which code is thrown the tests assert, the words they need not.
function wordsIn(node, child, context) {
  if (node.kind === SyntaxKind.ThrowStatement) return { ...context, words: true };
  // The whole of a condition becomes true and false; to turn it round as well would say nothing new.
  const condition = node.kind === SyntaxKind.IfStatement ? node.expression : node.condition;
  return { ...context, isCondition: child === condition };
}

function mutate(node, context, text, add) {
  const { owner } = context;
  switch (node.kind) {
    case SyntaxKind.ThrowStatement:
      return add(node, ";", "throw", owner);
    case SyntaxKind.IfStatement:
      add(node.expression, "true", "condition", owner);
      return add(node.expression, "false", "condition", owner);
    case SyntaxKind.ConditionalExpression:
      add(node.condition, "true", "condition", owner);
      return add(node.condition, "false", "condition", owner);
    case SyntaxKind.ReturnStatement:
      if (context.answers && node.expression !== undefined && !CONSTANTS.has(node.expression.kind)) {
        add(node.expression, "true", "answer", owner);
        add(node.expression, "false", "answer", owner);
      }
      return node === context.last ? undefined : add(node, ";", "early return", owner);
    case SyntaxKind.WhileStatement:
      return add(node.expression, "false", "condition", owner);
    case SyntaxKind.ContinueStatement:
    case SyntaxKind.BreakStatement:
      return add(node, ";", "early return", owner);
    case SyntaxKind.ExpressionStatement:
      return node.expression.kind === SyntaxKind.CallExpression ? add(node, ";", "call", owner) : undefined;
    case SyntaxKind.BinaryExpression: {
      if (context.isCondition && EQUALITIES.has(node.operatorToken.kind)) return undefined;
      for (const other of COMPARISONS.get(node.operatorToken.kind) ?? []) add(node.operatorToken, other, "comparison", owner);
      return undefined;
    }
    case SyntaxKind.PrefixUnaryExpression:
      if (node.operator !== SyntaxKind.ExclamationToken || context.isCondition) return undefined;
      return add(node, text.slice(skipTrivia(text, node.operand.pos), node.operand.end), "negation", owner);
    default:
      return undefined;
  }
}

function skipTrivia(text, from) {
  let at = from;
  for (;;) {
    if (/\s/.test(text[at] ?? "")) at += 1;
    else if (text.startsWith("//", at)) at = text.indexOf("\n", at) < 0 ? text.length : text.indexOf("\n", at);
    else if (text.startsWith("/*", at)) at = text.indexOf("*/", at) + 2;
    else return at;
  }
}

// The number and the text of the line on which an offset stands.
function lineOf(text, offset) {
  const line = text.slice(0, offset).split("\n").length;
  return [line, text.split("\n")[line - 1].trim()];
}
