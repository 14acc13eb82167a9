// What older cosigns do with nothing but our TUF repository: before 2.6 they find keys by the custom metadata of the targets of 2021 and are told the
// services' addresses; 3.0 finds everything there. cosign 1.3 is not among them: it reads root keys in hexadecimal digits alone, which every client
// since refuses; it works with keys (cosign-1.test.ts).
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePem } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

const peers = ["cosign-2", "cosign-2-4", "cosign-2-2", "cosign-1-13", "cosign-3-0"].map((name) => ({
  name,
  ...findPeer(name),
}));

describe("older cosigns, bootstrapped by TUF", { timeout: 900_000 }, () => {
  let instance: Instance;
  before(async () => {
    if (peers.some(({ path }) => path !== undefined)) instance = await startInstance();
  });
  after(() => instance?.stop());

  for (const { name, path, missing } of peers) {
    const skip = path === undefined ? missing : false;
    const at = (file: string): string => join(instance.directory, name, file);
    const isFirst = name.startsWith("cosign-1");
    const run = (...args: string[]): Promise<Outcome> => {
      const experiment: Record<string, string> = isFirst ? { COSIGN_EXPERIMENTAL: "1" } : {};
      const env = { HOME: at("."), TUF_ROOT: at("tuf"), ...experiment };
      return runProgram(path ?? "", args, { cwd: at("."), env });
    };
    const does = async (...args: string[]): Promise<string> => {
      const { exit, stdout, stderr } = await run(...args);
      assert.equal(exit, 0, `${args.join(" ")}\n${stdout}${stderr}`);
      return stdout;
    };
    const expected = (): string[] => ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
    const services = (): string[] => [
      "--fulcio-url",
      instance.caUrl,
      "--rekor-url",
      instance.logUrl,
      "--oidc-issuer",
      instance.issuer,
    ];
    const prepare = async (): Promise<void> => {
      await mkdir(at("."), { recursive: true });
      await writeFile(at("file"), "a file\n");
      await writeFile(at("other"), "another file\n");
      await does("initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath);
    };

    if (name === "cosign-3-0") {
      it(`${name} signs and verifies files and images with no address on its command line`, { skip }, async () => {
        await prepare();
        const token = (): Promise<string> => instance.token();
        await does("sign-blob", "--yes", "--identity-token", await token(), "--bundle", "bundle", "file");
        await does("verify-blob", "--bundle", "bundle", ...expected(), "file");
        assert.notEqual((await run("verify-blob", "--bundle", "bundle", ...expected(), "other")).exit, 0);
        await succeed(instance.sigillum("verify-blob", "--bundle", at("bundle"), ...expected(), at("file")));
        const image = await pushImage(instance.url("registry"), "older/three");
        await does("sign", "--yes", "--identity-token", await token(), image);
        await does("verify", ...expected(), image);
        await succeed(instance.sigillum("verify", ...expected(), image));
        const ours = await pushImage(instance.url("registry"), "older/three-ours");
        await succeed(instance.sigillum("sign", "--identity-token", await token(), ours));
        await does("verify", ...expected(), ours);
      });
      continue;
    }

    it(`${name} signs a file and verifies it with the keys of log, CT log and CA that the targets name`, { skip }, async () => {
      await prepare();
      const outputs = ["--bundle", "bundle"];
      await does(
        "sign-blob",
        ...(isFirst ? [] : ["--yes"]),
        "--identity-token",
        await instance.token(),
        ...services(),
        ...outputs,
        "file",
      );
      const verify = ["verify-blob", "--bundle", "bundle", "--rekor-url", instance.logUrl, ...(isFirst ? [] : expected())];
      await does(...verify, "file");
      assert.notEqual((await run(...verify, "other")).exit, 0);
    });

    it(`${name} signs an image and verifies it, and we do`, { skip }, async () => {
      await prepare();
      const image = await pushImage(instance.url("registry"), `older/${name}`);
      const yes = isFirst ? ["--force"] : ["--yes"];
      await does("sign", ...yes, "--identity-token", await instance.token(), ...services(), image);
      await does("verify", "--rekor-url", instance.logUrl, ...(isFirst ? [] : expected()), image);
      await succeed(instance.sigillum("verify", ...expected(), image));
      const ours = await pushImage(instance.url("registry"), `older/${name}-ours`);
      await succeed(instance.sigillum("sign", "--layout", "tag", "--identity-token", await instance.token(), ours));
      const stamps = name === "cosign-2-2" ? ["--timestamp-certificate-chain", await writeStampers(instance, at("tsa.pem"))] : [];
      await does("verify", "--rekor-url", instance.logUrl, ...stamps, ...(isFirst ? [] : expected()), ours);
      const stranger = expected().map((word) => (word === instance.identity ? "eve@example.com" : word));
      if (!isFirst) assert.notEqual((await run("verify", "--rekor-url", instance.logUrl, ...stamps, ...stranger, ours)).exit, 0);
    });

    if (isFirst) continue;
    it(`${name} verifies a timestamp with the TSA's certificates${name === "cosign-2-2" ? "" : " that the targets name"}`, {
      skip,
    }, async () => {
      await prepare();
      const timestamp = [
        "--timestamp-server-url",
        `${instance.timestampUrl}/api/v1/timestamp`,
        "--rfc3161-timestamp",
        "stamp.tsr",
      ];
      const token = ["--identity-token", await instance.token()];
      await does("sign-blob", "--yes", ...token, ...services(), ...timestamp, "--bundle", "stamped", "file");
      const stamps =
        name === "cosign-2-2"
          ? ["--timestamp-certificate-chain", await writeStampers(instance, at("tsa.pem"))]
          : ["--use-signed-timestamps"];
      const own = [...stamps, "--rfc3161-timestamp", "stamp.tsr", "--rekor-url", instance.logUrl];
      await does("verify-blob", "--bundle", "stamped", ...own, ...expected(), "file");
      // of an attestation the whole envelope is stamped, and we verify that too
      const image = await pushImage(instance.url("registry"), `older/${name}-stamped`);
      const again = [
        "--identity-token",
        await instance.token(),
        "--timestamp-server-url",
        `${instance.timestampUrl}/api/v1/timestamp`,
      ];
      await does("attest", "--yes", ...again, ...services(), "--predicate", "file", image);
      await succeed(instance.sigillum("verify-attestation", "--use-signed-timestamps", ...expected(), image));
    });
  }
});

async function succeed(outcome: Promise<Outcome>): Promise<void> {
  const { exit, stdout, stderr } = await outcome;
  assert.equal(exit, 0, `${stdout}${stderr}`);
}

// cosign 2.2 looks for no timestamp authority in the targets.
async function writeStampers(instance: Instance, path: string): Promise<string> {
  const root = parseTrustedRoot(await readFile(instance.trustedRootPath));
  const chain = root.timestampAuthorities.flatMap(({ chain: list }) => list.map(({ der }) => encodePem("CERTIFICATE", der)));
  await writeFile(path, chain.join(""));
  return path;
}
