// TrustRoot (policy.sigstore.dev/v1alpha1): where keys and certificates of a Sigstore come from. Exactly one of four: a TUF repository
// (`remote`), one packed into the object (`repository`), the keys themselves (`sigstoreKeys`), or a trusted_root.json (`trustedRoot`, ours).
import { defaultScheme, parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue, parseBase64, parseUtf8 } from "@sigillum/library/encoding";
import {
  type CertificateAuthority,
  parseTrustedRoot,
  type TransparencyLog,
  type TrustedRoot,
} from "@sigillum/library/trusted-root";
import { parseCertificatesPem } from "@sigillum/library/x509";
import { imagePolicyError } from "./errors.ts";
import { describe, FieldNotes, type FieldProblem, FieldReader, isUrl, requireKind } from "./field-reader.ts";

/** What a TrustRoot object names. */
export interface TrustRootObject {
  readonly name: string;
  readonly resourceVersion: string;
  readonly from: TrustRootSource;
}

/** One of the four. */
export type TrustRootSource =
  | {
      readonly type: "remote";
      readonly root: Uint8Array;
      readonly mirror: string;
      readonly targets: string;
      readonly target: string;
    }
  | {
      readonly type: "repository";
      readonly root: Uint8Array;
      readonly archive: Uint8Array;
      readonly targets: string;
      readonly target: string;
    }
  | { readonly type: "keys"; readonly trustedRoot: TrustedRoot };

/** What reading a TrustRoot gave: what it names, unless there are problems. */
export interface ReadTrustRoot {
  readonly trustRoot?: TrustRootObject;
  readonly problems: readonly FieldProblem[];
}

const kinds = ["remote", "repository", "sigstoreKeys", "trustedRoot"];

/** Read a TrustRoot and note everything that is wrong with it; keys and certificates are read too, each of them. */
export function readTrustRoot(value: JsonValue): ReadTrustRoot {
  const notes = new FieldNotes();
  const object = new FieldReader(value, "", notes);
  requireKind(object, "TrustRoot", ["policy.sigstore.dev/v1alpha1"]);
  object.only(["apiVersion", "kind", "metadata", "spec", "status"]);
  const metadata = new FieldReader(object.value("metadata"), "metadata", notes);
  const spec = new FieldReader(object.value("spec"), "spec", notes).only(kinds);
  const [kind, second] = spec.oneOf(kinds);
  const from = kind === undefined || second !== undefined ? undefined : readSource(kind, spec);
  if (notes.problems.length > 0 || from === undefined) return { problems: notes.problems };
  const [name, resourceVersion] = [metadata.text("name") ?? "", metadata.text("resourceVersion") ?? ""];
  return { trustRoot: { name, resourceVersion, from }, problems: [] };
}

/** As readTrustRoot, and throws the first problem. */
export function parseTrustRoot(value: JsonValue): TrustRootObject {
  const { trustRoot, problems } = readTrustRoot(value);
  if (trustRoot !== undefined) return trustRoot;
  const text = problems.map(({ message }) => message).join("; ");
  throw imagePolicyError(problems[0]?.code ?? "IMAGE_POLICY_FIELD_INVALID", `Cannot use TrustRoot: ${text}`);
}

function readSource(kind: string, spec: FieldReader): TrustRootSource | undefined {
  if (kind === "trustedRoot") return readDocument(spec);
  const inner = spec.object(kind);
  if (inner === undefined) return undefined;
  if (kind === "sigstoreKeys") return { type: "keys", trustedRoot: readKeys(inner) };
  const own = kind === "remote" ? "mirror" : "mirrorFS";
  inner.only(["root", own, "targets", "trustedRootTarget"]);
  const root = readBytes(inner, "root");
  const targets = inner.text("targets") ?? "targets";
  const target = inner.text("trustedRootTarget") ?? "trusted_root.json";
  if (kind === "repository") {
    const archive = readBytes(inner, "mirrorFS");
    return { type: "repository", root, archive, targets, target };
  }
  const mirror = inner.text("mirror");
  if (mirror === undefined) inner.missing("mirror");
  else if (!isUrl(mirror, /^https?$/)) inner.invalid("mirror", describe(mirror), "an http or https URL");
  return { type: "remote", root, mirror: mirror ?? "", targets, target };
}

// Ours: the document that `sigillum trusted-root create` and TUF repositories give, as text or as an object.
function readDocument(spec: FieldReader): TrustRootSource | undefined {
  const value = spec.value("trustedRoot");
  try {
    return { type: "keys", trustedRoot: parseTrustedRoot(typeof value === "string" ? value : JSON.stringify(value)) };
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    spec.notes.problem(
      "IMAGE_POLICY_TRUST_ROOT_MALFORMED",
      spec.at("trustedRoot"),
      `${spec.at("trustedRoot")}: ${error.message}`,
    );
    return undefined;
  }
}

function readKeys(reader: FieldReader): TrustedRoot {
  reader.only(["certificateAuthorities", "tLogs", "ctLogs", "timestampAuthorities"]);
  return {
    certificateAuthorities: reader.objects("certificateAuthorities").flatMap((one) => readAuthorityOf(one) ?? []),
    tlogs: reader.objects("tLogs").flatMap((one) => readLog(one) ?? []),
    ctlogs: reader.objects("ctLogs").flatMap((one) => readLog(one) ?? []),
    timestampAuthorities: reader.objects("timestampAuthorities").flatMap((one) => readAuthorityOf(one) ?? []),
  };
}

function readAuthorityOf(reader: FieldReader): CertificateAuthority | undefined {
  reader.only(["subject", "uri", "certChain"]);
  const subject = reader.object("subject")?.only(["organization", "commonName"]);
  const [organization, commonName] = [subject?.text("organization"), subject?.text("commonName")];
  const uri = reader.text("uri") ?? "";
  return readable(reader, "certChain", () => {
    const chain = parseCertificatesPem(parseUtf8(readBytes(reader, "certChain")));
    if (chain.length === 0) throw imagePolicyError("IMAGE_POLICY_TRUST_ROOT_MALFORMED", "it holds no certificate");
    return {
      uri,
      subject: { ...(organization === undefined ? {} : { organization }), ...(commonName === undefined ? {} : { commonName }) },
      chain,
      validFor: { startMs: 0 }, // the object has no place for a period: the certificates' own remain
    };
  });
}

function readLog(reader: FieldReader): TransparencyLog | undefined {
  reader.only(["baseURL", "hashAlgorithm", "publicKey"]);
  const hash = reader.text("hashAlgorithm") ?? "sha-256";
  if (!/^sha-?2?-?_?256$/i.test(hash)) reader.invalid("hashAlgorithm", describe(hash), "sha-256");
  return readable(reader, "publicKey", () => {
    const publicKey = parsePublicKeyPem(parseUtf8(readBytes(reader, "publicKey")));
    return {
      baseUrl: reader.text("baseURL") ?? "",
      hashAlgorithm: "sha256",
      publicKey,
      scheme: defaultScheme(publicKey),
      validFor: { startMs: 0 },
      logId: sha256(publicKey.spki),
    };
  });
}

function readable<T>(reader: FieldReader, name: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    reader.notes.problem("IMAGE_POLICY_TRUST_ROOT_MALFORMED", reader.at(name), `${reader.at(name)}: ${error.message}`);
    return undefined;
  }
}

function readBytes(reader: FieldReader, name: string): Uint8Array {
  const text = reader.text(name);
  if (text === undefined) {
    reader.missing(name);
    return new Uint8Array(0);
  }
  try {
    return parseBase64(text.replaceAll(/\s/g, ""));
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    reader.invalid(name, "no base64", "base64");
    return new Uint8Array(0);
  }
}
