import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import fc from "fast-check";
import { sampleProposals } from "../samples/index.ts";
import { prepareEntry } from "./index.ts";

describe("prepareEntry", () => {
  test("prepareEntry refuses every mutated request with an error of ours", async () => {
    const storedEntry = (bytes: Uint8Array): unknown => {
      const prepared = prepareEntry(bytes);
      assert.ok(!(prepared instanceof Promise), "entries without an OpenPGP key are prepared at once");
      const body = JSON.parse(Buffer.from(prepared.entry.body).toString());
      body.spec.data.hash.value = body.spec.data.hash.value.toLowerCase();
      return body;
    };
    const request = encodeUtf8(JSON.stringify((await sampleProposals()).get("hashedrekord")));
    const edits = fc.array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(edits, (changes) => {
        const mutated = request.slice();
        for (const [at, value] of changes) mutated[at] = value;
        try {
          // A change that the parser does not see (a space, an escape) leaves the same entry; the case of the hash's digits is stored as sent.
          assert.deepEqual(storedEntry(mutated), storedEntry(request));
        } catch (error) {
          assert.ok(isSigillumError(error) && (error.kind === "malformed" || error.kind === "verification"), String(error));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("prepareEntry prepares later what has an OpenPGP key, and nothing else", async () => {
    for (const [name, proposal] of await sampleProposals()) {
      const prepared = prepareEntry(encodeUtf8(JSON.stringify(proposal)), new Set([proposal.kind]));
      assert.equal(prepared instanceof Promise, ["rekord pgp", "helm", "rpm"].includes(name), name);
      await prepared;
    }
  });
});
