import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeUtf8, isSigillumError, type JsonValue, parseUtf8 } from "../encoding/index.ts";
import {
  cosignSignPredicateType,
  encodeEnvelope,
  encodeStatement,
  envelopeFromJson,
  maxEnvelopeBytes,
  maxStatementBytes,
  maxSubjectDigests,
  maxSubjects,
  parseEnvelope,
  parseStatement,
  preAuthenticationEncoding,
  predicateTypes,
  statementPayloadType,
  statementTypeV1,
  statementTypeV01,
} from "./index.ts";

describe("preAuthenticationEncoding", () => {
  test("writes the example of the DSSE specification", () => {
    const encoded = preAuthenticationEncoding("http://example.com/HelloWorld", encodeUtf8("hello world"));
    assert.equal(parseUtf8(encoded), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  test("counts bytes, not characters", () => {
    assert.equal(parseUtf8(preAuthenticationEncoding("é", encodeUtf8("—"))), "DSSEv1 2 é 3 —");
    assert.equal(parseUtf8(preAuthenticationEncoding("", new Uint8Array(0))), "DSSEv1 0  0 ");
  });
});

describe("envelopes", () => {
  test("parseEnvelope gives back what encodeEnvelope wrote", () => {
    const signature = fc.record({ sig: fc.uint8Array({ maxLength: 100 }), keyid: fc.string() }, { noNullPrototype: true });
    const envelope = fc.record(
      {
        payload: fc.uint8Array({ maxLength: 200 }),
        payloadType: fc.string(),
        signatures: fc.array(signature, { minLength: 1, maxLength: 5 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(fc.property(envelope, (value) => assert.deepEqual(parseEnvelope(encodeEnvelope(value)), value)));
  });

  test("parseEnvelope takes standard and URL-safe base64, unknown fields and an absent payload", () => {
    const parsed = parseEnvelope(
      '{"payload":"-_8","payloadType":"t","signatures":[{"sig":"+/8=","keyid":null,"cert":"x"}],"more":1}',
    );
    assert.deepEqual(parsed, {
      payload: Uint8Array.of(0xfb, 0xff),
      payloadType: "t",
      signatures: [{ sig: Uint8Array.of(0xfb, 0xff), keyid: "" }],
    });
    assert.equal(parseEnvelope('{"payloadType":"t","signatures":[{"sig":""}]}').payload.length, 0);
  });

  test("encodeEnvelope leaves out an empty keyid and always writes the same text", () => {
    const envelope = {
      payload: encodeUtf8("hi"),
      payloadType: statementPayloadType,
      signatures: [{ sig: Uint8Array.of(1), keyid: "" }],
    };
    assert.equal(
      encodeEnvelope(envelope),
      '{"payload":"aGk=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AQ=="}]}',
    );
  });

  test("parseEnvelope refuses what is no envelope", () => {
    const malformed = [
      "",
      "[]",
      "null",
      "{",
      '{"payload":"a!","payloadType":"t","signatures":[{"sig":""}]}',
      '{"payload":"aGk=","payloadType":1,"signatures":[{"sig":""}]}',
      '{"payload":"aGk=","payloadType":"t","signatures":[{}]}',
      '{"payload":"aGk=","payloadType":"t","signatures":["x"]}',
      '{"payload":"aGk=","payload":"aGk=","payloadType":"t","signatures":[{"sig":""}]}',
      '{"payload":"aGk=","payloadType":"t","signatures":{"sig":""}}',
    ];
    for (const text of malformed) assert.throws(() => parseEnvelope(text), { code: "ENVELOPE_MALFORMED" }, text);
    assert.throws(() => parseEnvelope(Uint8Array.of(0xff)), { code: "ENVELOPE_MALFORMED" });
    assert.throws(() => envelopeFromJson("x"), { code: "ENVELOPE_MALFORMED" });
  });

  test("parseEnvelope refuses an envelope without signatures, with too many, and one that is too large", () => {
    const envelope = (signatures: string): string => `{"payload":"aGk=","payloadType":"t"${signatures}}`;
    assert.throws(() => parseEnvelope(envelope("")), { code: "ENVELOPE_UNSIGNED" });
    assert.throws(() => parseEnvelope(envelope(',"signatures":[]')), { code: "ENVELOPE_UNSIGNED" });
    const many = (count: number): string =>
      envelope(`,"signatures":[${Array.from({ length: count }, () => '{"sig":"AA=="}').join(",")}]`);
    assert.equal(parseEnvelope(many(64)).signatures.length, 64);
    assert.throws(() => parseEnvelope(many(65)), { code: "ENVELOPE_TOO_LARGE" });
    assert.throws(() => parseEnvelope(" ".repeat(maxEnvelopeBytes + 1)), { code: "ENVELOPE_TOO_LARGE" });
  });
});

describe("statements", () => {
  const minimal = '{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"ab"}}],"predicateType":"p"}';

  test("parseStatement gives back what encodeStatement wrote", () => {
    const subject = fc.record(
      {
        name: fc.string(),
        digest: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 }).map((pairs) => new Map(pairs)),
        annotations: fc.constantFrom<JsonValue>({}, { a: 1, b: ["x", null, true] }),
      },
      { requiredKeys: ["digest"], noNullPrototype: true },
    );
    const statement = fc.record(
      {
        type: fc.constantFrom(statementTypeV01, statementTypeV1),
        subject: fc.array(subject, { maxLength: 4 }),
        predicateType: fc.string(),
        predicate: fc.constantFrom<JsonValue>({}, { builder: { id: "x" }, n: 1.5 }),
      },
      { requiredKeys: ["type", "subject", "predicateType"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(statement, (value) => {
        const bytes = encodeStatement(value);
        const again = parseStatement(bytes);
        assert.deepEqual(encodeStatement(again), bytes);
        assert.deepEqual(
          [again.type, again.predicateType, again.subject.map(({ name, digest }) => ({ name, digest }))],
          [value.type, value.predicateType, value.subject.map(({ name, digest }) => ({ name, digest }))],
        );
      }),
    );
  });

  test("encodeStatement writes a cosign 3 signature's statement in RFC 8785 order", () => {
    const digest = new Map([
      ["sha512", "22"],
      ["sha256", "11"],
    ]);
    const bytes = encodeStatement({
      type: statementTypeV1,
      subject: [{ digest, annotations: { who: "me" } }],
      predicateType: cosignSignPredicateType,
      predicate: {},
    });
    assert.equal(
      parseUtf8(bytes),
      '{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"https://sigstore.dev/cosign/sign/v1","subject":[{"annotations":{"who":"me"},"digest":{"sha256":"11","sha512":"22"}}]}',
    );
  });

  test("parseStatement takes a subject without name, no predicate, and unknown fields", () => {
    const parsed = parseStatement(encodeUtf8(minimal.replace('"predicateType"', '"extra":1,"predicateType"')));
    assert.deepEqual(parsed, { type: statementTypeV1, subject: [{ digest: new Map([["sha256", "ab"]]) }], predicateType: "p" });
  });

  test("parseStatement refuses an unknown _type under its own code", () => {
    for (const type of ["https://in-toto.io/Statement/v2", "", "https://in-toto.io/Statement/v1 "]) {
      assert.throws(() => parseStatement(encodeUtf8(minimal.replace(statementTypeV1, type))), { code: "STATEMENT_TYPE_UNKNOWN" });
    }
  });

  test("parseStatement refuses what is no statement", () => {
    const malformed = [
      "",
      "[]",
      "{}",
      minimal.replace('"subject":[{"digest":{"sha256":"ab"}}],', ""),
      minimal.replace('"predicateType":"p"', '"x":1'),
      minimal.replace('"ab"', "1"),
      minimal.replace('{"sha256":"ab"}', "[]"),
      minimal.replace('"digest"', '"digests"'),
      minimal.replace('"predicateType":"p"', '"predicateType":"p","predicate":[]'),
      minimal.replace('{"digest"', '{"name":1,"digest"'),
      minimal.replace('{"digest"', '{"annotations":"a","digest"'),
      `${minimal}x`,
      minimal.replace('"predicateType"', '"predicate_type"'),
    ];
    for (const text of malformed) assert.throws(() => parseStatement(encodeUtf8(text)), { code: "STATEMENT_MALFORMED" }, text);
    assert.throws(() => parseStatement(Uint8Array.of(0x22, 0xff, 0x22)), { code: "STATEMENT_MALFORMED" });
  });

  test("parseStatement refuses too many subjects, too many digests and too many bytes", () => {
    const subjects = (count: number): string => Array.from({ length: count }, () => '{"digest":{"sha256":"ab"}}').join(",");
    const digests = (count: number): string => Array.from({ length: count }, (_, i) => `"d${i}":"ab"`).join(",");
    const withSubjects = (count: number): Uint8Array =>
      encodeUtf8(minimal.replace('{"digest":{"sha256":"ab"}}', subjects(count)));
    const withDigests = (count: number): Uint8Array => encodeUtf8(minimal.replace('"sha256":"ab"', digests(count)));
    assert.equal(parseStatement(withSubjects(maxSubjects)).subject.length, maxSubjects);
    assert.throws(() => parseStatement(withSubjects(maxSubjects + 1)), { code: "STATEMENT_TOO_LARGE" });
    assert.equal(parseStatement(withDigests(maxSubjectDigests)).subject[0]?.digest.size, maxSubjectDigests);
    assert.throws(() => parseStatement(withDigests(maxSubjectDigests + 1)), { code: "STATEMENT_TOO_LARGE" });
    assert.throws(() => parseStatement(new Uint8Array(maxStatementBytes + 1)), { code: "STATEMENT_TOO_LARGE" });
    const large = {
      type: statementTypeV1,
      subject: Array.from({ length: maxSubjects + 1 }, () => ({ digest: new Map() })),
      predicateType: "p",
    };
    assert.throws(() => encodeStatement(large), { code: "STATEMENT_TOO_LARGE" });
  });

  test("a mutated statement throws nothing but our errors", () => {
    fc.assert(
      fc.property(fc.nat(minimal.length - 1), fc.constantFrom("", '"', "{", "}", "[", "null", "\\u0000", ","), (at, insert) => {
        try {
          parseStatement(encodeUtf8(minimal.slice(0, at) + insert + minimal.slice(at + 1)));
        } catch (error) {
          assert.ok(isSigillumError(error));
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});

test("predicateTypes has cosign's short names", () => {
  assert.equal(predicateTypes.slsaprovenance, predicateTypes.slsaprovenance02);
  assert.equal(predicateTypes.vuln, "https://cosign.sigstore.dev/attestation/vuln/v1");
});
