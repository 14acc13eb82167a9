import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { before, describe, test } from "node:test";
import { preAuthenticationEncoding } from "@sigillum/library/attestation";
import { createSigner } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodePem, encodeUtf8, isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { encodeName, fulcioLeafExtensions, signCertificate } from "@sigillum/library/x509";
import fc from "fast-check";
import { sampleProposals } from "../samples/index.ts";
import { defaultEntryTypes, prepareEntry } from "./entries.ts";
import { encodePreparedEntry, prepareEncoded } from "./prepared-entry.ts";
import { quickEntry } from "./quick-entry.ts";

const statementType = "application/vnd.in-toto+json";
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"f","digest":{"sha256":"${"AB".repeat(32)}","sha1":"00"}}],"predicateType":"https://example.com/p","predicate":{"materials":[{"digest":{"gitCommit":"c0ffee"}}]}}`;
let certificatePem = "";

before(async () => {
  const issuer = createSigner(ec.privateKey.export({ type: "pkcs8", format: "der" }));
  const name = encodeName({ organization: "example", commonName: "test" });
  const spki = spkiOf(ec.publicKey);
  const extensions = fulcioLeafExtensions({
    spki,
    issuerKeyId: new Uint8Array(20),
    subjectAltName: { type: "email", value: "Some.Body@example.com" },
    claims: { issuer: "https://issuer.example" },
  });
  const validity = { notBeforeMs: 1_700_000_000_000, notAfterMs: 1_700_000_600_000 };
  const der = await signCertificate(
    { serial: Uint8Array.of(7), issuer: name, subject: name, ...validity, spki, extensions },
    issuer,
  );
  certificatePem = encodePem("CERTIFICATE", der);
});

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

const base64 = (text: string | Uint8Array): string => encodeBase64(typeof text === "string" ? encodeUtf8(text) : text);
const publicPem = (key: KeyObject): string => encodePem("PUBLIC KEY", spkiOf(key));

interface Parts {
  readonly payload?: string;
  readonly payloadType?: string;
  readonly pem?: string;
  readonly key?: KeyObject;
  readonly envelope?: (fields: { payload: string; payloadType: string; sig: string }) => string;
  readonly request?: (spec: JsonValue) => string;
}

function dsse(parts: Parts = {}): string {
  const { payload = statement, payloadType = statementType, pem = certificatePem, key = ec.privateKey } = parts;
  const message = preAuthenticationEncoding(payloadType, encodeUtf8(payload));
  const sig = base64(new Uint8Array(sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", message, key)));
  const write = parts.envelope ?? ((fields) => envelopeText(fields.payload, fields.payloadType, { sig: fields.sig }));
  const text = write({ payload: base64(payload), payloadType, sig });
  const spec = { proposedContent: { envelope: text, verifiers: [base64(pem)] } };
  return (parts.request ?? ((value) => JSON.stringify({ apiVersion: "0.0.1", kind: "dsse", spec: value })))(spec);
}

function envelopeText(payload: string, payloadType: string, signature: JsonValue): string {
  return JSON.stringify({ payload, payloadType, signatures: [signature] });
}

interface HashedRekordSpec {
  readonly data: JsonValue;
  readonly signature: JsonValue;
}

function hashedRekord(pem: string = certificatePem, order: (spec: HashedRekordSpec) => object = (spec) => spec): string {
  const content = encodeUtf8("content");
  const spec = {
    data: { hash: { algorithm: "sha256", value: "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" } },
    signature: { content: base64(new Uint8Array(sign("sha256", content, ec.privateKey))), publicKey: { content: base64(pem) } },
  };
  return JSON.stringify({ apiVersion: "0.0.1", kind: "hashedrekord", spec: order(spec) });
}

/** What both ways say of a request: the same entry, or the same refusal; and whether it was the short way. */
function judge(request: string | Uint8Array): { readonly quick: boolean; readonly outcome: string } {
  const bytes = typeof request === "string" ? encodeUtf8(request) : request;
  const outcomeOf = (prepare: () => Uint8Array | Promise<Uint8Array>): string => {
    try {
      const prepared = prepare();
      assert.ok(prepared instanceof Uint8Array);
      return encodeHex(prepared);
    } catch (error) {
      assert.ok(isSigillumError(error), String(error));
      return `${error.code}: ${error.message}`;
    }
  };
  const long = outcomeOf(() => {
    const prepared = prepareEntry(bytes);
    assert.ok(!(prepared instanceof Promise));
    return encodePreparedEntry(prepared);
  });
  assert.equal(
    outcomeOf(() => prepareEncoded(bytes, defaultEntryTypes)),
    long,
  );
  const quick = quickEntry(bytes, defaultEntryTypes) !== undefined;
  assert.ok(!quick || /^[0-9a-f]+$/.test(long), "the short way takes nothing that the long way refuses");
  return { quick, outcome: long };
}

describe("quickEntry", () => {
  test("quickEntry reads what clients send, as prepareEntry does", () => {
    const requests: readonly string[] = [
      dsse(),
      `${dsse()}\n`,
      dsse({ pem: publicPem(ec.publicKey) }),
      dsse({ pem: publicPem(ed.publicKey), key: ed.privateKey }),
      dsse({ payload: "no statement" }),
      dsse({ payloadType: "text/plain" }),
      // As Go writes it: the type first, a key id that may be empty, and the kind behind.
      dsse({ envelope: ({ payload, payloadType, sig }) => goEnvelope(payload, payloadType, { keyid: "", sig }) }),
      dsse({ envelope: ({ payload, payloadType, sig }) => goEnvelope(payload, payloadType, { sig, keyid: "SHA256:a+b/c=" }) }),
      dsse({ request: (spec) => JSON.stringify({ apiVersion: "0.0.1", spec, kind: "dsse" }) }),
      dsse({ request: (spec) => JSON.stringify({ kind: "dsse", apiVersion: "0.0.1", spec }) }),
      dsse({ request: (spec) => JSON.stringify({ spec, kind: "dsse", apiVersion: "0.0.1" }) }),
      dsse({
        request: (spec) => JSON.stringify({ apiVersion: "0.0.1", spec: { ...Object(spec), signatures: null }, kind: "dsse" }),
      }),
      hashedRekord(),
      hashedRekord(publicPem(ec.publicKey)),
      hashedRekord(certificatePem, ({ data, signature }) => ({ signature, data })),
    ];
    for (const request of requests) assert.equal(judge(request).quick, true, request.slice(0, 200));
  });

  test("quickEntry leaves every other spelling to prepareEntry, which accepts these", () => {
    const pem = certificatePem;
    const requests: readonly string[] = [
      dsse({ request: (spec) => JSON.stringify({ apiVersion: "0.0.1", kind: "dsse", spec }, undefined, 1) }),
      dsse({ request: (spec) => ` ${JSON.stringify({ apiVersion: "0.0.1", kind: "dsse", spec })}` }),
      dsse({ payload: "\u00e9".repeat(3), payloadType: "text/pl\u00e4in" }),
      dsse({ payload: "" }),
      dsse({ pem: pem.replaceAll("\n", "\r\n") }),
      dsse({ pem: `${pem}\n` }),
      dsse({ pem: `explained\n${pem}` }),
      dsse({ pem: pem.replaceAll("\n", "\n\n") }),
      dsse({ pem: `${pem.slice(0, 80)}\n${pem.slice(80)}` }),
      dsse({ pem: pem.trimEnd() }),
      dsse({ pem: pem.replace("\n-----END", "\n\n-----END") }),
      dsse({ envelope: ({ payload, payloadType, sig }) => envelopeText(payload.replace(/=+$/, ""), payloadType, { sig }) }),
      dsse({ envelope: ({ payload, payloadType, sig }) => envelopeText(payload, payloadType, { sig, x: 1 }) }),
      dsse({ envelope: ({ payload, payloadType, sig }) => `${envelopeText(payload, payloadType, { sig })} ` }),
      dsse().replace("0.0.1", "0.0\\u002e1"),
      hashedRekord().replace("ed7002", "ED7002"),
    ];
    for (const request of requests) {
      const { quick, outcome } = judge(request);
      assert.equal(quick, false, request.slice(0, 200));
      assert.match(outcome, /^[0-9a-f]+$/, request.slice(0, 200));
    }
  });

  test("quickEntry refuses nothing itself: what is wrong gets prepareEntry's words", () => {
    const twice = (member: string): string => dsse().replace("{", `{${member},`);
    const requests: readonly [request: string, code: RegExp][] = [
      [dsse({ key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey }), /^REKOR_V1_ENTRY_INVALID: .*verif/],
      [hashedRekord().replace("ed7002", "ed7003"), /^REKOR_V1_ENTRY_INVALID: .*does not verify/],
      [twice('"apiVersion":"0.0.1"'), /stands twice/],
      [twice('"kind":"dsse"'), /stands twice/],
      [twice('"kind":"dsse"').replace('"apiVersion":"0.0.1",', ""), /stands twice/],
      [dsse().replace('"apiVersion":"0.0.1",', ""), /apiVersion/],
      [dsse().replace('"kind":"dsse",', ""), /kind/],
      [dsse({ envelope: (at) => goEnvelope(at.payload, at.payloadType, { sig: at.sig }, at.payloadType) }), /stands twice/],
      [dsse({ envelope: ({ payload, sig }) => JSON.stringify({ payload, signatures: [{ sig }] }) }), /payloadType/],
      [dsse({ pem: certificatePem.replace("MII", "MIJ") }), /^REKOR_V1_ENTRY_INVALID/],
      [dsse({ pem: certificatePem.replace("BEGIN CERTIFICATE", "BEGIN PUBLIC KEY") }), /^REKOR_V1_ENTRY_INVALID/],
      [dsse({ pem: publicPem(ec.publicKey).replaceAll("PUBLIC KEY", "CERTIFICATE") }), /^REKOR_V1_ENTRY_INVALID/],
      [hashedRekord().replace('"sha256"', '"sha512"'), /^REKOR_V1_ENTRY_INVALID: .*no sha512 digest/],
      [hashedRekord().replace(/("data":.*?\}\}),(.*)\}\}$/, "$1,$2,$1}}"), /stands twice/],
      [hashedRekord().replace(/"data":.*?\}\},/, ""), /data/],
      [dsse().replace("]}}}", ']},"signatures":[]}}'), /computes signatures itself/],
    ];
    for (const [request, expected] of requests) assert.match(judge(request).outcome, expected, request.slice(0, 200));
  });

  test("quickEntry takes no type that is not accepted, and no body that is too long", async () => {
    for (const [request, type] of [
      [dsse(), "hashedrekord"],
      [hashedRekord(), "dsse"],
    ] as const) {
      assert.equal(quickEntry(encodeUtf8(request), new Set([type])), undefined);
      assert.throws(() => prepareEncoded(encodeUtf8(request), new Set([type])), { code: "REKOR_V1_KIND_UNSUPPORTED" });
    }
    assert.equal(judge(dsse({ payload: "x".repeat(60_000), payloadType: "text/plain" })).quick, false);
    for (const proposal of (await sampleProposals()).values())
      if (defaultEntryTypes.has(proposal.kind) && !JSON.stringify(proposal.spec).includes('"pgp"'))
        judge(JSON.stringify(proposal));
  });

  test("quickEntry agrees with prepareEntry on every altered request", () => {
    for (const request of [encodeUtf8(dsse()), encodeUtf8(hashedRekord(publicPem(ec.publicKey)))]) {
      const edits = fc.array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { minLength: 1, maxLength: 2 });
      fc.assert(
        fc.property(edits, (changes) => {
          const mutated = request.slice();
          for (const [at, value] of changes) mutated[at] = value;
          judge(mutated);
        }),
        { numRuns: 300 },
      );
    }
  });
});

function goEnvelope(payload: string, payloadType: string, signature: JsonValue, again?: string): string {
  const members = [
    `"payloadType":${JSON.stringify(payloadType)}`,
    `"payload":${JSON.stringify(payload)}`,
    ...(again === undefined ? [] : [`"payloadType":${JSON.stringify(again)}`]),
    `"signatures":${JSON.stringify([signature])}`,
  ];
  return `{${members.join(",")}}`;
}
