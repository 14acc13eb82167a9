// What the rows of this folder share: their result, and the scan that they ask about.
import { fileURLToPath } from "node:url";

/** What a row gives. */
export interface Result {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor?: { readonly name: string; readonly ratio: number };
  readonly peer?: { readonly name: string; readonly ratio: number };
}

/** The example policies. */
export const policies: string = fileURLToPath(new URL("../../../docs/policies/", import.meta.url));

/** The milliseconds that a run takes. */
export function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Median and spread of some times. */
export function summary(times: readonly number[], unit: string): Result {
  const sorted = times.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? 0, unit, spread: [sorted[0] ?? 0, sorted.at(-1) ?? 0] };
}

/** A statement about a scan with as many findings, in short, or as long as Trivy's are. */
export function scan(findings: number, asTrivy = false): string {
  const list = Array.from({ length: findings }, (_, i) => ({
    VulnerabilityID: `CVE-2026-${i}`,
    PkgName: `p${i}`,
    Severity: "LOW",
    Title: "a finding",
    ...(asTrivy
      ? {
          InstalledVersion: "1.0.0",
          FixedVersion: "1.0.1",
          Description: "what it is about, at some length, as scanners have it. ".repeat(8),
          References: [`https://nvd.example/vuln/${i}`, `https://security.example/${i}`],
          CVSS: { nvd: { V3Score: 5.5, V3Vector: "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H" } },
        }
      : {}),
  }));
  return statement("https://cosign.sigstore.dev/attestation/vuln/v1", {
    scanner: { uri: "pkg:trivy", result: { Results: [{ Vulnerabilities: list }] } },
    metadata: { scanFinishedOn: "2026-01-10T00:00:00Z" },
  });
}

/** A statement of a type about something. */
export function statement(predicateType: string, predicate: unknown): string {
  const subject = [{ name: "app", digest: { sha256: "ab" } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", predicateType, subject, predicate });
}
