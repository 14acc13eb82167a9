package sigillum

import rego.v1

# Allowed when there is no violation; each one is told to whoever asks.

# SLSA provenance, versions 0.2 and 1, as GitHub Actions and npm write it.

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
