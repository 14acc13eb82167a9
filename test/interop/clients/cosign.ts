// cosign 3 and 2.6, which find every service in the signing config, and 2.5, which is told the addresses.
import { join } from "node:path";
import type { ClientFactory, ForeignClient, InstanceView } from "./client.ts";
import { expectSuccess } from "./program.ts";

/** cosign 3.x: `initialize` and nothing else about the instance. */
export const cosign3: ClientFactory = (instance, program, home) => cosign("cosign 3", instance, program, home, [], []);

/** cosign 2.6, writing bundle 0.3: the signing config of TUF names every service. */
export const cosign26: ClientFactory = (instance, program, home) => {
  const signFlags = ["--new-bundle-format", "--use-signing-config"];
  return cosign("cosign 2.6", instance, program, home, signFlags, ["--new-bundle-format"]);
};

/** cosign 2.6 as it finds services in the signing config of TUF, Rekor v2 among them; time then comes from timestamps alone. */
export const cosign26ByConfig: ClientFactory = (instance, program, home) =>
  cosign("cosign 2.6", instance, program, home, ["--use-signing-config"], ["--new-bundle-format", "--use-signed-timestamps"]);

/** cosign 2.5, which for bundle 0.3 asks the public instance for a trusted root unless it is given one as a file. */
export const cosign25: ClientFactory = (instance, program, home) => {
  const verifyFlags = ["--new-bundle-format", "--trusted-root", instance.trustedRootPath];
  return cosign("cosign 2.5", instance, program, home, addressesFor2(instance), verifyFlags);
};

function addressesFor2(instance: InstanceView): string[] {
  const addresses = ["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer];
  return ["--new-bundle-format", ...addresses, "--timestamp-server-url", `${instance.timestampUrl}/api/v1/timestamp`];
}

function cosign(
  name: string,
  instance: InstanceView,
  program: string,
  home: string,
  signFlags: string[],
  verifyFlags: string[],
): ForeignClient {
  const options = { cwd: home, env: { HOME: home, TUF_ROOT: join(home, "tuf") } };
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
