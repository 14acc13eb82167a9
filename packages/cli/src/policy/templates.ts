// Starting policies: what `policy new` writes, and what docs/policies shows.
import type { Contract, PolicyLanguage } from "@sigillum/policy/contracts";

/** What a starting policy is about. */
export type TemplateKind = "slsa" | "spdx" | "cyclonedx" | "vuln";

/** Every kind. */
export const templateKinds: readonly TemplateKind[] = ["slsa", "spdx", "cyclonedx", "vuln"];

const heads: Readonly<Record<Contract, string>> = {
  strict: `package sigillum

import rego.v1

# Allowed when there is no violation; each one is told to whoever asks.
`,
  "cosign-cli": `package signature

import rego.v1

# cosign asks for data.signature.allow, which must be true.
allow if count(violation) == 0
`,
  "policy-controller": `package sigstore

import rego.v1

# policy-controller asks for data.sigstore.isCompliant, which must be true.
isCompliant if count(violation) == 0
`,
};

const rego: Readonly<Record<TemplateKind, string>> = {
  slsa: `# SLSA provenance, versions 0.2 and 1, as GitHub Actions and npm write it.

# Whose builds are accepted: change these two.
trusted_builders := {
	"https://github.com/actions/runner/github-hosted",
	"https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml",
}

source_prefix := "https://github.com/"

# version 1, and version 0.2
builder := input.predicate.runDetails.builder.id

builder := input.predicate.builder.id

source := input.predicate.buildDefinition.externalParameters.workflow.repository

source := trim_prefix(input.predicate.invocation.configSource.uri, "git+")

violation contains "the provenance names no builder" if not builder

violation contains sprintf("builder %s is not trusted", [builder]) if {
	not trusted_builder
}

# a builder may carry a version after an @
trusted_builder if split(builder, "@")[0] in trusted_builders

violation contains "the provenance names no source" if not source

violation contains sprintf("source %s is not below %s", [source, source_prefix]) if not startswith(source, source_prefix)

violation contains "the statement is about nothing" if count(input.subject) == 0
`,
  spdx: `# An SPDX document as JSON (cosign attest --type spdxjson).

# Licences that must not be in what is shipped: change these.
denied_licences := {"AGPL-3.0-only", "AGPL-3.0-or-later", "SSPL-1.0"}

violation contains "the predicate is no SPDX document" if not startswith(input.predicate.spdxVersion, "SPDX-")

violation contains "the document lists no package" if count(object.get(input.predicate, "packages", [])) == 0

violation contains sprintf("package %s is licensed %s", [package_.name, licence]) if {
	some package_ in input.predicate.packages
	some field in ["licenseConcluded", "licenseDeclared"]
	some licence in split(object.get(package_, field, "NOASSERTION"), " ")
	licence in denied_licences
}

violation contains sprintf("package %s has no version", [package_.name]) if {
	some package_ in input.predicate.packages
	some reference in object.get(package_, "externalRefs", [])
	reference.referenceType == "purl"
	object.get(package_, "versionInfo", "") == ""
}
`,
  cyclonedx: `# A CycloneDX document as JSON (cosign attest --type cyclonedx).

# Packages that must not be in what is shipped: change these.
denied_packages := {"pkg:npm/event-stream", "pkg:npm/flatmap-stream"}

violation contains "the predicate is no CycloneDX document" if object.get(input.predicate, "bomFormat", "") != "CycloneDX"

violation contains sprintf("version %v of CycloneDX is not known", [input.predicate.specVersion]) if {
	not input.predicate.specVersion in {"1.4", "1.5", "1.6"}
}

violation contains "the document lists no component" if count(object.get(input.predicate, "components", [])) == 0

violation contains sprintf("component %s is denied", [component.purl]) if {
	some component in input.predicate.components
	split(component.purl, "@")[0] in denied_packages
}
`,
  vuln: `# A scan for vulnerabilities (cosign attest --type vuln), its result as Trivy writes it.

# How bad a finding may be, and which findings are known not to matter: change these.
refused_severities := {"CRITICAL", "HIGH"}

accepted := set()

violation contains "the scan names no scanner" if object.get(input.predicate.scanner, "uri", "") == ""

violation contains "the scan has no result" if not input.predicate.scanner.result.Results

violation contains sprintf("%s is %s in %s", [finding.VulnerabilityID, finding.Severity, finding.PkgName]) if {
	some result in input.predicate.scanner.result.Results
	some finding in object.get(result, "Vulnerabilities", [])
	finding.Severity in refused_severities
	not finding.VulnerabilityID in accepted
}

# A scan says little when it is old: 30 days here.
violation contains "the scan is older than 30 days" if {
	time.now_ns() - time.parse_rfc3339_ns(input.predicate.metadata.scanFinishedOn) > ((30 * 24) * 3600) * 1000000000
}
`,
};

const cue: Readonly<Record<TemplateKind, string>> = {
  slsa: `// SLSA provenance, version 1, as GitHub Actions and npm write it.
import "list"

predicateType: "https://slsa.dev/provenance/v1"
subject: list.MinItems(1)

predicate: {
	// Whose builds are accepted: change this.
	runDetails: builder: id: =~"^https://github.com/actions/runner/github-hosted$"

	// Whose source: change this.
	buildDefinition: externalParameters: workflow: repository: =~"^https://github.com/"
}
`,
  spdx: `// An SPDX document as JSON (cosign attest --type spdxjson).
import "list"

predicateType: "https://spdx.dev/Document"

predicate: {
	spdxVersion: =~"^SPDX-2\\\\."

	// Licences that must not be in what is shipped: change this.
	packages: list.MinItems(1)
	packages: [...{licenseConcluded?: !~"AGPL-3.0|SSPL-1.0", licenseDeclared?: !~"AGPL-3.0|SSPL-1.0", ...}]
}
`,
  cyclonedx: `// A CycloneDX document as JSON (cosign attest --type cyclonedx).
import "list"

predicateType: "https://cyclonedx.org/bom"

predicate: {
	bomFormat:   "CycloneDX"
	specVersion: "1.4" | "1.5" | "1.6"

	// Packages that must not be in what is shipped: change this.
	components: list.MinItems(1)
	components: [...{purl?: !~"^pkg:npm/(event-stream|flatmap-stream)(@|$)", ...}]
}
`,
  vuln: `// A scan for vulnerabilities (cosign attest --type vuln), its result as Trivy writes it.

predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1"

predicate: scanner: {
	uri: !=""

	// How bad a finding may be: change this.
	result: Results: [...{Vulnerabilities?: [...{Severity: !="CRITICAL" & !="HIGH", ...}], ...}]
}
`,
};

/** A starting policy. */
export function templateFor(kind: TemplateKind, language: PolicyLanguage, contract: Contract): string {
  return language === "cue" ? cue[kind] : `${heads[contract]}\n${rego[kind]}`;
}
