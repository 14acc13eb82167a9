// The policies of docs/policies: they are what `policy new` writes, and each allows what it should and refuses what it should not.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { evaluate } from "@sigillum/policy/contracts";
import { parseJson } from "@sigillum/policy/values";
import { type TemplateKind, templateFor, templateKinds } from "./templates.ts";

const folder = new URL("../../../../docs/policies/", import.meta.url);
const nowNs = BigInt(Date.UTC(2026, 0, 20)) * 1_000_000n;

type Json = Record<string, unknown>;

const types: Readonly<Record<TemplateKind, string>> = {
  slsa: "https://slsa.dev/provenance/v1",
  spdx: "https://spdx.dev/Document",
  cyclonedx: "https://cyclonedx.org/bom",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
};

const good: Readonly<Record<TemplateKind, Json>> = {
  slsa: {
    buildDefinition: { externalParameters: { workflow: { repository: "https://github.com/example/app" } } },
    runDetails: { builder: { id: "https://github.com/actions/runner/github-hosted" } },
  },
  spdx: {
    spdxVersion: "SPDX-2.3",
    packages: [{ name: "a", versionInfo: "1", licenseConcluded: "MIT", licenseDeclared: "Apache-2.0" }],
  },
  cyclonedx: { bomFormat: "CycloneDX", specVersion: "1.6", components: [{ name: "a", purl: "pkg:npm/a@1" }] },
  vuln: {
    scanner: {
      uri: "pkg:github/aquasecurity/trivy@1",
      result: { Results: [{ Vulnerabilities: [{ VulnerabilityID: "CVE-1", PkgName: "a", Severity: "LOW" }] }, {}] },
    },
    metadata: { scanFinishedOn: "2026-01-10T00:00:00Z" },
  },
};

/** Predicates that must be refused, one thing wrong in each; `only` where one language alone asks for it. */
const bad: readonly (readonly [kind: TemplateKind, change: Json, only?: "rego" | "cue"])[] = [
  ["slsa", { runDetails: { builder: { id: "https://example.com/builder" } } }],
  ["slsa", { runDetails: {} }],
  ["slsa", { buildDefinition: { externalParameters: { workflow: { repository: "https://example.com/app" } } } }],
  ["slsa", { buildDefinition: {} }],
  ["spdx", { spdxVersion: "3" }],
  ["spdx", { packages: [] }],
  ["spdx", { packages: [{ name: "a", licenseDeclared: "AGPL-3.0-only" }] }],
  ["spdx", { packages: [{ name: "a", externalRefs: [{ referenceType: "purl" }] }] }, "rego"],
  ["cyclonedx", { bomFormat: "SPDX" }],
  ["cyclonedx", { specVersion: "1.0" }],
  ["cyclonedx", { components: [] }],
  ["cyclonedx", { components: [{ purl: "pkg:npm/event-stream@3.3.6" }] }],
  ["vuln", { scanner: { uri: "", result: { Results: [] } } }],
  ["vuln", { scanner: { uri: "x" } }],
  [
    "vuln",
    {
      scanner: {
        uri: "x",
        result: { Results: [{ Vulnerabilities: [{ VulnerabilityID: "CVE-2", PkgName: "a", Severity: "CRITICAL" }] }] },
      },
    },
  ],
  ["vuln", { metadata: { scanFinishedOn: "2025-01-10T00:00:00Z" } }, "rego"],
];

function passes(kind: TemplateKind, language: "rego" | "cue", predicate: Json): boolean {
  const source = templateFor(kind, language, "strict");
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    predicateType: types[kind],
    subject: [{ name: "a", digest: { sha256: "ab" } }],
    predicate,
  };
  return evaluate("strict", [{ language, file: `${kind}.${language}`, source }], parseJson(JSON.stringify(statement)), { nowNs })
    .pass;
}

describe("docs/policies", () => {
  for (const kind of templateKinds) {
    for (const language of ["rego", "cue"] as const) {
      it(`${kind}.${language} is what policy new writes, and allows and refuses as it says`, async () => {
        assert.equal(await readFile(new URL(`${kind}.${language}`, folder), "utf8"), templateFor(kind, language, "strict"));
        assert.equal(passes(kind, language, good[kind]), true);
        for (const [which, change, only] of bad) {
          if (which !== kind || (only !== undefined && only !== language)) continue;
          assert.equal(passes(kind, language, { ...good[kind], ...change }), false, JSON.stringify(change));
        }
      });
    }
  }
});
