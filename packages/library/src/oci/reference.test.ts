import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  encodeReference,
  isLoopback,
  isOciDigest,
  ociDigestOf,
  parseChallenges,
  parseManifest,
  parseOciDigest,
  parseReference,
} from "./index.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("parseReference", () => {
  const rows: [string, string][] = [
    ["alpine", "index.docker.io/library/alpine:latest"],
    ["alpine:3.20", "index.docker.io/library/alpine:3.20"],
    ["docker.io/alpine", "index.docker.io/library/alpine:latest"],
    ["ada/app", "index.docker.io/ada/app:latest"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/app:v1", "localhost:5000/app:v1"],
    ["127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"],
    ["[::1]:5000/app", "[::1]:5000/app:latest"],
    ["registry.example/a/b/c:T_1.x-y", "registry.example/a/b/c:T_1.x-y"],
    ["Registry.Example/app", "registry.example/app:latest"],
    [`registry.example/app@${digest}`, `registry.example/app@${digest}`],
    [`registry.example/app:v1@${digest}`, `registry.example/app:v1@${digest}`],
    ["a__b/c-d.e---f", "index.docker.io/a__b/c-d.e---f:latest"],
  ];
  for (const [text, expected] of rows) {
    it(`reads ${text}`, () => {
      assert.equal(encodeReference(parseReference(text)), expected);
    });
  }

  for (const text of [
    "",
    "App",
    "localhost:5000/",
    "a//b",
    "a/b:",
    `a@sha256:abc`,
    `a@${digest}@${digest}`,
    "a:b c",
    "http://localhost/app",
    "-a",
    "a/../b",
    "host:99999999/app",
    `a/${"b".repeat(260)}`,
    "a:..",
    "a@",
    "\n",
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseReference(text), { code: "OCI_REFERENCE_INVALID" });
    });
  }

  it("says that names must be lower case", () => {
    assert.throws(() => parseReference("localhost:5000/App"), /"App", which must be lower case/);
  });

  it("reads back what encodeReference wrote, and throws nothing but its own error", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."abAB01.-_/:@[]".split("")) }), (text) => {
        try {
          const reference = parseReference(text);
          assert.deepEqual(parseReference(encodeReference(reference)), reference);
        } catch (error) {
          assert.equal(Reflect.get(Object(error), "code"), "OCI_REFERENCE_INVALID");
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseOciDigest", () => {
  it("takes sha256 and sha512 in lower case and nothing else", () => {
    assert.equal(parseOciDigest(digest), digest);
    assert.equal(isOciDigest(`sha512:${"0".repeat(128)}`), true);
    for (const text of [`sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(63)}`, "md5:aa", "sha256", `sha512:${"a".repeat(64)}`])
      assert.throws(() => parseOciDigest(text), { code: "OCI_DIGEST_INVALID" });
    assert.equal(
      ociDigestOf(new TextEncoder().encode("{}")),
      "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    );
  });
});

describe("parseManifest", () => {
  const parse = (value: unknown): unknown =>
    parseManifest(new TextEncoder().encode(JSON.stringify(value)), "application/vnd.oci.image.manifest.v1+json");
  it("refuses negative sizes, bad digests and annotations that are no strings", () => {
    for (const layer of [
      { mediaType: "a/b", digest, size: -1 },
      { mediaType: "a/b", digest: "sha256:1", size: 1 },
      { mediaType: "a/b", size: 1 },
      { mediaType: "a/b", digest, size: 1, annotations: { a: 1 } },
    ]) {
      assert.throws(() => parse({ layers: [layer] }), /Cannot parse/);
    }
    assert.throws(() => parse([]), { code: "OCI_MANIFEST_INVALID" });
  });
});

describe("parseChallenges", () => {
  it("reads several challenges, commas inside quotes, escapes and tokens", () => {
    const found = parseChallenges('Negotiate, Bearer realm="https://a/t?x=1,2",service="s \\"q\\"" , scope=one, Basic realm=b');
    assert.deepEqual(
      found.map((one) => [one.scheme, Object.fromEntries(one.parameters)]),
      [
        ["negotiate", {}],
        ["bearer", { realm: "https://a/t?x=1,2", service: 's "q"', scope: "one" }],
        ["basic", { realm: "b" }],
      ],
    );
    assert.deepEqual(parseChallenges(""), []);
  });

  it("ends on any text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseChallenges(text)));
    parseChallenges(`Bearer ${'a="'.repeat(5000)}`);
  });
});

describe("isLoopback", () => {
  it("knows this machine's names", () => {
    for (const host of ["localhost", "localhost:5000", "127.0.0.1:80", "127.8.9.1", "[::1]:5000", "reg.localhost:1"])
      assert.equal(isLoopback(host), true, host);
    for (const host of ["localhost.example", "10.0.0.1", "127.0.0.1.example:80", "example:5000"])
      assert.equal(isLoopback(host), false, host);
  });
});
