// Image signatures that one program writes and another reads: every cell of image-cells.ts on every registry whose programs are here. What we
// sign or verify is also verified for somebody else, which must be refused.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type ImageClient, type ImageContext, imageClient } from "./clients/image-client.ts";
import { pushImage } from "./image.ts";
import { allCells, type Cell, type ClientName, clients, credentials, frozenText, layouts, registries } from "./image-cells.ts";
import { type Instance, startInstance } from "./instance.ts";
import { type ForeignRegistry, startDockerRegistry, startZot } from "./registries.ts";
import { startVault, type Vault } from "./vault.ts";

const cells = allCells();
const results = new Map<Cell, "green" | "red">();
const password = "correct horse";

describe("the list of cells", () => {
  it("is the frozen one", async () => {
    const frozen = await readFile(join(import.meta.dirname, "image-cells.txt"), "utf8");
    assert.equal(frozenText(cells), frozen, "a cell came or went: npm run test:interop compares with image-cells.txt");
  });
});

/** Why a program is not here; undefined where it is. */
function missing(name: string): string | undefined {
  const entry = [...clients, ...registries].find((one) => one.name === name);
  if (entry?.peer === undefined) return undefined;
  const found = findPeer(entry.peer);
  return found.path === undefined ? `${name}: ${found.missing}` : undefined;
}

describe("an image signed by one and verified by another", { timeout: 900_000 }, () => {
  let instance: Instance;
  let vault: Vault;
  let context: ImageContext;
  const programs = new Map<ClientName, ImageClient>();
  const running = new Map<string, string>();
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    instance = await startInstance();
    stops.unshift(() => instance.stop());
    vault = await startVault(instance.directory);
    stops.unshift(() => vault.stop());
    running.set("embedded", instance.url("registry"));
    for (const [name, peer, start] of [
      ["docker-registry", "docker-registry", startDockerRegistry],
      ["zot", "zot", startZot],
    ] as const) {
      const { path } = findPeer(peer);
      if (path === undefined) continue;
      const registry: ForeignRegistry = await start(path, instance.directory);
      stops.unshift(() => registry.stop());
      running.set(name, registry.url);
    }
    const pair = async (prefix: string): Promise<string> => {
      const path = join(instance.directory, prefix);
      const made = await instance.sigillumWith({ COSIGN_PASSWORD: password }, "generate-key-pair", "--output-key-prefix", path);
      assert.equal(made.exit, 0, made.stderr);
      return path;
    };
    const [own, other] = [await pair("own"), await pair("other")];
    context = {
      ...{ instance, vault, password },
      ...{ keyPath: `${own}.key`, publicKeyPath: `${own}.pub`, otherPublicKeyPath: `${other}.pub` },
    };
    for (const { name, peer } of clients) {
      const path = peer === undefined ? undefined : findPeer(peer).path;
      if (peer !== undefined && path === undefined) continue;
      const client = imageClient(name, path, context);
      await client.prepare();
      programs.set(name, client);
    }
  });
  after(async () => {
    console.log(table());
    for (const stop of stops) await stop();
  });

  const judge = async (image: string, cell: Cell): Promise<void> => {
    const client = programs.get(cell.verifier);
    assert.ok(client !== undefined);
    results.set(cell, "red");
    for (const outcome of await client.verify(image, cell.layout, cell.credential, "right"))
      assert.equal(outcome.exit, 0, `${cell.verifier} refuses: ${outcome.stdout}${outcome.stderr}`);
    // Between two programs that are not ours a refusal says nothing of us.
    if (cell.signer === "sigillum" || cell.verifier === "sigillum")
      for (const outcome of await client.verify(image, cell.layout, cell.credential, "wrong"))
        assert.notEqual(outcome.exit, 0, `${cell.verifier} takes it for somebody else's`);
    results.set(cell, "green");
  };

  describe("", { concurrency: 3 }, () => {
    for (const { name: registry } of registries)
      for (const { name: signer } of clients)
        for (const layout of layouts)
          for (const credential of credentials) {
            const wanted = cells.filter(
              (cell) =>
                cell.registry === registry && cell.signer === signer && cell.layout === layout && cell.credential === credential,
            );
            const possible = wanted.filter(({ cannot }) => cannot === undefined);
            if (possible.length === 0) continue;
            const skip = missing(registry) ?? missing(signer) ?? false;
            it(`${registry}: ${signer} signs with ${credential}, ${layout}`, { skip }, async () => {
              const image = await pushImage(running.get(registry) ?? "", `matrix/${signer}-${layout}-${credential}`);
              await programs.get(signer)?.sign(image, layout, credential);
              await Promise.all(
                possible.filter(({ verifier }) => missing(verifier) === undefined).map((cell) => judge(image, cell)),
              );
            });
          }
  });

  it("has no cell left out whose programs are here", () => {
    const here = ({ cannot, registry, signer, verifier }: Cell): boolean =>
      cannot === undefined && [registry, signer, verifier].every((name) => missing(name) === undefined);
    assert.deepEqual(
      cells.filter((cell) => here(cell) && results.get(cell) !== "green"),
      [],
    );
  });
});

/** Rows sign, columns verify; + green, X red, - cannot be, . a program is not here. */
function table(): string {
  const mark = (cell: Cell): string => {
    if (cell.cannot !== undefined) return "-";
    return { green: "+", red: "X", none: "." }[results.get(cell) ?? "none"];
  };
  const counts = { green: 0, red: 0, cannot: 0, none: 0 };
  for (const cell of cells) counts[cell.cannot === undefined ? (results.get(cell) ?? "none") : "cannot"] += 1;
  const names = clients.map(({ name }) => name);
  const head = `${"signs".padEnd(12)}${"with".padEnd(10)}${"layout".padEnd(11)}${registries.map(({ name }) => name.padEnd(4 * names.length + 1)).join("")}`;
  const rows = clients.flatMap(({ name: signer }) =>
    credentials.flatMap((credential) =>
      layouts.map((layout) => {
        const columns = registries.map(({ name: registry }) =>
          names
            .map((verifier) => {
              const cell = cells.find(
                (one) =>
                  one.registry === registry &&
                  one.signer === signer &&
                  one.layout === layout &&
                  one.credential === credential &&
                  one.verifier === verifier,
              );
              return cell === undefined ? "?" : mark(cell);
            })
            .map((one) => one.padEnd(4))
            .join(""),
        );
        return `${signer.padEnd(12)}${credential.padEnd(10)}${layout.padEnd(11)}${columns.join(" ")}`;
      }),
    ),
  );
  return [
    `image signatures: who verifies stands in columns, in the order ${names.join(", ")}`,
    head,
    ...rows,
    `${counts.green} green (+), ${counts.red} red (X), ${counts.cannot} cannot be (-), ${counts.none} whose programs are not here (.)`,
  ].join("\n");
}
