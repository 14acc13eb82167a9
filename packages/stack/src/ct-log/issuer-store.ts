// Issuers' certificates by their fingerprint: static-ct-api `issuer/<hex>`. A data tile names them, so they are durable before it is.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex } from "@sigillum/library/encoding";
import { writeFileDurably } from "../storage/index.ts";
import { ctLogError } from "./errors.ts";

/** The certificates of issuers; there are as many as the authority has had chains. */
export class IssuerStore {
  readonly #directory: string;
  readonly #known: Map<string, Uint8Array> = new Map();
  readonly #kept: WeakMap<Uint8Array, Uint8Array> = new WeakMap();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens the store in a folder, which is made if it is missing. */
  static async open(directory: string): Promise<IssuerStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new IssuerStore(directory);
  }

  /**
   * Keeps a certificate and returns its fingerprint; when it returns, it survives a power cut. A crash before leaves no entry that
   * names it.
   */
  async keep(der: Uint8Array): Promise<Uint8Array> {
    const kept = this.#kept.get(der);
    if (kept !== undefined) return kept;
    const fingerprint = sha256(der);
    const name = encodeHex(fingerprint);
    if (!this.#known.has(name) && (await this.read(name)) === undefined) {
      try {
        await writeFileDurably(join(this.#directory, name), der);
      } catch (cause) {
        throw ctLogError("CT_LOG_ISSUER_UNAVAILABLE", "Cannot add chain: an issuer's certificate cannot be stored", { cause });
      }
      this.#known.set(name, der);
    }
    this.#kept.set(der, fingerprint);
    return fingerprint;
  }

  /** The certificate with this fingerprint, lower-case hexadecimal; undefined when there is none. */
  async read(fingerprint: string): Promise<Uint8Array | undefined> {
    if (!/^[0-9a-f]{64}$/u.test(fingerprint)) return undefined;
    const known = this.#known.get(fingerprint);
    if (known !== undefined) return known;
    try {
      const der = new Uint8Array(await readFile(join(this.#directory, fingerprint)));
      this.#known.set(fingerprint, der);
      return der;
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
      throw ctLogError("CT_LOG_ISSUER_UNAVAILABLE", `Cannot read the certificate of issuer ${fingerprint}`, { cause });
    }
  }
}
