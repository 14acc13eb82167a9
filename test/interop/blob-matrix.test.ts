// Foreign clients against an unmodified `sigillum serve`, and our command line against them: each signs a file that we verify, each
// verifies a file that we signed, and each refuses another file, so that a "yes" means something.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import type { ClientFactory, ForeignClient } from "./clients/client.ts";
import { cosign3, cosign25, cosign26 } from "./clients/cosign.ts";
import {
  hasOpenssl,
  type OpensslFiles,
  opensslVerifiesCertificate,
  opensslVerifiesTimestamp,
  writeOpensslFiles,
} from "./clients/openssl.ts";
import { sigstoreGo } from "./clients/sigstore-go.ts";
import { sigstoreJs } from "./clients/sigstore-js.ts";
import { sigstorePython } from "./clients/sigstore-python.ts";
import { type Instance, startInstance } from "./instance.ts";

const clients: readonly [peer: string, make: ClientFactory][] = [
  ["sigstore-js", sigstoreJs],
  ["cosign-3", cosign3],
  ["cosign-2", cosign25],
  ["cosign-2-go", cosign26],
  ["sigstore-python", sigstorePython],
  ["sigstore-go", sigstoreGo],
];
const columns = ["bootstraps", "we verify what it signs", "it verifies what we sign", "it refuses another file"] as const;

type Mark = "yes" | "NO" | "-";

describe("a file signed by one and verified by the other", { timeout: 300_000 }, () => {
  let instance: Instance;
  let artifact = "";
  let other = "";
  let ourBundle = "";
  const matrix = new Map<string, Map<string, Mark>>();

  before(async () => {
    instance = await startInstance();
    artifact = join(instance.directory, "artifact.txt");
    other = join(instance.directory, "other.txt");
    ourBundle = join(instance.directory, "ours.sigstore.json");
    await writeFile(artifact, `a file of ${new Date().toISOString()}\n`);
    await writeFile(other, "another file\n");
    await weSign(artifact, ourBundle);
  });
  after(async () => {
    await instance?.stop();
    printMatrix(matrix);
  });

  const weSign = async (path: string, bundle: string): Promise<void> => {
    const { exit, stderr } = await instance.sigillum(
      "sign-blob",
      "--identity-token",
      await instance.token(),
      "--bundle",
      bundle,
      path,
    );
    assert.equal(exit, 0, stderr);
  };
  const weVerify = async (path: string, bundle: string): Promise<void> => {
    const expected = ["--certificate-identity", instance.identity, "--certificate-oidc-issuer", instance.issuer];
    const { exit, stderr } = await instance.sigillum("verify-blob", "--bundle", bundle, ...expected, path);
    assert.equal(exit, 0, stderr);
  };

  for (const [peer, make] of clients) {
    const found = findPeer(peer);
    const skip = found.path === undefined ? found.missing : false;
    const row = new Map<string, Mark>(columns.map((column) => [column, "-"]));
    matrix.set(found.path === undefined ? peer : `${peer} ${shortVersion(found.version)}`, row);
    const cell = (column: (typeof columns)[number], run: () => Promise<void>): void => {
      it(`${peer}: ${column}`, { skip }, async () => {
        row.set(column, "NO");
        await run();
        row.set(column, "yes");
      });
    };
    let client: ForeignClient;
    const home = (): string => join(instance.directory, peer);
    cell("bootstraps", async () => {
      await mkdir(home());
      client = make(instance, found.path ?? "", home());
      await client.bootstrap();
    });
    cell("we verify what it signs", async () => {
      const bundle = join(home(), "theirs.sigstore.json");
      await client.sign(artifact, bundle);
      await weVerify(artifact, bundle);
    });
    cell("it verifies what we sign", () => client.verify(artifact, ourBundle));
    cell("it refuses another file", () => assert.rejects(client.verify(other, ourBundle)));
  }

  const openssl = hasOpenssl() ? false : "openssl is not here";
  const opensslFiles = (): Promise<OpensslFiles> => writeOpensslFiles(ourBundle, instance.trustedRootPath, instance.directory);
  it("openssl accepts the certificate", { skip: openssl }, async () => opensslVerifiesCertificate(await opensslFiles()));
  it("openssl accepts the timestamp", { skip: openssl }, async () => opensslVerifiesTimestamp(await opensslFiles()));
  it("openssl refuses the timestamp over another file", { skip: openssl }, async () => {
    const files = await opensslFiles();
    await assert.rejects(opensslVerifiesTimestamp(files, files.leaf));
  });
});

function shortVersion(version: string): string {
  return version.includes(",") ? (/@sigstore\/sign ([\w.]+)/.exec(version)?.[1] ?? "") : version;
}

function printMatrix(matrix: ReadonlyMap<string, ReadonlyMap<string, Mark>>): void {
  console.log(`\n${"".padEnd(30)} ${columns.join("  ")}`);
  for (const [name, row] of matrix)
    console.log(`${name.padEnd(30)} ${columns.map((column) => (row.get(column) ?? "-").padEnd(column.length)).join("  ")}`);
}
