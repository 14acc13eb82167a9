// Bundles of Rekor v2 whose timestamp vouches for nothing, or for the wrong time (client-conformance.md §8.3, §8.4).

import { signatureBytes } from "@sigillum/library/bundle";
import type { Signer } from "@sigillum/library/crypto";
import { derNull, encodeBase64 } from "@sigillum/library/encoding";
import {
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureArtifact,
  flipLastBit,
  generateSigner,
  issue,
  type MemoryChain,
  type Recipe,
  randomSerial,
  signingTimeMs,
  stamp,
} from "@sigillum/library/testing";
import { encodeTimestampRejection } from "@sigillum/library/timestamp";
import type { CertificateAuthority } from "@sigillum/library/trusted-root";
import {
  basicConstraintsExtension,
  type Certificate,
  type CertificateFields,
  encodeExtension,
  extendedKeyUsageExtension,
  intermediateExtensions,
  keyPurposes,
  keyUsageExtension,
  timestampLeafExtensions,
} from "@sigillum/library/x509";
import { finish, type Made, type NegativeCase, type Sigstores, signed } from "./case.ts";
import { type TokenEdit, token } from "./token.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
type MakeStamp = (sigstores: Sigstores, signature: Uint8Array) => Promise<Uint8Array | readonly Uint8Array[]>;

function stampedBy(
  make: MakeStamp,
  recipe: Recipe = { log: "v2" },
  authorities?: (sigstores: Sigstores) => readonly CertificateAuthority[],
): NegativeCase["make"] {
  return async (sigstores): Promise<Made> => {
    const { bundle } = await sigstores.own.sign({ ...recipe, timestamp: false });
    const made = await make(sigstores, signatureBytes(bundle));
    const timestamps = made instanceof Uint8Array ? [made] : made;
    const timestampAuthorities = authorities?.(sigstores) ?? sigstores.own.trustedRoot.timestampAuthorities;
    return finish({ ...sigstores.own.trustedRoot, timestampAuthorities }, { ...bundle, timestamps });
  };
}

// An authority of its own for one case, with something wrong in its certificates: the trusted root trusts it, and it stamps well.
function byAuthority(
  create: () => Promise<
    MemoryChain & { readonly chain?: readonly Certificate[]; readonly period?: { startMs: number; endMs: number } }
  >,
): NegativeCase["make"] {
  return async (sigstores) => {
    const tsa = await create();
    const authority = {
      ...authorityOf(tsa, "https://tsa.sigstore.test", tsa.period ?? defaultPeriod),
      ...(tsa.chain === undefined ? {} : { chain: tsa.chain }),
    };
    return stampedBy(
      (_, signature) => token(tsa, signature, {}),
      { log: "v2" },
      () => [authority],
    )(sigstores);
  };
}

async function withLeaf(edit: (fields: CertificateFields) => CertificateFields, signer?: Signer): Promise<MemoryChain> {
  const chain = await createChain("timeStamping", "tsa");
  const spki = chain.issuingSigner.publicKey.spki;
  const fields: CertificateFields = {
    serial: randomSerial(),
    issuer: chain.root.subject,
    subject: chain.issuing.subject,
    notBeforeMs: defaultPeriod.startMs,
    notAfterMs: defaultPeriod.endMs,
    spki,
    extensions: timestampLeafExtensions({ spki, issuerSpki: chain.root.spki }),
  };
  return { ...chain, issuing: await issue(edit(fields), signer ?? chain.rootSigner) };
}

const extension =
  (index: number, other: Uint8Array) =>
  (fields: CertificateFields): CertificateFields => ({
    ...fields,
    extensions: fields.extensions.map((own, i) => (i === index ? other : own)),
  });

// Between root and leaf an intermediate, with something wrong in it.
async function withIntermediate(
  edit: (fields: CertificateFields) => CertificateFields,
): Promise<MemoryChain & { readonly chain: readonly Certificate[] }> {
  const [chain, middle] = [await createChain("timeStamping", "tsa"), generateSigner()];
  const { spki } = middle.publicKey;
  const validity = { notBeforeMs: defaultPeriod.startMs, notAfterMs: defaultPeriod.endMs };
  const intermediate = await issue(
    edit({
      ...validity,
      serial: randomSerial(),
      issuer: chain.root.subject,
      subject: chain.issuing.issuer,
      spki,
      extensions: intermediateExtensions({ spki, issuerSpki: chain.root.spki, purpose: "timeStamping" }),
    }),
    chain.rootSigner,
  );
  const named = { ...intermediate };
  const leafSpki = chain.issuingSigner.publicKey.spki;
  const issuing = await issue(
    {
      ...validity,
      serial: randomSerial(),
      issuer: named.subject,
      subject: chain.issuing.subject,
      spki: leafSpki,
      extensions: timestampLeafExtensions({ spki: leafSpki, issuerSpki: spki }),
    },
    middle,
  );
  return { ...chain, issuing, chain: [issuing, intermediate, chain.root] };
}

const foreign = encodeExtension("1.2.3.4", true, derNull());
const crafted = (edit: TokenEdit): NegativeCase["make"] => stampedBy(({ own }, signature) => token(own.tsa, signature, edit));
const at = (genTimeMs: number): NegativeCase["make"] => stampedBy(({ own }, signature) => stamp(own.tsa, signature, genTimeMs));

type Row = readonly [name: string, rule: string, code: string, wrong: string, make: NegativeCase["make"]];

const rows: readonly Row[] = [
  [
    "time-none-rekor2",
    "8.3",
    "THRESHOLD_OBSERVED_TIMES",
    "an entry of Rekor v2 and no timestamp",
    signed({ log: "v2", timestamp: false }),
  ],
  [
    "time-unpromised",
    "8.3",
    "THRESHOLD_OBSERVED_TIMES",
    "an integrated time that nothing promises",
    signed({ entry: ({ promise: _, ...entry }) => entry }),
  ],
  [
    "time-of-checkpoint",
    "8.3",
    "THRESHOLD_OBSERVED_TIMES",
    "a time in the signed checkpoint alone",
    signed({
      log: "v2",
      timestamp: false,
      checkpoint: (honest) => ({ ...honest, extensions: [`Timestamp: ${signingTimeMs}000000`] }),
    }),
  ],
  [
    "time-before-certificate",
    "8.3",
    "X509_NOT_YET_VALID",
    "a timestamp from before the certificate",
    at(signingTimeMs - 2 * minute),
  ],
  ["time-after-certificate", "8.3", "X509_EXPIRED", "a timestamp from after the certificate", at(signingTimeMs + 20 * minute)],
  [
    "time-integrated-before-certificate",
    "8.3",
    "X509_NOT_YET_VALID",
    "an integrated time from before the certificate",
    signed({ integratedTimeS: signingTimeMs / 1000 - 120 }),
  ],
  [
    "time-integrated-after-certificate",
    "8.3",
    "X509_EXPIRED",
    "an integrated time from after the certificate",
    signed({ integratedTimeS: signingTimeMs / 1000 + 1200 }),
  ],
  [
    "time-second-bad",
    "8.3",
    "X509_EXPIRED",
    "a good timestamp, and one from after the certificate",
    stampedBy(async ({ own }, signature) => [
      await stamp(own.tsa, signature, signingTimeMs),
      await stamp(own.tsa, signature, signingTimeMs + 20 * minute),
    ]),
  ],
  [
    "time-bad-beside-promise",
    "8.3",
    "X509_EXPIRED",
    "a good integrated time, and a timestamp from after the certificate",
    stampedBy(({ own }, signature) => stamp(own.tsa, signature, signingTimeMs + 20 * minute), {}),
  ],
  [
    "token-over-another-signature",
    "8.4",
    "TIMESTAMP_IMPRINT_MISMATCH",
    "the token is over another signature",
    signed({ log: "v2", stamped: flipLastBit }),
  ],
  [
    "token-over-the-artifact",
    "8.4",
    "TIMESTAMP_IMPRINT_MISMATCH",
    "the token is over the artifact",
    signed({ log: "v2", stamped: () => fixtureArtifact }),
  ],
  [
    "token-over-base64",
    "8.4",
    "TIMESTAMP_IMPRINT_MISMATCH",
    "the token is over the signature's base64",
    signed({ log: "v2", stamped: (signature) => new TextEncoder().encode(encodeBase64(signature)) }),
  ],
  [
    "token-bad-beside-good",
    "8.4",
    "TIMESTAMP_IMPRINT_MISMATCH",
    "a good token, and one over another signature",
    stampedBy(async ({ own }, signature) => [
      await stamp(own.tsa, signature, signingTimeMs),
      await stamp(own.tsa, flipLastBit(signature), signingTimeMs),
    ]),
  ],
  [
    "token-of-stranger",
    "8.4",
    "TIMESTAMP_UNKNOWN_AUTHORITY",
    "the token is of an authority that nobody trusts",
    stampedBy(({ other }, signature) => stamp(other.tsa, signature, signingTimeMs)),
  ],
  [
    "token-imprint-sha1",
    "8.4",
    "TIMESTAMP_IMPRINT_HASH_UNSUPPORTED",
    "the imprint is by SHA-1",
    crafted({ imprintHash: "sha1" }),
  ],
  [
    "token-signature-changed",
    "8.4",
    "TIMESTAMP_SIGNATURE_INVALID",
    "the last bit of the token's signature is another",
    crafted({ signature: flipLastBit }),
  ],
  [
    "token-signature-of-another-key",
    "8.4",
    "TIMESTAMP_SIGNATURE_INVALID",
    "another key signed, under the authority's name",
    stampedBy(({ own }, signature) => stamp(own.tsa, signature, signingTimeMs, generateSigner())),
  ],
  [
    "token-digest-another",
    "8.4",
    "TIMESTAMP_MESSAGE_DIGEST_MISMATCH",
    "the signed digest is not that of the content",
    crafted({ messageDigest: flipLastBit }),
  ],
  [
    "token-certificate-another",
    "8.4",
    "TIMESTAMP_CERTIFICATE_MISMATCH",
    "the signed certificate hash is another's",
    crafted({ certificateHash: flipLastBit }),
  ],
  [
    "token-content-type-another",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "the content is of another type than a timestamp",
    crafted({ contentType: "1.2.840.113549.1.7.1" }),
  ],
  [
    "token-signed-content-type-another",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "the signed content type is another",
    crafted({ signedContentType: "1.2.840.113549.1.7.1" }),
  ],
  [
    "token-without-digest",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "no signed digest",
    crafted({ attributes: ([type = new Uint8Array(0), , certificate = new Uint8Array(0)]) => [type, certificate] }),
  ],
  [
    "token-without-certificate-id",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "no signed certificate hash",
    crafted({ attributes: (honest) => honest.slice(0, 2) }),
  ],
  [
    "token-attribute-twice",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "the content type stands twice",
    crafted({ attributes: (honest) => [...honest, ...honest.slice(0, 1)] }),
  ],
  ["token-two-signers", "8.4", "TIMESTAMP_RESPONSE_MALFORMED", "two signers", crafted({ signerInfos: (one) => [one, one] })],
  ["token-no-signer", "8.4", "TIMESTAMP_RESPONSE_MALFORMED", "no signer", crafted({ signerInfos: () => [] })],
  ["token-version-2", "8.4", "TIMESTAMP_RESPONSE_MALFORMED", "a timestamp of version 2", crafted({ infoVersion: 2 })],
  [
    "token-critical-extension",
    "8.4",
    "TIMESTAMP_EXTENSION_UNSUPPORTED",
    "a critical extension that nobody knows",
    crafted({ extension: foreign }),
  ],
  [
    "token-trailing-byte",
    "8.4",
    "TIMESTAMP_RESPONSE_MALFORMED",
    "a byte follows the response",
    crafted({ after: Uint8Array.of(0) }),
  ],
  ["token-empty", "8.4", "TIMESTAMP_RESPONSE_MALFORMED", "a response of no bytes", stampedBy(async () => new Uint8Array(0))],
  ["token-with-modifications", "8.4", "TIMESTAMP_NOT_GRANTED", "the response's status is not 0", crafted({ status: 1 })],
  [
    "token-rejected",
    "8.4",
    "TIMESTAMP_NOT_GRANTED",
    "the response rejects the request",
    stampedBy(async () => encodeTimestampRejection("badRequest", "no")),
  ],
  [
    "tsa-window-over",
    "8.4",
    "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
    "the authority's period ended a second before the token",
    byAuthority(async () => ({
      ...(await createChain("timeStamping", "tsa")),
      period: { startMs: 0, endMs: signingTimeMs - 1000 },
    })),
  ],
  [
    "tsa-window-not-begun",
    "8.4",
    "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
    "the authority's period begins a second after the token",
    byAuthority(async () => ({
      ...(await createChain("timeStamping", "tsa")),
      period: { startMs: signingTimeMs + 1000, endMs: defaultPeriod.endMs },
    })),
  ],
  [
    "tsa-window-of-another",
    "8.4",
    "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
    "the period of an unrelated authority covers the token, its own does not",
    stampedBy(
      ({ own }, signature) => stamp(own.tsa, signature, signingTimeMs),
      { log: "v2" },
      ({ own, other }) => [
        authorityOf(own.tsa, "https://a.sigstore.test", { startMs: 0, endMs: signingTimeMs - 1000 }),
        authorityOf(other.tsa, "https://b.sigstore.test"),
      ],
    ),
  ],
  [
    "tsa-certificate-expired",
    "8.4",
    "X509_EXPIRED",
    "the authority's certificate ended before the token",
    byAuthority(() => withLeaf((fields) => ({ ...fields, notAfterMs: signingTimeMs - day }))),
  ],
  [
    "tsa-certificate-not-begun",
    "8.4",
    "X509_NOT_YET_VALID",
    "the authority's certificate begins after the token",
    byAuthority(() => withLeaf((fields) => ({ ...fields, notBeforeMs: signingTimeMs + day }))),
  ],
  [
    "tsa-usage-not-critical",
    "8.4",
    "X509_EXTENDED_KEY_USAGE",
    "the extended key usage is not critical",
    byAuthority(() => withLeaf(extension(1, extendedKeyUsageExtension([keyPurposes.timeStamping])))),
  ],
  [
    "tsa-usage-two-purposes",
    "8.4",
    "X509_EXTENDED_KEY_USAGE",
    "timeStamping is not the only purpose",
    byAuthority(() =>
      withLeaf(extension(1, extendedKeyUsageExtension([keyPurposes.timeStamping, keyPurposes.codeSigning], true))),
    ),
  ],
  [
    "tsa-usage-another",
    "8.4",
    "X509_EXTENDED_KEY_USAGE",
    "the certificate is for code signing",
    byAuthority(() => withLeaf(extension(1, extendedKeyUsageExtension([keyPurposes.codeSigning], true)))),
  ],
  [
    "tsa-usage-missing",
    "8.4",
    "X509_EXTENDED_KEY_USAGE",
    "the certificate has no extended key usage",
    byAuthority(() => withLeaf((fields) => ({ ...fields, extensions: fields.extensions.filter((_, i) => i !== 1) }))),
  ],
  [
    "tsa-key-usage",
    "8.4",
    "X509_KEY_USAGE",
    "the certificate's key may not sign",
    byAuthority(() => withLeaf(extension(0, keyUsageExtension(["keyAgreement"])))),
  ],
  [
    "tsa-leaf-is-a-ca",
    "8.4",
    "X509_LEAF_IS_A_CA",
    "the authority's certificate is that of a CA",
    byAuthority(() => withLeaf((fields) => ({ ...fields, extensions: [...fields.extensions, basicConstraintsExtension()] }))),
  ],
  [
    "tsa-critical-extension",
    "8.4",
    "X509_UNKNOWN_CRITICAL_EXTENSION",
    "the certificate has a critical extension that nobody knows",
    byAuthority(() => withLeaf((fields) => ({ ...fields, extensions: [...fields.extensions, foreign] }))),
  ],
  [
    "tsa-signature-of-another-root",
    "8.4",
    "X509_SIGNATURE_INVALID",
    "another root of the same name signed the authority's certificate",
    byAuthority(() => withLeaf((fields) => fields, generateSigner())),
  ],
  [
    "tsa-intermediate-no-ca",
    "8.4",
    "X509_NOT_A_CA",
    "the intermediate is no authority",
    byAuthority(() =>
      withIntermediate((fields) => ({
        ...fields,
        subject: fields.subject,
        extensions: fields.extensions.filter((_, i) => i !== 2),
      })),
    ),
  ],
  [
    "tsa-intermediate-usage",
    "8.4",
    "X509_EXTENDED_KEY_USAGE",
    "the intermediate is for code signing",
    byAuthority(() => withIntermediate(extension(1, extendedKeyUsageExtension([keyPurposes.codeSigning])))),
  ],
  [
    "tsa-intermediate-expired",
    "8.4",
    "X509_EXPIRED",
    "the intermediate ended before the token",
    byAuthority(() => withIntermediate((fields) => ({ ...fields, notAfterMs: signingTimeMs - day }))),
  ],
];

/** The cases of this file. */
export const timestampCases: readonly NegativeCase[] = rows.map(([name, rule, code, wrong, make]) => ({
  name,
  rule,
  code,
  wrong,
  make,
}));
