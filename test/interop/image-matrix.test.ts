// Image signatures that one side writes and the other reads, on our embedded registry and on Debian's docker-registry, which has no
// referrers API: there both use the fallback tag of OCI distribution 1.1.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess } from "./clients/program.ts";
import { type DockerRegistry, startDockerRegistry } from "./docker-registry.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

describe("an image signed by one and verified by the other", { timeout: 300_000 }, () => {
  const cosign = findPeer("cosign-3");
  const docker = findPeer("docker-registry");
  let instance: Instance;
  let registry: DockerRegistry | undefined;

  before(async () => {
    instance = await startInstance();
    if (docker.path !== undefined) registry = await startDockerRegistry(docker.path, instance.directory);
    await mkdir(join(instance.directory, "cosign"));
    if (cosign.path !== undefined) await cosignRun("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath);
  });
  after(async () => {
    await registry?.stop();
    await instance?.stop();
  });

  const cosignRun = (...args: string[]): Promise<string> => {
    const home = join(instance.directory, "cosign");
    return expectSuccess(cosign.path ?? "", args, { env: { HOME: home, TUF_ROOT: join(home, "tuf") } });
  };
  const expected = (): string[] => ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
  const weSign = async (image: string): Promise<void> => {
    const { exit, stderr } = await instance.sigillum("sign", "--identity-token", await instance.token(), image);
    assert.equal(exit, 0, stderr);
  };
  const weVerify = async (image: string): Promise<void> => {
    const { exit, stderr } = await instance.sigillum("verify", ...expected(), image);
    assert.equal(exit, 0, stderr);
  };
  const cosignVerifies = (image: string): Promise<string> => cosignRun("verify", ...expected(), image);

  const registries = [
    { name: "the embedded registry", skip: false, url: () => instance.url("registry") },
    { name: "docker-registry", skip: docker.path === undefined ? docker.missing : false, url: () => registry?.url ?? "" },
  ];
  for (const { name, skip, url } of registries) {
    const skipWithCosign = cosign.path === undefined ? cosign.missing : skip;
    it(`${name}: we verify what we sign`, { skip }, async () => {
      const image = await pushImage(url(), "interop/ours");
      await weSign(image);
      await weVerify(image);
    });
    it(`${name}: cosign verifies what we sign`, { skip: skipWithCosign }, async () => {
      const image = await pushImage(url(), "interop/to-cosign");
      await weSign(image);
      await cosignVerifies(image);
    });
    it(`${name}: we verify what cosign signs`, { skip: skipWithCosign }, async () => {
      const image = await pushImage(url(), "interop/from-cosign");
      await cosignRun("sign", "--identity-token", await instance.token(), image);
      await weVerify(image);
    });
    it(`${name}: both refuse an image that nobody signed`, { skip: skipWithCosign }, async () => {
      const image = await pushImage(url(), "interop/unsigned");
      await assert.rejects(cosignVerifies(image));
      assert.notEqual((await instance.sigillum("verify", ...expected(), image)).exit, 0);
    });
  }
});
