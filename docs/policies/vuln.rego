package sigillum

import rego.v1

# Allowed when there is no violation; each one is told to whoever asks.

# A scan for vulnerabilities (cosign attest --type vuln), its result as Trivy writes it.

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
