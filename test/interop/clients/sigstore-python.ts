// sigstore-python, pointed at another instance by the URL of its TUF repository.
import type { ClientFactory } from "./client.ts";
import { expectSuccess } from "./program.ts";

/** The program `sigstore` of PyPI. It asks for the highest version of the log's API that the signing config lists. */
export const sigstorePython: ClientFactory = (instance, program, home) => {
  const options = { cwd: home, env: { HOME: home } };
  const run = (...args: string[]): Promise<string> => expectSuccess(program, ["--instance", instance.tufUrl, ...args], options);
  return {
    name: "sigstore-python",
    async bootstrap() {
      await run("trust-instance", instance.rootPath);
    },
    async sign(artifactPath, bundlePath) {
      await run("sign", "--identity-token", await instance.token(), "--bundle", bundlePath, "--overwrite", artifactPath);
    },
    async verify(artifactPath, bundlePath) {
      const expected = ["--cert-identity", instance.identity, "--cert-oidc-issuer", instance.issuer];
      await run("verify", "identity", "--bundle", bundlePath, ...expected, artifactPath);
    },
  };
};
