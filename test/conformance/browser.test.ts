// Verification in a browser: every negative bundle, the cases of the conformance suite and bundles that verify, in Chromium, from one script
// that has nothing of Node in it. Each verdict is the one that Node comes to.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { encodeBase64, parseUtf8 } from "@sigillum/library/encoding";
import { generateEd25519phSigner, generateSigner, type Recipe } from "@sigillum/library/testing";
import { bundleForBrowser } from "../../tools/build.mjs";
import { createSigstores, signed } from "./negatives/case.ts";
import { negativeCases } from "./negatives/cases.ts";
import { codeOf, type Made } from "./negatives/verdict.ts";
import { beaconIdentity, hasData, missingData, readData, readLine } from "./shared-data.ts";

const candidates = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const chromium = candidates.find((path) => path !== undefined && existsSync(path));
const missing = chromium === undefined ? "SKIPPED: no Chromium (install Debian's chromium, or set CHROMIUM)" : undefined;
const modes = ["path", "digest"] as const;

const page = `<!doctype html><meta charset=utf-8><title>verification</title><script src=/program.js></script><script>
(async () => {
  const cases = await (await fetch("/cases")).json();
  const verdicts = cases.map((one) => sigillum.judge(one));
  await fetch("/verdicts", { method: "POST", body: JSON.stringify(verdicts) });
})().catch((error) => fetch("/verdicts", { method: "POST", body: JSON.stringify(String(error.stack)) }));
</script>`;

const program = `
import { codeOf } from "./negatives/verdict.ts";
export function judge({ made, mode }) {
  const artifact = Uint8Array.from(atob(made.artifact), (octet) => octet.charCodeAt(0));
  try { return codeOf({ ...made, artifact }, mode); } catch (error) { return String(error.stack); }
}
`;

/** One case for the page, and what Node says of it. */
interface Asked {
  readonly name: string;
  readonly made: Made;
  readonly mode: (typeof modes)[number];
  readonly expected: string;
}

async function ownCases(): Promise<Asked[]> {
  const sigstores = await createSigstores();
  const signers = ["ecdsa-p384", "ecdsa-p521", "rsa"] as const;
  const recipes: readonly Recipe[] = [
    ...(["message", "envelope"] as const).flatMap((content) => (["v1", "v2"] as const).map((log) => ({ content, log }))),
    ...signers.map((type) => ({ signer: generateSigner(type) })),
    { signer: generateSigner("rsa", { padding: "pss" }), log: "v2" },
    { signer: generateEd25519phSigner(), managed: true, log: "v2" },
    { signer: generateSigner("ed25519"), content: "envelope", managed: true },
  ];
  const good = recipes.map((recipe, i) => ({ name: `verifies ${i}`, make: signed(recipe), code: undefined }));
  const asked: Asked[] = [];
  for (const { name, make, code } of [...good, ...negativeCases]) {
    const made = await make(sigstores);
    for (const mode of modes) asked.push({ name: `${name} by ${mode}`, made, mode, expected: code ?? codeOf(made, mode) });
  }
  return asked;
}

function conformanceCases(): Asked[] {
  if (missingData !== undefined) return [];
  const [, ...rows] = parseUtf8(readData("cases.tsv")).trim().split("\n");
  return rows.flatMap((row) => {
    const [name = ""] = row.split("\t");
    const folder = ["bundle-verify", name];
    const own = (file: string): boolean => hasData(...folder, file);
    const text = (...path: string[]): string => parseUtf8(readData(...path));
    const made: Made = {
      bundle: text(...folder, "bundle.sigstore.json"),
      trustedRoot: own("trusted_root.json")
        ? text(...folder, "trusted_root.json")
        : text("trust", "production", "trusted_root.json"),
      artifact: own("artifact") ? readData(...folder, "artifact") : readData("a.txt"),
      signer: own("key.pub")
        ? { key: text(...folder, "key.pub") }
        : {
            san: readLine(beaconIdentity.san, ...folder, "identity"),
            issuer: readLine(beaconIdentity.issuer, ...folder, "issuer"),
          },
    };
    return modes.map((mode) => ({ name: `${name} by ${mode}`, made, mode, expected: codeOf(made, mode) }));
  });
}

/** What the page answers to the cases. */
async function askBrowser(script: string, asked: readonly Asked[]): Promise<unknown> {
  const cases = JSON.stringify(
    asked.map(({ made, mode }) => ({ made: { ...made, artifact: encodeBase64(made.artifact) }, mode })),
  );
  const profile = mkdtempSync(join(tmpdir(), "sigillum-chromium-"));
  const answers: Readonly<Record<string, readonly [string, string]>> = {
    "/": ["text/html", page],
    "/program.js": ["text/javascript", script],
    "/cases": ["application/json", cases],
  };
  let told: (value: unknown) => void = () => {};
  const verdicts = new Promise((resolve) => {
    told = resolve;
  });
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [type, body] = answers[request.url ?? ""] ?? ["text/plain", ""];
    response.writeHead(200, { "content-type": type });
    response.end(body);
    if (request.method !== "POST") return;
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => told(JSON.parse(text)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const quiet = [
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
  ];
  const args = [...quiet, ...sandbox, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`];
  const browser = spawn(chromium ?? "", args, { stdio: "ignore" });
  const ended = new Promise((resolve) => browser.once("exit", (code) => resolve(`Chromium ended with ${code}`)));
  try {
    return await Promise.race([verdicts, ended]);
  } finally {
    browser.kill("SIGTERM");
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

describe("verification in Chromium", { skip: missing }, () => {
  if (missing !== undefined) {
    it("has its browser", { skip: missing }, () => {});
    return;
  }

  it("comes to Node's verdict on every case", async (t) => {
    const script = await bundleForBrowser({ contents: program, resolveDir: import.meta.dirname, name: "sigillum" });
    assert.doesNotMatch(script, /node:/);
    const asked = [...(await ownCases()), ...conformanceCases()];
    const verdicts = await askBrowser(script, asked);
    assert.ok(Array.isArray(verdicts), String(verdicts));
    assert.equal(verdicts.length, asked.length);
    const different = asked.flatMap(({ name, expected }, i) =>
      verdicts[i] === expected ? [] : [`${name}: ${verdicts[i]}, not ${expected}`],
    );
    assert.deepEqual(different, []);
    assert.ok(asked.filter(({ expected }) => expected === "").length >= 16);
    t.diagnostic(`${asked.length} verdicts, ${asked.filter(({ expected }) => expected === "").length} of them good`);
  });
});
