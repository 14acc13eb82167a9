// The steps that a test of a stack's storage takes with `sigillum`, each of which must succeed.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Instance } from "./instance.ts";

/** What is done with a running stack. */
export interface BlobSteps {
  /** Run `sigillum`, which must exit with 0; resolves to its stdout. */
  succeed(...args: string[]): Promise<string>;
  /** Verify a file against the bundle beside it. */
  verify(name: string): Promise<string>;
  /** Write a file, sign it with the development user's login, and verify it. */
  signAndVerify(name: string): Promise<void>;
}

/** Steps with the stack that `instance` gives when they are taken, in an environment with `more` variables. */
export function blobSteps(instance: () => Instance, more: () => Readonly<Record<string, string>> = () => ({})): BlobSteps {
  const succeed = async (...args: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await instance().sigillumWith(more(), ...args);
    assert.equal(exit, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const verify = (name: string): Promise<string> => {
    const { identity, issuer } = instance();
    const expected = ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
    return succeed("verify-blob", name, "--bundle", `${name}.json`, ...expected);
  };
  const signAndVerify = async (name: string): Promise<void> => {
    const { directory, token } = instance();
    await writeFile(join(directory, name), `the contents of ${name}\n`);
    await succeed("sign-blob", name, "--bundle", `${name}.json`, "--identity-token", await token(), "--yes");
    await verify(name);
  };
  return { succeed, verify, signAndVerify };
}
