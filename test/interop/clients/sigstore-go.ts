// The example programs of sigstore-go as Debian ships them: the signing one takes its trust as files, the verifying one from TUF.
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ClientFactory } from "./client.ts";
import { expectSuccess } from "./program.ts";

/** sigstore-go-signing and its sibling sigstore-go-verification. */
export const sigstoreGo: ClientFactory = (instance, program, home) => {
  const options = { cwd: home, env: { HOME: home } };
  const verifier = join(dirname(program), "sigstore-go-verification");
  return {
    name: "sigstore-go",
    async bootstrap() {
      // its signing program has no way to TUF; its verifying one goes there at every run
    },
    async sign(artifactPath, bundlePath) {
      const trust = ["-signing-config", instance.signingConfigPath, "-trusted-root", instance.trustedRootPath];
      const output = await expectSuccess(
        program,
        ["-id-token", await instance.token(), "-rekor", "-tsa", ...trust, artifactPath],
        options,
      );
      await writeFile(bundlePath, output.slice(output.indexOf("\n{") + 1)); // the public key stands before the bundle
    },
    async verify(artifactPath, bundlePath) {
      const trust = ["-tufRootURL", instance.tufUrl, "-tufTrustedRoot", instance.rootPath];
      const expected = ["-expectedSAN", instance.identity, "-expectedIssuer", instance.issuer];
      await expectSuccess(verifier, ["-artifact", artifactPath, ...trust, ...expected, bundlePath], options);
    },
  };
};
