import { type FuzzTarget, generateSigner } from "../testing/index.ts";
import {
  defaultScheme,
  digest,
  isMlDsa,
  isValidSignature,
  isValidSignatureOverDigest,
  parseEcdsaSignature,
  parsePublicKey,
} from "./index.ts";

/** The readers of keys and signatures. */
export async function targets(): Promise<FuzzTarget[]> {
  const types = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa", "ml-dsa-44"] as const;
  const signers = types.map((type) => generateSigner(type));
  const message = Uint8Array.of(1, 2, 3);
  const made: FuzzTarget[] = [
    { name: "parsePublicKey", seeds: signers.map(({ publicKey }) => publicKey.spki), run: (input) => void parsePublicKey(input) },
  ];
  for (const { publicKey, sign } of signers) {
    const scheme = defaultScheme(publicKey);
    made.push({
      name: `isValidSignature, ${publicKey.type}`,
      seeds: [await sign(message)],
      run(input) {
        const valid = isValidSignature(publicKey, scheme, message, input);
        if (scheme.hash === "none" || isMlDsa(publicKey.type)) return;
        if (valid !== isValidSignatureOverDigest(publicKey, scheme, digest(scheme.hash, message), input))
          throw new TypeError("message and digest disagree");
      },
    });
  }
  made.push({
    name: "parseEcdsaSignature",
    seeds: [(await signers[0]?.sign(message)) ?? message],
    run: (input) => void parseEcdsaSignature("ecdsa-p256", input),
  });
  return made;
}
