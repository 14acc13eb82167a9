// The chart by the real Helm: it lints, renders over a matrix of values, and everything rendered is what Kubernetes' own schema takes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseSettings } from "@sigillum/stack/settings";
import { parseAllDocuments } from "yaml";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";

const chart = join(import.meta.dirname, "../../charts/sigillum");
const [helm, schemas] = [findPeer("helm"), findPeer("kubernetes-schema")];
const missing = [helm, schemas].find(({ path }) => path === undefined)?.missing;
if (missing !== undefined) console.log(`SKIPPED: chart: ${missing}`);

/** Values and how many objects they render. */
const matrix: readonly (readonly [name: string, values: object, objects: number])[] = [
  ["defaults", {}, 19],
  [
    "public key",
    { cosign: { cosignPub: "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", images: ["a/**", "b/**"] } },
    21,
  ],
  ["existing key", { cosign: { secretKeyRef: { name: "mine" } } }, 20],
  [
    "stack alone",
    {
      admission: { enabled: false },
      stack: {
        enabled: true,
        host: "sigstore.example.com",
        scheme: "https",
        issuers: [{ url: "https://issuer.example.com", type: "uri", subjectDomain: "https://example.com" }],
      },
    },
    4,
  ],
  ["both", { stack: { enabled: true, settings: { trust: { defaultLog: "v2" } } }, admission: { trustedRoot: "{}" } }, 24],
  [
    "no definitions, no extras",
    {
      installCRDs: false,
      networkPolicy: { enabled: false },
      webhook: { podDisruptionBudget: { enabled: false }, serviceAccount: { create: false, name: "mine" } },
    },
    14,
  ],
  [
    "everything set",
    {
      imagePullSecrets: [{ name: "pull" }],
      commonNodeSelector: { a: "b" },
      commonTolerations: [{ key: "k", operator: "Exists" }],
      commonAnnotations: { note: "x" },
      serviceMonitor: { enabled: true },
      networkPolicy: { metricsFrom: [{ namespaceSelector: {} }] },
      webhook: {
        replicaCount: 3,
        image: { repository: "registry.example.com/sigillum", version: `sha256:${"a".repeat(64)}` },
        env: { A: "1" },
        envFrom: { configmaps: ["c"], secrets: ["s"] },
        extraArgs: ["--verbose"],
        customLabels: { team: "x" },
        podAnnotations: { note: "y" },
        affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
        priorityClass: "system-cluster-critical",
        configData: { "no-match-policy": "warn" },
        registryCaBundle: { name: "ca", key: "ca.crt" },
        volumes: [{ name: "v", emptyDir: {} }],
        volumeMounts: [{ name: "v", mountPath: "/v" }],
        serviceAccount: { annotations: { role: "arn" } },
        service: { annotations: { x: "y" } },
      },
    },
    20,
  ],
];

describe("charts/sigillum by Helm", { skip: missing }, () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-chart-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  const run = (...args: string[]): Promise<Outcome> =>
    runProgram(helm.path ?? "", args, { env: { HOME: directory }, cwd: directory });

  async function render(values: object): Promise<JsonFields[]> {
    const file = join(directory, "values.json");
    await writeFile(file, JSON.stringify(values));
    const { exit, stdout, stderr } = await run(
      "template",
      "r",
      chart,
      "--namespace",
      "ns",
      "--kube-version",
      "1.34.0",
      "--values",
      file,
    );
    assert.equal(exit, 0, stderr);
    const documents = parseAllDocuments(stdout);
    assert.ok(Array.isArray(documents));
    return documents.map((one) => fields(one.toJS())).filter((one) => Object.keys(one).length > 0);
  }

  it("lints without a warning", async () => {
    const { exit, stdout } = await run("lint", "--strict", chart, "--kube-version", "1.34.0");
    assert.equal(exit, 0, stdout);
    assert.doesNotMatch(stdout, /\[(?:WARNING|ERROR)\]/);
  });

  for (const [name, values, count] of matrix)
    it(`renders ${name}: ${count} objects that Kubernetes' schema takes, with the least rights`, async () => {
      const objects = await render(values);
      assert.equal(objects.length, count, objects.map((one) => `${one["kind"]} ${fields(one["metadata"])["name"]}`).join("\n"));
      for (const object of objects) {
        const problems = schemaProblems(object);
        assert.deepEqual(problems, [], `${object["kind"]} ${fields(object["metadata"])["name"]}`);
        for (const spec of podSpecs(object)) requireHardened(spec);
        for (const text of Object.values(fields(object["data"])))
          if (object["kind"] === "ConfigMap" && typeof text === "string" && text.includes("services:"))
            parseSettings(text, "/data");
      }
      const rights = objects
        .filter(({ kind }) => kind === "ClusterRole" || kind === "Role")
        .flatMap((one) => list(one["rules"]).map(fields));
      for (const rule of rights) {
        for (const part of ["verbs", "resources", "apiGroups"]) assert.ok(!list(rule[part]).includes("*"), JSON.stringify(rule));
        assert.ok(
          !list(rule["verbs"]).some((verb) =>
            ["create", "delete", "deletecollection", "escalate", "bind", "impersonate"].includes(String(verb)),
          ),
          JSON.stringify(rule),
        );
      }
    });

  it("refuses values that it does not know", async () => {
    for (const [set, found] of [
      ["webhook.failurePolicy=Maybe", /failurePolicy/],
      ["webhook.replicaCount=many", /replicaCount/],
      ["webhook.unknown=1", /unknown/],
    ] as const) {
      const { exit, stderr } = await run("template", "r", chart, "--kube-version", "1.34.0", "--set", set);
      assert.notEqual(exit, 0);
      assert.match(stderr, found);
    }
  });
});

type JsonFields = { readonly [name: string]: unknown };

function fields(value: unknown): JsonFields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function podSpecs(object: JsonFields): JsonFields[] {
  const spec = fields(fields(fields(object["spec"])["template"])["spec"]);
  return Object.keys(spec).length === 0 ? [] : [spec];
}

function requireHardened(spec: JsonFields): void {
  assert.equal(fields(spec["securityContext"])["runAsNonRoot"], true);
  for (const container of list(spec["containers"]).map(fields)) {
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = fields(container["securityContext"]);
    assert.deepEqual([allowPrivilegeEscalation, readOnlyRootFilesystem, fields(capabilities)["drop"]], [false, true, ["ALL"]]);
    assert.ok(Object.keys(fields(fields(container["resources"])["limits"])).length > 0);
  }
}

let definitions: JsonFields | undefined;

/** What is wrong with an object by Kubernetes' published schema: unknown fields, wrong types, missing ones. Custom kinds have none there. */
function schemaProblems(object: JsonFields): string[] {
  definitions ??= fields(fields(JSON.parse(readFileSync(join(schemas.path ?? "", "swagger.json"), "utf8")))["definitions"]);
  const [group = "", version = ""] = String(object["apiVersion"]).includes("/")
    ? String(object["apiVersion"]).split("/")
    : ["", String(object["apiVersion"])];
  const found = Object.values(definitions).find((one) =>
    list(fields(one)["x-kubernetes-group-version-kind"]).some((kind) => {
      const named = fields(kind);
      return named["group"] === group && named["version"] === version && named["kind"] === object["kind"];
    }),
  );
  if (found === undefined)
    return ["policy.sigstore.dev", "monitoring.coreos.com"].includes(group)
      ? []
      : [`no schema for ${object["apiVersion"]} ${object["kind"]}`];
  return problemsOf(object, fields(found), String(object["kind"]));
}

function problemsOf(value: unknown, schema: JsonFields, path: string): string[] {
  const reference = schema["$ref"];
  if (typeof reference === "string")
    return problemsOf(value, fields(definitions?.[reference.replace("#/definitions/", "")]), path);
  if (value === null) return [`${path} is null`];
  switch (schema["type"]) {
    case "string":
      return typeof value === "string" || (schema["format"] === "int-or-string" && typeof value === "number")
        ? []
        : [`${path} is no string`];
    case "integer":
      return Number.isInteger(value) ? [] : [`${path} is no integer`];
    case "boolean":
      return typeof value === "boolean" ? [] : [`${path} is no boolean`];
    case "array":
      return Array.isArray(value)
        ? value.flatMap((one, at) => problemsOf(one, fields(schema["items"]), `${path}[${at}]`))
        : [`${path} is no list`];
    default:
      return objectProblems(value, schema, path);
  }
}

function objectProblems(value: unknown, schema: JsonFields, path: string): string[] {
  const properties = fields(schema["properties"]);
  if (Object.keys(properties).length === 0) {
    const inner = schema["additionalProperties"];
    return inner === undefined
      ? []
      : Object.entries(fields(value)).flatMap(([name, one]) => problemsOf(one, fields(inner), `${path}.${name}`));
  }
  if (typeof value !== "object" || Array.isArray(value)) return [`${path} is no object`];
  const missingFields = list(schema["required"]).filter((name) => fields(value)[String(name)] === undefined);
  return [
    ...missingFields.map((name) => `${path}.${name} is missing`),
    ...Object.entries(fields(value)).flatMap(([name, one]) => {
      const property = properties[name];
      return property === undefined ? [`${path}.${name} is unknown`] : problemsOf(one, fields(property), `${path}.${name}`);
    }),
  ];
}
