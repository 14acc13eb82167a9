// What every foreign client is asked to do, whatever its command line calls it.

/** An instance of ours as a foreign client sees it: addresses, files that its user was given, and who signs. */
export interface InstanceView {
  readonly tufUrl: string;
  readonly rootPath: string;
  readonly trustedRootPath: string;
  readonly signingConfigPath: string;
  readonly caUrl: string;
  readonly logUrl: string;
  readonly timestampUrl: string;
  readonly issuer: string;
  readonly identity: string;
  /** A fresh token of the development user. */
  token(): Promise<string>;
}

/** A client with a home of its own, in which it keeps its trust. `verify` and `bootstrap` throw when the client refuses. */
export interface ForeignClient {
  readonly name: string;
  /** Establish trust from the TUF repository, as its documentation says for another instance. */
  bootstrap(): Promise<void>;
  /** Sign a file without a key of one's own; the bundle is at `bundlePath` when it returns. */
  sign(artifactPath: string, bundlePath: string): Promise<void>;
  verify(artifactPath: string, bundlePath: string): Promise<void>;
}

/** Makes a client that keeps all its state below `home`. */
export type ClientFactory = (instance: InstanceView, program: string, home: string) => ForeignClient;
