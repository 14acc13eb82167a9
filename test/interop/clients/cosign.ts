// cosign 3, which finds every service in the signing config, and cosign 2, which is told the addresses.
import { join } from "node:path";
import type { ClientFactory, ForeignClient, InstanceView } from "./client.ts";
import { expectSuccess } from "./program.ts";

/** cosign 3.x: `initialize` and nothing else about the instance. */
export const cosign3: ClientFactory = (instance, program, home) => cosign("cosign 3", instance, program, home, [], []);

/** cosign 2.x, writing bundle 0.3. */
export const cosign2: ClientFactory = (instance, program, home) => {
  const addresses = ["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer];
  const stamps = ["--timestamp-server-url", `${instance.timestampUrl}/api/v1/timestamp`];
  return cosign("cosign 2", instance, program, home, ["--new-bundle-format", ...addresses, ...stamps], ["--new-bundle-format"]);
};

function cosign(
  name: string,
  instance: InstanceView,
  program: string,
  home: string,
  signFlags: string[],
  verifyFlags: string[],
): ForeignClient {
  // TUF_MIRROR and TUF_ROOT_JSON: cosign 2.5 forgets at verification what it was initialised with
  const trust = { TUF_ROOT: join(home, "tuf"), TUF_MIRROR: instance.tufUrl, TUF_ROOT_JSON: instance.rootPath };
  const options = { cwd: home, env: { HOME: home, ...(name === "cosign 2" ? trust : { TUF_ROOT: trust.TUF_ROOT }) } };
  return {
    name,
    async bootstrap() {
      await expectSuccess(program, ["initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath], options);
    },
    async sign(artifactPath, bundlePath) {
      const identityToken = await instance.token();
      await expectSuccess(
        program,
        ["sign-blob", "--yes", "--identity-token", identityToken, "--bundle", bundlePath, ...signFlags, artifactPath],
        options,
      );
    },
    async verify(artifactPath, bundlePath) {
      const expected = ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
      await expectSuccess(program, ["verify-blob", "--bundle", bundlePath, ...expected, ...verifyFlags, artifactPath], options);
    },
  };
}
