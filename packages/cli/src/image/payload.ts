// What `verify` writes on stdout for a signature: cosign's element of a JSON array, filled for bundles as for the tag layout
// (signing-client §1.8).
import { type Bundle, signingCertificate } from "@sigillum/library/bundle";
import { encodeBase64, encodeHex, isSigillumError, type JsonValue, parseUtf8 } from "@sigillum/library/encoding";
import type { ImageSignature } from "@sigillum/library/image";
import type { Descriptor } from "@sigillum/library/oci";
import type { Verified } from "@sigillum/library/verification";
import type { Certificate } from "@sigillum/library/x509";

/** One element of the array that `verify` prints. */
export interface PayloadElement {
  readonly critical: {
    readonly identity: { readonly "docker-reference": string };
    readonly image: { readonly "docker-manifest-digest": string };
    readonly type: string;
  };
  readonly optional: Readonly<Record<string, JsonValue>> | null;
}

/** The element for a signature that verified; `reference` is what stood on the command line. */
export function payloadElement(signature: ImageSignature, image: Descriptor, reference: string): PayloadElement {
  const { payload, verified, bundle } = signature;
  const optional = {
    ...(payload === undefined ? statementAnnotations(verified) : payload.optional),
    ...proofs(bundle, verified),
  };
  return {
    critical: {
      identity: { "docker-reference": payload?.dockerReference ?? reference },
      image: { "docker-manifest-digest": payload?.digest ?? image.digest },
      type: payload?.type ?? verified.statement?.predicateType ?? "",
    },
    optional: Object.keys(optional).length === 0 ? null : sorted(optional),
  };
}

function statementAnnotations({ statement }: Verified): Record<string, JsonValue> {
  const annotations = statement?.subject[0]?.annotations;
  if (typeof annotations !== "object" || annotations === null || Array.isArray(annotations)) return {};
  return Object.fromEntries(Object.entries(annotations));
}

function proofs(bundle: Bundle, verified: Verified): Record<string, JsonValue> {
  const entry = bundle.tlogEntries.find(({ promise, body }) => promise !== undefined && body !== undefined);
  const [stamp] = bundle.timestamps;
  const { identity } = verified;
  const certificate = signingCertificate(bundle);
  return {
    ...(certificate === undefined ? {} : extensionsOf(certificate)),
    ...(identity === undefined ? {} : { Subject: identity.san, Issuer: identity.issuer, ...friendlyClaims(identity.claims) }),
    ...(entry?.promise === undefined || entry.body === undefined
      ? {}
      : {
          Bundle: {
            SignedEntryTimestamp: encodeBase64(entry.promise),
            Payload: {
              body: encodeBase64(entry.body),
              integratedTime: entry.integratedTimeS ?? 0,
              logIndex: entry.logIndex,
              logID: encodeHex(entry.logId),
            },
          },
        }),
    ...(stamp === undefined ? {} : { RFC3161Timestamp: { SignedRFC3161Timestamp: encodeBase64(stamp) } }),
  };
}

const arc = "1.3.6.1.4.1.57264.1.";

// As cosign: the OID of each of Fulcio's first six extensions with its raw text.
function extensionsOf(certificate: Certificate): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { oid, value } of certificate.extensions) {
    if (!oid.startsWith(arc) || !/^[1-6]$/.test(oid.slice(arc.length))) continue;
    try {
      found[oid] = parseUtf8(value);
    } catch (error) {
      if (!isSigillumError(error)) throw error; // no text, and so nothing to show
    }
  }
  return found;
}

function friendlyClaims(claims: object): Record<string, string> {
  const names = [
    "githubWorkflowTrigger",
    "githubWorkflowSha",
    "githubWorkflowName",
    "githubWorkflowRepository",
    "githubWorkflowRef",
  ];
  return Object.fromEntries(Object.entries(claims).filter(([name, value]) => names.includes(name) && typeof value === "string"));
}

function sorted(object: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
