import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { createSigner } from "@sigillum/library/crypto";
import { encodePem } from "@sigillum/library/encoding";
import { encodeName, keyUsageExtension, signCertificate } from "@sigillum/library/x509";
import { createLogger, errorReply, Host, jsonReply, Router, type Service, silentLogger, systemClock } from "./index.ts";

async function makePair(serial: number): Promise<{ certificate: string; key: string }> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = createSigner(privateKey.export({ type: "pkcs8", format: "der" }));
  const { spki } = signer.publicKey;
  const name = encodeName({ organization: "example", commonName: "localhost" });
  const fields = {
    serial: Uint8Array.of(serial),
    issuer: name,
    subject: name,
    notBeforeMs: 0,
    notAfterMs: 4e12,
    spki,
    extensions: [keyUsageExtension(["digitalSignature"])],
  };
  const certificate = encodePem("CERTIFICATE", await signCertificate(fields, signer));
  return { certificate, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

function serialServed(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("listeners with TLS", () => {
  test("Host serves TLS from files, takes up new ones, and keeps the old while the new do not fit together", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-tls-"));
    const files = { certificateFile: join(directory, "tls.pem"), keyFile: join(directory, "tls.key") };
    const write = async ({ certificate, key }: { certificate: string; key: string }): Promise<void> => {
      await writeFile(files.certificateFile, certificate);
      await writeFile(files.keyFile, key);
    };
    const events = new Map<string, () => void>();
    const logged = (event: string): Promise<void> => new Promise((resolve) => events.set(event, resolve));
    const logger = createLogger({ level: "info", write: (line) => events.get(JSON.parse(line).event)?.() });
    const handler = new Router()
      .add("GET", "/", () => jsonReply(200, {}))
      .listener({ logger: silentLogger, onError: errorReply });
    const service: Service = {
      name: "ca",
      listeners: [{ name: "https", addresses: ["127.0.0.1"], port: 0, tls: files, handler }],
      jobs: [],
      actions: new Map(),
      ready: async () => ({ ready: true }),
      close: async () => undefined,
    };
    const first = await makePair(1);
    const second = await makePair(2);
    const host = new Host({ logger, clock: systemClock, tlsReloadMs: 5 });
    try {
      await write(first);
      await host.start([service]);
      const port = host.addresses()[0]?.port ?? 0;
      assert.equal(await serialServed(port), "01");
      for (const notYet of ["", second.certificate]) {
        const failed = logged("tls.reload-failed");
        await writeFile(files.certificateFile, notYet);
        await failed;
        assert.equal(await serialServed(port), "01");
      }
      const reloaded = logged("tls.reloaded");
      await writeFile(files.keyFile, second.key);
      await reloaded;
      assert.equal(await serialServed(port), "02");
    } finally {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
