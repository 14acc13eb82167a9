// The whole job as a story, on a stack of its own: start, trust, log in, sign and verify a file, a large file and an image, and
// see what must be refused refused. Nothing here is staged: every step goes over the same protocols as any client's.
import { createWriteStream, rmSync, type WriteStream } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { encodeBundle, parseBundle } from "@sigillum/library/bundle";
import { closeIdleConnections } from "@sigillum/library/http";
import { type IdentityToken, loginInBrowser } from "@sigillum/library/identity-token";
import { verifyImage } from "@sigillum/library/image";
import { parseReference, RegistryClient } from "@sigillum/library/oci";
import { signBlob } from "@sigillum/library/signing";
import { addRoot, type LoadedRoot, loadRoot } from "@sigillum/library/trust-store";
import type { Expectations } from "@sigillum/library/verification";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { createLogger } from "@sigillum/stack/host";
import type { Arguments } from "../arguments/index.ts";
import {
  describeSignature,
  hashFile,
  issuerOf,
  requireSigningConfig,
  type SigningTrust,
  signatureLines,
  verifiedLines,
  verifyFile,
} from "../blob/index.ts";
import { signImage } from "../image/index.ts";
import { formatBytes, type Terminal } from "../terminal/index.ts";
import { walkThroughLogin } from "./demo-browser.ts";
import { pushSmallImage } from "./demo-image.ts";
import { Story } from "./demo-story.ts";
import { tamperedEntry, tamperedProof, writeLargeFile, writeTamperedCopy } from "./demo-tamper.ts";
import { operateError } from "./errors.ts";

const largeBytes = 128 * 1024 * 1024;

interface Demo {
  readonly story: Story;
  readonly terminal: Terminal;
  readonly directory: string;
  readonly stack: Stack;
  readonly store: string;
  readonly keep: boolean;
}

/** `sigillum demo`: exit code 0 only if every step did what it says. */
export async function runDemo(args: Arguments, terminal: Terminal): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-demo-"));
  const logFile = join(directory, "stack.log");
  const log = createWriteStream(logFile, { mode: 0o600 });
  const story = new Story(terminal, logFile);
  let keep = args.boolean("keep");
  let stack: Stack | undefined;
  const interrupted = (): void => {
    rmSync(directory, { recursive: true, force: true });
    process.exit(130); // nothing of the stack is worth finishing
  };
  process.once("SIGINT", interrupted);
  try {
    stack = await story.step("Start a private Sigstore on free ports", () => start(directory, log));
    return await tell({ story, terminal, directory, stack, store: join(directory, "trust"), keep });
  } catch (error) {
    keep = true; // the log that the message names
    throw error;
  } finally {
    process.removeListener("SIGINT", interrupted);
    closeIdleConnections();
    await stack?.stop();
    await new Promise((resolve) => log.end(resolve));
    if (!keep) await rm(directory, { recursive: true, force: true });
  }
}

async function start(directory: string, log: WriteStream): Promise<{ result: Stack; lines: string[] }> {
  const logger = createLogger({ level: "info", write: (line) => void log.write(line) });
  const stack = await startStack({
    dataDirectory: join(directory, "data"),
    initialise: { ports: "free" },
    logger,
    drainMs: 2_000,
  });
  const names: Readonly<Record<string, string>> = {
    "log-v1": "transparency log",
    "log-v2": "tile log",
    ca: "certificate authority",
    ct: "CT log",
    tsa: "timestamp authority",
    tuf: "trust root (TUF)",
    identity: "identity provider",
    registry: "OCI registry",
    explorer: "health and metrics",
  };
  const lines = Object.entries(stack.urls).map(([name, url]) => `${(names[name] ?? name).padEnd(21)} ${url}`);
  return { result: stack, lines: [...lines, `log of all of them    ${join(directory, "stack.log")}`] };
}

async function tell(demo: Demo): Promise<number> {
  const { story, stack } = demo;
  const root = await trust(demo);
  const token = await logIn(demo, requireSigningConfig(root));
  const expectations: Expectations = { identity: { san: token.identity, issuer: token.issuer } };
  const small = await signAndVerify(demo, token, await fileOfTheRepository(), requireSigningConfig(root), expectations);
  const large = join(demo.directory, "large.bin");
  await writeLargeFile(large, largeBytes);
  const second = await signAndVerify(demo, token, large, requireSigningConfig(root), expectations);
  await image(demo, token, root, expectations);
  await refusals(demo, { small, second, root, expectations });
  const self =
    process.argv[1]?.endsWith(".cjs") === true && process.env["npm_command"] !== undefined ? "npx sigillum" : "sigillum";
  return story.end([
    "",
    `Every step did what it says, in ${story.seconds} s. ${demo.keep ? `The stack's directory is kept: ${demo.directory}` : "The stack and its directory are gone"}. To keep one running:`,
    `    ${self} serve`,
    `    ${self} trust add http://localhost:8081`,
    `    ${self} sign-blob FILE                     # log in as ${stack.settings.identityProvider.developmentUser?.email ?? "yourself"}`,
  ]);
}

async function trust({ story, stack, store }: Demo): Promise<LoadedRoot> {
  const { tuf, identity } = stack.urls;
  const { tufRootSha256 } = stack;
  if (tuf === undefined || identity === undefined || tufRootSha256 === undefined)
    throw operateError("DEMO_STEP_FAILED", "Cannot demonstrate: the stack runs without a trust root or identity provider");
  return await story.step("Pin its root of trust", async () => {
    const result = await addRoot({ url: tuf, rootSha256: tufRootSha256, store, nowMs: Date.now() });
    return {
      result,
      lines: [
        `root ${result.record.rootSha256.slice(0, 16)}…, version ${result.rootVersion}: every service below was found through it`,
      ],
    };
  });
}

async function logIn({ story }: Demo, { signingConfig }: SigningTrust): Promise<IdentityToken> {
  return await story.step("Log in at the identity provider, as a browser would", async () => {
    const issuer = issuerOf(signingConfig, Date.now());
    const token = await loginInBrowser({ issuer, onUrl: () => undefined, openBrowser: walkThroughLogin, waitMs: 10_000 });
    return { result: token, lines: [`${token.identity}, vouched for by ${token.issuer} (authorization code with PKCE)`] };
  });
}

// The README where the demonstration runs in a checkout; elsewhere the program itself.
async function fileOfTheRepository(): Promise<string> {
  const program = process.argv[1] ?? process.execPath;
  const readme = join(program, "..", "..", "..", "..", "README.md");
  return await readFile(readme).then(
    () => readme,
    () => program,
  ); // unreadable is as good as missing
}

interface SignedFile {
  readonly file: string;
  readonly bundle: string;
}

async function signAndVerify(
  demo: Demo,
  token: IdentityToken,
  file: string,
  trust: SigningTrust,
  expectations: Expectations,
): Promise<SignedFile> {
  const { story, terminal, directory } = demo;
  const name = basename(file);
  const path = join(directory, `${name}.sigstore.json`);
  await story.step(`Sign ${name}`, async () => {
    const digest = await hashFile(file, "sha256", terminal);
    const bundle = await signBlob({ artifact: { digest, algorithm: "sha256" }, token: token.raw, trust, nowMs: Date.now() });
    await writeFile(path, encodeBundle(bundle));
    return { result: undefined, lines: signatureLines(describeSignature(bundle, trust.trustedRoot)).map((line) => line.trim()) };
  });
  const bundle = await readFile(path, "utf8");
  await story.step(`Verify ${name} from its bundle alone`, async () => {
    const started = performance.now();
    const verified = await verifyFile(
      file,
      { bundle: parseBundle(bundle), trustedRoot: trust.trustedRoot, expectations },
      terminal,
    );
    const { size } = await stat(file);
    const speed = `${formatBytes(size)} in ${Math.round(performance.now() - started)} ms`;
    return { result: undefined, lines: [...verifiedLines(verified).map((line) => line.trim()), `read    ${speed}`] };
  });
  return { file, bundle };
}

async function image(
  { story, stack, store }: Demo,
  token: IdentityToken,
  root: LoadedRoot,
  expectations: Expectations,
): Promise<void> {
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  const reference = parseReference(`${new URL(stack.urls.registry ?? "").host}/demo/hello:1.0`);
  const name = `${reference.registry}/${reference.name}:1.0`;
  const pushed = await story.step("Build a small image and push it to the registry", async () => {
    const result = await pushSmallImage(client, reference, "Hello from a signed image\n");
    return { result, lines: [name, result.digest] };
  });
  await story.step("Sign the image, this time into the tile log", async () => {
    // The other signing config of the same root: Rekor v2, which gives no time of its own, so that the timestamp authority does.
    const v2 = await loadRoot({
      name: root.record.name,
      store,
      nowMs: Date.now(),
      signingConfigTarget: "signing_config_rekor_v2.v0.2.json",
    });
    const { manifest, ...signed } = await signImage({
      client,
      reference,
      image: pushed,
      annotations: { by: "sigillum demo" },
      trust: requireSigningConfig(v2),
      token: token.raw,
    });
    return { result: undefined, lines: [...signatureLines(signed).map((line) => line.trim()), `pushed  ${manifest.digest}`] };
  });
  await story.step("Verify the image by what the registry has", async () => {
    const found = await verifyImage({ client, reference, trustedRoot: root.trustedRoot, expectations });
    return {
      result: undefined,
      lines: found.signatures.flatMap(({ verified }) => verifiedLines(verified).map((line) => line.trim())),
    };
  });
}

async function refusals(
  demo: Demo,
  p: { small: SignedFile; second: SignedFile; root: LoadedRoot; expectations: Expectations },
): Promise<void> {
  const { story, terminal, directory } = demo;
  const { small, second, root, expectations } = p;
  const { trustedRoot } = root;
  const [name, largeName] = [basename(small.file), basename(second.file)];
  const stranger: Expectations = { identity: { san: "mallory@example.com", issuer: demo.stack.urls.identity ?? "" } };
  await story.refused(`Refuse ${name} when somebody else should have signed it`, ["SUBJECT_ALT_NAME_MISMATCH"], () =>
    verifyFile(small.file, { bundle: parseBundle(small.bundle), trustedRoot, expectations: stranger }, terminal),
  );
  const changed = join(directory, `changed-${name}`);
  await writeTamperedCopy(small.file, changed);
  await story.refused(`Refuse ${name} with one byte changed`, ["ARTIFACT_DIGEST_MISMATCH"], () =>
    verifyFile(changed, { bundle: parseBundle(small.bundle), trustedRoot, expectations }, terminal),
  );
  await story.refused(`Refuse ${largeName} when the log's proof was tampered with`, ["CHECKPOINT_ROOT_MISMATCH"], () =>
    verifyFile(second.file, { bundle: tamperedProof(second.bundle), trustedRoot, expectations }, terminal),
  );
  await story.refused(`Refuse ${largeName} when the log's entry was rewritten`, ["ENTRY_DIGEST_MISMATCH"], () =>
    verifyFile(second.file, { bundle: tamperedEntry(second.bundle), trustedRoot, expectations }, terminal),
  );
}
