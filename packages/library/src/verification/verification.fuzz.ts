import { encodeBundle, parseBundle } from "../bundle/index.ts";
import { encodeUtf8 } from "../encoding/index.ts";
import { type FuzzTarget, fixtureArtifact, fixtureIdentity, MemorySigstore, type Recipe } from "../testing/index.ts";
import { verifyBundle } from "./index.ts";

const recipes: Readonly<Record<string, Recipe>> = {
  message: { timestamp: true },
  envelope: { content: "envelope" },
  "message in Rekor v2": { log: "v2" },
  "envelope in Rekor v2": { content: "envelope", log: "v2" },
};

/** A changed bundle never verifies, unless what it says is the same: the timestamp's response, of which not every byte is signed, apart. */
export async function targets(): Promise<FuzzTarget[]> {
  const sigstore = await MemorySigstore.create();
  const made: FuzzTarget[] = [];
  for (const [name, recipe] of Object.entries(recipes)) {
    const seed = encodeBundle((await sigstore.sign(recipe)).bundle);
    const meaning = meaningOf(seed);
    const question = {
      artifact: { bytes: fixtureArtifact },
      trustedRoot: sigstore.trustedRoot,
      expectations: { identity: fixtureIdentity },
    };
    made.push({
      name: `verifyBundle, ${name}`,
      seeds: [encodeUtf8(seed)],
      run(input) {
        verifyBundle({ bundle: parseBundle(input), ...question });
        const found = meaningOf(input);
        if (found !== meaning) throw new TypeError("a bundle that says something else verifies");
      },
    });
  }
  return made;
}

// What the signatures cover. Not the rest: the media type of another version, a hint, the stamp's unsigned bytes.
function meaningOf(text: string | Uint8Array): string {
  const { mediaType: _, timestamps: __, ...bundle } = parseBundle(text);
  const content =
    "messageSignature" in bundle.content
      ? { signature: bundle.content.messageSignature.signature }
      : { payload: bundle.content.dsseEnvelope.payload };
  const entries = bundle.tlogEntries.map(({ promise, ...entry }) => ({ ...entry, promised: promise !== undefined }));
  return JSON.stringify({ content, entries }, (_key, value: unknown) =>
    value instanceof Uint8Array ? [...value].join() : value,
  );
}
