// A repository of ours whose root and targets are signed with ML-DSA (TAP 21), read by python-tuf, whose securesystemslib knows it.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { openPlace } from "@sigillum/library/tuf-place";
import { defaultPeriods, planPublication, readPublished, writePublication } from "@sigillum/library/tuf-repository";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "./clients/program.ts";

const python = findPeer("sigstore-python");
const skip = python.path === undefined ? `SKIPPED: ${python.missing ?? "sigstore-python is not here"}` : false;

describe("a repository signed with ML-DSA, read by python-tuf", { skip, timeout: 120_000 }, () => {
  let directory = "";
  let server: Server;
  let url = "";
  before(async () => {
    if (skip !== false) return;
    directory = await mkdtemp(join(tmpdir(), "sigillum-ml-dsa-"));
    server = createServer((request, response) => {
      readFile(join(directory, "published", request.url ?? "")).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server?.close();
    if (directory !== "") await rm(directory, { recursive: true, force: true });
  });

  /** A program on python-tuf that trusts the first root and fetches a target. */
  const fetchTarget = async (
    home: string,
  ): Promise<readonly [string, string[], { cwd: string; env: Record<string, string> }]> => {
    for (const folder of ["metadata", "targets"]) await mkdir(join(home, folder), { recursive: true });
    await copyFile(join(directory, "published/1.root.json"), join(home, "metadata/root.json"));
    const script = join(import.meta.dirname, "tuf/python_tuf_client.py");
    const args = [script, join(home, "metadata"), join(home, "targets"), url, "one.txt", join(home, "output")];
    return [join(dirname(python.path ?? ""), "python"), args, { cwd: home, env: { HOME: home } }];
  };

  it("follows root, targets, snapshot and timestamp of every parameter set, and a rotation", async () => {
    const place = openPlace(join(directory, "published"), { environment: {} });
    const signers = {
      // Two must sign: one of the old kind, one of the new.
      root: [generateSigner("ecdsa-p256"), generateSigner("ml-dsa-65")],
      targets: [generateSigner("ml-dsa-87")],
      snapshot: [generateSigner("ml-dsa-44")],
      timestamp: [generateSigner("ml-dsa-44")],
    };
    const thresholds = { root: 2, targets: 1, snapshot: 1, timestamp: 1 };
    const publish = async (text: string, more: object = {}): Promise<void> => {
      const files = new Map([["one.txt", { bytes: encodeUtf8(text) }]]);
      const plan = { nowMs: Date.now(), periods: defaultPeriods, files, signers, thresholds, ...more };
      await writePublication(place, await planPublication(await readPublished(place), plan));
    };
    await publish("one");
    const home = join(directory, "home");
    await expectSuccess(...(await fetchTarget(home)));
    assert.equal(await readFile(join(home, "output"), "utf8"), "one");
    const retired = signers.root[1];
    signers.root[1] = generateSigner("ml-dsa-44");
    await publish("two", { retiringRootSigners: [retired] });
    await expectSuccess(...(await fetchTarget(home)));
    assert.equal(await readFile(join(home, "output"), "utf8"), "two");
  });

  it("refuses what one changed digit of an ML-DSA signature leaves", async () => {
    const path = join(directory, "published/timestamp.json");
    const timestamp = JSON.parse(await readFile(path, "utf8"));
    const { sig } = timestamp.signatures[0];
    timestamp.signatures[0].sig = `${sig.slice(0, -1)}${sig.endsWith("0") ? "1" : "0"}`;
    await writeFile(path, JSON.stringify(timestamp));
    const ended = await runProgram(...(await fetchTarget(join(directory, "another"))));
    assert.notEqual(ended.exit, 0);
    assert.match(ended.stderr, /UnsignedMetadataError|signed by 0\/1 keys/u);
  });
});
