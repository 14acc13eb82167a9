// What a program written against the npm packages does; run by sigstore-js.ts with the folder that holds them.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, cachePath, mirrorURL, rootPath, command, artifactPath, bundlePath, ...rest] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const { bundleFromJSON, bundleToJSON } = require("@sigstore/bundle");
const { SigningConfig } = require("@sigstore/protobuf-specs");
const { bundleBuilderFromSigningConfig } = require("@sigstore/sign");
const { getTrustedRoot, initTUF } = require("@sigstore/tuf");
const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");

const tuf = { cachePath, mirrorURL, rootPath, retry: 1, timeout: 10_000 };

async function sign(token) {
  const client = await initTUF(tuf);
  const signingConfig = SigningConfig.fromJSON(JSON.parse(await client.getTarget("signing_config.v0.2.json")));
  const identityProvider = { getToken: async () => token };
  const builder = bundleBuilderFromSigningConfig({ signingConfig, identityProvider, bundleType: "messageSignature" });
  const bundle = await builder.create({ data: await readFile(artifactPath) });
  await writeFile(bundlePath, JSON.stringify(bundleToJSON(bundle)));
}

async function verify(subjectAlternativeName, issuer) {
  const trust = toTrustMaterial(await getTrustedRoot(tuf));
  const bundle = bundleFromJSON(JSON.parse(await readFile(bundlePath, "utf8")));
  const verifier = new Verifier(trust, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
  verifier.verify(toSignedEntity(bundle, await readFile(artifactPath)), { subjectAlternativeName, extensions: { issuer } });
}

if (command === "bootstrap") await getTrustedRoot({ ...tuf, force: true });
else if (command === "sign") await sign(...rest);
else if (command === "verify") await verify(...rest);
else throw new Error(`no command ${command}`);
