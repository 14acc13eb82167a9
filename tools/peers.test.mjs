import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { debianSource } from "./peers-debian.mjs";
import { findPeer, listPeers, peerFolder, peers, peersDirectory } from "./peers-list.mjs";

describe("debianSource", () => {
  const uri = "http://mirror.example/debian";

  it("finds the main archive in a deb822 source, and not the security archive", () => {
    const text = `Types: deb\nURIs: ${uri}-security\nSuites: a-security\nComponents: main\n\nTypes: deb\n# note\nURIs: ${uri}\nSuites: a\nComponents: main\nSigned-By: /keys/a.gpg\n`;
    assert.deepEqual(debianSource([{ name: "debian.sources", text }]), { uri, signedBy: "/keys/a.gpg" });
  });

  it("finds it in one line style, with and without options", () => {
    const other = "deb https://other.example/apt stable main\n";
    assert.deepEqual(debianSource([{ name: "sources.list", text: `${other}deb ${uri} a main contrib\n` }]), {
      uri,
      signedBy: undefined,
    });
    assert.deepEqual(debianSource([{ name: "sources.list", text: `deb [arch=amd64 signed-by=/keys/a.gpg] ${uri} a main\n` }]), {
      uri,
      signedBy: "/keys/a.gpg",
    });
  });

  it("finds none where there is none", () => {
    assert.equal(debianSource([{ name: "sources.list", text: "# deb http://mirror.example/debian a main\n" }]), undefined);
    assert.equal(debianSource([]), undefined);
  });
});

describe("findPeer", () => {
  const directory = mkdtempSync(join(tmpdir(), "peers-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const bring = (name, record, file = peers[name].file) => {
    const folder = peerFolder(name, peers[name], directory);
    mkdirSync(dirname(join(folder, file ?? "x")), { recursive: true });
    if (file !== undefined) writeFileSync(join(folder, file), "");
    writeFileSync(join(folder, "peer.json"), JSON.stringify(record));
    return folder;
  };

  it("says what to run for a peer that is not here", () => {
    assert.match(findPeer("cosign-2", directory).missing, /npm run peers$/);
    assert.match(findPeer("rekor-cli", directory).missing, /npm run peers -- --all$/);
    assert.match(findPeer("nothing", directory).missing, /no peer is called nothing/);
  });

  it("gives path and version of one that is", () => {
    const folder = bring("cosign-3", { version: "3.1.1-2" });
    assert.deepEqual(findPeer("cosign-3", directory), { path: join(folder, "usr/bin/cosign"), version: "3.1.1-2" });
    const packages = bring("sigstore-js", { version: "all" });
    assert.deepEqual(listPeers(directory)["sigstore-js"], { path: packages, version: "all" });
  });

  it("does not take a folder whose program is gone", () => {
    bring("sigstore-go", { version: "1" }, "other");
    assert.match(findPeer("sigstore-go", directory).missing, /lost its program/);
  });

  it("keeps its cache where the environment says", () => {
    assert.equal(peersDirectory({ SIGILLUM_PEERS: "/p" }), "/p");
    assert.equal(peersDirectory({ XDG_CACHE_HOME: "/c" }), join("/c", "sigillum", "peers"));
  });

  it("gives another folder to another pin", () => {
    const peer = peers["sigstore-js"];
    const moved = { ...peer, packages: { ...peer.packages, sigstore: "0.0.1" } };
    assert.notEqual(peerFolder("sigstore-js", peer, directory), peerFolder("sigstore-js", moved, directory));
  });
});
