// pkcs11-tool on SoftHSM, piv-tool and --sk on a card in memory behind a daemon in memory; names in capitals are cosign's tests.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePem } from "@sigillum/library/encoding";
import { createPivMaker, MemoryPcscd, MemoryPivCard, makeSoftHsm, missingSoftHsm, type SoftHsm } from "@sigillum/library/testing";
import { generatePkcs11Key, withObject } from "@sigillum/signers/signers";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

async function does(...words: string[]): Promise<Outcome> {
  const outcome = await run(...words);
  assert.equal(outcome.code, 0, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

async function refused(code: string, ...words: string[]): Promise<void> {
  const outcome = await run(...words);
  assert.notEqual(outcome.code, 0, words.join(" "));
  assert.match(outcome.stderr, new RegExp(code), words.join(" "));
}

describe("pkcs11-tool", { skip: missingSoftHsm() }, () => {
  let directory = "";
  let token: SoftHsm;
  let module: string[];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-pkcs11-tool-"));
    token = makeSoftHsm(directory);
    module = ["--module-path", /module-path=([^&]+)/.exec(token.uri)?.[1] ?? ""];
    await generatePkcs11Key(withObject(token.uri, "release key"), { type: "ecdsa-p256" });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("TestListTokensCmd: lists tokens in cosign's words", async () => {
    const { stdout } = await does("pkcs11-tool", "list-tokens", ...module);
    assert.match(
      stdout,
      /^\nListing tokens of PKCS11 module '.*'\nToken in slot \d+\n\tLabel: .+\n\tManufacturer: SoftHSM project\n\tModel: SoftHSM v2\n\tS\/N: [0-9a-f]+\n/,
    );
    assert.ok(stdout.includes(`\tLabel: ${token.label}\n`));
  });

  it("TestListKeysUrisCmd: lists keys, whose references open them and have no PIN", async () => {
    const slot = /slot (\d+)\n\tLabel: (?!\n)/.exec((await does("pkcs11-tool", "list-tokens", ...module)).stdout)?.[1] ?? "";
    const list = ["pkcs11-tool", "list-keys-uris", ...module, "--slot-id", slot];
    const { stdout } = await does(...list, "--pin", "1234");
    const uri =
      /^\nListing URIs of keys in slot '\d+' of PKCS11 module '.*'\nObject 0\n\tLabel: release key\n\tID: [0-9a-f]+\n\tURI: (pkcs11:.*)\n$/.exec(
        stdout,
      )?.[1] ?? "";
    assert.ok(!uri.includes("1234") && uri.includes("release%20key") && uri.includes(`slot-id=${slot}`), stdout);
    process.env["COSIGN_PKCS11_PIN"] = "1234";
    try {
      assert.match((await does("public-key", "--key", uri)).stdout, /BEGIN PUBLIC KEY/);
      assert.equal((await does(...list)).stdout, stdout);
    } finally {
      delete process.env["COSIGN_PKCS11_PIN"];
    }
    await refused("SIGNER_TOKEN_UNAVAILABLE", "pkcs11-tool", "list-keys-uris", ...module, "--slot-id", "77", "--pin", "1234");
    await refused("FLAG_VALUE_INVALID", "pkcs11-tool", "list-keys-uris", ...module, "--slot-id", "x");
    await refused("SIGNER_MODULE_MISSING", "pkcs11-tool", "list-tokens", "--module-path", "/nowhere.so");
    await refused("FLAG_REQUIRED", "pkcs11-tool", "list-tokens");
    await does("generate-key-pair", "--kms", withObject(token.uri, "made"), "--output-key-prefix", join(directory, "made"));
    assert.match((await does(...list, "--pin", "1234", "--output", "json")).stdout, /"label": ?"made"/);
    assert.match(await readFile(join(directory, "made.pub"), "utf8"), /BEGIN PUBLIC KEY/);
  });
});

describe("piv-tool", () => {
  let directory = "";
  let card: MemoryPivCard;
  let daemon: MemoryPcscd;
  const names = ["PCSCLITE_CSOCK_NAME", "SIGILLUM_PIV_PIN"];
  const kept = names.map((name) => [name, process.env[name]] as const);
  const at = (name: string): string => join(directory, name);
  const piv = (command: string, ...words: string[]): Promise<Outcome> => does("piv-tool", command, "-f", ...words);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-piv-tool-"));
    card = await MemoryPivCard.create({ serial: 12_345_678 });
    daemon = await MemoryPcscd.start(at("pcscd.comm"), { transmit: (command) => card.transmit(command) });
    process.env["PCSCLITE_CSOCK_NAME"] = daemon.path;
    process.env["SIGILLUM_PIV_PIN"] = "123456";
    await writeFile(at("maker.pem"), encodePem("CERTIFICATE", card.maker.root.der));
    await writeFile(at("other.pem"), encodePem("CERTIFICATE", (await createPivMaker()).root.der));
    await writeFile(at("file"), "a file\n");
  });
  after(async () => {
    await daemon.stop();
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true, force: true });
  });

  it("TestGenerateKeyCmd, TestAttestationCmd: a key, and what the token says of it", async () => {
    await refused("SIGNER_KEY_NOT_FOUND", "piv-tool", "attestation");
    const made = await piv("generate-key", "--pin-policy", "once", "--touch-policy", "never", "--maker", at("maker.pem"));
    assert.match(made.stdout, /^-----BEGIN PUBLIC KEY-----\n/);
    assert.match(made.stderr, /Generated public key[\s\S]*Verified ok/);
    const shown = (await does("piv-tool", "attestation", "--maker", at("maker.pem"))).stdout;
    for (const line of [
      "Form factor: USB C Keychain",
      "PIN Policy: Once",
      "Touch Policy: Never",
      "Serial number: 12345678",
      "Version: 5.4.6",
    ])
      assert.ok(shown.includes(`  ${line}\n`), shown);
    const unlooked = await does("piv-tool", "attestation");
    assert.match(unlooked.stderr, /whose token it is was not looked at/);
    const json = JSON.parse((await does("piv-tool", "attestation", "-o", "json")).stdout);
    assert.deepEqual(json.KeyAttestation, {
      Version: { Major: 5, Minor: 4, Patch: 6 },
      Serial: 12_345_678,
      PINPolicy: 2,
      TouchPolicy: 1,
    });
    assert.equal(json.DeviceCertPem, encodePem("CERTIFICATE", card.device.der));
    await refused("TUF_KEY_ATTESTATION", "piv-tool", "attestation", "--maker", at("other.pem"));
    await refused("FLAG_VALUE_INVALID", "piv-tool", "attestation", "--maker", at("none.pem"));
    await refused("FLAG_VALUE_INVALID", "piv-tool", "generate-key", "-f", "--pin-policy", "sometimes");
    await refused("SIGNER_MANAGEMENT_KEY", "piv-tool", "generate-key", "-f", "--management-key", "11".repeat(24));
    await refused("PROMPT_DECLINED", "piv-tool", "generate-key");
  });

  it("--sk signs and verifies, and so does piv:SLOT", async () => {
    const pub = (await does("public-key", "--sk")).stdout;
    await writeFile(at("sk.pub"), pub);
    assert.equal((await does("public-key", "--key", "piv:9c")).stdout, pub);
    await does("sign-blob", "--sk", "--slot", "signature", "--tlog-upload=false", "--bundle", at("bundle"), at("file"));
    const verify = ["verify-blob", "--insecure-ignore-tlog", "--bundle", at("bundle")];
    for (const key of [["--sk"], ["--key", at("sk.pub")], ["--key", "piv:signature"]]) await does(...verify, ...key, at("file"));
    await refused("ARTIFACT_DIGEST_MISMATCH", ...verify, "--sk", at("sk.pub"));
    await refused("FLAGS_CONFLICT", ...verify, "--sk", "--key", at("sk.pub"), at("file"));
    await refused("SIGNER_KEY_NOT_FOUND", ...verify, "--sk", "--slot", "authentication", at("file"));
    await refused("SIGNER_REFERENCE_UNKNOWN", ...verify, "--sk", "--slot", "x", at("file"));
  });

  it("TestSetPinCmd, TestSetPUKCmd, TestUnblockCmd, TestSetManagementKeyCmd", async () => {
    await piv("set-pin", "--new-pin", "654321");
    await refused("SIGNER_PIN_REFUSED", "sign-blob", "--sk", "--tlog-upload=false", "--bundle", at("none"), at("file"));
    process.env["SIGILLUM_PIV_PIN"] = "654321";
    await does("sign-blob", "--sk", "--tlog-upload=false", "--bundle", at("bundle"), at("file"));
    await piv("set-puk", "--new-puk", "87654321");
    await refused("SIGNER_PIN_REFUSED", "piv-tool", "set-puk", "-f");
    await piv("unblock", "--puk", "87654321", "--new-PIN", "111111");
    await refused("SIGNER_PIN_REFUSED", "piv-tool", "set-pin", "-f", "--old-pin", "654321");
    await refused("SIGNER_PIN_FORMAT", "piv-tool", "set-pin", "-f", "--old-pin", "111111", "--new-pin", "1");
    const key = "0a".repeat(24);
    await piv("set-management-key", "--new-key", key);
    await refused("SIGNER_MANAGEMENT_KEY", "piv-tool", "set-management-key", "-f");
    await refused("FLAGS_CONFLICT", "piv-tool", "set-management-key", "-f", "--new-key", key, "--random-management-key");
    await piv("set-management-key", "--old-key", key, "--random-management-key");
    await refused("SIGNER_MANAGEMENT_KEY", "piv-tool", "set-management-key", "-f", "--old-key", key);
    await refused("PROMPT_DECLINED", "piv-tool", "reset");
    await piv("reset");
    await piv("set-pin"); // the maker's again, by the maker's
    await piv("generate-key", "--random-management-key");
    await refused("SIGNER_MANAGEMENT_KEY", "piv-tool", "generate-key", "-f");
  });

  it("says that there is no token", async () => {
    process.env["PCSCLITE_CSOCK_NAME"] = at("none");
    try {
      await refused("SIGNER_CARD_MISSING", "piv-tool", "attestation");
      await refused("SIGNER_CARD_MISSING", "public-key", "--sk");
    } finally {
      process.env["PCSCLITE_CSOCK_NAME"] = daemon.path;
    }
  });
});
