// The command line that sigstore-conformance drives a client by (client-conformance.md §2), as a thin adapter over the library.
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { encodeBundle, parseBundle } from "@sigillum/library/bundle";
import { createHasher, parsePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, parseHex } from "@sigillum/library/encoding";
import { signBlob, signStatement } from "@sigillum/library/signing";
import { parseSigningConfig, parseTrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Expectations, verifyBundle } from "@sigillum/library/verification";
import { readData } from "../shared-data.ts";

const options = {
  staging: { type: "boolean", default: false },
  "in-toto": { type: "boolean", default: false },
  bundle: { type: "string" },
  key: { type: "string" },
  "certificate-identity": { type: "string" },
  "certificate-oidc-issuer": { type: "string" },
  "identity-token": { type: "string" },
  "trusted-root": { type: "string" },
  "signing-config": { type: "string" },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

/** Run one command; gives the exit status and, for a refusal, the line to print. */
export async function run(args: readonly string[]): Promise<{ readonly status: number; readonly message?: string }> {
  const [command, ...rest] = args;
  try {
    const { values, positionals } = parse(rest);
    const [input] = positionals;
    if (input === undefined || positionals.length !== 1)
      return { status: 2, message: "usage: verify-bundle | sign-bundle … INPUT" };
    if (command === "verify-bundle") await verify(values, input);
    else if (command === "sign-bundle") await sign(values, input);
    else return { status: 2, message: `unknown command ${command}` };
    return { status: 0 };
  } catch (error) {
    if (isSigillumError(error)) return { status: 1, message: `${error.code}: ${error.message}` };
    return { status: 1, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function verify(values: Values, input: string): Promise<void> {
  verifyBundle({
    bundle: parseBundle(readFileSync(required(values, "bundle"))),
    artifact: await readArtifact(input),
    trustedRoot: parseTrustedRoot(readTrust(values, "trusted-root", "trusted_root.json")),
    expectations: readExpectations(values),
  });
}

function readExpectations(values: Values): Expectations {
  if (values.key !== undefined) return { publicKey: parsePublicKeyPem(readFileSync(values.key, "utf8")) };
  return { identity: { san: required(values, "certificate-identity"), issuer: required(values, "certificate-oidc-issuer") } };
}

async function sign(values: Values, input: string): Promise<void> {
  const trust = {
    trustedRoot: parseTrustedRoot(readTrust(values, "trusted-root", "trusted_root.json")),
    signingConfig: parseSigningConfig(readTrust(values, "signing-config", "signing_config.v0.2.json")),
  };
  const common = { token: required(values, "identity-token"), trust, nowMs: Date.now() };
  const bundle = values["in-toto"]
    ? await signStatement({ ...common, statement: new Uint8Array(readFileSync(input)) })
    : await signBlob({ ...common, artifact: await hashFile(input) });
  writeFileSync(required(values, "bundle"), encodeBundle(bundle));
}

// A digest only if it has that form, and no file of that name exists.
async function readArtifact(input: string): Promise<Artifact> {
  if (/^sha256:[0-9a-f]{64}$/i.test(input) && !existsSync(input))
    return { digest: parseHex(input.slice("sha256:".length)), algorithm: "sha256" };
  return hashFile(input);
}

async function hashFile(path: string): Promise<Artifact> {
  const hasher = createHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hasher.update(chunk);
  return { digest: hasher.digest(), algorithm: "sha256" };
}

// Without a file the instance's own, which upstream's suite has over TUF and this one has beside the checkout.
function readTrust(values: Values, name: "trusted-root" | "signing-config", file: string): Uint8Array {
  const given = values[name];
  return given === undefined
    ? readData("trust", values.staging ? "staging" : "production", file)
    : new Uint8Array(readFileSync(given));
}

function required(
  values: Values,
  name: "bundle" | "certificate-identity" | "certificate-oidc-issuer" | "identity-token",
): string {
  const value = values[name];
  if (value === undefined) throw new TypeError(`--${name} is missing`);
  return value;
}
