/** A foreign client on this machine, or why it is not here. */
export type FoundPeer =
  | { readonly path: string; readonly version: string; readonly missing?: undefined }
  | { readonly missing: string; readonly path?: undefined; readonly version?: undefined };

export declare const peers: Readonly<Record<string, { readonly from: string; readonly version?: string }>>;
export declare function findPeer(name: string, directory?: string): FoundPeer;
export declare function listPeers(directory?: string): Readonly<Record<string, FoundPeer>>;
