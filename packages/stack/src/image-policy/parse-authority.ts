// One authority of a ClusterImagePolicy.
import { parsePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import { compileRegex, isPolicyError } from "@sigillum/policy/values";
import { describe, type FieldReader, isUrl, type PolicyRules } from "./field-reader.ts";
import type {
  Authority,
  Identity,
  KeylessAuthority,
  KeyReference,
  SignatureSource,
  StaticAuthority,
  WantedAttestation,
} from "./image-policy.ts";
import { readPolicyText } from "./parse-text.ts";

const fields = ["name", "key", "keyless", "static", "source", "ctlog", "attestations", "rfc3161timestamp", "signatureFormat"];
const hashes = ["sha224", "sha256", "sha384", "sha512"] as const;
const shortTypes = [
  "custom",
  "slsaprovenance",
  "slsaprovenance02",
  "slsaprovenance1",
  "spdx",
  "spdxjson",
  "cyclonedx",
  "link",
  "vuln",
  "openvex",
];
const kmsForms: Readonly<Record<string, RegExp>> = {
  "awskms://":
    /^awskms:\/\/[^/]*\/(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|alias\/.+|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)\/.+)$/,
  "azurekms://": /^azurekms:\/\/[^/]+\/.+$/,
  "gcpkms://": /^gcpkms:\/\/projects\/.+$/,
  "hashivault://": /^hashivault:\/\/.+$/,
};

/** Read an authority; undefined where it is none at all. */
export function readAuthority(reader: FieldReader, index: number, rules: PolicyRules): Authority | undefined {
  reader.only(fields);
  const name = reader.text("name") ?? `authority-${index}`;
  const kinds = reader.oneOf(["key", "keyless", "static"]);
  if (kinds.length !== 1) return undefined;
  const ctlog = reader.object("ctlog")?.only(["url", "trustRootRef"]);
  const timestamp = reader.object("rfc3161timestamp")?.only(["trustRootRef"]);
  const by = readBy(reader, kinds[0] ?? "", rules);
  if (by?.type === "static")
    for (const other of ["attestations", "source", "ctlog", "rfc3161timestamp", "signatureFormat"])
      if (reader.has(other)) reader.oneOf(["static", other]);
  const format = reader.text("signatureFormat");
  if (format !== undefined && format !== "legacy" && format !== "bundle")
    reader.invalid("signatureFormat", describe(format), "legacy or bundle");
  const source = readSource(reader);
  const ctUrl = ctlog?.text("url");
  const ctRoot = ctlog?.text("trustRootRef");
  const tsRoot = timestamp?.text("trustRootRef");
  if (by === undefined) return undefined;
  return {
    name,
    by,
    ...(ctlog === undefined
      ? {}
      : {
          ctlog: { ...(ctUrl === undefined ? {} : { url: ctUrl }), ...(ctRoot === undefined ? {} : { trustRootRef: ctRoot }) },
        }),
    ...(timestamp === undefined ? {} : { rfc3161timestamp: tsRoot === undefined ? {} : { trustRootRef: tsRoot } }),
    ...(source === undefined ? {} : { source }),
    attestations: readAttestations(reader),
    ...(format === "legacy" || format === "bundle" ? { signatureFormat: format } : {}),
  };
}

function readBy(reader: FieldReader, kind: string, rules: PolicyRules): Authority["by"] | undefined {
  const inner = reader.object(kind);
  if (inner === undefined) return undefined;
  if (kind === "static") return readStatic(inner);
  if (kind === "keyless") return readKeyless(inner, rules);
  const key = readKey(inner, rules);
  return key === undefined ? undefined : { type: "key", key };
}

function readStatic(reader: FieldReader): StaticAuthority {
  reader.only(["action", "message"]);
  const action = reader.text("action");
  if (action === undefined) reader.missing("action");
  else if (action !== "pass" && action !== "fail") reader.invalid("action", describe(action), "pass or fail");
  return { type: "static", action: action === "pass" ? "pass" : "fail", message: reader.text("message") ?? "" };
}

function readKey(reader: FieldReader, rules: PolicyRules): KeyReference | undefined {
  reader.only(["data", "secretRef", "kms", "hashAlgorithm"]);
  const hash = reader.text("hashAlgorithm");
  const hashAlgorithm = hashes.find((one) => one === hash);
  if (hash !== undefined && hashAlgorithm === undefined) reader.invalid("hashAlgorithm", describe(hash), hashes.join(", "));
  const found = reader.oneOf(["data", "kms", "secretRef"]);
  if (found.length !== 1) return undefined;
  const common = hashAlgorithm === undefined ? {} : { hashAlgorithm };
  const data = reader.text("data");
  if (data !== undefined) {
    try {
      parsePublicKeyPem(data);
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      reader.invalid("data", "no public key in PEM", `one that can be used: ${error.message}`);
    }
    return { ...common, data };
  }
  const kms = reader.text("kms");
  if (kms !== undefined) {
    const form = Object.entries(kmsForms).find(([scheme]) => kms.startsWith(scheme))?.[1];
    if (form?.test(kms) !== true)
      reader.invalid("kms", describe(kms), "awskms://, azurekms://, gcpkms:// or hashivault:// with a key");
    return { ...common, kms };
  }
  const secret = reader.object("secretRef")?.only(["name", "namespace"]);
  const [name, namespace] = [secret?.text("name"), secret?.text("namespace")];
  if (name === undefined) secret?.missing("name");
  if (namespace !== undefined && rules.namespace !== undefined && namespace !== rules.namespace)
    secret?.invalid("namespace", describe(namespace), `the controller's own, ${rules.namespace}`);
  return name === undefined ? undefined : { ...common, secretRef: name };
}

function readKeyless(reader: FieldReader, rules: PolicyRules): KeylessAuthority {
  reader.only(["url", "ca-cert", "identities", "trustRootRef", "insecureIgnoreSCT"]);
  reader.oneOf(["url", "ca-cert"], false);
  const url = reader.text("url");
  if (url !== undefined && !isUrl(url)) reader.invalid("url", describe(url), "a URL");
  const caReader = reader.object("ca-cert");
  const caCert = caReader === undefined ? undefined : readCaCert(caReader, rules);
  const identities = reader.objects("identities").flatMap((one) => readIdentity(one) ?? []);
  if (reader.list("identities").length === 0) reader.missing("identities");
  const trustRootRef = reader.text("trustRootRef");
  return {
    type: "keyless",
    ...(url === undefined ? {} : { url }),
    ...(caCert === undefined ? {} : { caCert }),
    identities,
    ...(trustRootRef === undefined ? {} : { trustRootRef }),
    insecureIgnoreSct: reader.flag("insecureIgnoreSCT"),
  };
}

// A chain of certificates in the place of a public key; the original reads the field and never uses it.
function readCaCert(reader: FieldReader, rules: PolicyRules): KeyReference | undefined {
  reader.only(["data", "secretRef", "kms"]);
  const data = reader.text("data");
  if (data !== undefined) return { data };
  return readKey(reader, rules);
}

function readIdentity(reader: FieldReader): Identity | undefined {
  reader.only(["issuer", "issuerRegExp", "subject", "subjectRegExp"]);
  const side = (name: "issuer" | "subject"): Identity["issuer"] | undefined => {
    const [text, regExp] = [reader.text(name), reader.text(`${name}RegExp`)];
    if (reader.oneOf([name, `${name}RegExp`]).length !== 1) return undefined;
    if (text !== undefined) return { text };
    if (regExp === undefined) return undefined;
    checkExpression(reader, `${name}RegExp`, regExp);
    return { regExp };
  };
  const [issuer, subject] = [side("issuer"), side("subject")];
  return issuer === undefined || subject === undefined ? undefined : { issuer, subject };
}

function checkExpression(reader: FieldReader, name: string, expression: string): void {
  try {
    compileRegex(expression);
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    reader.invalid(name, describe(expression), `a regular expression of RE2: ${error.message}`);
    return;
  }
  if (!/^(?:\(\?[a-zA-Z]+\))?(?:\^|\\A).*(?:\$|\\z)$/s.test(expression))
    reader.notes.warn(
      reader.at(name),
      `${reader.at(name)} is not anchored with ^ and $: it matches anywhere in a name, also in another host's`,
    );
}

function readSource(reader: FieldReader): SignatureSource | undefined {
  const sources = reader.objects("source");
  const [source, second] = sources;
  if (second !== undefined) reader.invalid("source", `${sources.length} sources`, "at most one");
  if (source === undefined) return undefined;
  source.only(["oci", "signaturePullSecrets", "tagPrefix"]);
  const [oci, tagPrefix] = [source.text("oci"), source.text("tagPrefix")];
  if (oci !== undefined && !/^[A-Za-z0-9.:[\]_-]+(?:\/[a-z0-9._-]+)+$/.test(oci))
    source.invalid("oci", describe(oci), "a repository, as registry.example.com/signatures");
  if (tagPrefix !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9._-]{0,50}$/.test(tagPrefix))
    source.invalid("tagPrefix", describe(tagPrefix), "the beginning of a tag");
  const signaturePullSecrets = source.objects("signaturePullSecrets").flatMap((one) => {
    const name = one.only(["name"]).text("name");
    if (name === undefined) one.missing("name");
    return name === undefined ? [] : [name];
  });
  return {
    ...(oci === undefined ? {} : { oci }),
    signaturePullSecrets,
    ...(tagPrefix === undefined ? {} : { tagPrefix }),
  };
}

function readAttestations(reader: FieldReader): WantedAttestation[] {
  const seen = new Set<string>();
  return reader.objects("attestations").flatMap((one) => {
    one.only(["name", "predicateType", "policy"]);
    const [name, predicateType] = [one.text("name"), one.text("predicateType")];
    if (name === undefined) one.missing("name");
    else if (seen.has(name)) one.invalid("name", `${describe(name)}, which stands twice`, "a name of its own");
    if (name !== undefined) seen.add(name);
    if (predicateType === undefined) one.missing("predicateType");
    else if (shortTypes.includes(predicateType) || !/^[a-z][a-z0-9+.-]*:\S+$/i.test(predicateType))
      one.notes.warn(
        one.at("predicateType"),
        `${one.at("predicateType")} is the short name ${describe(predicateType)}: write its URI`,
      );
    const policyReader = one.object("policy");
    const policy = policyReader === undefined ? undefined : readPolicyText(policyReader);
    return name === undefined || predicateType === undefined
      ? []
      : [{ name, predicateType, ...(policy === undefined ? {} : { policy }) }];
  });
}
