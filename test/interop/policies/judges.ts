// Who says of a policy and a document whether it passes: cosign over attestations in a registry, `opa`, and `cue`.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findPeer } from "../../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "../clients/program.ts";
import { pushImage } from "../image.ts";
import { startDockerRegistry } from "../registries.ts";
import { type Predicate, predicateType } from "./documents.ts";

/** A judge's answer; `said` is what it printed when it refused. */
export interface Answer {
  readonly pass: boolean;
  readonly said: string;
}

/** Asks about a document by its number. */
export type Judge = (language: "cue" | "rego", policy: string, document: number) => Promise<Answer>;

/** Cosign over one image a document, each with one attestation signed by a key; `stop` ends the registry. */
export async function cosignJudge(
  documents: readonly Predicate[],
  directory: string,
): Promise<{ judge: Judge; stop: () => Promise<void> }> {
  const [cosign, docker] = [findPeer("cosign-3"), findPeer("docker-registry")];
  if (cosign.path === undefined || docker.path === undefined) throw new Error("cosign-3 and docker-registry are needed");
  const home = join(directory, "cosign");
  await mkdir(home, { recursive: true });
  const env = { HOME: home, COSIGN_PASSWORD: "" };
  const path = cosign.path;
  const cosignRun = (...args: string[]): Promise<string> => expectSuccess(path, args, { env, cwd: home });
  await cosignRun("generate-key-pair");
  const registry = await startDockerRegistry(docker.path, directory);
  const images: string[] = [];
  for (const [i, predicate] of documents.entries()) {
    const image = await pushImage(registry.url, `pairs/d${i}`);
    const file = join(home, `predicate-${i}.json`);
    await writeFile(file, JSON.stringify(predicate));
    const key = [
      "--key",
      "cosign.key",
      "--tlog-upload=false",
      "--use-signing-config=false",
      "--allow-insecure-registry",
      "--yes",
    ];
    await cosignRun("attest", ...key, "--predicate", file, "--type", predicateType, image);
    images.push(image);
  }
  let asked = 0;
  const judge: Judge = async (language, policy, document) => {
    const file = `policy-${asked++}.${language}`;
    await writeFile(join(home, file), policy);
    const key = ["--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-insecure-registry"];
    const args = ["verify-attestation", ...key, "--type", predicateType, "--policy", file, images[document] ?? ""];
    const { exit, stderr } = await runProgram(path, args, { env, cwd: home });
    return { pass: exit === 0, said: stderr };
  };
  return { judge, stop: () => registry.stop() };
}

/** The statement that a policy sees, as cosign writes it. */
export function statementOf(predicate: Predicate): string {
  const subject = [{ name: "pairs", digest: { sha256: "0".repeat(64) } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v0.1", predicateType, subject, predicate });
}

/** `opa eval` of cosign's query in dialect v0, and `cue vet`, which wants less of what is concrete than it does by default. */
export async function binaryJudge(documents: readonly Predicate[], directory: string): Promise<Judge> {
  const folder = join(directory, "binaries");
  await mkdir(folder, { recursive: true });
  for (const [i, predicate] of documents.entries()) await writeFile(join(folder, `d${i}.json`), statementOf(predicate));
  let asked = 0;
  return async (language, policy, document) => {
    const file = `policy-${asked++}.${language}`;
    await writeFile(join(folder, file), policy);
    const peer = findPeer(language === "cue" ? "cue" : "opa");
    const opa = ["eval", "--v0-compatible", "--format", "json", "-d", file, "-i", `d${document}.json`, "data.signature.allow"];
    const args = language === "cue" ? ["vet", "-c=false", file, `d${document}.json`] : opa;
    const { exit, stdout, stderr } = await runProgram(peer.path ?? "", args, { env: { HOME: folder }, cwd: folder });
    if (language === "cue") return { pass: exit === 0, said: stderr };
    return { pass: exit === 0 && /"value": true,\n/.test(stdout), said: stdout + stderr };
  };
}
