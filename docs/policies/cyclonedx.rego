package sigillum

import rego.v1

# Allowed when there is no violation; each one is told to whoever asks.

# A CycloneDX document as JSON (cosign attest --type cyclonedx).

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
