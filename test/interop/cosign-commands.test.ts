// Commands of cosign 2 and 3 against ours, each pair both ways: what one writes the other reads, and refuses for another file or image.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const password = "correct horse";

interface Peer {
  readonly name: string;
  readonly isNew: boolean;
}
const peers: readonly Peer[] = [
  { name: "cosign-3", isNew: true },
  { name: "cosign-2", isNew: false },
  { name: "cosign-2-go", isNew: false },
];

describe("cosign's commands", { timeout: 600_000 }, () => {
  let instance: Instance;
  before(async () => {
    instance = await startInstance();
  });
  after(() => instance?.stop());

  const succeed = (outcome: Outcome): Outcome => {
    assert.equal(outcome.exit, 0, `${outcome.stdout}${outcome.stderr}`);
    return outcome;
  };
  const ours = async (...words: string[]): Promise<Outcome> => {
    const { directory } = instance;
    const env = { HOME: directory, SIGILLUM_HOME: join(directory, "home"), COSIGN_PASSWORD: password };
    return await runProgram(process.execPath, [sigillum, ...words], { env, cwd: directory });
  };
  const weDo = async (...words: string[]): Promise<Outcome> => succeed(await ours(...words));

  for (const { name, isNew } of peers) {
    const found = findPeer(name);
    const skip = found.path === undefined ? found.missing : false;
    const home = (): string => join(instance.directory, `commands-${name}`);
    const at = (file: string): string => join(home(), file);
    const theirs = (...words: string[]): Promise<Outcome> =>
      runProgram(found.path ?? "", words, {
        cwd: home(),
        env: { HOME: home(), TUF_ROOT: at("tuf"), COSIGN_PASSWORD: password },
      });
    // What cosign 2 believes where it takes no --trusted-root: key by key, from files that variables name.
    const believing = async (...words: string[]): Promise<Outcome> => {
      const files = await writeTrustFiles(instance.trustedRootPath, home());
      return await runProgram(found.path ?? "", words, { cwd: home(), env: { HOME: home(), TUF_ROOT: at("tuf"), ...files } });
    };
    const theyDo = async (...words: string[]): Promise<Outcome> => succeed(await theirs(...words));
    const services = (): string[] => [
      ...(isNew ? ["--use-signing-config=false", "--new-bundle-format=false"] : []),
      ...["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer],
    ];
    const oldFormat = isNew ? ["--new-bundle-format=false"] : [];
    const withoutLog = [...(isNew ? ["--use-signing-config=false"] : []), "--tlog-upload=false", ...oldFormat];
    const identity = (): string[] => [
      ...["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer],
    ];
    const rooted = (): string[] => ["--trusted-root", instance.trustedRootPath];
    const registry = (): string => instance.url("registry");
    const other = (image: string): string => image.replace(/sha256:.{4}/, "sha256:0000");

    it(`${name}: prepares`, { skip }, async () => {
      await mkdir(home());
      await writeFile(at("file"), "a file\n");
      await writeFile(at("other"), "another file\n");
      await writeFile(at("sbom.json"), '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[]}');
      await theyDo("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath);
    });

    it(`${name}: key pairs open on either side`, { skip }, async () => {
      await theyDo("generate-key-pair", "--output-key-prefix", "theirs");
      const public1 = (await weDo("public-key", "--key", at("theirs.key"))).stdout;
      assert.equal(public1.trim(), (await readFile(at("theirs.pub"), "utf8")).trim());
      await weDo("generate-key-pair", "--output-key-prefix", at("ours"));
      assert.equal(
        (await theyDo("public-key", "--key", "ours.key")).stdout.trim(),
        (await readFile(at("ours.pub"), "utf8")).trim(),
      );
    });

    it(`${name}: detached signatures by a key`, { skip }, async () => {
      await theyDo("sign-blob", "--yes", "--key", "theirs.key", ...withoutLog, "--output-signature", "theirs.sig", "file");
      const check = ["verify-blob", "--key", at("theirs.pub"), "--signature", at("theirs.sig"), "--insecure-ignore-tlog"];
      await weDo(...check, at("file"));
      assert.equal((await ours(...check, at("other"))).exit, 12);
      await weDo("sign-blob", "--key", at("ours.key"), "--tlog-upload=false", "--output-signature", at("ours.sig"), at("file"));
      const theirCheck = ["verify-blob", "--key", "ours.pub", "--signature", "ours.sig", "--insecure-ignore-tlog", ...oldFormat];
      await theyDo(...theirCheck, "file");
      assert.notEqual((await theirs(...theirCheck, "other")).exit, 0);
    });

    it(`${name}: logged signatures by a key, in a bundle of cosign 1`, { skip }, async () => {
      const log = ["--rekor-url", instance.logUrl, ...(isNew ? ["--use-signing-config=false"] : []), ...oldFormat];
      await theyDo("sign-blob", "--yes", "--key", "theirs.key", ...log, "--bundle", "theirs.bundle", "file");
      await weDo("verify-blob", "--key", at("theirs.pub"), "--bundle", at("theirs.bundle"), at("file"));
      await weDo("sign-blob", "--key", at("ours.key"), "--new-bundle-format=false", "--bundle", at("ours.bundle"), at("file"));
      const check = ["verify-blob", "--key", "ours.pub", "--bundle", "ours.bundle", ...oldFormat];
      succeed(await believing(...check, "file"));
      assert.notEqual((await believing(...check, "other")).exit, 0);
    });

    it(`${name}: detached signature and certificate`, { skip }, async () => {
      const token = await instance.token();
      const parts = ["--output-signature", "keyless.sig", "--output-certificate", "keyless.pem"];
      await theyDo(
        "sign-blob",
        "--yes",
        "--identity-token",
        token,
        ...services(),
        ...parts,
        "--bundle",
        "keyless.bundle",
        "file",
      );
      const check = ["verify-blob", "--signature", at("keyless.sig"), "--certificate", at("keyless.pem"), ...identity()];
      await weDo(...check, at("file"));
      assert.notEqual((await ours(...check, at("other"))).exit, 0);
      await weDo("verify-blob", "--bundle", at("keyless.bundle"), ...identity(), at("file"));
    });

    it(`${name}: images in the tag layout, without a key`, { skip }, async () => {
      const image = await pushImage(registry(), `commands/${name}-theirs`);
      await theyDo("sign", "--yes", "--identity-token", await instance.token(), ...services(), "-a", "by=them", image);
      const { stdout } = await weDo("verify", ...identity(), "-a", "by=them", image);
      assert.equal(JSON.parse(stdout)[0].optional.Subject, instance.identity);
      assert.equal((await ours("verify", ...identity(), "-a", "by=us", image)).exit, 12);
      const own = await pushImage(registry(), `commands/${name}-ours`);
      await weDo("sign", "--identity-token", await instance.token(), "--layout", "tag", "-a", "by=us", own);
      const check = ["verify", ...identity(), ...rooted(), ...oldFormat];
      const their = await theyDo(...check, "-a", "by=us", own);
      assert.equal(JSON.parse(their.stdout)[0].optional.Subject, instance.identity);
      assert.notEqual((await theirs(...check, other(own))).exit, 0);
    });

    it(`${name}: images in the tag layout, by a key`, { skip }, async () => {
      const image = await pushImage(registry(), `commands/${name}-key-theirs`);
      await theyDo("sign", "--yes", "--key", "theirs.key", ...withoutLog, image);
      const check = ["verify", "--insecure-ignore-tlog", "--key"];
      await weDo(...check, at("theirs.pub"), image);
      assert.equal((await ours(...check, at("ours.pub"), image)).exit, 12);
      const own = await pushImage(registry(), `commands/${name}-key-ours`);
      await weDo("sign", "--key", at("ours.key"), "--tlog-upload=false", "--layout", "both", own);
      await theyDo(...check, "ours.pub", ...oldFormat, own);
      assert.notEqual((await theirs(...check, "theirs.pub", ...oldFormat, own)).exit, 0);
      const triangulated = (await theyDo("triangulate", own)).stdout.trim();
      assert.equal((await weDo("triangulate", own)).stdout.trim(), triangulated);
    });

    it(`${name}: images in the referrers of cosign's experiment`, {
      skip: isNew ? "cosign 3 writes bundles there" : skip,
    }, async () => {
      const image = await pushImage(registry(), `commands/${name}-experiment`);
      const env = { HOME: home(), TUF_ROOT: at("tuf"), COSIGN_PASSWORD: password, COSIGN_EXPERIMENTAL: "1" };
      const words = ["sign", "--yes", "--key", "theirs.key", ...withoutLog, "--registry-referrers-mode=oci-1-1", image];
      succeed(await runProgram(found.path ?? "", words, { cwd: home(), env }));
      assert.doesNotMatch((await weDo("tree", image)).stdout, /sha256-[0-9a-f]{64}\.sig/); // nothing in the tag layout
      await weDo("verify", "--insecure-ignore-tlog", "--key", at("theirs.pub"), image);
      assert.equal((await ours("verify", "--insecure-ignore-tlog", "--key", at("ours.pub"), image)).exit, 12);
    });

    it(`${name}: attestations in the tag layout`, { skip }, async () => {
      const image = await pushImage(registry(), `commands/${name}-att-theirs`);
      const predicate = ["--predicate", at("sbom.json"), "--type", "cyclonedx"];
      await theyDo("attest", "--yes", ...predicate, "--identity-token", await instance.token(), ...services(), image);
      const { stdout } = await weDo("verify-attestation", "--type", "cyclonedx", ...identity(), image);
      const statement = JSON.parse(Buffer.from(JSON.parse(stdout).payload, "base64").toString());
      assert.equal(statement.predicate.bomFormat, "CycloneDX");
      assert.equal((await ours("verify-attestation", "--type", "slsaprovenance", ...identity(), image)).exit, 12);
      const own = await pushImage(registry(), `commands/${name}-att-ours`);
      await weDo("attest", ...predicate, "--identity-token", await instance.token(), "--layout", "tag", own);
      const check = ["verify-attestation", ...identity(), ...oldFormat, "--type"];
      succeed(await believing(...check, "cyclonedx", own));
      assert.notEqual((await believing(...check, "slsaprovenance", own)).exit, 0);
      assert.ok((await theyDo("download", "attestation", own)).stdout.includes('"payload"'));
    });

    it(`${name}: what is attached, copied and shown`, { skip }, async () => {
      const image = await pushImage(registry(), `commands/${name}-attach`);
      await weDo("attach", "sbom", "--sbom", at("sbom.json"), "--type", "cyclonedx", image);
      assert.equal((await theyDo("download", "sbom", image)).stdout.trim(), (await readFile(at("sbom.json"), "utf8")).trim());
      await theyDo("attach", "sbom", "--sbom", "sbom.json", "--type", "cyclonedx", image);
      assert.equal((await weDo("download", "sbom", image)).stdout, await readFile(at("sbom.json"), "utf8"));
      assert.equal((await weDo("generate", image)).stdout, (await theyDo("generate", image)).stdout);
      await theyDo("sign", "--yes", "--key", "theirs.key", ...withoutLog, image);
      const target = `${image.split("/")[0]}/commands/${name}-copied:1`;
      await weDo("copy", image, target);
      await weDo("verify", "--key", at("theirs.pub"), "--insecure-ignore-tlog", target);
      await theyDo("verify", "--key", "theirs.pub", "--insecure-ignore-tlog", ...oldFormat, target);
      await weDo("save", target, "--dir", at("saved"));
      await theyDo("verify", "--key", "theirs.pub", "--insecure-ignore-tlog", ...oldFormat, "--local-image", "saved");
      await weDo("verify", "--key", at("theirs.pub"), "--insecure-ignore-tlog", "--local-image", at("saved"));
      await theyDo("save", target, "--dir", "theirs-saved");
      await weDo("verify", "--key", at("theirs.pub"), "--insecure-ignore-tlog", "--local-image", at("theirs-saved"));
    });

    it(`${name}: attestations about files`, { skip }, async () => {
      const predicate = ["--predicate", at("sbom.json"), "--type", "cyclonedx"];
      await weDo("attest-blob", ...predicate, "--identity-token", await instance.token(), "--bundle", at("att.json"), at("file"));
      const newFormat = isNew ? [] : ["--new-bundle-format"];
      const check = [
        "verify-blob-attestation",
        "--bundle",
        "att.json",
        "--type",
        "cyclonedx",
        ...identity(),
        ...rooted(),
        ...newFormat,
      ];
      await theyDo(...check, "file");
      assert.notEqual((await theirs(...check, "other")).exit, 0);
      await weDo("verify-blob-attestation", "--bundle", at("att.json"), "--type", "cyclonedx", ...identity(), at("file"));
      const wrong = ["verify-blob-attestation", "--bundle", at("att.json"), ...identity(), at("file")];
      assert.equal((await ours(...wrong)).exit, 12);
    });
  }
});

/** The roots and keys of a trusted root as files, under the names of cosign's variables. */
async function writeTrustFiles(trustedRootPath: string, directory: string): Promise<Record<string, string>> {
  const root = parseTrustedRoot(await readFile(trustedRootPath));
  const certificates = root.certificateAuthorities.flatMap(({ chain }) => chain.map(({ der }) => encodePem("CERTIFICATE", der)));
  const contents: Record<string, string> = {
    SIGSTORE_ROOT_FILE: certificates.join(""),
    SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: root.ctlogs
      .slice(0, 1)
      .map(({ publicKey }) => encodePublicKeyPem(publicKey))
      .join(""),
    SIGSTORE_REKOR_PUBLIC_KEY: root.tlogs
      .slice(0, 1)
      .map(({ publicKey }) => encodePublicKeyPem(publicKey))
      .join(""),
  };
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(contents)) {
    files[name] = join(directory, `${name}.pem`);
    await writeFile(files[name], text);
  }
  return files;
}
