import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  derOctetString,
  derOid,
  derSequence,
  derTagged,
  derUtf8String,
  encodeHex,
  encodeUtf8,
  parseDer,
  parseHex,
} from "../encoding/index.ts";
import {
  basicConstraintsExtension,
  ctPoisonExtension,
  type Extension,
  emptyName,
  encodeExtension,
  encodeFulcioExtensions,
  encodeGeneralName,
  encodeName,
  extendedKeyUsageExtension,
  extensionOids,
  type FulcioClaims,
  formatName,
  fulcioExtension,
  fulcioExtensions,
  fulcioExtensionTable,
  fulcioOid,
  keyPurposes,
  keyUsageExtension,
  parseGeneralNames,
  sctListExtension,
  subjectAltName,
  subjectAltNameExtension,
  subjectAltNames,
} from "./index.ts";

/** What stands in a certificate with these extensions, read back the way `parseCertificate` does. */
function parsed(extensions: readonly Uint8Array[]): { extensions: Extension[] } {
  return {
    extensions: extensions.map((der) => {
      const hex = encodeHex(der);
      const value = parseDer(der);
      const oid = [...fulcioExtensionTable.map((row) => fulcioOid(row.number)), ...Object.values(extensionOids)].find((one) =>
        encodeHex(value.contents).startsWith(encodeHex(derOid(one))),
      );
      assert.ok(oid, hex);
      const afterOid = value.contents.subarray(derOid(oid).length);
      const critical = afterOid[0] === 0x01;
      return { oid, critical, value: parseDer(critical ? afterOid.subarray(3) : afterOid).contents };
    }),
  };
}

describe("the published vectors", () => {
  const google = "https://accounts.google.com";
  const vectors: readonly (readonly [string, Uint8Array, string])[] = [
    ["OID 57264.1.1", derOid(fulcioOid(1)), "060a2b0601040183bf300101"],
    ["OID 57264.1.24", derOid(fulcioOid(24)), "060a2b0601040183bf300118"],
    ["key usage of a leaf", keyUsageExtension(["digitalSignature"]), "300e0603551d0f0101ff040403020780"],
    ["key usage of a CA", keyUsageExtension(["keyCertSign", "cRLSign"]), "300e0603551d0f0101ff040403020106"],
    ["basic constraints, path length 0", basicConstraintsExtension(0), "30120603551d130101ff040830060101ff020100"],
    ["codeSigning", extendedKeyUsageExtension([keyPurposes.codeSigning]), "30130603551d25040c300a06082b06010505070303"],
    [
      "timeStamping, critical",
      extendedKeyUsageExtension([keyPurposes.timeStamping], true),
      "30160603551d250101ff040c300a06082b06010505070308",
    ],
    ["poison", ctPoisonExtension(), "3013060a2b06010401d6790204030101ff04020500"],
    [
      "issuer, raw",
      fulcioExtension(1, google),
      "3029060a2b0601040183bf300101041b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d",
    ],
    [
      "issuer, UTF8String",
      fulcioExtension(8, google),
      "302b060a2b0601040183bf300108041d0c1b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d",
    ],
    [
      "SAN e-mail",
      subjectAltNameExtension({ type: "email", value: "dev@example.com" }),
      "301d0603551d110101ff04133011810f646576406578616d706c652e636f6d",
    ],
    [
      "SAN URI",
      subjectAltNameExtension({ type: "uri", value: "spiffe://example.org/wl" }),
      "30250603551d110101ff041b301986177370696666653a2f2f6578616d706c652e6f72672f776c",
    ],
    [
      "SAN username",
      subjectAltNameExtension({ type: "otherName", value: "alice!example.com" }),
      "302f0603551d110101ff04253023a021060a2b0601040183bf300107a0130c11616c696365216578616d706c652e636f6d",
    ],
    ["SCT list", sctListExtension(parseHex("00050003000000")), "3017060a2b06010401d6790204020409040700050003000000"],
  ];
  for (const [title, found, expected] of vectors) test(title, () => assert.equal(encodeHex(found), expected));
});

describe("Fulcio extensions", () => {
  test("stand in ascending order, the issuer in both forms, empty ones left out", () => {
    const extensions = encodeFulcioExtensions({ issuer: "i", tokenSubject: "s", githubWorkflowRef: "r", buildTrigger: "" });
    const numbers = parsed(extensions).extensions.map(({ oid }) => oid.split(".").at(-1));
    assert.deepEqual(numbers, ["1", "6", "8", "24"]);
  });

  test("are raw up to number 6 and UTF8Strings from number 8", () => {
    for (const { number, encoding } of fulcioExtensionTable) {
      const [extension] = parsed([fulcioExtension(number, "ü")]).extensions;
      assert.equal(encoding, number < 7 ? "raw" : "utf8String");
      assert.deepEqual(extension?.value, encoding === "raw" ? encodeUtf8("ü") : derUtf8String("ü"));
      assert.equal(extension?.critical, false);
    }
    assert.equal(fulcioExtensionTable.length, 23);
  });

  test("are read back as written, whatever the claims", () => {
    const names = fulcioExtensionTable.map((row) => row.name).filter((name) => name !== "issuerV1" && name !== "issuer");
    const claim = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
    fc.assert(
      fc.property(claim, fc.dictionary(fc.constantFrom(...names), claim), (issuer, others) => {
        const claims: FulcioClaims = { ...others, issuer };
        assert.deepEqual({ ...fulcioExtensions(parsed(encodeFulcioExtensions(claims))) }, { ...claims, issuerV1: issuer });
      }),
    );
  });

  test("give the old issuer only where the new one is absent", () => {
    assert.equal(fulcioExtensions(parsed([fulcioExtension(1, "old")])).issuer, "old");
    assert.equal(fulcioExtensions(parsed([fulcioExtension(1, "old"), fulcioExtension(8, "new")])).issuer, "new");
    assert.equal(fulcioExtensions({ extensions: [] }).issuer, undefined);
  });

  test("are refused when the text is not UTF-8, or not in the encoding of its number", () => {
    const raw = encodeExtension(fulcioOid(1), false, Uint8Array.of(0xff));
    assert.throws(() => fulcioExtensions(parsed([raw])), { code: "X509_EXTENSION_MALFORMED" });
    const octets = encodeExtension(fulcioOid(8), false, derOctetString(encodeUtf8("issuer")));
    assert.throws(() => fulcioExtensions(parsed([octets])), { code: "X509_EXTENSION_MALFORMED", expected: "UTF8String" });
    const trailing = encodeExtension(fulcioOid(8), false, Uint8Array.of(...derUtf8String("issuer"), 0));
    assert.throws(() => fulcioExtensions(parsed([trailing])), { code: "X509_EXTENSION_MALFORMED" });
  });

  test("are not written without an issuer, too long, or from half a surrogate pair", () => {
    assert.throws(() => encodeFulcioExtensions({}), { code: "X509_NOT_ENCODABLE" });
    assert.throws(() => fulcioExtension(9, "x".repeat(2049)), { code: "X509_NOT_ENCODABLE", found: "2049 bytes" });
    assert.throws(() => fulcioExtension(9, "\ud800"), { code: "X509_NOT_ENCODABLE" });
    assert.throws(() => fulcioExtension(7, "x"), TypeError);
  });
});

describe("general names", () => {
  const read = (...names: Uint8Array[]) => parseGeneralNames(derSequence(...names));

  test("are read in all the forms that identities use", () => {
    const uri = encodeGeneralName({ type: "uri", value: "https://example.com/" });
    const dns = encodeGeneralName({ type: "dns", value: "example.com" });
    const v6 = parseHex("20010db8000000000000000000000001");
    assert.deepEqual(read(uri, dns, derTagged(0x87, Uint8Array.of(127, 0, 0, 1)), derTagged(0x87, v6)), [
      { type: "uri", value: "https://example.com/" },
      { type: "dns", value: "example.com" },
      { type: "ip", value: "127.0.0.1" },
      { type: "ip", value: "2001:db8:0:0:0:0:0:1" },
    ]);
  });

  test("of another kind are kept and not taken for an identity", () => {
    const other = derTagged(0xa0, derOid("1.2.3"), derTagged(0xa0, derUtf8String("x")));
    const directory = derTagged(0xa4, emptyName);
    assert.deepEqual(read(other, directory), [
      { type: "unsupported", tag: 0xa0, bytes: other },
      { type: "unsupported", tag: 0xa4, bytes: directory },
    ]);
  });

  test("are refused with control characters, beyond ASCII, in bad lengths and numbers", () => {
    const refuses = (...names: Uint8Array[]): void => {
      assert.throws(() => read(...names), { code: "X509_NAME_MALFORMED" });
    };
    refuses();
    refuses(derTagged(0x81, encodeUtf8("dev@example.com\0.org")));
    refuses(derTagged(0x86, encodeUtf8("https://ü")));
    refuses(derTagged(0x87, new Uint8Array(5)));
    refuses(...Array.from({ length: 65 }, () => encodeGeneralName({ type: "dns", value: "a" })));
  });

  test("are not written empty or beyond ASCII, but for a username", () => {
    assert.throws(() => encodeGeneralName({ type: "email", value: "" }), { code: "X509_NOT_ENCODABLE" });
    assert.throws(() => encodeGeneralName({ type: "email", value: "ü@example.com" }), { code: "X509_NOT_ENCODABLE" });
    assert.throws(() => encodeGeneralName({ type: "otherName", value: "\udc00" }), { code: "X509_NOT_ENCODABLE" });
    assert.deepEqual(read(encodeGeneralName({ type: "otherName", value: "ü!x" })), [{ type: "otherName", value: "ü!x" }]);
  });

  test("one exactly is the subject of a leaf", () => {
    const email = encodeGeneralName({ type: "email", value: "a@b" });
    const extension = (...names: Uint8Array[]) =>
      parsed([encodeExtension(extensionOids.subjectAltName, true, derSequence(...names))]);
    assert.deepEqual(subjectAltName(extension(email)), { type: "email", value: "a@b" });
    assert.throws(() => subjectAltName(extension(email, email)), { code: "X509_SUBJECT_ALT_NAME", found: "2 names" });
    assert.throws(() => subjectAltName({ extensions: [] }), { code: "X509_SUBJECT_ALT_NAME", found: "0 names" });
    assert.deepEqual(subjectAltNames({ extensions: [] }), []);
  });
});

describe("distinguished names", () => {
  test("are written in a fixed order and shown in the order of their bytes", () => {
    const name = encodeName({ commonName: 'sigstore, the "CA"', organization: "sigstore.dev", country: "DE" });
    assert.equal(formatName(name), 'C=DE, O=sigstore.dev, CN=sigstore\\, the \\"CA\\"');
    assert.equal(formatName(emptyName), "");
  });

  test("show unknown attributes by number and hide no control character", () => {
    const attribute = (oid: string, value: Uint8Array) => derTagged(0x31, derSequence(derOid(oid), value));
    const name = derSequence(
      attribute("1.2.3", derOctetString(Uint8Array.of(1))),
      attribute("2.5.4.3", derUtf8String("a\u202eb\n")),
    );
    assert.equal(formatName(name), "1.2.3=#040101, CN=a\\u202eb\\u000a");
  });

  test("are refused with an empty RDN, in another shape, or with too many attributes", () => {
    assert.throws(() => formatName(derSequence(derTagged(0x31))), { code: "X509_NAME_MALFORMED" });
    assert.throws(() => formatName(derUtf8String("CN=x")), { code: "X509_NAME_MALFORMED" });
    const one = encodeName({ commonName: "x" }).subarray(2);
    assert.throws(() => formatName(derSequence(...new Array<Uint8Array>(33).fill(one))), { code: "X509_NAME_MALFORMED" });
  });

  test("are not written empty, too long or with a bad country", () => {
    for (const fields of [{ commonName: "" }, { organization: "x".repeat(129) }, { country: "de" }, { commonName: "\ud800" }]) {
      assert.throws(() => encodeName(fields), { code: "X509_NOT_ENCODABLE" });
    }
  });
});
