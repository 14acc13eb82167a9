// What a place where key pairs are kept can do.

/** A pair with the password that opens it. */
export interface StoredPair {
  readonly privatePem: string;
  readonly password: string;
  readonly publicPem: string;
}

/** Where pairs are kept. */
export interface PairStore {
  /** The parts that are asked for; KEY_UNREADABLE where one is missing. */
  read(part: "private" | "public"): Promise<Partial<StoredPair>>;
  /** Keep a pair; KEY_UNWRITABLE where there is one already or it is not permitted. */
  write(pair: StoredPair): Promise<void>;
  /** "secret cosign in namespace default", for people. */
  readonly describe: string;
}
