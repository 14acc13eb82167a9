import type { FuzzTarget } from "../testing/index.ts";
import { parseTilePath, TileNodes, tilePath } from "./index.ts";

/** The reader of paths that clients ask for, and of tiles that other logs serve. */
export async function targets(): Promise<FuzzTarget[]> {
  const paths = ["tile/0/000", "tile/1/x001/067.p/8", "tile/entries/x001/x234/067", "tile/63/000.p/255"];
  return [
    {
      name: "parseTilePath",
      seeds: paths.map((path) => new TextEncoder().encode(path)),
      run(input) {
        const tile = parseTilePath(new TextDecoder().decode(input));
        if (tile.kind === "tile") tilePath(tile);
      },
    },
    { name: "TileNodes.from", seeds: [new Uint8Array(64), new Uint8Array(8192)], run: (input) => void TileNodes.from(input) },
  ];
}
