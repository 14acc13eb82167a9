// The report of an event as a page: one file without scripts or addresses of others, to be read before somebody signs, printed, or kept with the event.
import type { EventReport, RoleReport } from "@sigillum/library/tuf-repository";

/** A target that says something to clients, decoded. */
export interface ServiceLine {
  readonly path: string;
  readonly line: string;
}

/** The page. Whatever an event holds is shown as text: names and paths are other people's. */
export function htmlReport(report: EventReport, services: readonly ServiceLine[]): string {
  const of = report.repository === "new" ? "a new repository" : `repository ${report.repository}`;
  const sections = [
    section("Does not hold", report.problems, "bad"),
    section("Has to be proposed as well", report.orphaned, "bad"),
    section("Warnings", report.warnings, "warning"),
    table(
      "Files",
      ["role", "version", "expires", "signatures"],
      report.roles.map((role) => [text(role.role), text(versionOf(role)), text(expiryOf(role)), signaturesOf(role)]),
    ),
    matrixOf(report),
    table(
      "Changes",
      ["role", "change"],
      report.changes.map(({ role, what }) => [text(role), text(what)]),
    ),
    table(
      "What clients are told",
      ["file", "service"],
      services.map(({ path, line }) => [text(path), text(line)]),
    ),
    table(
      "Keys on offer",
      ["person", "role", "key", "proved"],
      report.keys.map(({ owner, role, keyid, proved, token, problem }) => [
        text(owner),
        text(role),
        `<code>${text(keyid)}</code>`,
        text(
          problem ??
            (token === undefined
              ? `possession ${proved ? "proved" : "NOT proved"}`
              : `possession proved; made in token ${token.serial} (PIN ${token.pinPolicy}, touch ${token.touchPolicy})`),
        ),
      ]),
    ),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Event ${text(report.event)}</title>
<style>${style}</style>
<main>
<h1>Event ${text(report.event)}</h1>
<p>Of ${text(of)}.</p>
<p class="${report.complete ? "good" : "bad"}"><strong>${report.complete ? "Complete: it can be published." : "Not complete."}</strong></p>
${sections.filter((part) => part !== "").join("\n")}
</main>
</html>
`;
}

const style =
  "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1f;background:#fff}" +
  "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{border:1px solid #c8c8cf;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}" +
  "th{background:#f3f3f6}code{font-size:.85em}.good,.signed{color:#0a6b2d}.bad,.invalid{color:#a3001b}.warning{color:#7a4a00}.missing{color:#555}";

function section(title: string, lines: readonly string[], kind: string): string {
  if (lines.length === 0) return "";
  return `<h2>${title}</h2>\n<ul class="${kind}">${lines.map((line) => `<li>${text(line)}</li>`).join("")}</ul>`;
}

/** A table of cells that are HTML already; nothing where there are no rows. */
function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const cells = (row: readonly string[]): string => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  return `<h2>${title}</h2>\n<table><thead><tr>${head.map((name) => `<th>${text(name)}</th>`).join("")}</tr></thead>\n<tbody>${rows.map(cells).join("\n")}</tbody></table>`;
}

/** Person by file. */
function matrixOf({ matrix, roles }: EventReport): string {
  const names = roles.map(({ role }) => role);
  const rows = Object.entries(matrix).map(([person, states]) => [
    text(person),
    ...names.map((role) => {
      const state = states[role];
      return state === undefined ? "" : `<span class="${state}">${state}</span>`;
    }),
  ]);
  return table("Who has signed", ["person", ...names], rows);
}

function versionOf({ oldVersion, newVersion }: RoleReport): string {
  return oldVersion === undefined ? `new, ${newVersion}` : `${oldVersion} → ${newVersion}`;
}

function expiryOf({ oldExpires, newExpires }: RoleReport): string {
  return oldExpires === undefined ? newExpires : `${newExpires} (was ${oldExpires})`;
}

function signaturesOf({ signatures }: RoleReport): string {
  return signatures
    .map(
      ({ by, have, need, missing }) =>
        `<span class="${have >= need ? "good" : "bad"}">${have}/${need}</span> by the keys of ${text(by)}${have >= need ? "" : `, not yet: ${text(missing.join(", "))}`}`,
    )
    .join("<br>");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function text(value: string): string {
  return value.replaceAll(/[&<>"']/gu, (character) => entities[character] ?? "");
}
