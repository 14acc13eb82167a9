// The public surface of the room merkle.
export { merkleError, merkleErrors } from "./errors.ts";
export { emptyRoot, type Hash, hashLength, leafHash, nodeHash } from "./hash.ts";
export {
  type ConsistencyClaim,
  consistencyProofLength,
  type InclusionClaim,
  inclusionRoot,
  verifyConsistency,
  verifyInclusion,
} from "./proof.ts";
export { type Tile, TileEdge, type TileReader } from "./tile-edge.ts";
export { TileNodes } from "./tile-nodes.ts";
export {
  entryBundlePath,
  maxTileLevel,
  parseTilePath,
  type TileCoordinates,
  type TilePath,
  tileHeight,
  tilePath,
  tileWidth,
  widthOfTile,
} from "./tile-path.ts";
export {
  type AsyncTileReader,
  consistencyProof,
  consistencyProofSync,
  inclusionProof,
  inclusionProofSync,
  TileProver,
  treeRoot,
} from "./tile-proof.ts";
export { TreeEdge } from "./tree-edge.ts";
export { inclusionProofLength } from "./tree-math.ts";
