import assert from "node:assert/strict";
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, it } from "node:test";
import { compile } from "../../rego/index.ts";
import { encodeJson, formatValue } from "../../values/index.ts";
import { regoBuiltins } from "../index.ts";

const nowNs = 1_700_000_000_000_000_000n;

function ask(term: string): string {
  const policy = compile([], { dialect: "v0", builtins: regoBuiltins });
  const value = policy.query(`x = ${term}`, { nowNs, strictBuiltinErrors: true })[0]?.bindings.get("x");
  return value === undefined ? "undefined" : formatValue(value);
}

const fails = (term: string, message: RegExp) => assert.throws(() => ask(term), { code: "eval_builtin_error", message });
const text = (value: string): string => encodeJson(value);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(header: object, claims: unknown, signer: (bytes: Buffer, alg: string) => Buffer): string {
  const body = `${part(header)}.${typeof claims === "string" ? Buffer.from(claims).toString("base64url") : part(claims)}`;
  return `${body}.${signer(Buffer.from(body), "alg" in header ? String(header.alg) : "").toString("base64url")}`;
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const pem = (key: KeyObject): string => key.export({ format: "pem", type: "spki" }).toString().trimEnd();
const byRsa = (bytes: Buffer): Buffer => sign("sha256", bytes, rsa.privateKey);
const byPss = (bytes: Buffer): Buffer =>
  sign("sha256", bytes, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
const byEc = (bytes: Buffer): Buffer => sign("sha256", bytes, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
const byEd = (bytes: Buffer): Buffer => sign(null, bytes, ed.privateKey);
const bySecret = (bytes: Buffer): Buffer => createHmac("sha256", "secret").update(bytes).digest();

describe("io.jwt.verify_*", () => {
  const cases: readonly (readonly [alg: string, key: string, signer: (bytes: Buffer) => Buffer])[] = [
    ["rs256", pem(rsa.publicKey), byRsa],
    ["ps256", pem(rsa.publicKey), byPss],
    ["es256", pem(ec.publicKey), byEc],
    ["eddsa", pem(ed.publicKey), byEd],
    ["hs256", "secret", bySecret],
  ];
  for (const [alg, key, signer] of cases) {
    it(`${alg} takes what Node signed, and nothing that was changed`, () => {
      const good = token({ alg: alg.toUpperCase() }, { a: 1 }, signer);
      assert.equal(ask(`io.jwt.verify_${alg}(${text(good)}, ${text(key)})`), "true");
      const [header, , signature] = good.split(".");
      assert.equal(ask(`io.jwt.verify_${alg}(${text(`${header}.${part({ a: 2 })}.${signature}`)}, ${text(key)})`), "false");
    });
  }

  it("takes no key of another kind", () => {
    const good = token({ alg: "RS256" }, {}, byRsa);
    assert.equal(ask(`io.jwt.verify_es256(${text(good)}, ${text(pem(rsa.publicKey))})`), "false");
    assert.equal(ask(`io.jwt.verify_rs256(${text(good)}, ${text(pem(ec.publicKey))})`), "false");
  });

  it("chooses in a set by key id, then by algorithm", () => {
    const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: "jwk" }), ...more });
    const set = JSON.stringify({
      keys: [jwk(ec.publicKey, { kid: "e", alg: "ES256" }), jwk(rsa.publicKey, { kid: "r", alg: "RS256" })],
    });
    const good = token({ alg: "RS256", kid: "r" }, {}, byRsa);
    assert.equal(ask(`io.jwt.verify_rs256(${text(good)}, ${text(set)})`), "true");
    const wrongId = token({ alg: "RS256", kid: "e" }, {}, byRsa);
    assert.equal(ask(`io.jwt.verify_rs256(${text(wrongId)}, ${text(set)})`), "false");
  });

  it("says which key it cannot read", () => {
    const good = text(token({ alg: "RS256" }, {}, byRsa));
    fails(`io.jwt.verify_rs256(${good}, "nothing")`, /failed to parse a JWK key \(set\)/);
    fails(`io.jwt.verify_rs256(${good}, ${text('{"kty":"RSA","n":"AQ"}')})`, /an RSA key needs n and e/);
    fails(`io.jwt.verify_rs256(${good}, ${text('{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}')})`, /a point on it/);
    fails(`io.jwt.verify_rs256(${good}, ${text('{"kty":"OKP","crv":"X25519","x":"AQ"}')})`, /must be of curve Ed25519/);
    fails(`io.jwt.verify_rs256(${good}, ${text('{"kty":"oct"}')})`, /an oct key needs k/);
    fails(`io.jwt.verify_rs256(${good}, ${text(`${pem(rsa.publicKey)}\nmore`)})`, /extra data after/);
    fails(`io.jwt.verify_rs256(${good}, ${text("-----BEGIN X-----\nAAAA\n-----END X-----")})`, /failed to extract a Key/);
    fails(
      `io.jwt.verify_rs256(${good}, ${text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")})`,
      /parse a PEM certificate/,
    );
  });
});

describe("io.jwt.decode", () => {
  it("takes a token apart without verifying, a token in a token too", () => {
    const inner = token({ alg: "none" }, { a: 1 }, () => Buffer.of(1, 255));
    assert.equal(ask(`io.jwt.decode(${text(inner)})`), '[{"alg": "none"}, {"a": 1}, "01ff"]');
    assert.equal(
      ask(`io.jwt.decode(${text(token({ cty: "JWT" }, `"${inner}"`, () => Buffer.of()))})`),
      '[{"alg": "none"}, {"a": 1}, "01ff"]',
    );
  });

  it("says what is wrong", () => {
    fails('io.jwt.decode("a")', /no period separators/);
    fails('io.jwt.decode("a.b")', /must have 3 sections, found 2/);
    fails('io.jwt.decode("!.e30.")', /JWT header had invalid encoding/);
    fails(`io.jwt.decode("${part([])}.e30.")`, /not an Object/);
    fails(`io.jwt.decode("${part({ enc: 1 })}.e30.")`, /JWE object, which is not supported/);
    fails('io.jwt.decode("e30.!.")', /JWT payload had invalid encoding/);
    fails('io.jwt.decode("e30.e30.!")', /JWT signature had invalid encoding/);
    let deep = token({}, {}, () => Buffer.of());
    for (let i = 0; i < 10; i++) deep = token({ cty: "JWT" }, deep, () => Buffer.of());
    fails(`io.jwt.decode(${text(deep)})`, /stand in one another/);
  });
});

describe("io.jwt.decode_verify", () => {
  const hs = (header: object, claims: unknown): string => text(token({ alg: "HS256", ...header }, claims, bySecret));
  const verdict = (jwt: string, constraints: string): string => ask(`io.jwt.decode_verify(${jwt}, ${constraints})[0]`);

  it("holds a token against every constraint, each of which alone refuses it", () => {
    const claims = { iss: "i", aud: ["a", "b"], exp: 1_700_000_100, nbf: 1_699_999_900 };
    const good = hs({}, claims);
    const all = '{"secret": "secret", "alg": "HS256", "iss": "i", "aud": "a"';
    assert.equal(verdict(good, `${all}}`), "true");
    for (const [constraints, jwt] of [
      ['{"secret": "other", "aud": "a"}', good],
      ['{"secret": "secret", "aud": "a", "alg": "HS512"}', good],
      ['{"secret": "secret", "aud": "a", "iss": "j"}', good],
      ['{"secret": "secret", "aud": "c"}', good],
      ['{"secret": "secret"}', good],
      [`${all}, "time": 1700000100000000000}`, good],
      [`${all}, "time": 1699999899000000000}`, good],
      ['{"secret": "secret", "aud": "a"}', hs({}, {})],
      ['{"secret": "secret", "iss": "a"}', hs({}, {})],
      ['{"secret": "secret"}', hs({ crit: ["x"], x: 1 }, {})],
      ['{"secret": "secret"}', text(token({}, {}, bySecret))],
      ['{"secret": "secret"}', text(token({ alg: "none" }, {}, () => Buffer.of()))],
    ] as const)
      assert.equal(verdict(jwt, constraints), "false", constraints);
  });

  it("takes no public key for a secret", () => {
    const key = pem(rsa.publicKey);
    const forged = token({ alg: "HS256" }, {}, (bytes) => createHmac("sha256", key).update(bytes).digest());
    assert.equal(verdict(text(forged), `{"cert": ${text(key)}}`), "false");
  });

  it("says which constraint is none", () => {
    const good = hs({}, {});
    fails(`io.jwt.decode_verify(${good}, {})`, /no key constraint/);
    fails(`io.jwt.decode_verify(${good}, {"secret": "s", "cert": ${text(pem(rsa.publicKey))}})`, /duplicate key constraints/);
    fails(`io.jwt.decode_verify(${good}, {"secret": "s", "issuer": "x"})`, /unknown token validation constraint: issuer/);
    fails(`io.jwt.decode_verify(${good}, {"secret": 1})`, /secret constraint: must be a string/);
    fails(`io.jwt.decode_verify(${good}, {"secret": "s", "time": -1})`, /must not be negative/);
    fails(`io.jwt.decode_verify(${hs({}, { exp: "x" })}, {"secret": "secret"})`, /exp value must be a number/);
    fails(`io.jwt.decode_verify(${hs({ crit: [] }, {})}, {"secret": "secret"})`, /crit: must be a nonempty list/);
  });
});

describe("io.jwt.encode_sign", () => {
  it("signs what io.jwt.verify takes", () => {
    const keys = [
      ["RS256", rsa],
      ["PS384", rsa],
      ["ES256", ec],
      ["EdDSA", ed],
    ] as const;
    for (const [alg, { privateKey, publicKey }] of keys) {
      const jwk = JSON.stringify(privateKey.export({ format: "jwk" }));
      const term = `io.jwt.verify_${alg.toLowerCase()}(io.jwt.encode_sign({"alg": "${alg}"}, {"a": 1}, ${jwk}), ${text(pem(publicKey))})`;
      assert.equal(ask(term), "true", alg);
    }
  });

  it("says what it cannot sign", () => {
    const key = '{"kty": "oct", "k": "AQ"}';
    fails(`io.jwt.encode_sign({}, {}, ${key})`, /header "alg" not found/);
    fails(`io.jwt.encode_sign({"alg": "XX"}, {}, ${key})`, /unknown JWS algorithm: XX/);
    fails(`io.jwt.encode_sign({"alg": "RS256"}, {}, ${key})`, /cannot sign with RS256/);
    fails(`io.jwt.encode_sign({"alg": "HS256"}, {}, {"kty": "x"})`, /unknown key type/);
    fails(`io.jwt.encode_sign({"alg": "HS256"}, {}, {"keys": []})`, /no keys found/);
  });
});
