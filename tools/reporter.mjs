// What test.mjs learns of a run: one JSON record a line, marked by a record separator (RFC 7464) so that output of the tests can stand
// between. Used as node's stdout reporter.
import { relative, resolve } from "node:path";

export const MARK = "\u001e";

export default async function* records(source) {
  for await (const { type, data } of source) {
    const record = recordOf(type, data);
    if (record !== undefined) yield `${MARK}${JSON.stringify(record)}\n`;
  }
}

function recordOf(type, data) {
  if (type === "test:stdout" || type === "test:stderr") return { kind: "output", text: data.message };
  if (type === "test:summary" && data.file === undefined) return { kind: "end" };
  if (
    type === "test:diagnostic" &&
    /generated asynchronous activity|unhandledRejection|uncaughtException/.test(data.message ?? "")
  ) {
    return { kind: "output", text: `${data.message}\n` };
  }
  if (type === "test:complete" && isWholeFile(data)) return { kind: "file", file: relative(process.cwd(), data.file) };
  if (type !== "test:pass" && type !== "test:fail") return undefined;
  const error = data.details?.error;
  const where = { file: relative(process.cwd(), data.file ?? ""), line: data.line, name: data.name };
  if (type === "test:pass" && isWholeFile(data)) return undefined; // node's own word for a file, which it also gives to one without a test
  if (data.skip !== undefined || data.todo !== undefined) return { kind: "skip", ...where, reason: reasonOf(data) };
  if (type === "test:pass") return data.details?.type === "suite" ? undefined : { kind: "pass", ...where };
  if (error?.failureType === "subtestsFailed") return undefined;
  return { kind: "fail", ...where, message: error?.cause?.stack ?? error?.cause?.message ?? error?.message ?? String(error) };
}

function isWholeFile(data) {
  return data.nesting === 0 && data.file !== undefined && resolve(data.name) === resolve(data.file);
}

function reasonOf(data) {
  const words = [data.skip, data.todo].find((value) => typeof value === "string");
  return words ?? (data.todo === undefined ? "skipped" : "to do");
}
