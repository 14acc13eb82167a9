import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { encodeSettingsText, parseSettings, serviceNames, settingsErrors, settingsSchema } from "./index.ts";
import { parseSettingsText } from "./parse.ts";

const refused = (text: string, code: string, pattern?: RegExp): void => {
  assert.throws(
    () => parseSettings(text, "/data"),
    (error: { code?: string; message: string }) => {
      assert.equal(error.code, code, error.message);
      if (pattern !== undefined) assert.match(error.message, pattern);
      return true;
    },
  );
};

describe("parseSettings", () => {
  it("gives every setting its default from an empty file", () => {
    const settings = parseSettings("", "/data");
    assert.deepEqual(
      serviceNames.map((name) => settings.services[name].port),
      [3000, 3003, 5555, 6962, 3004, 8081, 5556, 5000, 8080],
    );
    assert.deepEqual(settings.services.ca.aliasPorts, [5554]);
    assert.deepEqual(settings.services["log-v1"].addresses, ["127.0.0.1", "::1"]);
    assert.equal(settings.services["log-v2"].publicUrl, "http://localhost:3003");
    assert.deepEqual(settings.identityProvider.developmentUser, { email: "dev@example.com" });
    assert.equal(settings.trust.defaultLog, "v1");
    assert.equal(settings.ctLog.leafIndexExtension, true);
  });

  it("derives the public URL from port and TLS where it is left out", () => {
    const settings = parseSettings("services: {ca: {port: 7000, tls: {certificateFile: a.pem, keyFile: b.pem}}}", "/data");
    assert.equal(settings.services.ca.publicUrl, "https://localhost:7000");
    assert.deepEqual(settings.services.ca.tls, { certificateFile: "a.pem", keyFile: "b.pem" });
  });

  it("reads issuers with their defaults", () => {
    const settings = parseSettings("certificateAuthority:\n  issuers:\n    - url: https://accounts.example.com\n", "/data");
    assert.deepEqual(settings.certificateAuthority.issuers, [
      { url: "https://accounts.example.com", clientId: "sigstore", type: "email", skipEmailVerification: false },
    ]);
  });

  it("reads witnesses, of log v2 where nothing is said, and no larger quorum than there are", () => {
    const named = (logs: string): string => `{url: "https://w.example", verifierKey: "w.example+00000000+AAAA"${logs}}`;
    const { witnesses, witnessQuorum } = parseSettings(`transparencyLog: {witnesses: [${named("")}]}`, "/data").transparencyLog;
    assert.deepEqual(witnesses, [{ url: "https://w.example", verifierKey: "w.example+00000000+AAAA", logs: ["v2"] }]);
    assert.equal(witnessQuorum, 0);
    parseSettings(`transparencyLog: {witnessQuorum: 1, witnesses: [${named("")}]}`, "/data");
    refused(
      `transparencyLog: {witnessQuorum: 2, witnesses: [${named("")}]}`,
      "SETTINGS_INVALID",
      /witnessQuorum is 2, and 1 witnesses/,
    );
    refused(`transparencyLog: {witnessQuorum: 1, witnesses: [${named(", logs: [v1]")}]}`, "SETTINGS_INVALID", /and 0 witnesses/);
    refused(`transparencyLog: {witnesses: [${named(", logs: [ct]")}]}`, "SETTINGS_INVALID", /v1 or v2/);
    refused(`transparencyLog: {witnesses: [{url: "https://w.example", verifierKey: "w.example"}]}`, "SETTINGS_INVALID");
  });

  it("names line, setting and the nearest name of an unknown one", () => {
    refused(
      "services:\n  ca:\n    prot: 5\n",
      "SETTINGS_UNKNOWN_NAME",
      /line 3: services\.ca\.prot: no such setting; the nearest is "port"$/u,
    );
    refused("__proto__: {}\n", "SETTINGS_UNKNOWN_NAME");
  });

  it("names what was found and what was expected of a wrong value", () => {
    refused(
      "services:\n  ca:\n    port: http\n",
      "SETTINGS_INVALID",
      /line 3: services\.ca\.port: found "http", expected a whole number from 1 to 65535$/u,
    );
    refused("services: {ca: {port: 70000}}", "SETTINGS_INVALID");
    refused("services: {ca: {enabled: 1}}", "SETTINGS_INVALID", /expected true or false/u);
    refused(
      "services: {ca: {addresses: [example.com]}}",
      "SETTINGS_INVALID",
      /addresses\.0: found "example.com", expected an IP address/u,
    );
    refused("services: {ca: {publicUrl: http://localhost:1/}}", "SETTINGS_INVALID");
    refused("services: {ca: {tls: {keyFile: a}}}", "SETTINGS_INVALID", /certificateFile: found nothing/u);
    refused("services: []", "SETTINGS_INVALID", /found a list, expected a mapping/u);
    refused("storage: {kind: postgresql}", "SETTINGS_INVALID", /storage\.postgresqlUrl is not there/u);
    refused(
      "storage: {objects: s3, bucket: s3://logs}",
      "SETTINGS_INVALID",
      /storage\.objects is s3, and storage\.kind is files/u,
    );
    const database = "kind: postgresql, postgresqlUrl: postgresql://a";
    refused(`storage: {${database}, objects: s3}`, "SETTINGS_INVALID", /storage\.bucket is not there/u);
    refused(`storage: {${database}, objects: s3, bucket: https://a}`, "SETTINGS_INVALID", /bucket/u);
    refused("storage: {kind: postgresql, postgresqlUrl: mysql://a}", "SETTINGS_INVALID", /postgresqlUrl/u);
    refused("storage: {kind: s3}", "SETTINGS_INVALID", /expected files or postgresql/u);
    refused("transparencyLog: {entryTypesV1: [deb]}", "SETTINGS_INVALID", /a type of entry/u);
    refused("trust: {defaultLog: v3}", "SETTINGS_INVALID", /expected v1 or v2/u);
    refused("certificateAuthority: {issuers: {a: 1}}", "SETTINGS_INVALID", /expected a list/u);
    refused("certificateAuthority: {issuers: [{clientId: x}]}", "SETTINGS_INVALID", /url: found nothing/u);
    refused("services: {ca: {aliasPorts: [0]}}", "SETTINGS_INVALID");
  });

  it("refuses what is no YAML mapping, duplicate names, alias bombs and oversized files", () => {
    refused("a: [", "SETTINGS_MALFORMED", /line 1/u);
    refused("operator: a\noperator: b\n", "SETTINGS_MALFORMED", /line 2/u);
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`)
      .join("\n")}`;
    refused(bomb, "SETTINGS_MALFORMED");
    refused("#".repeat(1_100_000), "SETTINGS_MALFORMED", /larger than the limit/u);
  });

  it("raises nothing but its own errors for any text and any tree", () => {
    const trees = fc
      .jsonValue({ maxDepth: 4 })
      .map((value) => JSON.stringify({ services: { ca: value }, certificateAuthority: value, operator: value }));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), trees), (text) => {
        try {
          parseSettings(text, "/data");
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^(?:SETTINGS_|DEVELOPMENT_)/u, text);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses two services on one port, and a service on its own alias", () => {
    refused("services: {ca: {port: 3000}}", "SETTINGS_PORT_CONFLICT", /log-v1 and ca both listen on 127\.0\.0\.1 port 3000/u);
    refused("services: {ca: {aliasPorts: [5555]}}", "SETTINGS_PORT_CONFLICT");
    parseSettings("services: {ca: {port: 3000}, log-v1: {enabled: false}}", "/data");
    parseSettings("services: {ca: {port: 3000, addresses: [127.0.0.2]}}", "/data");
  });

  it("refuses a development user who can be reached from elsewhere", () => {
    refused("services: {identity: {addresses: [0.0.0.0]}}", "DEVELOPMENT_USER_NOT_LOOPBACK", /0\.0\.0\.0/u);
    refused('services: {identity: {addresses: ["::"]}}', "DEVELOPMENT_USER_NOT_LOOPBACK");
    refused("services: {identity: {behindProxy: true}}", "DEVELOPMENT_USER_NOT_LOOPBACK");
    const settings = parseSettings(
      "services: {identity: {addresses: [0.0.0.0]}}\nidentityProvider: {developmentUser: {enabled: false}}",
      "/data",
    );
    assert.equal(settings.identityProvider.developmentUser, undefined);
    parseSettings("services: {identity: {addresses: [127.0.0.5]}}", "/data");
  });
});

describe("encodeSettingsText", () => {
  it("writes every setting so that it reads back the same", () => {
    const values = parseSettingsText(
      "certificateAuthority: {issuers: [{url: 'https://a.example'}]}\nservices: {ca: {tls: {certificateFile: 'yes', keyFile: 'a: b'}}}",
      "x",
    );
    const text = encodeSettingsText(values);
    assert.deepEqual(JSON.parse(JSON.stringify(parseSettingsText(text, "x"))), JSON.parse(JSON.stringify(values)));
    assert.match(text, /^# yaml-language-server: \$schema=\.\/sigillum\.schema\.json\n/u);
  });

  it("explains each setting above it", () => {
    const lines = encodeSettingsText(parseSettingsText("", "x")).split("\n");
    for (const [index, line] of lines.entries()) {
      if (/^ *[A-Za-z]/u.test(line)) assert.match(lines[index - 1] ?? "", /^ *#/u, line);
    }
  });
});

describe("settingsSchema", () => {
  it("describes every name that the file has", () => {
    const names = (schema: unknown, value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return;
      const properties = (schema as { properties?: Record<string, unknown> }).properties ?? {};
      for (const [name, inner] of Object.entries(value)) {
        assert.ok(Object.hasOwn(properties, name), `${path}.${name}`);
        names(properties[name], inner, `${path}.${name}`);
      }
    };
    names(settingsSchema(), parse(encodeSettingsText(parseSettingsText("", "x"))), "settings");
  });

  it("states a meaning for every code of the room", () => {
    for (const [code, entry] of Object.entries(settingsErrors)) assert.match(entry.means, /\.$/u, code);
  });
});
