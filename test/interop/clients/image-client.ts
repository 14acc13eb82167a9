// The programs that sign and verify images in the matrix, each with its own words for layout, credential and trust.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ClientName, CredentialName, LayoutName } from "../image-cells.ts";
import type { Instance } from "../instance.ts";
import type { Vault } from "../vault.ts";
import { expectSuccess, type Outcome, runProgram } from "./program.ts";

/** What all clients share: the instance, the keys, who signs. */
export interface ImageContext {
  readonly instance: Instance;
  readonly vault: Vault;
  /** A pair in cosign's encrypted form, its password in COSIGN_PASSWORD, and the public half of another. */
  readonly keyPath: string;
  readonly publicKeyPath: string;
  readonly otherPublicKeyPath: string;
  readonly password: string;
}

/** What is asked of each. `verify` is an outcome, because some are to be refusals. */
export interface ImageClient {
  prepare(): Promise<void>;
  sign(image: string, layout: LayoutName, credential: CredentialName): Promise<void>;
  verify(image: string, layout: LayoutName, credential: CredentialName, who: "right" | "wrong"): Promise<Outcome[]>;
}

/** Make the client of that name; `path` is its program, of our own there is none. */
export function imageClient(name: ClientName, path: string | undefined, context: ImageContext): ImageClient {
  return name === "sigillum" ? ours(context) : cosign(name, path ?? "", context);
}

function ours(context: ImageContext): ImageClient {
  const { instance, vault, password } = context;
  const run = (words: readonly string[]): Promise<Outcome> =>
    instance.sigillumWith({ ...vault.env, COSIGN_PASSWORD: password }, ...words);
  return {
    prepare: () => Promise.resolve(),
    async sign(image, layout, credential) {
      const words = ["sign", "--yes", "--layout", layout === "referrers" ? "bundle" : layout];
      succeeded("sigillum", await run([...words, ...(await signerOf(context, credential)), image]));
    },
    async verify(image, _, credential, who) {
      return [await run(["verify", ...expectedOf(context, credential, who), image])];
    },
  };
}

function cosign(name: ClientName, path: string, context: ImageContext): ImageClient {
  const { instance, vault, password } = context;
  const home = join(instance.directory, `images-${name}`);
  const PATH = `${vault.pluginFolder}:${process.env["PATH"] ?? ""}`;
  const options = { cwd: home, env: { HOME: home, TUF_ROOT: join(home, "tuf"), COSIGN_PASSWORD: password, PATH, ...vault.env } };
  // One at a time: several that share a home find its TUF cache locked and give up.
  let turn: Promise<unknown> = Promise.resolve();
  const run = (words: readonly string[]): Promise<Outcome> => {
    const mine = turn.then(() => runProgram(path, words, options));
    turn = mine.catch(() => undefined); // whoever asked is told
    return mine;
  };
  const isNew = name === "cosign-3.1";
  const addresses = [...["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer]];
  const layoutsOf = (layout: LayoutName): ("tag" | "referrers")[] => (layout === "both" ? ["tag", "referrers"] : [layout]);
  const signFlags = (layout: "tag" | "referrers"): string[] => {
    if (isNew) return layout === "referrers" ? [] : ["--use-signing-config=false", "--new-bundle-format=false", ...addresses];
    return layout === "referrers" ? ["--new-bundle-format", ...addresses] : addresses;
  };
  const verifyFlags = (layout: "tag" | "referrers"): string[] => {
    const rooted = ["--trusted-root", instance.trustedRootPath];
    if (isNew) return layout === "referrers" ? rooted : [...rooted, "--new-bundle-format=false"];
    return layout === "referrers" ? [...rooted, "--new-bundle-format"] : rooted;
  };
  return {
    async prepare() {
      await mkdir(home, { recursive: true });
      await expectSuccess(path, ["initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath], options);
    },
    async sign(image, layout, credential) {
      for (const one of layoutsOf(layout))
        succeeded(name, await run(["sign", "--yes", ...(await signerOf(context, credential)), ...signFlags(one), image]));
    },
    async verify(image, layout, credential, who) {
      // cosign 2.5 reads tags alone.
      const read = layoutsOf(layout).filter((one) => name !== "cosign-2.5" || one === "tag");
      const outcomes: Outcome[] = [];
      for (const one of read)
        outcomes.push(await run(["verify", ...expectedOf(context, credential, who), ...verifyFlags(one), image]));
      return outcomes;
    },
  };
}

function succeeded(name: string, { exit, stdout, stderr }: Outcome): void {
  if (exit !== 0) throw new Error(`${name} sign ended with ${exit}\n${stdout}${stderr}`);
}

async function signerOf({ instance, keyPath, vault }: ImageContext, credential: CredentialName): Promise<string[]> {
  if (credential === "keyless") return ["--identity-token", await instance.token()];
  return ["--key", credential === "key" ? keyPath : vault.reference];
}

function expectedOf(context: ImageContext, credential: CredentialName, who: "right" | "wrong"): string[] {
  const { instance, vault, publicKeyPath, otherPublicKeyPath } = context;
  if (credential === "keyless") {
    const identity = who === "right" ? instance.identity : "somebody.else@example.com";
    return ["--certificate-identity", identity, "--certificate-oidc-issuer", instance.issuer];
  }
  const right = credential === "key" ? publicKeyPath : vault.publicKeyPath;
  return ["--key", who === "right" ? right : otherPublicKeyPath];
}
