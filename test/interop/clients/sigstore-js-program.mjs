// What a program written against the npm packages does; run by sigstore-js.ts with the folder that holds them.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, cachePath, mirrorURL, rootPath, command, artifactPath, bundlePath, ...rest] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const { bundleFromJSON, bundleToJSON } = require("@sigstore/bundle");
const { SigningConfig } = require("@sigstore/protobuf-specs");
const { bundleBuilderFromSigningConfig, CIContextProvider } = require("@sigstore/sign");
const { getTrustedRoot, initTUF } = require("@sigstore/tuf");
const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");

const tuf = { cachePath, mirrorURL, rootPath, retry: 1, timeout: 10_000 };

async function sign(identityProvider) {
  const client = await initTUF(tuf);
  const signingConfig = SigningConfig.fromJSON(JSON.parse(await client.getTarget("signing_config.v0.2.json")));
  const builder = bundleBuilderFromSigningConfig({ signingConfig, identityProvider, bundleType: "messageSignature" });
  const bundle = await builder.create({ data: await readFile(artifactPath) });
  await writeFile(bundlePath, JSON.stringify(bundleToJSON(bundle)));
}

// The statement as it is, in an envelope: what npm and actions/attest log.
async function attest(token, target) {
  const client = await initTUF(tuf);
  const signingConfig = SigningConfig.fromJSON(JSON.parse(await client.getTarget(target)));
  const identityProvider = { getToken: async () => token };
  const builder = bundleBuilderFromSigningConfig({ signingConfig, identityProvider, bundleType: "dsseEnvelope" });
  const bundle = await builder.create({ data: await readFile(artifactPath), type: "application/vnd.in-toto+json" });
  await writeFile(bundlePath, JSON.stringify(bundleToJSON(bundle)));
}

async function verify(subjectAlternativeName, issuer) {
  const trust = toTrustMaterial(await getTrustedRoot(tuf));
  const bundle = bundleFromJSON(JSON.parse(await readFile(bundlePath, "utf8")));
  const verifier = new Verifier(trust, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
  verifier.verify(toSignedEntity(bundle, await readFile(artifactPath)), { subjectAlternativeName, extensions: { issuer } });
}

if (command === "bootstrap") await getTrustedRoot({ ...tuf, force: true });
else if (command === "sign") await sign({ getToken: async () => rest[0] });
else if (command === "sign-ambient") await sign(new CIContextProvider("sigstore"));
else if (command === "attest") await attest(...rest);
else if (command === "verify") await verify(...rest);
else throw new Error(`no command ${command}`);
