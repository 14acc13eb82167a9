// Entries that `rekor-cli verify` 1.5.4 has judged: their stored bodies, computed by it from the same inputs, have these leaf hashes. The inputs were made
// for this by gpg, openssl and tar, jarsigner and rpmsign (test/interop/rekor-cli-packages.test.ts makes and judges others, where those are).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodeHex, encodeUtf8 } from "@sigillum/library/encoding";
import { entryTypes, prepareEntry } from "./index.ts";

interface Judged {
  readonly name: string;
  readonly proposal: { readonly kind: string };
  readonly leafHash: string;
}

const judged: readonly Judged[] = JSON.parse(await readFile(join(import.meta.dirname, "judged-entries.json"), "utf8"));

describe("prepareEntry on entries that rekor-cli has judged", () => {
  test("there is one of every kind of package, and keys of several algorithms", () => {
    const kinds = new Set(judged.map(({ proposal }) => proposal.kind));
    assert.deepEqual([...kinds].sort(), ["alpine", "jar", "rekord", "rpm"]);
    assert.ok(judged.filter(({ proposal }) => proposal.kind === "rekord").length >= 6);
  });
  for (const { name, proposal, leafHash } of judged) {
    test(`${proposal.kind} ${name} is stored byte for byte as Rekor stores it`, async () => {
      const prepared = await prepareEntry(encodeUtf8(JSON.stringify(proposal)), new Set(entryTypes));
      assert.equal(encodeHex(prepared.entry.leafHash), leafHash);
    });
  }
});
