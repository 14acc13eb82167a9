// The webhook's certificate, made and renewed by the controller itself: kept in a Secret that all replicas share, and told to the API
// server in the webhook configurations. Each certificate has an authority of its own, whose key is forgotten when it has signed.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createSigner } from "@sigillum/library/crypto";
import { derSequence, encodePem } from "@sigillum/library/encoding";
import {
  authorityKeyIdExtension,
  encodeExtension,
  encodeGeneralName,
  encodeName,
  extendedKeyUsageExtension,
  extensionOids,
  keyIdentifier,
  keyUsageExtension,
  parseCertificatesPem,
  rootExtensions,
  signCertificate,
  subjectAltNames,
} from "@sigillum/library/x509";
import type { Clock, Logger } from "../host/index.ts";
import { admissionError } from "./errors.ts";
import { type KubeClient, type KubeObject, objectAt, textAt } from "./kube-client.ts";

/** A certificate with its key and the authorities by which it is known; PEM. */
export interface ServingCertificate {
  readonly certificate: string;
  readonly key: string;
  /** The newest first; older ones for replicas that still serve theirs. */
  readonly authorities: string;
}

const serverAuth = "1.3.6.1.5.5.7.3.1";
const lifetimeMs = 90 * 86_400_000;
const renewBeforeMs = 30 * 86_400_000;
const skewMs = 3_600_000;
const attempts = 5;
const entries = { certificate: "server-cert.pem", key: "server-key.pem", authorities: "ca-cert.pem" } as const;

/** Make a certificate for these DNS names, and the authority that signed it. */
export async function makeServingCertificate(names: readonly string[], nowMs: number, earlier = ""): Promise<ServingCertificate> {
  const [authorityKey, serverKey] = [newKey(), newKey()];
  const [authority, server] = [createSigner(authorityKey), createSigner(serverKey)];
  const issuer = encodeName({ organization: "sigillum", commonName: "sigillum admission" });
  const times = { notBeforeMs: nowMs - skewMs, notAfterMs: nowMs + lifetimeMs };
  const authorityDer = await signCertificate(
    {
      serial: serialNumber(),
      issuer,
      subject: issuer,
      ...times,
      spki: authority.publicKey.spki,
      extensions: rootExtensions({ spki: authority.publicKey.spki, pathLength: 0 }),
    },
    authority,
  );
  const serverDer = await signCertificate(
    {
      serial: serialNumber(),
      issuer,
      subject: encodeName({ commonName: names[0] ?? "" }),
      ...times,
      spki: server.publicKey.spki,
      extensions: [
        keyUsageExtension(["digitalSignature"]),
        extendedKeyUsageExtension([serverAuth]),
        authorityKeyIdExtension(keyIdentifier(authority.publicKey.spki)),
        encodeExtension(
          extensionOids.subjectAltName,
          false,
          derSequence(...names.map((value) => encodeGeneralName({ type: "dns", value }))),
        ),
      ],
    },
    authority,
  );
  const [newest = ""] = earlier.split(/(?<=-----END CERTIFICATE-----\n)/);
  return {
    certificate: encodePem("CERTIFICATE", serverDer),
    key: encodePem("PRIVATE KEY", serverKey),
    authorities: `${encodePem("CERTIFICATE", authorityDer)}${newest}`,
  };
}

function newKey(): Uint8Array {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
}

function serialNumber(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** Whether a certificate is for these names and good for a while yet. */
export function isServable(found: ServingCertificate, names: readonly string[], nowMs: number): boolean {
  try {
    const [certificate] = parseCertificatesPem(found.certificate);
    if (certificate === undefined || certificate.notAfterMs - nowMs < renewBeforeMs || certificate.notBeforeMs > nowMs)
      return false;
    const own = subjectAltNames(certificate).flatMap((one) => (one.type === "dns" ? [one.value] : []));
    return names.every((name) => own.includes(name)) && found.key !== "" && found.authorities !== "";
  } catch {
    return false; // whatever stands there is no certificate: another is made
  }
}

/** What the certificate is for and where it goes. */
export interface CertificateOptions {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly secretName: string;
  readonly serviceName: string;
  /** Names of the configurations whose webhooks are to trust it: mutating and validating. */
  readonly mutating: readonly string[];
  readonly validating: readonly string[];
  /** Where the listener reads it. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The files of the listener. */
export function certificateFiles(directory: string): { readonly certificateFile: string; readonly keyFile: string } {
  return { certificateFile: join(directory, "tls.crt"), keyFile: join(directory, "tls.key") };
}

/**
 * See to it that Secret, files and webhook configurations agree on a certificate that is good for a while: take the one that is there,
 * or make one. Of several replicas one writes; the others take what it wrote.
 */
export async function ensureCertificate(options: CertificateOptions): Promise<ServingCertificate> {
  const { directory, logger } = options;
  const certificate = await sharedCertificate(options);
  const { certificateFile, keyFile } = certificateFiles(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeAtomically(keyFile, certificate.key);
  await writeAtomically(certificateFile, certificate.certificate);
  for (const [kind, names] of [
    ["mutatingwebhookconfigurations", options.mutating],
    ["validatingwebhookconfigurations", options.validating],
  ] as const)
    for (const name of names) await tellApiServer(options.kube, kind, name, certificate.authorities, logger);
  return certificate;
}

async function sharedCertificate(options: CertificateOptions): Promise<ServingCertificate> {
  const { kube, namespace, secretName, serviceName, clock, logger } = options;
  const names = [
    `${serviceName}.${namespace}.svc`,
    `${serviceName}.${namespace}.svc.cluster.local`,
    `${serviceName}.${namespace}`,
  ];
  const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const secret = await kube.get(`${collection}/${encodeURIComponent(secretName)}`);
    const found = secret === undefined ? undefined : fromSecret(secret);
    if (found !== undefined && isServable(found, names, clock.nowMs())) return found;
    const made = await makeServingCertificate(names, clock.nowMs(), found?.authorities ?? "");
    const written = toSecret(made, namespace, secretName, secret);
    const stored =
      secret === undefined
        ? await kube.create(collection, written)
        : await kube.replace(`${collection}/${encodeURIComponent(secretName)}`, written);
    if (stored === undefined) continue; // another replica was quicker: take its certificate
    logger.info("admission.certificate-made", { names });
    return made;
  }
  throw admissionError(
    "ADMISSION_API_UNAVAILABLE",
    `Cannot keep the webhook's certificate: Secret ${secretName} was changed by others ${attempts} times`,
  );
}

function fromSecret(secret: KubeObject): ServingCertificate {
  const data = objectAt(secret, "data");
  const part = (name: string): string => Buffer.from(typeof data[name] === "string" ? data[name] : "", "base64").toString("utf8");
  return { certificate: part(entries.certificate), key: part(entries.key), authorities: part(entries.authorities) };
}

function toSecret(made: ServingCertificate, namespace: string, name: string, before: KubeObject | undefined): KubeObject {
  const encoded = (text: string): string => Buffer.from(text, "utf8").toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: before === undefined ? { name, namespace } : objectAt(before, "metadata"),
    type: before === undefined ? "Opaque" : (textAt(before, "type") ?? "Opaque"),
    data: {
      [entries.certificate]: encoded(made.certificate),
      [entries.key]: encoded(made.key),
      [entries.authorities]: encoded(made.authorities),
    },
  };
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

async function tellApiServer(kube: KubeClient, kind: string, name: string, authorities: string, logger: Logger): Promise<void> {
  const path = `/apis/admissionregistration.k8s.io/v1/${kind}/${encodeURIComponent(name)}`;
  const configuration = await kube.get(path);
  if (configuration === undefined) {
    logger.warn("admission.webhook-configuration-missing", { kind, name });
    return;
  }
  const caBundle = Buffer.from(authorities, "utf8").toString("base64");
  const webhooks = configuration["webhooks"];
  const patch = (Array.isArray(webhooks) ? webhooks : []).flatMap((webhook, index) =>
    textAt(webhook, "clientConfig", "caBundle") === caBundle
      ? []
      : [{ op: "add", path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle }],
  );
  if (patch.length > 0) await kube.patch(path, patch);
}
