// A key service that speaks as much of the HTTP API of Vault's transit engine as cosign and we ask for: one P-256 key that signs digests.
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";

/** A running key service. */
export interface Vault {
  /** What a client needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** "hashivault://release". */
  readonly reference: string;
  /** A file with the public half. */
  readonly publicKeyPath: string;
  /** A folder with cosign's key plugin for the scheme "hashivault", for a cosign that has no client of its own. */
  readonly pluginFolder: string;
  stop(): Promise<void>;
}

const keyName = "release";
const token = "hvs.test";

/** Start it on a free port of loopback, with a key of its own; signatures are made by openssl, which takes a ready digest. */
export async function startVault(directory: string): Promise<Vault> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyFile = join(directory, "vault-key.pem");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const publicKeyPath = join(directory, "vault.pub");
  await writeFile(publicKeyPath, pem);
  const key = { type: "ecdsa-p256", latest_version: 1, keys: { "1": { public_key: pem, name: "P-256" } } };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const reply = (status: number, data: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ data }));
    };
    if (request.headers["x-vault-token"] !== token) return reply(403, {});
    const [, operation = "", name = ""] = /^\/v1\/transit\/(keys|sign)\/([^/?]+)/.exec(request.url ?? "") ?? [];
    if (name !== keyName) return reply(404, {});
    if (operation === "keys") return reply(200, key);
    const body: { input: string } = JSON.parse(Buffer.concat(chunks).toString());
    const signature = await signDigest(keyFile, Buffer.from(body.input, "base64"));
    reply(200, { signature: `vault:v1:${signature.toString("base64")}` });
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    env: { VAULT_ADDR: `http://127.0.0.1:${port}`, VAULT_TOKEN: token },
    reference: `hashivault://${keyName}`,
    publicKeyPath,
    pluginFolder: await writePlugin(directory),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function writePlugin(directory: string): Promise<string> {
  const folder = join(directory, "plugins");
  await mkdir(folder);
  const script = `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, "clients", "kms-plugin.mjs")}" "$@"\n`;
  await writeFile(join(folder, "sigstore-kms-hashivault"), script, { mode: 0o755 });
  return folder;
}

function signDigest(keyFile: string, digest: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("openssl", ["pkeyutl", "-sign", "-inkey", keyFile], { stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(Buffer.concat(chunks)) : reject(new Error(`openssl ended with ${code}`)),
    );
    child.stdin.end(digest);
  });
}
