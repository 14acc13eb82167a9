package sigillum

import rego.v1

# Allowed when there is no violation; each one is told to whoever asks.

# An SPDX document as JSON (cosign attest --type spdxjson).

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
