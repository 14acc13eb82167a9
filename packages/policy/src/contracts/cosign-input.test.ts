// What cosign hands to a policy for each `--type` (policy-and-admission §1.5).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, isPolicyError, parseJson } from "../values/index.ts";
import { inputTypes, policyInput } from "./index.ts";

function input(type: string, predicate: string, given?: string): unknown {
  const short = Object.entries(inputTypes).find(([name]) => name === type);
  const predicateType = given ?? short?.[1] ?? type;
  const statement = `{"_type": "t", "predicateType": ${JSON.stringify(predicateType)}, "extra": 1,
    "subject": [{"name": "n", "digest": {"sha256": "ab"}, "uri": "gone"}], "predicate": ${predicate}}`;
  const document = policyInput(type, parseJson(statement));
  return document === undefined ? undefined : JSON.parse(encodeJson(document));
}

const header = { _type: "t", subject: [{ name: "n", digest: { sha256: "ab" } }] };

describe("policyInput", () => {
  it("leaves a statement alone for a URI and for the short names without a type", () => {
    for (const type of ["custom", "openvex", "slsaprovenance02", "slsaprovenance1", "https://example.com/x"]) {
      const found = JSON.stringify(input(type, '"text"'));
      assert.match(found, /"extra":1/);
      assert.match(found, /"uri":"gone"/);
    }
  });
  it("is undefined for another predicate type", () => {
    assert.equal(input("vuln", "{}", inputTypes.link), undefined);
    assert.equal(input("https://example.com/x", "{}", "https://example.com/y"), undefined);
  });
  it("keeps the predicate of spdx, spdxjson and cyclonedx, a text too, under a plain header", () => {
    for (const type of ["spdx", "spdxjson", "cyclonedx"] as const)
      assert.deepEqual(input(type, '"SPDXVersion: 2"'), {
        ...header,
        predicateType: inputTypes[type],
        predicate: "SPDXVersion: 2",
      });
  });
  it("rewrites slsaprovenance: unknown members vanish, metadata gains its booleans", () => {
    assert.deepEqual(
      input(
        "slsaprovenance",
        '{"builder": {"id": "b", "x": 1}, "metadata": {"buildStartedOn": "2026-01-01T00:00:00.500+00:00"}, "x": 1}',
      ),
      {
        ...header,
        predicateType: inputTypes.slsaprovenance,
        predicate: {
          builder: { id: "b" },
          buildType: "",
          invocation: { configSource: {} },
          metadata: {
            buildStartedOn: "2026-01-01T00:00:00.5Z",
            completeness: { parameters: false, environment: false, materials: false },
            reproducible: false,
          },
        },
      },
    );
  });
  it("rewrites link and vuln; vuln loses _type", () => {
    assert.deepEqual(input("link", '{"_type": "link", "command": ["a"], "x": 1}'), {
      ...header,
      predicateType: inputTypes.link,
      predicate: {
        _type: "link",
        name: "",
        materials: null,
        products: null,
        byproducts: null,
        command: ["a"],
        environment: null,
      },
    });
    assert.deepEqual(input("vuln", '{"scanner": {"result": {"n": 1}}, "x": 1}'), {
      subject: header.subject,
      predicateType: inputTypes.vuln,
      predicate: {
        invocation: { parameters: null, uri: "", event_id: "", "builder.id": "" },
        scanner: { uri: "", version: "", db: { uri: "", version: "" }, result: { n: 1 } },
        metadata: { scanStartedOn: "0001-01-01T00:00:00Z", scanFinishedOn: "0001-01-01T00:00:00Z" },
      },
    });
  });
  it("keeps numbers exact", () => {
    const statement = parseJson(
      `{"predicateType": "${inputTypes.vuln}", "predicate": {"scanner": {"result": 9007199254740993}}}`,
    );
    assert.match(encodeJson(policyInput("vuln", statement) ?? null), /9007199254740993/);
  });
  it("refuses what has another form", () => {
    for (const [type, predicate] of [
      ["vuln", '{"scanner": 1}'],
      ["vuln", '{"metadata": {"scanStartedOn": "yesterday"}}'],
      ["slsaprovenance", '{"materials": {}}'],
      ["link", '{"command": [1]}'],
    ] as const)
      assert.throws(
        () => input(type, predicate),
        (error) => isPolicyError(error) && error.code === "CONTRACT_PREDICATE_MALFORMED",
      );
    assert.throws(
      () => policyInput("vuln", parseJson("[]")),
      (error) => isPolicyError(error) && error.code === "CONTRACT_STATEMENT_MALFORMED",
    );
  });
});
