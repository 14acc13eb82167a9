// Proofs of possession that were accepted a short while ago. A proof names nobody but its own challenge, so one that was taken from a
// request and sent again with another token verifies for nobody; remembering it lets the refusal say what happened.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError } from "@sigillum/library/encoding";
import { certificateAuthorityError } from "./errors.ts";

/** How many proofs are remembered; the oldest makes room. */
export const maxRememberedProofs = 10_000;

/** The proofs of the last certificates. */
export class ProofMemory {
  readonly #accepted: Set<string> = new Set();

  /** Keeps a proof that was accepted. */
  remember(signature: Uint8Array): void {
    const key = encodeHex(sha256(signature));
    this.#accepted.add(key);
    if (this.#accepted.size <= maxRememberedProofs) return;
    for (const oldest of this.#accepted) {
      this.#accepted.delete(oldest);
      return;
    }
  }

  /** The error of a proof that was refused, or a telling one where the same proof was accepted for another token. */
  explain(error: unknown, signature: Uint8Array): unknown {
    if (!isSigillumError(error) || error.code !== "CA_PROOF_OF_POSSESSION") return error;
    if (!this.#accepted.has(encodeHex(sha256(signature)))) return error;
    return certificateAuthorityError(
      "CA_PROOF_REPLAYED",
      "Cannot issue certificate: the proof of possession was made for another token, and was used with it before",
      { cause: error, found: "a proof of an earlier request", expected: "a signature over this token's email or subject" },
    );
  }
}
