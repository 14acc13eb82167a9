// The scenarios of cosign's own end-to-end tests, under their names, by our command line on a stack of our own; docs/specs/cosign.md has the
// whole list and says of the others where they are tested, or why not. What foreign programs think of the results is asked in test/interop.
import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { developmentToken } from "@sigillum/library/identity-token";
import {
  emptyConfig,
  encodeManifest,
  encodeRepository,
  mediaTypes,
  parseReference,
  pushBlob,
  pushManifest,
  RegistryClient,
} from "@sigillum/library/oci";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { createRegistry } from "@sigillum/stack/registry";
import { main } from "./main.ts";
import { type Outcome, recorded } from "./terminal/index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

/** Push an image that is different at every call; the reference by digest. */
async function pushImage(host: string, name: string, tag?: string): Promise<string> {
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  const repository = parseReference(`${host}/${name}`);
  await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
  const mediaType = mediaTypes.manifest;
  const annotations = { id: randomUUID() };
  const bytes = encodeManifest({ mediaType, config: emptyConfig.descriptor, layers: [], manifests: [], annotations });
  const { digest } = await pushManifest(client, repository, { bytes, mediaType }, tag);
  return `${encodeRepository(repository)}@${digest}`;
}

const digestOf = (reference: string): string => reference.slice(reference.indexOf("@") + 1);
const variables = ["SIGILLUM_HOME", "DOCKER_CONFIG", "COSIGN_PASSWORD", "COSIGN_REPOSITORY", "COSIGN_KEY_PEM"];

describe("cosign's end-to-end scenarios", { timeout: 240_000 }, () => {
  let directory: string;
  let stack: Stack;
  const kept = new Map(variables.map((name) => [name, process.env[name]]));

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-scenarios-"));
    process.env["SIGILLUM_HOME"] = join(directory, "home");
    process.env["DOCKER_CONFIG"] = join(directory, "docker");
    process.env["COSIGN_PASSWORD"] = "hello";
    delete process.env["COSIGN_REPOSITORY"];
    stack = await startStack({ dataDirectory: join(directory, "data"), initialise: { ports: "free" }, logger: silentLogger });
    await does("trust", "add", stack.urls.tuf ?? "");
    await writeFile(at("file"), "a file\n");
    await writeFile(at("sbom.json"), '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1}');
    await does("generate-key-pair", "--output-key-prefix", at("one"));
    await does("generate-key-pair", "--output-key-prefix", at("two"));
  });
  after(async () => {
    await stack?.stop();
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true, force: true });
  });

  const at = (name: string): string => join(directory, name);
  const does = async (...words: string[]): Promise<Outcome> => {
    const outcome = await run(...words);
    assert.equal(outcome.code, 0, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`);
    return outcome;
  };
  const ends = async (code: number, ...words: string[]): Promise<Outcome> => {
    const outcome = await run(...words);
    assert.equal(outcome.code, code, `${words.join(" ")}\n${outcome.stdout}${outcome.stderr}`);
    return outcome;
  };
  const push = (name: string, tag?: string): Promise<string> => pushImage(host(), `scenarios/${name}`, tag);
  const host = (): string => new URL(stack.urls.registry ?? "").host;
  const token = async (): Promise<string> => (await developmentToken(stack.urls.identity ?? "", Date.now())).raw;
  const keyless = async (): Promise<string[]> => ["--identity-token", await token()];
  const identity = (): string[] => [
    ...["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", stack.urls.identity ?? ""],
  ];
  const key = (name = "one"): string[] => ["--key", at(`${name}.key`), "--tlog-upload=false"];
  const pub = (name = "one"): string[] => ["--key", at(`${name}.pub`), "--insecure-ignore-tlog"];
  const lines = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");
  const tag = ["--layout", "tag"];

  for (const layout of ["bundle", "tag"]) {
    const written = ["--layout", layout];

    it(`TestSignVerify (${layout})`, async () => {
      const image = await push(`sign-verify-${layout}`);
      await ends(10, "verify", ...pub(), image);
      await does("sign", ...key(), ...written, image);
      await does("verify", ...pub(), image);
      await ends(12, "verify", ...pub(), "-a", "foo=bar", image);
      await ends(12, "verify", ...pub("two"), image);
      await does("sign", ...key(), ...written, "-a", "foo=bar", image);
      await does("verify", ...pub(), "-a", "foo=bar", image);
    });

    it(`TestSignVerifyClean, TestImportSignVerifyClean (${layout})`, async () => {
      const pem = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" });
      await writeFile(at(`rsa-${layout}.pem`), pem);
      await does("import-key-pair", "--key", at(`rsa-${layout}.pem`), "--output-key-prefix", at(`imported-${layout}`), "--yes");
      const image = await push(`clean-${layout}`);
      await does("sign", ...key(`imported-${layout}`), ...written, image);
      await does("verify", ...pub(`imported-${layout}`), image);
      await does("clean", "--yes", image);
      await ends(10, "verify", ...pub(`imported-${layout}`), image);
    });

    it(`TestMultipleSignatures (${layout})`, async () => {
      const image = await push(`multiple-${layout}`);
      await does("sign", ...key("one"), ...written, image);
      await does("verify", ...pub("one"), image);
      await ends(12, "verify", ...pub("two"), image);
      await does("sign", ...key("two"), ...written, image);
      await does("verify", ...pub("one"), image);
      await does("verify", ...pub("two"), image);
      assert.equal(lines((await does("download", "signature", image)).stdout).length, 2);
    });

    it(`TestSignVerifyMultipleIdentitiesKeyless, TestFulcioBundle, TestRekorBundle (${layout})`, async () => {
      const image = await push(`keyless-${layout}`);
      await does("sign", ...(await keyless()), ...written, image);
      await does("verify", ...identity(), image);
      await does("verify", "--offline", ...identity(), image);
      const { stderr } = await ends(12, "verify", ...identity(), "--certificate-identity", "eve@example.com", image);
      assert.match(stderr, /it is by "dev@example.com", expected "eve@example.com"/);
      await ends(1, "verify", image);
    });

    it(`TestAttestVerify… (SPDXJSON, CycloneDXJSON, URI), TestAttestationDownload… (${layout})`, async () => {
      const image = await push(`attest-${layout}`);
      await ends(10, "verify-attestation", "--type", "cyclonedx", ...pub(), image);
      await does("attest", ...key(), ...written, "--predicate", at("sbom.json"), "--type", "cyclonedx", image);
      await does("attest", ...key(), ...written, "--predicate", at("sbom.json"), "--type", "spdxjson", image);
      await does("attest", ...key(), ...written, "--predicate", at("sbom.json"), "--type", "https://example.com/my/type", image);
      for (const type of ["cyclonedx", "spdxjson", "https://example.com/my/type"]) {
        const { stdout } = await does("verify-attestation", "--type", type, ...pub(), image);
        assert.equal(lines(stdout).length, 1);
      }
      await ends(12, "verify-attestation", "--type", "slsaprovenance1", ...pub(), image);
      await ends(12, "verify-attestation", "--type", "cyclonedx", ...pub("two"), image);
      assert.equal(lines((await does("download", "attestation", image)).stdout).length, 3);
      const one = await does("download", "attestation", "--predicate-type", "cyclonedx", image);
      assert.equal(lines(one.stdout).length, 1);
      const { payload } = JSON.parse(one.stdout);
      assert.equal(JSON.parse(Buffer.from(payload, "base64").toString()).predicate.bomFormat, "CycloneDX");
      assert.notEqual((await run("download", "attestation", "--predicate-type", "vuln", image)).code, 0);
      // an attestation is no signature
      await ends(10, "verify", ...pub(), image);
    });

    it(`TestSaveLoad, TestSaveLoadAutoDetectFormat, TestSaveLoadAttestation (${layout})`, async () => {
      const image = await push(`save-${layout}`);
      await does("sign", ...key(), ...written, image);
      await does("attest", ...key(), ...written, "--predicate", at("sbom.json"), "--type", "cyclonedx", image);
      await does("save", image, "--dir", at(`saved-${layout}`));
      await does("verify", ...pub(), "--local-image", at(`saved-${layout}`));
      await ends(12, "verify", ...pub("two"), "--local-image", at(`saved-${layout}`));
      await does("verify-attestation", "--type", "cyclonedx", ...pub(), "--local-image", at(`saved-${layout}`));
      const loaded = `${host()}/scenarios/loaded-${layout}:1`;
      await does("load", loaded, "--dir", at(`saved-${layout}`));
      await does("verify", ...pub(), loaded);
      await does("verify-attestation", "--type", "cyclonedx", ...pub(), loaded);
    });

    it(`TestSignVerifyWithRepoOverride, COSIGN_REPOSITORY (${layout})`, async () => {
      const image = await push(`override-${layout}`);
      process.env["COSIGN_REPOSITORY"] = `${host()}/signatures/${layout}`;
      try {
        await ends(10, "verify", ...pub(), image);
        await does("sign", ...key(), ...written, image);
        await does("verify", ...pub(), image);
        assert.match((await does("tree", image)).stdout, /sha256/);
      } finally {
        delete process.env["COSIGN_REPOSITORY"];
      }
      await ends(10, "verify", ...pub(), image);
    });

    it(`TestTree, TestUploadDownload, TestAttestDownloadAttachNewBundle, TestSignDownloadAttachNewBundle (${layout})`, async () => {
      const image = await push(`tree-${layout}`);
      assert.match((await does("tree", image)).stdout, /^No Supply Chain Security Related Artifacts found/);
      await does("sign", ...key(), ...written, image);
      assert.match((await does("tree", image)).stdout, /📦 Supply Chain Security Related artifacts for an image/);
      await does("attest", ...key(), ...written, "--predicate", at("sbom.json"), "--type", "cyclonedx", image);
      const { stdout } = await does("download", "attestation", ...(layout === "bundle" ? ["-o", "bundle"] : []), image);
      await writeFile(at(`attestation-${layout}`), stdout);
      await does("clean", "--yes", image);
      await ends(10, "verify-attestation", "--type", "cyclonedx", ...pub(), image);
      await does("attach", "attestation", "--attestation", at(`attestation-${layout}`), image);
      await does("verify-attestation", "--type", "cyclonedx", ...pub(), image);
    });
  }

  it("TestDuplicateSign", async () => {
    const image = await push("duplicate");
    await does("sign", ...key(), ...tag, image);
    await does("sign", ...key(), ...tag, image);
    assert.equal(lines((await does("download", "signature", image)).stdout).length, 1);
  });

  it("TestAttestationReplaceCreate, TestAttestationReplace", async () => {
    const image = await push("replace");
    const attest = ["attest", ...key(), ...tag, "--predicate", at("sbom.json"), "--type"];
    await does(...attest, "cyclonedx", "--replace", image);
    await does(...attest, "spdxjson", image);
    await does(...attest, "cyclonedx", "--replace", image);
    assert.equal(lines((await does("download", "attestation", image)).stdout).length, 2);
  });

  it("TestAttachSignature, TestAttachWithRekorBundle, TestAttachWithRFC3161Timestamp, TestRFC3161Timestamp", async () => {
    const image = await push("attach");
    const payload = (await does("generate", image)).stdout;
    await writeFile(at("payload"), payload);
    const parts = ["--output-signature", at("p.sig"), "--output-certificate", at("p.pem"), "--rfc3161-timestamp-bundle"];
    await does(
      "sign-blob",
      ...(await keyless()),
      ...parts,
      at("p.tsr"),
      "--new-bundle-format=false",
      "--bundle",
      at("p.bundle"),
      at("payload"),
    );
    const { rekorBundle } = JSON.parse(await readFile(at("p.bundle"), "utf8"));
    await writeFile(at("p.rekor"), JSON.stringify(rekorBundle));
    const attached = ["--payload", at("payload"), "--signature", at("p.sig"), "--certificate", at("p.pem")];
    await does("attach", "signature", ...attached, "--rekor-response", at("p.rekor"), "--tsr", at("p.tsr"), image);
    await does("verify", ...identity(), image);
    await does("verify", "--use-signed-timestamps", ...identity(), image);
    await ends(12, "verify", ...pub(), image);
  });

  it("TestAttachSBOM, TestAttachSBOM_bom_flag", async () => {
    const image = await push("attach-sbom");
    await does("attach", "sbom", "--sbom", at("sbom.json"), "--type", "cyclonedx", image);
    const { stdout, stderr } = await does("download", "sbom", image);
    assert.equal(stdout, await readFile(at("sbom.json"), "utf8"));
    assert.match(stderr, /application\/vnd.cyclonedx\+json/);
    await does("sign", ...key(), ...tag, "--attachment", "sbom", image);
    const sbom = `${image.slice(0, image.indexOf("@"))}:${digestOf(image).replace(":", "-")}.sbom`;
    await does("verify", ...pub(), sbom);
    await ends(10, "verify", ...pub(), image);
  });

  it("TestGenerate, triangulate", async () => {
    const image = await push("generate");
    const { critical, optional } = JSON.parse((await does("generate", "-a", "foo=bar", image)).stdout);
    assert.deepEqual([critical.image["docker-manifest-digest"], optional], [digestOf(image), { foo: "bar" }]);
    const { stdout } = await does("triangulate", image);
    assert.equal(stdout.trim(), `${image.slice(0, image.indexOf("@"))}:${digestOf(image).replace(":", "-")}.sig`);
  });

  it("TestSignVerifyUploadFalse, TestAttestVerifyUploadFalse, TestSignVerifyBundle(Offline), TestSignVerifyDetachedKeyless", async () => {
    const image = await push("detached");
    await does("sign", ...key(), "--upload=false", "--bundle", at("detached.json"), image);
    await ends(10, "verify", ...pub(), image);
    await does("attach", "attestation", "--attestation", at("detached.json"), image);
    await does("verify", ...pub(), image);
    const { stdout } = await does(
      "attest",
      ...key(),
      "--no-upload",
      "--predicate",
      at("sbom.json"),
      "--type",
      "cyclonedx",
      image,
    );
    assert.equal(JSON.parse(stdout).payloadType, "application/vnd.in-toto+json");
    await ends(10, "verify-attestation", "--type", "cyclonedx", ...pub(), image);
  });

  it("TestKeyURLVerify, TestGenerateKeyPairEnvVar, TestGetPublicKeyCustomOut, keys in variables", async () => {
    process.env["COSIGN_KEY_PEM"] = await readFile(at("one.key"), "utf8");
    const image = await push("env-key");
    await does("sign", "--key", "env://COSIGN_KEY_PEM", "--tlog-upload=false", image);
    await does("verify", ...pub(), image);
    await does("public-key", "--key", "env://COSIGN_KEY_PEM", "--outfile", at("out.pub"));
    assert.equal(await readFile(at("out.pub"), "utf8"), await readFile(at("one.pub"), "utf8"));
    process.env["COSIGN_PASSWORD"] = "wrong";
    try {
      assert.notEqual((await run("public-key", "--key", at("one.key"))).code, 0);
    } finally {
      process.env["COSIGN_PASSWORD"] = "hello";
    }
  });

  it("TestSignBlob, TestSignBlobBundle, TestSignBlobNewBundle, TestSignBlobRFC3161TimestampBundle, TestNoTlog", async () => {
    await does("sign-blob", ...key(), "--output-signature", at("f.sig"), at("file"));
    await does("verify-blob", ...pub(), "--signature", at("f.sig"), at("file"));
    await ends(12, "verify-blob", ...pub("two"), "--signature", at("f.sig"), at("file"));
    await does("sign-blob", ...(await keyless()), "--new-bundle-format=false", "--bundle", at("f.old"), at("file"));
    await does("verify-blob", ...identity(), "--bundle", at("f.old"), at("file"));
    await does("sign-blob", ...(await keyless()), "--bundle", at("f.new"), at("file"));
    await does("verify-blob", ...identity(), "--bundle", at("f.new"), at("file"));
    await does("verify-blob", "--use-signed-timestamps", ...identity(), "--bundle", at("f.new"), at("file"));
    // without a log entry only those that ask for none are content
    await does("sign-blob", ...key(), "--bundle", at("f.unlogged"), at("file"));
    assert.notEqual((await run("verify-blob", "--key", at("one.pub"), "--bundle", at("f.unlogged"), at("file"))).code, 0);
    await does("verify-blob", ...pub(), "--bundle", at("f.unlogged"), at("file"));
  });

  it("TestAttestBlobSignVerify, TestAttestationBlobRFC3161Timestamp", async () => {
    const attest = ["--predicate", at("sbom.json"), "--type", "cyclonedx", "--bundle", at("file.att")];
    await does("attest-blob", ...(await keyless()), ...attest, at("file"));
    const check = ["verify-blob-attestation", ...identity(), "--bundle", at("file.att")];
    await does(...check, "--type", "cyclonedx", at("file"));
    await ends(12, ...check, "--type", "spdxjson", at("file"));
    await ends(12, ...check, "--type", "cyclonedx", at("sbom.json"));
  });

  it("TestInvalidBundle", async () => {
    const image = await push("invalid-bundle");
    const [one, two] = [await push("invalid-one"), await push("invalid-two")];
    await does("sign", ...(await keyless()), ...tag, one);
    await does("sign", ...(await keyless()), ...tag, two);
    const signatureOf = async (reference: string): Promise<Record<string, unknown>> =>
      JSON.parse((await does("download", "signature", reference)).stdout);
    const [first, second] = [await signatureOf(one), await signatureOf(two)];
    // the log entry of another signature
    await writeFile(at("invalid.payload"), Buffer.from(String(first["Payload"]), "base64"));
    await writeFile(at("invalid.sig"), String(first["Base64Signature"]));
    await writeFile(at("invalid.rekor"), JSON.stringify(second["Bundle"]));
    const certificate = Object(first["Cert"])["Raw"];
    await writeFile(at("invalid.pem"), `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`);
    const attach = ["attach", "signature", "--payload", at("invalid.payload"), "--signature", at("invalid.sig")];
    const target = `${image.slice(0, image.indexOf("@"))}@${digestOf(image)}`;
    await does(...attach, "--certificate", at("invalid.pem"), "--rekor-response", at("invalid.rekor"), target);
    await ends(12, "verify", "--check-claims=false", ...identity(), target);
  });

  it("TestOffline", async () => {
    await does("sign-blob", ...(await keyless()), "--bundle", at("offline.json"), at("file"));
    await does("verify-blob", "--offline", ...identity(), "--bundle", at("offline.json"), at("file"));
  });

  it("TestDockerfileVerify, TestManifestVerify", async () => {
    const [good, bad] = [await push("docker", "good"), await push("docker-bad", "bad")];
    await does("sign", ...key(), good);
    const tagged = (reference: string, name: string): string => `${reference.slice(0, reference.indexOf("@"))}:${name}`;
    await writeFile(
      at("Dockerfile"),
      `ARG BASE=${tagged(good, "good")}\nFROM $BASE AS build\nFROM scratch\nCOPY --from=build / /\n`,
    );
    await does("dockerfile", "verify", ...pub(), at("Dockerfile"));
    await writeFile(at("Dockerfile.bad"), `FROM ${tagged(good, "good")}\nCOPY --from=${tagged(bad, "bad")} / /\n`);
    await ends(10, "dockerfile", "verify", ...pub(), at("Dockerfile.bad"));
    const pod = (image: string): string =>
      JSON.stringify({ apiVersion: "v1", kind: "Pod", spec: { initContainers: [{ image }], containers: [{ image }] } });
    await writeFile(at("pod.yaml"), pod(tagged(good, "good")));
    await does("manifest", "verify", ...pub(), at("pod.yaml"));
    await writeFile(at("bad.yaml"), pod(tagged(bad, "bad")));
    await ends(10, "manifest", "verify", ...pub(), at("bad.yaml"));
  });

  it("TestVerifyWithCARoots, TestSignVerifyWithTUFMirror", async () => {
    await mkdir(at("fresh"));
    process.env["SIGILLUM_HOME"] = at("fresh");
    try {
      const image = await push("mirror");
      assert.notEqual((await run("verify", ...identity(), image)).code, 0);
      await does("initialize", "--mirror", stack.urls.tuf ?? "", "--root", `${stack.urls.tuf}/1.root.json`);
      await does("sign", ...(await keyless()), image);
      await does("verify", ...identity(), image);
    } finally {
      process.env["SIGILLUM_HOME"] = join(directory, "home");
    }
  });

  it("TestSignAttestVerifyRekorV2, TestSignAttestVerifyContainerWithSigningConfig, TestSignRekorV2NoTSA", async () => {
    const config = async (name: string, ...more: string[]): Promise<string> => {
      const [ca, log, issuer] = [stack.urls.ca ?? "", stack.urls["log-v2"] ?? "", stack.urls.identity ?? ""];
      const started = "start-time=2020-01-01T00:00:00Z,operator=us";
      const services = [
        ...["--fulcio", `url=${ca},api-version=1,${started}`, "--oidc-provider", `url=${issuer},api-version=1,${started}`],
        ...["--rekor", `url=${log},api-version=2,${started}`, "--rekor-config", "ANY", ...more],
      ];
      await does("signing-config", "create", ...services, "--out", at(name));
      return at(name);
    };
    const stamps = ["--tsa", `url=${stack.urls.tsa}/api/v1/timestamp,api-version=1,start-time=2020-01-01T00:00:00Z,operator=us`];
    const image = await push("rekor-v2");
    const complete = await config("v2.json", ...stamps, "--tsa-config", "ANY");
    await does("sign", ...(await keyless()), "--signing-config", complete, image);
    await does("verify", ...identity(), image);
    const attest = ["attest", ...(await keyless()), "--signing-config", complete, "--predicate", at("sbom.json")];
    await does(...attest, "--type", "cyclonedx", image);
    await does("verify-attestation", "--type", "cyclonedx", ...identity(), image);
    const { stderr } = await ends(1, "sign", ...(await keyless()), "--signing-config", await config("v2-no-tsa.json"), image);
    assert.match(stderr, /timestamp/i);
  });

  it("TestSignVerifyMultipleIdentities: every image of a call, and of an index with --recursive", async () => {
    const images = await Promise.all(["a", "b", "c"].map((name) => push(`many-${name}`)));
    await does("sign", ...key(), ...images);
    const { stdout } = await does("verify", ...pub(), ...images);
    assert.equal(lines(stdout).length, 3);
    const unsigned = await push("many-unsigned");
    await ends(10, "verify", ...pub(), ...images, unsigned);
  });

  it("upload blob, and what was uploaded is signed", async () => {
    const reference = `${host()}/scenarios/blob:1`;
    const { stdout } = await does("upload", "blob", "-f", at("file"), reference);
    assert.match(stdout, /\/scenarios\/blob@sha256:[0-9a-f]{64}\n$/);
    await does("sign", ...key(), stdout.trim());
    await does("verify", ...pub(), reference);
    const several = ["-f", `${at("file")}:linux/amd64`, "-f", `${at("sbom.json")}:linux/arm64`, "--ct", "text/x"];
    await does("upload", "blob", ...several, "-a", "by=us", `${host()}/scenarios/blobs:1`);
    await ends(1, "upload", "blob", "-f", at("file"), "-f", at("sbom.json"), `${host()}/scenarios/blobs:1`);
    await does("upload", "wasm", "-f", at("file"), `${host()}/scenarios/wasm:1`);
  });

  it("an SBOM of 50 MB is attested, pushed in chunks, and verified, in either layout", async () => {
    const component = '{"type":"library","name":"a-component-with-a-name","version":"1.2.3","purl":"pkg:npm/a-component@1.2.3"}';
    const count = Math.ceil(50_000_000 / (component.length + 1));
    await writeFile(at("large.json"), `{"bomFormat":"CycloneDX","components":[${Array(count).fill(component).join(",")}]}`);
    const image = await push("large");
    const attest = ["attest", image, "--predicate", at("large.json"), "--type", "cyclonedx", "-y", ...key()];
    for (const layout of ["bundle", "tag"]) {
      await does(...attest, "--layout", layout);
      const { stdout } = await does("verify-attestation", "--type", "cyclonedx", ...pub(), image);
      assert.ok(stdout.length > 60_000_000);
    }
  });

  it("bundle upgrade makes 0.3 of what has no proof", async () => {
    await does("sign-blob", ...(await keyless()), "--bundle", at("up.json"), at("file"));
    const bundle = JSON.parse(await readFile(at("up.json"), "utf8"));
    const { certificate, ...material } = bundle.verificationMaterial;
    const [entry] = material.tlogEntries;
    const { inclusionProof, ...promised } = entry;
    assert.ok(inclusionProof !== undefined);
    const old = {
      ...bundle,
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
      verificationMaterial: { ...material, x509CertificateChain: { certificates: [certificate] }, tlogEntries: [promised] },
    };
    await writeFile(at("old.json"), JSON.stringify(old));
    await does("bundle", "upgrade", at("old.json"), "--out", at("upgraded.json"));
    const upgraded = JSON.parse(await readFile(at("upgraded.json"), "utf8"));
    assert.equal(upgraded.mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert.ok(upgraded.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope.length > 0);
    await does("verify-blob", ...identity(), "--bundle", at("upgraded.json"), at("file"));
  });

  it("TestInsecureRegistry, TestAttestInsecureRegistry", async () => {
    const pem = (file: string): Promise<string> =>
      readFile(new URL(`../../library/src/http/testdata/${file}.pem`, import.meta.url), "utf8");
    const service = createRegistry({
      directory: at("insecure"),
      logger: silentLogger,
      listener: { addresses: ["127.0.0.1"], port: 0 },
    });
    const [certificate, privateKey] = [await pem("localhost"), await pem("localhost-key")];
    const server = createServer({ cert: certificate, key: privateKey }, service.listeners[0]?.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const reference = `localhost:${port}/scenarios/insecure:1`;
      const words = ["upload", "blob", "-f", at("file"), reference];
      assert.match((await ends(14, ...words)).stderr, /HTTP_TLS_UNTRUSTED|not trusted/);
      await does(...words, "--allow-insecure-registry");
      await does("sign", ...key(), "--allow-insecure-registry", reference);
      await ends(14, "verify", ...pub(), reference);
      await does("verify", ...pub(), "--allow-insecure-registry", reference);
      await writeFile(at("ca.pem"), certificate);
      await does("verify", ...pub(), "--registry-cacert", at("ca.pem"), reference);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
