// Which foreign clients are on this machine: what tests ask before they run one. Nothing here fetches anything.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The table of peers.json: name to what it is and where it comes from. */
export const peers = JSON.parse(readFileSync(join(import.meta.dirname, "peers.json"), "utf8"));

/** The folder outside the checkout that holds them: $SIGILLUM_PEERS, or `sigillum/peers` in the user's cache. */
export function peersDirectory(env = process.env) {
  return env.SIGILLUM_PEERS || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sigillum", "peers");
}

/** What a peer's folder is called: a changed pin is another folder, so that a second run is quick and an old one never used. */
export function peerFolder(name, peer = peers[name], directory = peersDirectory()) {
  const version = peer.version ?? createHash("sha256").update(JSON.stringify(peer.packages)).digest("hex").slice(0, 12);
  return join(directory, `${name}@${version}`);
}

/**
 * `{path, version}` of a peer that `npm run peers` brought in, else `{missing: reason}`. The path is that of its program;
 * for npm packages the folder whose node_modules holds them.
 */
export function findPeer(name, directory = peersDirectory()) {
  const peer = peers[name];
  if (peer === undefined) return { missing: `no peer is called ${name}` };
  const folder = peerFolder(name, peer, directory);
  const record = join(folder, "peer.json");
  const ask = `run npm run peers${peer.onRequest === true ? ` -- ${name}` : peer.slow === true ? " -- --all" : ""}`;
  if (!existsSync(record)) return { missing: `${name} is not here: ${ask}` };
  const { version, failed } = JSON.parse(readFileSync(record, "utf8"));
  if (failed !== undefined) return { missing: failed };
  const path = peer.file === undefined ? folder : join(folder, peer.file);
  return existsSync(path) ? { path, version } : { missing: `${name} lost its program ${peer.file}: ${ask}` };
}

/** Every peer by name, as findPeer answers. */
export function listPeers(directory = peersDirectory()) {
  return Object.fromEntries(Object.keys(peers).map((name) => [name, findPeer(name, directory)]));
}
