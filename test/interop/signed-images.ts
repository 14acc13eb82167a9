// Images for a controller of somebody else to judge, signed by our command line in every way that it has.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pushImage } from "./image.ts";
import type { Instance } from "./instance.ts";

/** Keys and images for a controller to judge. */
export interface SignedImages {
  readonly pem: string;
  readonly strangerPem: string;
  /** By name: unsigned, key-tag, key-bundle, key-both, keyless-tag, keyless-bundle, attested (a key, tags), attested-bundle (keyless). */
  readonly images: Readonly<Record<string, string>>;
}

/** Sign images with a key and keyless, in both layouts. */
export async function signImages(stack: Instance): Promise<SignedImages> {
  const images: Record<string, string> = {};
  const sign = async (...args: string[]): Promise<void> => {
    const { exit, stderr } = await stack.sigillum(...args);
    assert.equal(exit, 0, stderr);
  };
  const push = async (name: string): Promise<string> => {
    const pinned = await pushImage(stack.url("registry"), `team/${name}`);
    images[name] = pinned;
    return pinned;
  };
  const key = ["--key", "cosign.key", "-y"];
  const predicate = { builder: { id: "ci" }, buildType: "t", invocation: {}, materials: [] };
  await writeFile(join(stack.directory, "ci.json"), JSON.stringify(predicate));
  await sign("generate-key-pair", "--output-key-prefix", "cosign", "-y");
  await sign("generate-key-pair", "--output-key-prefix", "stranger", "-y");
  await push("unsigned");
  for (const layout of ["tag", "bundle", "both"]) await sign("sign", ...key, "--layout", layout, await push(`key-${layout}`));
  for (const layout of ["tag", "bundle"]) {
    const pinned = await push(`keyless-${layout}`);
    await sign("sign", "--identity-token", await stack.token(), "-y", "--layout", layout, pinned);
  }
  const predicates = ["--predicate", "ci.json", "--type", "slsaprovenance"];
  await sign("attest", ...key, ...predicates, "--layout", "tag", await push("attested"));
  const pinned = await push("attested-bundle");
  await sign("attest", "--identity-token", await stack.token(), "-y", ...predicates, "--layout", "bundle", pinned);
  const pem = await readFile(join(stack.directory, "cosign.pub"), "utf8");
  return { images, pem, strangerPem: await readFile(join(stack.directory, "stranger.pub"), "utf8") };
}
