// What cosign before 2.6 does with nothing but our TUF repository: it finds keys by the custom metadata of the targets of 2021.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";

const cosign = findPeer("cosign-2");
const skip = cosign.path === undefined ? (cosign.missing ?? "it is not here") : false;

describe("cosign 2.5, bootstrapped by TUF, in its own format", { skip, timeout: 120_000 }, () => {
  let instance: Instance;
  let home = "";
  let artifact = "";
  const run = (...args: string[]): Promise<string> =>
    expectSuccess(cosign.path ?? "", args, { cwd: home, env: { HOME: home, TUF_ROOT: join(home, "tuf") } });
  const expected = (): string[] => ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];

  before(async () => {
    if (skip !== false) return;
    instance = await startInstance();
    home = join(instance.directory, "older");
    artifact = join(home, "artifact.txt");
    await mkdir(home);
    await writeFile(artifact, "a file\n");
    await run("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath);
  });
  after(() => instance?.stop());

  it("signs and verifies with the keys of log, CT log and CA that the targets name", async () => {
    const bundle = join(home, "entry.bundle");
    const services = ["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer];
    const token = await instance.token();
    await run("sign-blob", "--yes", "--identity-token", token, ...services, "--bundle", bundle, artifact);
    await run("verify-blob", "--bundle", bundle, "--rekor-url", instance.logUrl, ...expected(), artifact);
    await writeFile(join(home, "other.txt"), "another file\n");
    const refused = await runProgram(
      cosign.path ?? "",
      ["verify-blob", "--bundle", bundle, "--rekor-url", instance.logUrl, ...expected(), join(home, "other.txt")],
      { cwd: home, env: { HOME: home, TUF_ROOT: join(home, "tuf") } },
    );
    assert.notEqual(refused.exit, 0);
  });

  it("verifies a timestamp with the TSA's certificates that the targets name", async () => {
    const [bundle, stamp] = [join(home, "stamped.bundle"), join(home, "stamp.tsr")];
    const services = ["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer];
    const timestamp = ["--timestamp-server-url", `${instance.timestampUrl}/api/v1/timestamp`, "--rfc3161-timestamp", stamp];
    const token = await instance.token();
    await run("sign-blob", "--yes", "--identity-token", token, ...services, ...timestamp, "--bundle", bundle, artifact);
    const own = ["--use-signed-timestamps", "--rfc3161-timestamp", stamp, "--rekor-url", instance.logUrl];
    await run("verify-blob", "--bundle", bundle, ...own, ...expected(), artifact);
  });
});
