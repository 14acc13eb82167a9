// The npm packages @sigstore/tuf, @sigstore/sign and @sigstore/verify, in a process of their own.
import { join } from "node:path";
import type { ClientFactory } from "./client.ts";
import { expectSuccess } from "./program.ts";

/** The packages, driven by sigstore-js-program.mjs; `program` is the folder whose node_modules holds them. */
export const sigstoreJs: ClientFactory = (instance, program, home) => {
  const run = (...args: string[]): Promise<string> => {
    const script = join(import.meta.dirname, "sigstore-js-program.mjs");
    return expectSuccess(process.execPath, [script, program, home, instance.tufUrl, instance.rootPath, ...args], {
      cwd: home,
      env: { HOME: home },
    });
  };
  return {
    name: "sigstore-js",
    async bootstrap() {
      await run("bootstrap");
    },
    async sign(artifactPath, bundlePath) {
      await run("sign", artifactPath, bundlePath, await instance.token());
    },
    async verify(artifactPath, bundlePath) {
      await run("verify", artifactPath, bundlePath, instance.identity, instance.issuer);
    },
  };
};
