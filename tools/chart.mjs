// npm run check:chart [-- --write]: charts/sigillum/README.md and values.schema.json are made from its values.yaml: every value with its
// default and the comment above it. A value without a comment, of its own or of what it stands in, is a problem.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, parseDocument } from "yaml";

const MARK = "# --";

/** Every value with its path, default and comment, in the order of the file. */
export function readValues(text) {
  const document = parseDocument(text, { strict: true });
  if (document.errors.length > 0) throw document.errors[0];
  const rows = [];
  const walk = (map, path, inherited) => {
    for (const [at, pair] of map.items.entries()) {
      const before = at === 0 && path.length > 0 ? map.commentBefore : pair.key.commentBefore;
      const own = commentOf(before ?? (path.length === 0 && at === 0 ? document.commentBefore : undefined));
      const here = [...path, pair.key.value];
      const comment = own ?? inherited;
      // a section without a comment of its own is a heading; one with it is a value as a whole, its fields too where they say more
      if (isMap(pair.value) && pair.value.items.length > 0 && (own === undefined || hasComments(pair.value)))
        walk(pair.value, here, own);
      else rows.push({ path: here.join("."), value: pair.value?.toJSON() ?? null, comment });
    }
  };
  walk(document.contents, [], undefined);
  return rows;
}

function hasComments(map) {
  return (
    (map.commentBefore ?? "").includes(" --") ||
    map.items.some((pair) => (pair.key.commentBefore ?? "").includes(" --") || (isMap(pair.value) && hasComments(pair.value)))
  );
}

function commentOf(text) {
  const lines = (text ?? "").split("\n").map((line) => line.trim());
  const start = lines.findIndex((line) => line.startsWith("--"));
  return start < 0 ? undefined : lines.slice(start).join(" ").slice(2).trim();
}

/** The README for a chart. */
export function chartReadme(chart, rows) {
  const table = rows.map(
    ({ path, value, comment }) => `| \`${path}\` | \`${shown(value)}\` | ${(comment ?? "").replaceAll("|", "\\|")} |`,
  );
  return `# ${chart.name}

${chart.description}. Made from \`values.yaml\` by \`npm run check:chart -- --write\`.

## Keep unsigned images out

Build the image from the \`Containerfile\` of this repository and push it where the cluster can pull it, then:

\`\`\`
helm install admission charts/sigillum --namespace cosign-system --create-namespace \\
  --set webhook.image.repository=registry.example.com/sigillum \\
  --set-file cosign.cosignPub=cosign.pub
kubectl label namespace default policy.sigstore.dev/include=true
\`\`\`

From then on, nothing runs in \`default\` that the key has not signed. Policies of one's own are ClusterImagePolicy objects, as
policy-controller reads them; \`webhook.configData.no-match-policy\` says what happens to images that none is for.

## When it is down

Nothing new runs in labelled namespaces while the controller does not answer (\`webhook.failurePolicy: Fail\`), and what runs goes on. Its own
namespace and \`kube-system\` carry no label, so that it can be mended. To get out: remove the label of a namespace, or delete the
ValidatingWebhookConfiguration \`policy.sigstore.dev\`; \`helm upgrade\` puts it back.

## A private Sigstore

\`--set stack.enabled=true\` runs certificate authority, logs, timestamp authority and TUF repository as one StatefulSet with a volume. It has no
identity provider of its own there: name yours in \`stack.issuers\`. \`--set admission.enabled=false\` runs it alone.

## Values

Names are those of policy-controller's chart where it has them.

| value | default | means |
|---|---|---|
${table.join("\n")}
`;
}

function shown(value) {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text.replaceAll("|", "\\|") : "see values.yaml";
}

/** A JSON schema that takes what has the form of the defaults; maps that are empty there take anything. */
export function schemaOf(value, path = "") {
  if (Array.isArray(value)) return { type: "array" };
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value);
    if (names.length === 0 || open.has(path)) return { type: "object" };
    const properties = Object.fromEntries(
      names.map((name) => [name, schemaOf(value[name], path === "" ? name : `${path}.${name}`)]),
    );
    return { type: "object", additionalProperties: path === "", properties };
  }
  if (choices[path] !== undefined) return { enum: choices[path] };
  if (typeof value === "number") return { type: "integer", minimum: 0 };
  return { type: typeof value };
}

// what Kubernetes itself checks, and may hold more than the defaults do
const open = new Set([
  "webhook.resources",
  "webhook.securityContext",
  "webhook.podSecurityContext",
  "webhook.namespaceSelector",
  "stack.resources",
]);
const choices = {
  loglevel: ["debug", "info", "warn", "error"],
  "webhook.failurePolicy": ["Fail", "Ignore"],
  "webhook.image.pullPolicy": ["Always", "IfNotPresent", "Never"],
  "stack.scheme": ["http", "https"],
};

/** The files that are made, by path below the chart. */
export function madeFiles(root) {
  const directory = join(root, "charts/sigillum");
  const text = readFileSync(join(directory, "values.yaml"), "utf8");
  const chart = parseDocument(readFileSync(join(directory, "Chart.yaml"), "utf8")).toJS();
  const rows = readValues(text);
  const schema = { $schema: "http://json-schema.org/draft-07/schema#", title: "Values", ...schemaOf(parseDocument(text).toJS()) };
  return { rows, files: { "README.md": chartReadme(chart, rows), "values.schema.json": `${JSON.stringify(schema, null, 2)}\n` } };
}

function main(args) {
  const root = join(import.meta.dirname, "..");
  const { rows, files } = madeFiles(root);
  const problems = rows
    .filter(({ comment }) => comment === undefined)
    .map(({ path }) => `${path} has no comment that begins with "${MARK}"`);
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, "charts/sigillum", name);
    if (args.includes("--write")) writeFileSync(path, text);
    else if (!existsSync(path) || readFileSync(path, "utf8") !== text)
      problems.push(`charts/sigillum/${name} is not what values.yaml says: npm run check:chart -- --write`);
  }
  for (const problem of problems) console.log(problem);
  console.log(problems.length === 0 ? "chart: in order" : `chart: ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2));
