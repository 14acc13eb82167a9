// Certificates that openssl issues for a key of one's own: what cosign signs with them we verify, what we sign cosign verifies.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, type Outcome, runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

const password = "correct horse";
const peers = ["cosign-3", "cosign-2", "cosign-2-go", "cosign-2-2"].map((name) => ({ name, ...findPeer(name) }));
const subject = "release@company.test";

describe("a certificate of one's own", { timeout: 600_000 }, () => {
  let instance: Instance;
  const at = (file: string): string => join(instance.directory, file);
  const openssl = (...words: string[]): Promise<string> =>
    expectSuccess("openssl", words, { cwd: instance.directory, env: { PATH: process.env["PATH"] ?? "" } });
  const ours = (...words: string[]): Promise<Outcome> => instance.sigillumWith({ COSIGN_PASSWORD: password }, ...words);
  const succeed = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    const { exit, stdout, stderr } = await outcome;
    assert.equal(exit, 0, `${stdout}${stderr}`);
    return { exit, stdout, stderr };
  };

  before(async () => {
    if (peers.every(({ path }) => path === undefined)) return;
    instance = await startInstance();
    await makeCompany(openssl, at);
    await writeFile(at("file"), "a file\n");
    await writeFile(at("predicate.json"), "{}");
    await succeed(ours("import-key-pair", "--key", at("leaf.pkcs8"), "--output-key-prefix", at("leaf")));
  });
  after(() => instance?.stop());

  for (const { name, path, missing } of peers) {
    it(`${name}: signs and verifies with it, and so do we`, { skip: path === undefined ? missing : false }, async () => {
      const isNew = name === "cosign-3";
      const env = { HOME: at(name), TUF_ROOT: at(`${name}.tuf`), COSIGN_PASSWORD: password };
      const theirs = async (...words: string[]): Promise<Outcome> => {
        const roots: Record<string, string> = name === "cosign-2-2" ? { SIGSTORE_ROOT_FILE: at("chain.pem") } : {};
        const more = words[0]?.startsWith("verify") ? { SIGSTORE_REKOR_PUBLIC_KEY: await logKey(), ...roots } : {};
        return await runProgram(path ?? "", words, { cwd: instance.directory, env: { ...env, ...more } });
      };
      const logKey = async (): Promise<string> => {
        const root = parseTrustedRoot(await readFile(instance.trustedRootPath));
        const log = root.tlogs.find(({ baseUrl }) => baseUrl === instance.logUrl);
        assert.ok(log !== undefined, `${instance.logUrl} is in the trusted root`);
        await writeFile(at("log.pub"), encodePublicKeyPem(log.publicKey));
        const stamps = root.timestampAuthorities.flatMap(({ chain }) => chain.map(({ der }) => encodePem("CERTIFICATE", der)));
        await writeFile(at("tsa.pem"), stamps.join(""));
        return at("log.pub");
      };
      const old = isNew ? ["--new-bundle-format=false"] : [];
      const log = ["--rekor-url", instance.logUrl, ...(isNew ? ["--use-signing-config=false"] : []), ...old];
      const own = ["--key", "leaf.key", "--certificate", "leaf.pem", "--certificate-chain", "chain.pem"];
      const expected = ["--certificate-identity", subject, "--certificate-oidc-issuer-regexp", ".*", "--insecure-ignore-sct"];
      const wrong = expected.map((word) => (word === subject ? "eve@company.test" : word));
      const weBelieve = ["--certificate-chain", at("chain.pem")];
      const theyBelieve = ["--ca-roots", "root.pem", "--ca-intermediates", "signers.pem"];
      const image = await pushImage(instance.url("registry"), `own-certificate/${name}`);

      await succeed(theirs("sign", "--yes", ...own, ...log, image));
      await succeed(ours("verify", ...expected, ...weBelieve, image));
      assert.equal((await ours("verify", ...wrong, ...weBelieve, image)).exit, 12);
      await succeed(theirs("attest", "--yes", ...own, ...log, "--predicate", "predicate.json", image));
      await succeed(ours("verify-attestation", ...expected, ...weBelieve, image));

      const mine = await pushImage(instance.url("registry"), `own-certificate/${name}-ours`);
      const weSign = own.map((word) => (/^leaf|^chain/.test(word) ? at(word) : word));
      await succeed(ours("sign", ...weSign, "--layout", "tag", mine));
      await succeed(ours("attest", ...weSign, "--layout", "tag", "--predicate", at("predicate.json"), mine));
      // --ca-roots is of 2.3, which finds the TSA by itself too
      const chain = name === "cosign-2-2" ? ["--timestamp-certificate-chain", "tsa.pem"] : theyBelieve;
      await succeed(theirs("verify", ...expected, ...chain, ...old, mine));
      assert.notEqual((await theirs("verify", ...wrong, ...chain, ...old, mine)).exit, 0);
      // 2.2 looks at every timestamp, and wants one over the whole envelope; later ones look where they are told to
      if (name !== "cosign-2-2") await succeed(theirs("verify-attestation", ...expected, ...chain, ...old, mine));

      if (!isNew) return;
      // a bundle, with the authority in a trusted root
      await succeed(ours("sign-blob", ...weSign, "--bundle", at("own.json"), at("file")));
      const fulcio = `url=https://ca.company.test,certificate-chain=${at("chain.pem")}`;
      const rekor = `url=${instance.logUrl},public-key=${at("log.pub")},start-time=2020-01-01T00:00:00Z`;
      await succeed(ours("trusted-root", "create", "--fulcio", fulcio, "--rekor", rekor, "--out", at("company.json")));
      const verify = ["verify-blob", "--bundle", "own.json", "--trusted-root", "company.json", ...expected];
      await succeed(theirs(...verify, "file"));
      assert.notEqual((await theirs(...verify, "predicate.json")).exit, 0);
    });
  }

  const [newest] = peers;
  const noNewest = newest?.path === undefined ? (newest?.missing ?? "cosign-3 is not here") : false;
  it("cosign-3 verifies signatures by keys of other types, and we verify its own", { skip: noNewest }, async () => {
    const env = { HOME: at("algorithms"), TUF_ROOT: at("algorithms.tuf") };
    const theirs = (...words: string[]): Promise<Outcome> =>
      runProgram(newest?.path ?? "", words, { cwd: instance.directory, env });
    await succeed(theirs("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath));
    const expected = ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
    for (const algorithm of ["ecdsa-sha2-384-nistp384", "ecdsa-sha2-512-nistp521", "rsa-sign-pkcs1-2048-sha256"]) {
      const words = ["--signing-algorithm", algorithm, "--bundle", at(`${algorithm}.json`)];
      const verify = ["verify-blob", "--bundle", at(`${algorithm}.json`), ...expected, at("file")];
      await succeed(ours("sign-blob", "--identity-token", await instance.token(), ...words, at("file")));
      await succeed(theirs(...verify));
      await succeed(theirs("sign-blob", "--yes", "--identity-token", await instance.token(), ...words, at("file")));
      await succeed(ours(...verify));
    }
  });
});

// A root, an authority of signers below it, and a leaf for one of them.
async function makeCompany(openssl: (...words: string[]) => Promise<string>, at: (file: string) => string): Promise<void> {
  await writeFile(
    at("company.cnf"),
    [
      "[ca]",
      "basicConstraints=critical,CA:true",
      "keyUsage=critical,keyCertSign,cRLSign",
      "subjectKeyIdentifier=hash",
      "[signers]",
      "basicConstraints=critical,CA:true,pathlen:0",
      "keyUsage=critical,keyCertSign,cRLSign",
      "extendedKeyUsage=codeSigning",
      "[leaf]",
      "keyUsage=critical,digitalSignature",
      "extendedKeyUsage=codeSigning",
      `subjectAltName=email:${subject}`,
      "",
    ].join("\n"),
  );
  const request = (name: string): Promise<string> =>
    openssl(
      ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/O=Company/CN=${name}`],
      ...["-keyout", `${name}.pkcs8`, "-out", `${name}.csr`],
    );
  const issue = (name: string, section: string, by: readonly string[]): Promise<string> =>
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-days", "30", "-extfile", "company.cnf", "-extensions", section, ...by],
      ...["-out", `${name}.pem`],
    );
  for (const name of ["root", "signers", "leaf"]) await request(name);
  await issue("root", "ca", ["-key", "root.pkcs8"]);
  await issue("signers", "signers", ["-CA", "root.pem", "-CAkey", "root.pkcs8", "-CAcreateserial"]);
  await issue("leaf", "leaf", ["-CA", "signers.pem", "-CAkey", "signers.pkcs8", "-CAcreateserial"]);
  const chain = await Promise.all(["signers.pem", "root.pem"].map((file) => readFile(at(file), "utf8")));
  await writeFile(at("chain.pem"), chain.join(""));
}
