// openssl as judge of what we wrote: the certificate path and the timestamps of a bundle, from the bundle's and the root's JSON alone.
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectSuccess } from "./program.ts";

interface JsonChain {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
}

interface JsonTrustedRoot {
  readonly certificateAuthorities: readonly JsonChain[];
  readonly timestampAuthorities?: readonly JsonChain[];
}

interface JsonBundle {
  readonly verificationMaterial: {
    readonly certificate: { readonly rawBytes: string };
    readonly timestampVerificationData?: { readonly rfc3161Timestamps?: readonly { readonly signedTimestamp: string }[] };
  };
  readonly messageSignature: { readonly signature: string };
}

/** Whether this machine has openssl. */
export function hasOpenssl(): boolean {
  return spawnSync("openssl", ["version"]).status === 0;
}

/** The files that openssl is given of one bundle. */
export interface OpensslFiles {
  readonly leaf: string;
  readonly caRoot: string;
  readonly caRest: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly tsaRoot: string;
  readonly tsaRest: string;
  /** A time in seconds at which the leaf certificate was valid. */
  readonly signedAt: number;
}

/** Take a bundle and a trusted root apart into files below `home`. */
export async function writeOpensslFiles(bundlePath: string, trustedRootPath: string, home: string): Promise<OpensslFiles> {
  const bundle: JsonBundle = JSON.parse(await readFile(bundlePath, "utf8"));
  const root: JsonTrustedRoot = JSON.parse(await readFile(trustedRootPath, "utf8"));
  const put = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(join(home, name), content);
    return join(home, name);
  };
  const leaf = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, "base64");
  const [ca, tsa] = [chain(root.certificateAuthorities[0]), chain(root.timestampAuthorities?.[0])];
  const stamp = bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps?.[0];
  if (stamp === undefined) throw new Error("the bundle has no RFC 3161 timestamp");
  return {
    leaf: await put("leaf.pem", pem(leaf)),
    caRoot: await put("ca-root.pem", ca.at(-1) ?? ""),
    caRest: await put("ca-rest.pem", ca.slice(0, -1).join("")),
    signature: await put("signature", Buffer.from(bundle.messageSignature.signature, "base64")),
    timestamp: await put("timestamp.tsr", Buffer.from(stamp.signedTimestamp, "base64")),
    tsaRoot: await put("tsa-root.pem", tsa.at(-1) ?? ""),
    tsaRest: await put("tsa-rest.pem", tsa.slice(0, -1).join("")),
    signedAt: Math.ceil(Date.parse(new X509Certificate(leaf).validFrom) / 1000) + 1,
  };
}

function chain(authority: JsonChain | undefined): string[] {
  if (authority === undefined) throw new Error("the trusted root lacks an authority");
  return authority.certChain.certificates.map(({ rawBytes }) => pem(Buffer.from(rawBytes, "base64")));
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}(?!$)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** `openssl verify` over the path of the leaf certificate, at the time of signing and with every strictness openssl has. */
export async function opensslVerifiesCertificate(files: OpensslFiles): Promise<void> {
  const untrusted = await untrustedFlags(files.caRest);
  const strict = ["-x509_strict", "-check_ss_sig", "-purpose", "any", "-attime", String(files.signedAt)];
  await expectSuccess("openssl", ["verify", ...strict, "-CAfile", files.caRoot, ...untrusted, files.leaf]);
}

/** `openssl ts -verify`: the timestamp is over the signature and chains to the authority of the trusted root. */
export async function opensslVerifiesTimestamp(files: OpensslFiles, signature = files.signature): Promise<void> {
  const untrusted = await untrustedFlags(files.tsaRest);
  await expectSuccess("openssl", [
    "ts",
    "-verify",
    "-in",
    files.timestamp,
    "-data",
    signature,
    "-CAfile",
    files.tsaRoot,
    ...untrusted,
  ]);
}

async function untrustedFlags(path: string): Promise<string[]> {
  return (await readFile(path, "utf8")) === "" ? [] : ["-untrusted", path];
}
