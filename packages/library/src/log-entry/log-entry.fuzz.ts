import { type FuzzTarget, MemorySigstore } from "../testing/index.ts";
import { encodeLogEntryBody, parseCreateEntryRequestV2, parseLogEntryBody, parseProposedEntry, publicKeyOf } from "./index.ts";

/** The readers of log entries and of requests for them. */
export async function targets(): Promise<FuzzTarget[]> {
  const sigstore = await MemorySigstore.create();
  const recipes = [{}, { log: "v2" }, { content: "envelope" }, { managed: true }] as const;
  const bodies: Uint8Array[] = [];
  for (const recipe of recipes) bodies.push((await sigstore.sign(recipe)).bundle.tlogEntries[0]?.body ?? new Uint8Array(0));
  return [
    {
      name: "parseLogEntryBody",
      seeds: bodies,
      run(input) {
        const body = parseLogEntryBody(input);
        if (body.kind === "intoto") return;
        encodeLogEntryBody(body);
        if (body.kind === "hashedrekord") publicKeyOf(body.verifier);
      },
    },
    { name: "parseProposedEntry", seeds: bodies, run: (input) => void parseProposedEntry(input) },
    { name: "parseCreateEntryRequestV2", seeds: bodies, run: (input) => void parseCreateEntryRequestV2(input) },
  ];
}
