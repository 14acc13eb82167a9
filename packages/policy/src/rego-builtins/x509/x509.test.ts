// Chains made here, with one thing wrong in each.
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
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

function der(tag: number, ...parts: readonly (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [40 * first + second, ...rest].flatMap((part) => {
    const digits = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift(128 | (left & 127));
    return digits;
  });
  return der(6, bytes);
}

const name = (text: string): Buffer => der(0x30, der(0x31, der(0x30, oid("2.5.4.3"), der(12, Buffer.from(text)))));
const utc = (text: string): Buffer => der(23, Buffer.from(text));
const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  der(0x30, oid(id), ...(critical ? [der(1, [255])] : []), der(4, value));
const ecdsa = der(0x30, oid("1.2.840.10045.4.3.2"));

interface Shape {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions?: readonly Buffer[];
  readonly notAfter?: string;
}

function certificate({ subject, issuer, key, signer, extensions = [], notAfter = "301231235959Z" }: Shape): Buffer {
  const tbs = der(
    0x30,
    der(0xa0, der(2, [2])),
    der(2, [7]),
    ecdsa,
    name(issuer),
    der(0x30, utc("200101000000Z"), utc(notAfter)),
    name(subject),
    key.export({ format: "der", type: "spki" }),
    ...(extensions.length === 0 ? [] : [der(0xa3, der(0x30, ...extensions))]),
  );
  return der(0x30, tbs, ecdsa, der(3, [0], sign("sha256", tbs, signer)));
}

const pem = (...list: readonly Buffer[]): string =>
  list
    .map(
      (each) =>
        `-----BEGIN CERTIFICATE-----\n${each.toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`,
    )
    .join("");

const keys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const [rootKeys, middleKeys, leafKeys, strangerKeys] = [keys(), keys(), keys(), keys()];
const ca = (pathLength?: number): Buffer =>
  extension("2.5.29.19", true, der(0x30, der(1, [255]), ...(pathLength === undefined ? [] : [der(2, [pathLength])])));
const usage = (id: string): Buffer => extension("2.5.29.37", false, der(0x30, oid(id)));
const serverAuth = usage("1.3.6.1.5.5.7.3.1");
const alternative = (...names: readonly Buffer[]): Buffer => extension("2.5.29.17", false, der(0x30, ...names));
const dns = (text: string): Buffer => der(0x82, Buffer.from(text));
const constraint = (tag: number, text: string): Buffer => extension("2.5.29.30", true, der(0x30, der(tag, der(0x30, dns(text)))));

function chain(
  change: { readonly root?: Partial<Shape>; readonly middle?: Partial<Shape>; readonly leaf?: Partial<Shape> } = {},
): string {
  const root = {
    subject: "root",
    issuer: "root",
    key: rootKeys.publicKey,
    signer: rootKeys.privateKey,
    extensions: [ca()],
    ...change.root,
  };
  const middle = {
    subject: "mid",
    issuer: "root",
    key: middleKeys.publicKey,
    signer: rootKeys.privateKey,
    extensions: [ca(0)],
    ...change.middle,
  };
  const leafExtensions = [serverAuth, alternative(dns("a.example.com"), dns("*.b.example.com"))];
  const leaf = {
    subject: "leaf",
    issuer: "mid",
    key: leafKeys.publicKey,
    signer: middleKeys.privateKey,
    extensions: leafExtensions,
    ...change.leaf,
  };
  return encodeJson(pem(certificate(root), certificate(middle), certificate(leaf)));
}

const valid = (certs: string): string => ask(`crypto.x509.parse_and_verify_certificates(${certs})[0]`);
const validWith = (certs: string, options: string): string =>
  ask(`crypto.x509.parse_and_verify_certificates_with_options(${certs}, ${options})[0]`);

describe("crypto.x509.parse_and_verify_certificates", () => {
  it("finds the path, leaf first", () => {
    const names = ask(`[c.Subject.CommonName | c := crypto.x509.parse_and_verify_certificates(${chain()})[1][_]]`);
    assert.equal(names, '["leaf", "mid", "root"]');
  });

  it("is false when one thing is wrong", () => {
    const leaf = (...extensions: Buffer[]) => chain({ leaf: { extensions } });
    const cases: readonly (readonly [what: string, certs: string])[] = [
      ["the leaf is past its end", chain({ leaf: { notAfter: "210101000000Z" } })],
      ["the intermediate is past its end", chain({ middle: { notAfter: "210101000000Z" } })],
      ["the root is past its end", chain({ root: { notAfter: "210101000000Z" } })],
      ["a stranger signed the leaf", chain({ leaf: { signer: strangerKeys.privateKey } })],
      ["a stranger signed the intermediate", chain({ middle: { signer: strangerKeys.privateKey } })],
      ["the intermediate is no authority", chain({ middle: { extensions: [] } })],
      [
        "the intermediate may not sign certificates",
        chain({ middle: { extensions: [ca(0), extension("2.5.29.15", true, der(3, [7, 0x80]))] } }),
      ],
      ["the root allows no intermediate", chain({ root: { extensions: [ca(0)] } })],
      ["the issuer has another name", chain({ leaf: { issuer: "middle" } })],
      ["the leaf is for something else", leaf(usage("1.3.6.1.5.5.7.3.3"))],
      ["the intermediate is for something else", chain({ middle: { extensions: [ca(0), usage("1.3.6.1.5.5.7.3.3")] } })],
      ["a critical extension is not understood", leaf(serverAuth, extension("1.2.3.4", true, der(5)))],
      ["the name is not permitted", chain({ middle: { extensions: [ca(0), constraint(0xa0, "example.org")] } })],
      ["the name is excluded", chain({ middle: { extensions: [ca(0), constraint(0xa1, "b.example.com")] } })],
    ];
    assert.equal(valid(chain({ middle: { extensions: [ca(0), constraint(0xa0, "example.com")] } })), "true");
    for (const [what, certs] of cases) assert.equal(valid(certs), "false", what);
    assert.equal(valid('"bad"'), "false");
    assert.equal(valid(encodeJson(pem(Buffer.from("x")))), "false");
  });

  it("heeds its options", () => {
    assert.equal(validWith(chain(), '{"DNSName": "a.example.com"}'), "true");
    assert.equal(validWith(chain(), '{"DNSName": "X.b.example.com"}'), "true");
    assert.equal(validWith(chain(), '{"DNSName": "b.example.com"}'), "false");
    assert.equal(validWith(chain(), '{"DNSName": "x.y.b.example.com"}'), "false");
    assert.equal(validWith(chain(), '{"CurrentTime": 2000000000000000000}'), "false");
    assert.equal(validWith(chain(), '{"KeyUsages": {"KeyUsageCodeSigning"}}'), "false");
    assert.equal(validWith(chain(), '{"KeyUsages": ["KeyUsageCodeSigning", "KeyUsageServerAuth"]}'), "true");
    assert.equal(validWith(chain(), '{"KeyUsages": {"KeyUsageAny"}}'), "true");
    fails(`crypto.x509.parse_and_verify_certificates_with_options(${chain()}, {"KeyUsages": {"Cooking"}})`, /invalid entries/);
    fails(`crypto.x509.parse_and_verify_certificates_with_options(${chain()}, {"Other": 1})`, /invalid key option/);
    fails(`crypto.x509.parse_and_verify_certificates_with_options(${chain()}, {"DNSName": 1})`, /should be a string/);
  });
});

describe("crypto.x509.parse_certificates", () => {
  it("says what a certificate says", () => {
    const first = `crypto.x509.parse_certificates(${chain()})`;
    assert.equal(ask(`${first}[2].DNSNames`), '["a.example.com", "*.b.example.com"]');
    assert.equal(ask(`${first}[1].MaxPathLenZero`), "true");
    assert.equal(ask(`${first}[0].MaxPathLen`), "-1");
    assert.equal(ask(`${first}[0].NotBefore`), '"2020-01-01T00:00:00Z"');
    assert.equal(ask(`${first}[2].ExtKeyUsage`), "[1]");
    assert.equal(ask(`${first}[2].SignatureAlgorithm`), "10");
    assert.equal(ask(`${first}[2].PublicKeyAlgorithm`), "3");
  });

  it("refuses what is none", () => {
    const good = certificate({ subject: "a", issuer: "a", key: rootKeys.publicKey, signer: rootKeys.privateKey });
    for (const bytes of [good.subarray(0, -1), Buffer.concat([good, Buffer.of(0)]), Buffer.from([0x30, 0x80])])
      fails(`crypto.x509.parse_certificates("${bytes.toString("base64")}")`, /x509: malformed certificate/);
    fails('crypto.x509.parse_certificates("foobar")', /illegal base64/);
    fails(`crypto.x509.parse_certificates(${encodeJson("-----BEGIN X-----\nAAAA\n-----END X-----\n")})`, /expected CERTIFICATE/);
  });
});

describe("private keys", () => {
  it("are read in all of their formats", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const ed = generateKeyPairSync("ed25519");
    const texts = [
      rsa.privateKey.export({ format: "pem", type: "pkcs1" }),
      rsa.privateKey.export({ format: "pem", type: "pkcs8" }),
      rootKeys.privateKey.export({ format: "pem", type: "sec1" }),
      rootKeys.privateKey.export({ format: "pem", type: "pkcs8" }),
      ed.privateKey.export({ format: "pem", type: "pkcs8" }),
    ];
    assert.equal(ask(`count(crypto.parse_private_keys(${encodeJson(texts.join(""))}))`), "5");
    const { d } = rootKeys.privateKey.export({ format: "jwk" });
    assert.equal(ask(`crypto.x509.parse_rsa_private_key(${encodeJson(String(texts[2]))}).d`), `"${String(d)}"`);
    const { n } = rsa.privateKey.export({ format: "jwk" });
    assert.equal(ask(`crypto.x509.parse_rsa_private_key(${encodeJson(String(texts[0]))}).n`), `"${String(n)}"`);
  });

  it("go with their certificate, and with no other", () => {
    const pair = (key: KeyObject): string => {
      const cert = pem(certificate({ subject: "a", issuer: "a", key: rootKeys.publicKey, signer: rootKeys.privateKey }));
      return `crypto.x509.parse_keypair(${encodeJson(cert)}, ${encodeJson(String(key.export({ format: "pem", type: "pkcs8" })))})`;
    };
    assert.match(ask(`${pair(rootKeys.privateKey)}.Certificate[0]`), /^"MI/);
    fails(pair(leafKeys.privateKey), /private key does not match public key/);
    fails('crypto.x509.parse_rsa_private_key("")', /input PEM data was empty/);
    fails('crypto.x509.parse_certificate_request("YmFkc3RyaW5n")', /asn1: structure error/);
  });
});
