import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { evaluate } from "@sigillum/policy/contracts";
import { parseJson } from "@sigillum/policy/values";
import { parseArguments } from "../arguments/index.ts";
import { findCommand } from "../commands/index.ts";
import { createTerminal } from "../terminal/index.ts";
import { formatPolicy } from "./fmt.ts";
import { loadPolicies, runPolicyTest } from "./index.ts";
import { inputsIn } from "./inputs.ts";
import { readPolicies } from "./sources.ts";
import { valueAt } from "./tell.ts";
import { templateFor, templateKinds } from "./templates.ts";

let directory: string;
const at = (name: string): string => join(directory, name);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  name: string,
  words: readonly string[],
  options: { readonly watched?: boolean; readonly json?: boolean } = {},
): Promise<Outcome> {
  const command = (await findCommand(["policy", name]))?.command;
  assert.ok(command !== undefined);
  let [stdout, stderr] = ["", ""];
  const terminal = createTerminal({
    stdout: { write: (text) => (stdout += String(text)) },
    stderr: { write: (text) => (stderr += text), ...(options.watched === true ? { isTTY: true } : {}) },
    stdinIsTTY: false,
    format: options.json === true ? "json" : "text",
  });
  const code = await command.run(parseArguments(command, words), terminal);
  return { code, stdout, stderr };
}

const statement = {
  _type: "https://in-toto.io/Statement/v1",
  predicateType: "https://example.com/scan/v1",
  subject: [{ name: "app", digest: { sha256: "ab" } }],
  predicate: { scanner: { version: "0.20", big: 1 }, "odd.key": [true] },
};
const allow = 'package sigillum\nallow { input.predicate.scanner.version == "0.20" }\n';
const deny = 'predicate: scanner: version: "9"\n';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sigillum-policy-"));
  await writeFile(at("statement.json"), JSON.stringify(statement));
  await writeFile(at("allow.rego"), allow);
  await writeFile(at("deny.cue"), deny);
});
after(() => rm(directory, { recursive: true, force: true }));

describe("policy test", () => {
  it("allows, with a table", async () => {
    const { code, stdout } = await run("test", ["--policy", at("allow.rego"), at("statement.json")]);
    assert.equal(code, 0);
    assert.match(stdout, /^PASS {2}\S*statement\.json {2}https:\/\/example\.com\/scan\/v1\n1 statement: 1 allowed, 0 refused\n$/);
  });

  it("refuses with the policy's line, a mark, and the value at its path", async () => {
    const { code, stdout } = await run("test", ["--policy", at("deny.cue"), at("statement.json")]);
    assert.equal(code, 1);
    assert.match(stdout, /^FAIL/);
    assert.match(stdout, /- predicate\.scanner\.version: conflicting values "0\.20" and "9"/);
    assert.match(stdout, /deny\.cue:1:30\n {6}predicate: scanner: version: "9"\n {35}\^\n/);
    assert.match(stdout, /predicate\.scanner\.version is "0\.20" in the statement/);
    assert.ok(!stdout.includes("\u001b"));
  });

  it("is coloured for who reads along, unless NO_COLOR is set", async () => {
    const words = ["--policy", at("deny.cue"), at("statement.json")];
    assert.ok((await run("test", words, { watched: true })).stdout.includes("\u001b[31mFAIL\u001b[0m"));
    process.env["NO_COLOR"] = "1";
    assert.ok(!(await run("test", words, { watched: true })).stdout.includes("\u001b"));
    delete process.env["NO_COLOR"];
  });

  it("takes a refusal for what is expected when told to", async () => {
    assert.equal((await run("test", ["--expect", "fail", "--policy", at("deny.cue"), at("statement.json")])).code, 0);
    assert.equal((await run("test", ["--expect", "fail", "--policy", at("allow.rego"), at("statement.json")])).code, 1);
  });

  it("writes JSON and JUnit", async () => {
    const words = ["--policy", at("deny.cue"), "--junit", at("report.xml"), at("statement.json")];
    const { stdout } = await run("test", words, { json: true });
    const report: { ok: boolean; contract: string; statements: { pass: boolean; messages: { path: string }[] }[] } =
      JSON.parse(stdout);
    assert.deepEqual(
      [report.ok, report.contract, report.statements[0]?.messages[0]?.path],
      [false, "strict", "predicate.scanner.version"],
    );
    const xml = await readFile(at("report.xml"), "utf8");
    assert.match(xml, /<testsuite name="sigillum policy test" tests="1" failures="1">/);
    assert.match(xml, /<failure message="predicate.scanner.version: conflicting values &quot;0.20&quot; and &quot;9&quot;">/);
    const good = await run("test", ["--policy", at("allow.rego"), "--junit", "-", at("statement.json")]);
    assert.match(good.stdout, /^<\?xml[\s\S]*<testcase classname="https:\/\/example.com\/scan\/v1" name="[^"]*"\/>\n/);
  });

  it("asks an image's attestations of whoever can fetch them", async () => {
    const command = (await findCommand(["policy", "test"]))?.command;
    assert.ok(command !== undefined);
    const envelope = JSON.stringify({
      payloadType: "x",
      payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
      signatures: [],
    });
    let stdout = "";
    const terminal = createTerminal({
      stdout: { write: (text) => (stdout += String(text)) },
      stderr: { write: () => 0 },
      stdinIsTTY: false,
      format: "text",
    });
    const args = parseArguments(command, ["--policy", at("allow.rego"), "--image", "localhost/x"]);
    assert.equal(await runPolicyTest(args, terminal, async () => [envelope, envelope]), 0);
    assert.match(stdout, /localhost\/x #2 .*\n2 statements: 2 allowed/);
  });

  it("demands a policy and something to ask about", async () => {
    await assert.rejects(run("test", [at("statement.json")]), { code: "FLAG_REQUIRED" });
    await assert.rejects(run("test", ["--policy", at("allow.rego")]), { code: "FLAG_REQUIRED" });
    await assert.rejects(run("test", ["--policy", at("allow.rego"), at("missing.json")]), { code: "POLICY_INPUT_INVALID" });
    await assert.rejects(run("test", ["--policy", at("missing.rego"), at("statement.json")]), { code: "POLICY_UNREADABLE" });
  });
});

describe("inputsIn", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const payload = Buffer.from(JSON.stringify(statement)).toString("base64");

  it("finds statements in every form", () => {
    const forms = [
      JSON.stringify(statement),
      JSON.stringify({ payloadType: "x", payload, signatures: [] }),
      JSON.stringify({ mediaType: "x", dsseEnvelope: { payload } }),
      JSON.stringify([statement]),
    ];
    for (const form of forms) assert.equal(inputsIn("x", bytes(form)).length, 1, form);
    assert.deepEqual(
      inputsIn("x", bytes(`${forms.slice(0, 2).join("\n")}\n`)).map(({ name }) => name),
      ["x #1", "x #2"],
    );
  });

  it("refuses what holds none", () => {
    for (const text of ["{}", "[1]", "{", '{"payload": "e30"}\n{'])
      assert.throws(() => inputsIn("x", bytes(text)), { code: "POLICY_INPUT_INVALID" }, text);
    const envelope = { payload: Buffer.from("{").toString("base64") };
    assert.throws(() => inputsIn("x", bytes(JSON.stringify(envelope))), { code: "POLICY_INPUT_INVALID" });
  });
});

describe("readPolicies", () => {
  it("reads a directory by name, and refuses one without a policy", async () => {
    assert.deepEqual(
      readPolicies([directory]).map(({ language }) => language),
      ["rego", "cue"],
    );
    const empty = await mkdtemp(join(tmpdir(), "sigillum-empty-"));
    assert.throws(() => readPolicies([empty]), { code: "POLICY_UNREADABLE" });
    await rm(empty, { recursive: true });
    assert.throws(() => readPolicies([at("statement.json")]), { code: "POLICY_LANGUAGE_UNKNOWN" });
  });
});

describe("loadPolicies", () => {
  const enforced = async (policy: string, payload: unknown, type: string): Promise<string> => {
    const flags = (await findCommand(["policy", "test"]))?.command.flags ?? [];
    const spec = { name: "verify", summary: "", positionals: { name: "", min: 0, max: 0 }, flags };
    let stderr = "";
    const terminal = createTerminal({
      stdout: { write: () => 0 },
      stderr: { write: (text) => (stderr += text) },
      stdinIsTTY: false,
      format: "text",
    });
    const loaded = await loadPolicies(parseArguments(spec, ["--policy", policy]), terminal);
    loaded?.enforce([new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload))], type);
    return stderr;
  };

  it("says what cosign says, and throws when the policy refuses", async () => {
    await writeFile(at("cosign.rego"), 'package signature\nallow { input.predicate.scanner.version == "0.20" }\n');
    assert.match(
      await enforced(at("cosign.rego"), statement, statement.predicateType),
      /^will be validating against Rego policies: \[/,
    );
    await assert.rejects(enforced(at("deny.cue"), statement, statement.predicateType), {
      code: "POLICY_REFUSED",
      message: "1 validation errors occurred",
    });
  });

  it("fails closed where there is nothing that could be asked about", async () => {
    await assert.rejects(enforced(at("cosign.rego"), statement, "https://example.com/other"), { code: "POLICY_REFUSED" });
    await assert.rejects(enforced(at("cosign.rego"), '{"a":1,"a":2}', statement.predicateType), { code: "POLICY_INPUT_INVALID" });
  });

  it("keeps numbers exact on the way to the policy", async () => {
    await writeFile(at("big.cue"), "predicate: big: 9007199254740993\n");
    const payload = JSON.stringify({ ...statement, predicate: {} }).replace("{}", '{"big":9007199254740992}');
    await assert.rejects(enforced(at("big.cue"), payload, statement.predicateType), { code: "POLICY_REFUSED" });
  });
});

describe("policy eval", () => {
  it("evaluates Rego queries and CUE", async () => {
    assert.equal((await run("eval", ["--query", "x = 1 + 1"])).stdout, '{\n  "x": 2\n}\n');
    const query = ["--policy", at("allow.rego"), "--query", "data.sigillum.allow", at("statement.json")];
    assert.equal((await run("eval", query)).stdout, "true\n");
    assert.deepEqual(
      [(await run("eval", query.slice(0, 4))).code, (await run("eval", query.slice(0, 4))).stderr],
      [1, "undefined\n"],
    );
    await writeFile(at("v1.rego"), "package p\nallow if true\n");
    assert.equal((await run("eval", ["--v1", "--policy", at("v1.rego"), "--query", "data.p.allow"])).stdout, "true\n");
    assert.match((await run("eval", ["--policy", at("deny.cue")])).stdout, /"version": "9"/);
    const problems = await run("eval", ["--policy", at("deny.cue"), at("statement.json")]);
    assert.equal(problems.code, 1);
    assert.match(problems.stdout, /conflicting values/);
    await assert.rejects(run("eval", ["--policy", directory]), { code: "FLAGS_CONFLICT" });
  });
});

describe("policy fmt", () => {
  it("lays out brackets by depth and leaves texts alone", () => {
    const rego = 'package p  \n\n\n\nallow {\n  some x in [\n1,\n    ]\nnot "{" == x # { no\n}\nraw := `\n  keep {\n`\n\n';
    const laidOut = 'package p\n\nallow {\n\tsome x in [\n\t\t1,\n\t]\n\tnot "{" == x # { no\n}\nraw := `\n  keep {\n`\n';
    assert.equal(formatPolicy("rego", rego), laidOut);
    assert.equal(formatPolicy("rego", laidOut), laidOut);
    const cue = 'a: {\r\n b: "}" // }\r\n c: """\n   two\n    lines\n   """\n d: #"\\(x) { "#\n}\n';
    const cueLaidOut = 'a: {\n\tb: "}" // }\n\tc: """\n   two\n    lines\n   """\n\td: #"\\(x) { "#\n}\n';
    assert.equal(formatPolicy("cue", cue), cueLaidOut);
    assert.equal(formatPolicy("cue", cueLaidOut), cueLaidOut);
  });

  it("changes files, or says with --check which would change", async () => {
    await writeFile(at("loose.cue"), "a: {\nb: 1\n}\n");
    await assert.rejects(run("fmt", ["--check", at("loose.cue")]), { code: "POLICY_NOT_FORMATTED" });
    assert.equal((await run("fmt", [at("loose.cue")])).stdout, `${at("loose.cue")}\n`);
    assert.equal((await run("fmt", ["--check", at("loose.cue")])).code, 0);
    assert.equal(await readFile(at("loose.cue"), "utf8"), "a: {\n\tb: 1\n}\n");
    await rm(at("loose.cue"));
  });
});

describe("policy new", () => {
  it("writes policies that compile and are laid out, for every kind, language and contract", async () => {
    for (const kind of templateKinds)
      for (const language of ["rego", "cue"] as const)
        for (const contract of ["strict", "cosign-cli", "policy-controller"] as const) {
          const source = templateFor(kind, language, contract);
          assert.equal(formatPolicy(language, source), source, `${kind} ${language}`);
          const verdict = evaluate(contract, [{ language, file: `p.${language}`, source }], parseJson("{}"), { nowNs: 0n });
          for (const { code } of verdict.messages) assert.match(code, /^CONTRACT_/, `${kind} ${language} ${contract}`);
        }
  });

  it("leaves an existing file alone", async () => {
    assert.match((await run("new", ["vuln"])).stdout, /^package sigillum/);
    await assert.rejects(run("new", ["slsa", "--out", at("allow.rego")]), { code: "POLICY_UNREADABLE" });
    assert.equal((await run("new", ["slsa", "--contract", "cosign-cli", "--out", at("new.rego")])).code, 0);
    assert.match(await readFile(at("new.rego"), "utf8"), /^package signature/);
    await rm(at("new.rego"));
  });
});

describe("valueAt", () => {
  it("follows paths as CUE writes them", () => {
    const document = parseJson(JSON.stringify(statement));
    assert.equal(valueAt(document, 'predicate."odd.key".0'), true);
    assert.equal(valueAt(document, "subject.0.name"), "app");
    assert.equal(valueAt(document, "subject.7.name"), undefined);
    assert.equal(valueAt(document, "predicate.scanner.version.x"), undefined);
  });
});
