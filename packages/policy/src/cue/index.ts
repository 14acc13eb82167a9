// The public surface of the room `cue`.
export { type CompiledCue, type CueProblem, compileCue, evaluateCue, type ValidateOptions, validateCue } from "./compile.ts";
export { cueError, cueErrors } from "./errors.ts";
export { type CueView, type CueViewError, type CueViewField, type CueViewKind, inspectCue } from "./inspect.ts";
export type { CueSource } from "./position.ts";
export { subsetFunctions, unsupportedConstructs } from "./subset.ts";
export type { Attribute, Declaration, Expression, FileSyntax, StructLiteral } from "./syntax.ts";
