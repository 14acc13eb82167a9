import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { request } from "@sigillum/library/http";
import {
  emptyConfig,
  encodeManifest,
  mediaTypes,
  parseReference,
  pushBlob,
  pushManifest,
  RegistryClient,
} from "@sigillum/library/oci";
import { addRoot } from "@sigillum/library/trust-store";
import { encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { initialiseStack } from "@sigillum/stack/compose";
import { openDataDirectory } from "@sigillum/stack/settings";
import { main, version } from "./main.ts";
import { type Outcome, recorded } from "./terminal/index.ts";

const home = new URL("..", import.meta.url);
const launcher = fileURLToPath(new URL("bin/sigillum.cjs", home));

const run = (words: readonly string[]): Promise<Outcome> => recorded(main, words);

interface Exchange {
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly code: number;
}

/** The commands of a session with what each should write; see sessions/README.md. */
function parseSession(text: string): Exchange[] {
  const exchanges: { command: string; stdout: string[]; stderr: string[]; code: number }[] = [];
  for (const line of text.split("\n")) {
    const last = exchanges.at(-1);
    if (line.startsWith("$ ")) exchanges.push({ command: line.slice(2), stdout: [], stderr: [], code: 0 });
    else if (line.startsWith("# ") || last === undefined) continue;
    else if (line.startsWith("= ")) last.code = Number(line.slice(2));
    else if (line === "!" || line.startsWith("! ")) last.stderr.push(line.slice(2));
    else if (line === "…" && last.stderr.length > 0 && last.stdout.length === 0) last.stderr.push(line);
    else last.stdout.push(line);
  }
  for (const exchange of exchanges) while (exchange.stdout.at(-1) === "") exchange.stdout.pop();
  return exchanges;
}

function matches(found: string, expected: readonly string[]): boolean {
  const pattern = expected
    .map((line) => (line === "…" ? "(?:.*\n)*?" : `${line.split("…").map(escapePattern).join(".*")}\n`))
    .join("");
  return new RegExp(`^${pattern}$`, "u").test(found);
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Run a session; `values` stand for $NAME in it. */
async function runSession(name: string, values: Readonly<Record<string, string>>): Promise<void> {
  const text = (await readFile(new URL(`sessions/${name}.session`, home), "utf8")).replaceAll(
    /\$([A-Z]+)/g,
    (whole, key: string) => values[key] ?? whole,
  );
  for (const { command, stdout, stderr, code } of parseSession(text)) {
    const [program, ...words] = command.split(" ");
    assert.equal(program, "sigillum", command);
    const found = await run(words);
    const shown = `\n$ ${command}\n${found.stdout}${found.stderr.replaceAll(/^/gm, "! ")}\n= ${found.code}\n`;
    assert.equal(found.code, code, shown);
    assert.ok(matches(found.stdout, stdout), `stdout differs from\n${stdout.join("\n")}\n${shown}`);
    assert.ok(matches(found.stderr, stderr), `stderr differs from\n${stderr.join("\n")}\n${shown}`);
  }
}

async function withHome(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-cli-"));
  const before = { home: process.env["SIGILLUM_HOME"], docker: process.env["DOCKER_CONFIG"] };
  process.env["SIGILLUM_HOME"] = join(directory, "home");
  process.env["DOCKER_CONFIG"] = join(directory, "docker");
  try {
    await use(directory);
  } finally {
    for (const [name, value] of [
      ["SIGILLUM_HOME", before.home],
      ["DOCKER_CONFIG", before.docker],
    ] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true, force: true });
  }
}

describe("main", () => {
  it("carries out the session arguments", async () => {
    await withHome(async (directory) => {
      const file = join(directory, "file");
      await writeFile(file, "content");
      await runSession("arguments", { DIR: directory, FILE: file });
    });
  });

  it("answers a wrong command line in the format that was asked for", async () => {
    const found = await run(["frobnicate", "--output=json"]);
    const { error }: { error: { code: string } } = JSON.parse(found.stdout);
    assert.equal(error.code, "COMMAND_UNKNOWN");
    assert.equal((await run(["verify-blob", "x", "-o", "json", "--", "json"])).code, 1);
  });

  it("has the version of the package", async () => {
    const manifest: { version: string } = JSON.parse(await readFile(new URL("package.json", home), "utf8"));
    assert.equal(version, manifest.version);
  });
});

/** A stack run by `sigillum serve` in a process of its own, on free ports. */
class ServedStack {
  readonly values: Record<string, string>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;

  private constructor(child: ChildProcess, closed: Promise<number | null>, values: Record<string, string>) {
    this.#child = child;
    this.#closed = closed;
    this.values = values;
  }

  static async start(data: string): Promise<ServedStack> {
    await initialiseStack({ dataDirectory: data, initialise: { ports: "free" } });
    const child = spawn(process.execPath, [launcher, "serve", "--data", data, "--output", "json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    const text = await new Promise<string>((resolve, reject) => {
      let seen = "";
      child.stdout.on("data", (chunk) => {
        seen += chunk;
        if (seen.endsWith("\n}\n")) resolve(seen);
      });
      closed.then((code) => reject(new Error(`serve ended with ${code}: ${errors}`)));
    });
    const { urls, tufRootSha256 }: { urls: Record<string, string>; tufRootSha256: string } = JSON.parse(text);
    const values = {
      TUF: urls["tuf"] ?? "",
      LOG: urls["log-v1"] ?? "",
      LOGTWO: urls["log-v2"] ?? "",
      ISSUER: urls["identity"] ?? "",
      REGISTRY: new URL(urls["registry"] ?? "").host,
      ROOT: tufRootSha256,
      DATA: data,
      NAME: new URL(urls["tuf"] ?? "").host.replace(":", "-"),
    };
    return new ServedStack(child, closed, values);
  }

  /** SIGTERM, and the exit code that follows. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.#closed;
  }
}

async function prepareFiles(directory: string, values: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const file = join(directory, "file.txt");
  await writeFile(file, "content\n");
  await writeFile(join(directory, "tampered.txt"), "Content\n");
  await writeFile(join(directory, "sbom.json"), '{"bomFormat":"CycloneDX"}');
  await writeFile(join(directory, "allow.rego"), 'package signature\nallow { input.predicate.bomFormat == "CycloneDX" }\n');
  const { generateKeyPairSync, createHash } = await import("node:crypto");
  await writeFile(
    join(directory, "key.pem"),
    generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }),
  );
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    iss: values["ISSUER"],
    sub: "x",
    aud: "sigstore",
    email: "dev@example.com",
    email_verified: true,
    exp: 4_000_000_000,
  };
  const token = (more: object): string => `${part({ alg: "RS256" })}.${part({ ...claims, ...more })}.${part("x")}`;
  const answer = await request({ url: `${values["ISSUER"]}/development-token?aud=sigstore` });
  await writeFile(join(directory, "token"), answer.body);
  return {
    DIR: directory,
    FILE: file,
    PREDICATE: join(directory, "sbom.json"),
    ALLOW: join(directory, "allow.rego"),
    TAMPERED: join(directory, "tampered.txt"),
    KEY: join(directory, "key.pem"),
    TOKEN: join(directory, "token"),
    DIGEST: `sha256:${createHash("sha256").update("content\n").digest("hex")}`,
    EXPIRED: token({ exp: 1_000_000_000 }),
    FORGED: token({}),
    BADBUNDLE: join(directory, "bad.json"),
    ROOTFILE: join(directory, "root.json"),
    OTHERROOT: join(directory, "other-root.json"),
  };
}

/** A trusted root as published, and one in which another stack's certificate authority stands. */
async function prepareRoots(directory: string, values: Readonly<Record<string, string>>): Promise<void> {
  const store = join(directory, "separate-store");
  const { trustedRoot } = await addRoot({ url: values["TUF"] ?? "", store, nowMs: Date.now() });
  await writeFile(join(directory, "root.json"), encodeTrustedRoot(trustedRoot));
  const other = await initialiseStack({ dataDirectory: join(directory, "other-stack"), initialise: { ports: "free" } });
  const { certificateAuthorities } = other.keyring.trustedRoot();
  await writeFile(join(directory, "other-root.json"), encodeTrustedRoot({ ...trustedRoot, certificateAuthorities }));
}

async function pushImage(registry: string): Promise<Record<string, string>> {
  const reference = parseReference(`${registry}/team/app:v1`);
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  await pushBlob(client, reference, emptyConfig.bytes, mediaTypes.empty);
  const bytes = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: emptyConfig.descriptor,
    layers: [],
    manifests: [],
    annotations: {},
  });
  const { digest } = await pushManifest(client, reference, { bytes, mediaType: mediaTypes.manifest }, "v1");
  return { IMAGE: `${registry}/team/app:v1`, REPOSITORY: `${registry}/team/app`, IMAGEDIGEST: digest };
}

async function prepareRefusals(directory: string, running: string): Promise<Record<string, string>> {
  const [newer, foreign, taken] = [join(directory, "newer"), join(directory, "foreign"), join(directory, "taken")];
  await initialiseStack({ dataDirectory: newer, initialise: { ports: "free" } });
  const version: { version: number } = JSON.parse(await readFile(join(newer, "version.json"), "utf8"));
  await writeFile(join(newer, "version.json"), JSON.stringify({ ...version, version: version.version + 1 }));
  await mkdir(foreign);
  await writeFile(join(foreign, "holiday.jpg"), "");
  await mkdir(taken);
  await initialiseStack({ dataDirectory: taken, initialise: { ports: await portsOf(running) } });
  return { RUNNING: running, NEWER: newer, FOREIGN: foreign, TAKEN: taken, UNWRITABLE: join(foreign, "holiday.jpg", "data") };
}

async function portsOf(data: string): Promise<Record<string, number>> {
  const { services } = await openDataDirectory(data);
  return Object.fromEntries(Object.entries(services).map(([name, { port }]) => [name, port]));
}

describe("a stack", () => {
  it("is served, used and stopped, and refuses what it must", async () => {
    await withHome(async (directory) => {
      const stack = await ServedStack.start(join(directory, "data"));
      try {
        const values = {
          ...stack.values,
          ...(await prepareFiles(directory, stack.values)),
          ...(await pushImage(stack.values["REGISTRY"] ?? "")),
        };
        await prepareRoots(directory, values);
        const refusals = await prepareRefusals(directory, join(directory, "data"));
        await runSession("sign", values);
        await writeTamperedBundle(values);
        await runSession("verify", values);
        await runSession("image", values);
        await runSession("trust", values);
        await withPassword(() => runSession("cosign", values));
        await runSession("authority", values);
        await runSession("refused-start", refusals);
        assert.equal(await stack.stop(), 0);
        await runSession("stopped", values);
      } finally {
        await stack.stop();
      }
    });
  });
});

async function withPassword(use: () => Promise<void>): Promise<void> {
  process.env["COSIGN_PASSWORD"] = "correct horse";
  try {
    await use();
  } finally {
    delete process.env["COSIGN_PASSWORD"];
  }
}

/** The bundle with one bit of its signature changed. */
async function writeTamperedBundle(values: Readonly<Record<string, string>>): Promise<void> {
  const bundle: { messageSignature: { signature: string } } = JSON.parse(
    await readFile(`${values["FILE"]}.sigstore.json`, "utf8"),
  );
  const signature = Buffer.from(bundle.messageSignature.signature, "base64");
  signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
  bundle.messageSignature.signature = signature.toString("base64");
  await writeFile(values["BADBUNDLE"] ?? "", JSON.stringify(bundle));
}

describe("bin/sigillum.cjs", () => {
  it("starts from source without any option and passes on the exit code", async () => {
    const found = await new Promise<Outcome>((resolve) => {
      const env = { PATH: process.env["PATH"] ?? "" };
      execFile(process.execPath, [launcher, "verify-blob"], { env }, (error, stdout, stderr) =>
        resolve({ stdout, stderr, code: typeof error?.code === "number" ? error.code : 0 }),
      );
    });
    assert.equal(found.code, 1);
    assert.match(found.stderr, /it takes FILE…, found none/);
  });
});
