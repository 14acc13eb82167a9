// Where tiles and entry bundles stand: C2SP tlog-tiles, "Merkle Tree" and "Log entries".
//
//   tile/<L>/<N>[.p/<W>]         L 0..63 without leading zeros; N in groups of three digits, all but the last with an "x" before them
//   tile/entries/<N>[.p/<W>]     W 1..255, only for a partial tile
import { quote } from "../encoding/index.ts";
import { merkleError } from "./errors.ts";
import { requireTreeNumber } from "./hash.ts";

/** How many hashes a full tile has. */
export const tileWidth: number = 256;

/** How many levels of the tree stand in one tile. */
export const tileHeight: number = 8;

/** The highest tile level that a path may name. */
export const maxTileLevel: number = 63;

/** Which tile: its level, its index on that level, and how many hashes it has (1 to 256; less than 256 is a partial tile). */
export interface TileCoordinates {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** What a path names: a tile of hashes or a bundle of entries. */
export type TilePath =
  | ({ readonly kind: "tile" } & TileCoordinates)
  | { readonly kind: "entries"; readonly index: number; readonly width: number };

/** The path of a tile below a log's prefix: `tile/0/x001/067.p/5`. */
export function tilePath(tile: TileCoordinates): string {
  if (!Number.isInteger(tile.level) || tile.level < 0 || tile.level > maxTileLevel)
    throw new TypeError(`No tile has level ${tile.level}`);
  return `tile/${tile.level}/${indexPath(tile.index)}${widthPath(tile.width)}`;
}

/** The path of an entry bundle below a log's prefix: `tile/entries/x001/067`. */
export function entryBundlePath(index: number, width: number): string {
  return `tile/entries/${indexPath(index)}${widthPath(width)}`;
}

/** Read the path of a tile or entry bundle. Only the canonical spelling is accepted; whether the log has such a tile is not checked. */
export function parseTilePath(path: string): TilePath {
  const match = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (match === null) throw malformed(path, "it has not the form tile/<level>/<index>[.p/<width>]");
  const [, level = "", groups = "", partial] = match;
  if (/^x000\//.test(groups)) throw malformed(path, "its index has a leading group of zeros");
  const index = Number(groups.replaceAll(/[x/]/g, ""));
  if (!Number.isSafeInteger(index)) throw malformed(path, "its index is above 2^53 - 1");
  const width = partial === undefined ? tileWidth : Number(partial);
  if (partial !== undefined && width >= tileWidth) throw malformed(path, `its width ${width} is not below ${tileWidth}`);
  if (level === "entries") return { kind: "entries", index, width };
  if (Number(level) > maxTileLevel) throw malformed(path, `its level ${level} is above ${maxTileLevel}`);
  return { kind: "tile", level: Number(level), index, width };
}

/** The width at which a tile stands in a tree of `treeSize` leaves: 256 when full, 1 to 255 when partial, 0 when there is none. */
export function widthOfTile(level: number, index: number, treeSize: number): number {
  const nodes = Math.floor(treeSize / tileWidth ** level);
  return Math.max(0, Math.min(tileWidth, nodes - index * tileWidth));
}

function indexPath(index: number): string {
  requireTreeNumber(index, "a tile index");
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
}

function widthPath(width: number): string {
  if (!Number.isInteger(width) || width < 1 || width > tileWidth) throw new TypeError(`No tile has width ${width}`);
  return width === tileWidth ? "" : `.p/${width}`;
}

function malformed(path: string, reason: string): Error {
  return merkleError("TILE_PATH_MALFORMED", `Cannot parse tile path ${quote(path)}: ${reason}`, { found: quote(path) });
}
