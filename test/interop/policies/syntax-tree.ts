// What makes two policies the same: their syntax trees, without the places that the nodes stood at.
import { compileCue } from "@sigillum/policy/cue";
import { parseModule } from "@sigillum/policy/rego";
import { formatValue, isPolicyError, ObjectValue, SetValue } from "@sigillum/policy/values";

/** A policy's syntax tree as text: equal for two that differ in white space, comments or the writing of literals alone. */
export function treeOf(language: "cue" | "rego", source: string): string {
  try {
    return printed(language === "cue" ? compileCue([{ file: "p", source }]).files : parseModule("p", source, "v0"));
  } catch (error) {
    if (isPolicyError(error)) return `no tree: ${source}`;
    throw error;
  }
}

/** The tree with its texts, numbers and names left out: the form of a policy. */
export function shapeOf(language: "cue" | "rego", source: string): string {
  return treeOf(language, source).replace(/"(?:[^"\\]|\\.)*"(?!:)|\d+/g, "?");
}

function printed(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) => {
    // `target` is what the resolver adds, places and files are where a node stood
    if (key === "at" || key === "packageAt" || key === "nameAt" || key === "file" || key === "target") return undefined;
    if (value instanceof ObjectValue || value instanceof SetValue) return formatValue(value);
    if (typeof value === "bigint") return `${value}n`;
    return value;
  });
}
