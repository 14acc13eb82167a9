import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeSoftHsm, missingSoftHsm } from "@sigillum/library/testing";
import { basicConstraints, keyUsage, parseCertificatesPem, verifyIssuedBy } from "@sigillum/library/x509";
import { openSigner, parsePkcs11Uri, withObject } from "@sigillum/signers/signers";
import { callControlSocket, controlSocketPath } from "@sigillum/stack/host";
import { initialiseDataDirectory } from "@sigillum/stack/settings";
import { parseArguments } from "../arguments/index.ts";
import { findCommand } from "../commands/index.ts";
import { createTerminal } from "../terminal/index.ts";

/** Runs a command as the command line does; its exit code and what it printed. */
async function run(...words: string[]): Promise<{ exit: number; text: string }> {
  const command = (await findCommand(words))?.command;
  assert.ok(command !== undefined, words.join(" "));
  let text = "";
  const write = (part: string): unknown => (text += part);
  const terminal = createTerminal({ stdout: { write }, stderr: { write }, stdinIsTTY: false, format: "text" });
  return { exit: await command.run(parseArguments(command, words.slice(2)), terminal), text };
}

describe("ca and user", () => {
  let directory = "";
  const at = (name: string): string => join(directory, name);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-authority-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("ca create-root and create-intermediate make a chain that verifies", async () => {
    const made = await run("ca", "create-root", "--key", at("root.key"), "--org", "Example", "--out", at("root.pem"));
    assert.equal(made.exit, 0);
    assert.match(made.text, /next {2}sigillum ca create-intermediate --service ca --root .*root.pem --root-key file:/u);
    const lower = ["--root", at("root.pem"), "--root-key", at("root.key"), "--key", at("ca.key"), "--out", at("chain.pem")];
    assert.match((await run("ca", "create-intermediate", ...lower)).text, /sigillum ca rotate --service ca --chain /u);
    const [intermediate, root] = parseCertificatesPem(await readFile(at("chain.pem"), "utf8"));
    assert.ok(intermediate !== undefined && root !== undefined);
    verifyIssuedBy(intermediate, root);
    verifyIssuedBy(root, root);
    assert.deepEqual([basicConstraints(root)?.pathLength, basicConstraints(intermediate)?.pathLength], [1, 0]);
    assert.deepEqual(keyUsage(root), new Set(["keyCertSign", "cRLSign"]));
    await assert.rejects(run("ca", "create-root", "--key", at("root.key"), "--out", at("root.pem")), {
      code: "AUTHORITY_FILE_EXISTS",
    });
    await assert.rejects(run("ca", "create-intermediate", "--root", at("none.pem"), "--root-key", at("root.key")), {
      code: "AUTHORITY_FILE_UNREADABLE",
    });
    await assert.rejects(run("ca", "create-intermediate", "--root", at("chain.pem"), "--root-key", at("root.key")), {
      code: "AUTHORITY_FILE_UNREADABLE",
      found: "2 certificates",
    });
  });

  it("ca create-root without --out prints the root", async () => {
    assert.match((await run("ca", "create-root", "--key", at("other.key"))).text, /^-----BEGIN CERTIFICATE-----/u);
  });

  it("ca create-root --hsm wants a file for the root of CloudHSM, before anything is made", () =>
    assert.rejects(run("ca", "create-root", "--hsm", "aws", "--pkcs11-config-path", at("none")), {
      code: "AUTHORITY_OUT_MISSING",
    }));

  it("ca create-root --hsm makes the key in the token, with crypto11's file", { skip: missingSoftHsm() }, async () => {
    const token = makeSoftHsm(directory);
    const { modulePath } = parsePkcs11Uri(token.uri);
    await writeFile(at("crypto11.conf"), JSON.stringify({ Path: modulePath, TokenLabel: token.label, Pin: "1234" }));
    const flags = ["--pkcs11-config-path", at("crypto11.conf")];
    const aws = await run("ca", "create-root", "--hsm", "aws", ...flags, "--out", at("aws.pem"));
    assert.match(aws.text, /key {3}made: pkcs11:token=sigillum;object=PKCS11CA/u);
    assert.doesNotMatch(aws.text, /1234|token holds/u);
    const [root] = parseCertificatesPem(await readFile(at("aws.pem"), "utf8"));
    assert.ok(root !== undefined);
    const key = await openSigner(withObject(token.uri, "PKCS11CA"));
    assert.deepEqual(root.spki, key.publicKey.spki);
    assert.equal(key.publicKey.type, "ecdsa-p384");
    const soft = await run("ca", "create-root", "--hsm", "softhsm", ...flags, "--hsm-caroot-id", "99", "--out", at("soft.pem"));
    assert.match(soft.text, /key {3}found: [\s\S]*token holds the certificate too/u);
    await assert.rejects(
      run("ca", "create-root", "--hsm", "softhsm", ...flags, "--hsm-caroot-id", "99", "--out", at("soft2.pem")),
      {
        code: "SIGNER_KEY_EXISTS",
      },
    );
    const below = [
      "--root",
      at("aws.pem"),
      "--root-key",
      withObject(token.uri, "PKCS11CA"),
      "--key",
      at("hsm-ca.key"),
      "--out",
      at("hsm-chain.pem"),
    ];
    assert.equal((await run("ca", "create-intermediate", ...below)).exit, 0);
  });

  it("ca rotate and status say that no stack runs", () =>
    assert.rejects(run("ca", "rotate", "--data", at("nothing")), { code: "CONTROL_SOCKET_UNREACHABLE" }));

  it("ca check asks every issuer", async () => {
    const server = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const values = { certificateAuthority: { issuers: [{ url: issuer, type: "email" }] } };
      await initialiseDataDirectory(at("data"), { ports: "free", values });
      const { exit, text } = await run("ca", "check", "--data", at("data"));
      assert.equal(exit, 1);
      assert.match(text, new RegExp(`^FAIL {2}${issuer.replaceAll(".", "\\.")} {2}email\n.*503`, "u"));
    } finally {
      server.close();
    }
  });

  it("user add, list and remove edit users.json", async () => {
    await writeFile(at("password"), "correct horse battery staple\n");
    const data = ["--data", directory];
    const add = ["user", "add", "ada@example.com", "--password-file", at("password"), ...data];
    assert.equal((await run(...add)).text, "Added ada@example.com\n");
    assert.equal((await run(...add)).text, "Changed the password of ada@example.com\n");
    assert.equal((await run("user", "list", ...data)).text, "ada@example.com\n");
    assert.doesNotMatch(await readFile(at("users.json"), "utf8"), /horse/u);
    await assert.rejects(run("user", "add", "nobody", "--password-file", at("password"), ...data), {
      code: "IDENTITY_USER_ADDRESS",
    });
    await assert.rejects(run("user", "add", "bob@example.com", ...data), { code: "AUTHORITY_PASSWORD_MISSING" });
    await run("user", "remove", "ADA@example.com", ...data);
    assert.equal((await run("user", "list", ...data)).text, "");
    await assert.rejects(run("user", "remove", "ada@example.com", ...data), { code: "IDENTITY_USER_UNKNOWN" });
    await writeFile(at("users.json"), "{}");
    await assert.rejects(run("user", "list", ...data), { code: "IDENTITY_USERS_UNREADABLE" });
  });

  it("the control socket's path is that of a running stack", () =>
    assert.rejects(callControlSocket(controlSocketPath(at("nothing")), "ca.status", {}), { code: "CONTROL_SOCKET_UNREACHABLE" }));
});
