// The conformance data that stands beside the checkout and is no part of it.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where the data lies: SIGILLUM_CONFORMANCE_DATA, else `shared/conformance` beside the checkout. */
export const conformanceData: string =
  process.env["SIGILLUM_CONFORMANCE_DATA"] ?? resolve(import.meta.dirname, "../../../shared/conformance");

/** Why the suite cannot run, or undefined where its data is there. Said as the reason of a skip, so that it is heard. */
export const missingData: string | undefined = existsSync(join(conformanceData, "cases.tsv"))
  ? undefined
  : `SKIPPED: no conformance data at ${conformanceData} (set SIGILLUM_CONFORMANCE_DATA)`;

/** The bytes of a file below the data. */
export function readData(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(conformanceData, ...path)));
}

/** The text of a file below the data without the newline at its end, or `otherwise` where there is no such file. */
export function readLine(otherwise: string, ...path: string[]): string {
  const file = join(conformanceData, ...path);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : otherwise;
}

/** Whether there is a file below the data. */
export function hasData(...path: string[]): boolean {
  return existsSync(join(conformanceData, ...path));
}

/** The identity that a case expects where its folder names none: the workflow that publishes tokens for the suite. */
export const beaconIdentity: { readonly san: string; readonly issuer: string } = {
  san: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
  issuer: "https://token.actions.githubusercontent.com",
};
