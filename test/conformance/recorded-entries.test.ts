// Entries that the public logs recorded: what our log would store for the same proposal is byte-equal to what they stored. The proposals are
// put together again from the bundles, which carry everything that was sent.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodeHashedRekordV002, parseCreateEntryRequestV2, verifyEntrySignature } from "@sigillum/library/log-entry";
import { prepareEntry } from "@sigillum/stack/rekor-v1";
import { conformanceData, missingData } from "./shared-data.ts";

interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

interface Recorded {
  readonly file: string;
  readonly stored: string;
  readonly kind: string;
  readonly envelope: Envelope | undefined;
}

/** The ids of the public logs, production and staging; other entries of the data were made for the suite. */
function publicLogs(): ReadonlySet<string> {
  const roots = ["production", "staging"].map((name) =>
    readFileSync(join(conformanceData, "trust", name, "trusted_root.json"), "utf8"),
  );
  const logs = roots.flatMap((text) => (JSON.parse(text) as { tlogs: { logId: { keyId: string } }[] }).tlogs);
  return new Set(logs.map(({ logId }) => logId.keyId));
}

/** Every distinct entry of a public log in the bundles below the data. */
function recordedEntries(): readonly Recorded[] {
  const found = new Map<string, Recorded>();
  const logs = publicLogs();
  const files = readdirSync(conformanceData, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(?:json|sigstore)$/.test(name),
  );
  for (const file of files.sort()) {
    const text = readFileSync(join(conformanceData, file), "utf8");
    if (!text.includes("canonicalizedBody")) continue;
    for (const item of entriesOf(text).filter(({ log }) => logs.has(log))) {
      const stored = Buffer.from(item.body, "base64").toString();
      const { kind, apiVersion, spec } = JSON.parse(stored) as { kind?: string; apiVersion: string; spec?: unknown };
      if (kind !== undefined && spec !== undefined)
        found.set(stored, { file, stored, kind: `${kind} ${apiVersion}`, envelope: item.envelope });
    }
  }
  return [...found.values()];
}

function entriesOf(text: string): { body: string; log: string; envelope: Envelope | undefined }[] {
  try {
    const bundle = JSON.parse(text) as {
      verificationMaterial?: { tlogEntries?: { canonicalizedBody?: string; logId?: { keyId?: string } }[] };
      dsseEnvelope?: Envelope;
    };
    return (bundle.verificationMaterial?.tlogEntries ?? []).map(({ canonicalizedBody = "", logId }) => ({
      body: canonicalizedBody,
      log: logId?.keyId ?? "",
      envelope: bundle.dsseEnvelope,
    }));
  } catch {
    // Some bundles of the data are malformed on purpose.
    return [];
  }
}

/** What our log stores for a proposal of Rekor v1. */
function storedV1(kind: string, spec: unknown): string {
  const [name, apiVersion] = kind.split(" ");
  const prepared = prepareEntry(Buffer.from(JSON.stringify({ kind: name, apiVersion, spec })));
  if (prepared instanceof Promise) throw new TypeError("no recorded entry is prepared later");
  return Buffer.from(prepared.entry.body).toString();
}

/** The envelope's text is recorded as a hash alone: clients write it in one of these ways. */
function* envelopeTexts({ payload, payloadType, signatures }: Envelope): Generator<string> {
  const forms = [
    ({ sig }: Envelope["signatures"][number]) => ({ sig }),
    ({ sig, keyid = "" }: Envelope["signatures"][number]) => ({ sig, keyid }),
    ({ sig, keyid = "" }: Envelope["signatures"][number]) => ({ keyid, sig }),
  ];
  for (const form of forms) {
    const written = signatures.map(form);
    for (const value of [
      { payload, payloadType, signatures: written },
      { payloadType, payload, signatures: written },
      { signatures: written, payload, payloadType },
    ])
      yield* [JSON.stringify(value), JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "')];
  }
}

/** Whether our log refuses a proposal because its signature does not verify: only bundles that were altered on purpose may have such. */
function isRefused(error: unknown, file: string): boolean {
  return error instanceof Error && /does not verify|verifies none/.test(error.message) && file.includes("_fail");
}

describe("entries recorded from the public logs", { skip: missingData ?? false }, () => {
  const entries = missingData === undefined ? recordedEntries() : [];
  const kinds = new Map<string, { equal: number; refused: number; unknown: number }>();
  const compare = (recorded: Recorded, make: () => string | undefined): void => {
    const count = kinds.get(recorded.kind) ?? { equal: 0, refused: 0, unknown: 0 };
    kinds.set(recorded.kind, count);
    try {
      const ours = make();
      if (ours === undefined) count.unknown += 1;
      else {
        assert.equal(ours, recorded.stored, recorded.file);
        count.equal += 1;
      }
    } catch (error) {
      if (!isRefused(error, recorded.file)) throw error;
      count.refused += 1;
    }
  };

  test("hashedrekord 0.0.1: the stored form proposed again is stored as it is", () => {
    for (const recorded of entries.filter(({ kind }) => kind === "hashedrekord 0.0.1"))
      compare(recorded, () => storedV1(recorded.kind, JSON.parse(recorded.stored).spec));
    assert.ok((kinds.get("hashedrekord 0.0.1")?.equal ?? 0) >= 10, JSON.stringify([...kinds]));
  });

  test("intoto 0.0.2: envelope and payload of the bundle give the stored form", () => {
    for (const recorded of entries.filter(({ kind }) => kind === "intoto 0.0.2")) {
      const { content } = JSON.parse(recorded.stored).spec;
      const payload = Buffer.from(recorded.envelope?.payload ?? "").toString("base64");
      compare(recorded, () =>
        storedV1(recorded.kind, { content: { hash: content.hash, envelope: { ...content.envelope, payload } } }),
      );
    }
    // The data has none of the public logs at this time; those made for the suite keep the payload in the body, which no log does.
  });

  test("dsse 0.0.1: the envelope's text as its client wrote it gives the stored form", () => {
    for (const recorded of entries.filter(({ kind }) => kind === "dsse 0.0.1")) {
      const { signatures } = JSON.parse(recorded.stored).spec;
      const verifiers = signatures.map(({ verifier }: { verifier: string }) => verifier);
      compare(recorded, () => {
        for (const envelope of recorded.envelope === undefined ? [] : envelopeTexts(recorded.envelope)) {
          const ours = storedV1(recorded.kind, { proposedContent: { envelope, verifiers } });
          if (ours === recorded.stored) return ours;
        }
        return undefined;
      });
    }
    assert.ok((kinds.get("dsse 0.0.1")?.equal ?? 0) >= 1, JSON.stringify([...kinds]));
  });

  test("hashedrekord 0.0.2: the request for it gives the stored form", () => {
    for (const recorded of entries.filter(({ kind }) => kind === "hashedrekord 0.0.2")) {
      const { data, signature } = JSON.parse(recorded.stored).spec.hashedRekordV002;
      const request = JSON.stringify({ hashedRekordRequestV002: { digest: data.digest, signature } });
      compare(recorded, () => {
        const { entry, message } = parseCreateEntryRequestV2(Buffer.from(request));
        verifyEntrySignature(entry, message);
        return Buffer.from(encodeHashedRekordV002(entry)).toString();
      });
    }
    assert.ok((kinds.get("hashedrekord 0.0.2")?.equal ?? 0) >= 5, JSON.stringify([...kinds]));
    console.log(`recorded entries: ${JSON.stringify(Object.fromEntries(kinds))}`);
  });
});
