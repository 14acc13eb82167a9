// What cosign's users have typed since 2021: single dashes, other names, variables; and the scripts that complete it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { type Arguments, type CommandSpec, completionScript, type Environment, parseArguments, parseDuration } from "./index.ts";

const spec: CommandSpec = {
  name: "sign",
  summary: "sign it",
  positionals: { name: "IMAGE…", min: 0, max: 9 },
  flags: [
    { name: "key", type: "string", summary: "" },
    { name: "recursive", short: "r", type: "boolean", summary: "" },
    { name: "certificate", type: "string", aliases: ["cert"], summary: "" },
    { name: "annotations", short: "a", type: "list", summary: "" },
    { name: "b64", type: "boolean", summary: "", deprecated: "signatures are base64" },
    { name: "password", type: "string", noVariable: true, summary: "" },
    { name: "old", type: "boolean", hidden: true, summary: "hidden one" },
  ],
};
const read = (words: readonly string[], env: Environment = {}): Arguments => parseArguments(spec, words, env);

describe("parseArguments reads the dialects of cosign", () => {
  it("takes long flags with one dash and says what to type", () => {
    const args = read(["-key", "k", "-recursive=false", "image"]);
    assert.deepEqual([args.string("key"), args.boolean("recursive"), args.positionals], ["k", false, ["image"]]);
    assert.deepEqual(args.warnings.length, 2);
    assert.match(args.warnings[0] ?? "", /^WARNING: the flag -key is deprecated .* use the flag --key\.$/);
  });
  it("still takes grouped and glued short flags, and a value that begins with a dash", () => {
    assert.deepEqual(read(["-ra", "x=1"]).strings("annotations"), ["x=1"]);
    assert.deepEqual(read(["-a=x=1,y=2"]).strings("annotations"), ["x=1", "y=2"]);
    assert.equal(read(["--key", "-"]).string("key"), "-");
  });
  it("knows other names and says what is deprecated", () => {
    assert.equal(read(["--cert", "c"]).string("certificate"), "c");
    assert.deepEqual(read(["--b64"]).warnings, ["Flag --b64 has been deprecated, signatures are base64"]);
  });
  it("takes from a variable what is not on the command line", () => {
    const env = { COSIGN_KEY: "env.key", COSIGN_RECURSIVE: "1", SIGILLUM_ANNOTATIONS: "a=1,b=2", COSIGN_PASSWORD: "secret" };
    const args = read([], env);
    assert.deepEqual([args.string("key"), args.boolean("recursive")], ["env.key", true]);
    assert.deepEqual(args.strings("annotations"), ["a=1", "b=2"]);
    assert.equal(args.string("password"), undefined);
    assert.equal(read(["--key", "k"], env).string("key"), "k");
    assert.throws(() => read([], { COSIGN_RECURSIVE: "maybe" }), { code: "FLAG_VALUE_INVALID", message: /COSIGN_RECURSIVE/ });
  });
  it("tells a switch that was set to false from one that is not there", () => {
    assert.deepEqual(
      [read(["--recursive=false"]).isSwitchedOff("recursive"), read([]).isSwitchedOff("recursive")],
      [true, false],
    );
    assert.equal(read([]).boolean("recursive", true), true);
  });
  it("takes only the words there are", () => {
    const shell: CommandSpec = { ...spec, positionals: { name: "SHELL", min: 1, max: 1, choices: ["bash"] } };
    assert.throws(() => parseArguments(shell, ["tcsh"]), { code: "FLAG_VALUE_INVALID", expected: "bash" });
  });
});

describe("parseDuration", () => {
  it("reads what Go writes and refuses the rest", () => {
    assert.deepEqual(
      ["90s", "1h30m", "1.5s", "0", "250ms"].map((text) => parseDuration(text, "timeout")),
      [90_000, 5_400_000, 1500, 0, 250],
    );
    for (const bad of ["", "3", "s", "1x", "1s!"])
      assert.throws(() => parseDuration(bad, "timeout"), { code: "FLAG_VALUE_INVALID" });
  });
});

describe("completionScript", () => {
  const commands = [spec, { ...spec, name: "trust add" }, { ...spec, name: "secret", hidden: true }];
  it("names every command and flag that is shown, and none that is hidden", () => {
    for (const shell of ["bash", "zsh", "fish", "powershell"] as const) {
      const script = completionScript(shell, "sigillum", commands);
      for (const word of ["sign", "trust", "add", "recursive"]) assert.ok(script.includes(word), `${shell} lacks ${word}`);
      assert.ok(!script.includes("secret") && !script.includes("hidden one"), shell);
    }
  });
  it("completes in bash", { skip: process.platform === "win32" ? "bash is not here" : false }, () => {
    const script = completionScript("bash", "sigillum", commands);
    const ask = (...words: string[]): string[] => {
      const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _sigillum; echo "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", `${script}\n${line}`], { encoding: "utf8" })
        .stdout.trim()
        .split(" ");
    };
    assert.deepEqual(ask("sigillum", "tr"), ["trust"]);
    assert.deepEqual(ask("sigillum", "trust", "a"), ["add"]);
    assert.deepEqual(ask("sigillum", "sign", "--rec"), ["--recursive"]);
  });
});
