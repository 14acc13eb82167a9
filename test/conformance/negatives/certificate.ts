// Bundles whose certificate proves nothing: its path, its periods, its SCTs (client-conformance.md §8.2, §8.3, §8.5).
import type { SignedCertificateTimestamp } from "@sigillum/library/ct";
import { derNull, derOctetString } from "@sigillum/library/encoding";
import {
  authorityOf,
  createChain,
  defaultPeriod,
  flipLastBit,
  generateSigner,
  issue,
  type MemoryChain,
  type Recipe,
  randomSerial,
  signingTimeMs,
} from "@sigillum/library/testing";
import type { CertificateAuthority } from "@sigillum/library/trusted-root";
import {
  basicConstraintsExtension,
  type Certificate,
  type CertificateFields,
  encodeExtension,
  extendedKeyUsageExtension,
  extensionOids,
  intermediateExtensions,
  keyPurposes,
  keyUsageExtension,
  rootExtensions,
  sctListExtension,
} from "@sigillum/library/x509";
import { type Edits, type NegativeCase, signed } from "./case.ts";

const day = 86_400_000;
type Row = readonly [name: string, rule: string, code: string, wrong: string, make: NegativeCase["make"]];

const fields = (edit: (honest: CertificateFields) => CertificateFields): NegativeCase["make"] => signed({ certificate: edit });
const extension =
  (index: number, other: Uint8Array) =>
  (honest: CertificateFields): CertificateFields => ({
    ...honest,
    extensions: honest.extensions.map((own, i) => (i === index ? other : own)),
  });
const unknownCritical = encodeExtension("1.2.3.4", true, derNull());

interface OwnChain extends MemoryChain {
  readonly chain?: readonly Certificate[];
  readonly period?: { readonly startMs: number; readonly endMs: number };
}

// An authority of its own for one case: the trusted root trusts it alone, and it issues well.
function byAuthority(
  create: () => Promise<OwnChain>,
  trust: (authority: CertificateAuthority) => CertificateAuthority = (same) => same,
): NegativeCase["make"] {
  let made: OwnChain;
  return signed(
    async (): Promise<Recipe> => {
      made = await create();
      return { ca: made };
    },
    (): Edits => {
      const { chain = [made.issuing, made.root], period = defaultPeriod } = made;
      const authority = { ...authorityOf(made, "https://ca.sigstore.test", period), chain };
      return { root: (root) => ({ ...root, certificateAuthorities: [trust(authority)] }) };
    },
  );
}

async function withIntermediate(edit: (honest: CertificateFields) => CertificateFields): Promise<MemoryChain> {
  const chain = await createChain("codeSigning", "ca");
  const { spki } = chain.issuingSigner.publicKey;
  const honest: CertificateFields = {
    serial: randomSerial(),
    issuer: chain.root.subject,
    subject: chain.issuing.subject,
    notBeforeMs: defaultPeriod.startMs,
    notAfterMs: defaultPeriod.endMs,
    spki,
    extensions: intermediateExtensions({ spki, issuerSpki: chain.root.spki, purpose: "codeSigning" }),
  };
  return { ...chain, issuing: await issue(edit(honest), chain.rootSigner) };
}

async function withRoot(edit: (honest: CertificateFields) => CertificateFields): Promise<MemoryChain> {
  const chain = await createChain("codeSigning", "ca");
  const { spki } = chain.rootSigner.publicKey;
  const name = chain.root.subject;
  const honest: CertificateFields = {
    serial: randomSerial(),
    issuer: name,
    subject: name,
    notBeforeMs: defaultPeriod.startMs,
    notAfterMs: defaultPeriod.endMs,
    spki,
    extensions: rootExtensions({ spki }),
  };
  return { ...chain, root: await issue(edit(honest), chain.rootSigner) };
}

const authorityPeriod = (startMs: number, endMs: number): NegativeCase["make"] =>
  signed(
    {},
    {
      root: (root) => ({
        ...root,
        certificateAuthorities: root.certificateAuthorities.map((one) => ({ ...one, validFor: { startMs, endMs } })),
      }),
    },
  );
const ctPeriod = (startMs: number, endMs: number): NegativeCase["make"] =>
  signed({}, { root: (root) => ({ ...root, ctlogs: root.ctlogs.map((one) => ({ ...one, validFor: { startMs, endMs } })) }) });
const scts = (edit: (sct: SignedCertificateTimestamp) => SignedCertificateTimestamp): NegativeCase["make"] =>
  signed({ scts: (list) => list.map(edit) });

const certificateRows: readonly Row[] = [
  [
    "certificate-expired-usage-none",
    "8.5",
    "X509_EXTENDED_KEY_USAGE",
    "the certificate has no extended key usage",
    fields((honest) => ({ ...honest, extensions: honest.extensions.filter((_, i) => i !== 1) })),
  ],
  [
    "certificate-for-timestamps",
    "8.5",
    "X509_EXTENDED_KEY_USAGE",
    "the certificate is for timestamps",
    fields(extension(1, extendedKeyUsageExtension([keyPurposes.timeStamping]))),
  ],
  [
    "certificate-for-servers",
    "8.5",
    "X509_EXTENDED_KEY_USAGE",
    "the certificate is for servers",
    fields(extension(1, extendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]))),
  ],
  [
    "certificate-key-usage-another",
    "8.5",
    "X509_KEY_USAGE",
    "the certificate's key may not sign",
    fields(extension(0, keyUsageExtension(["keyAgreement"]))),
  ],
  [
    "certificate-key-usage-none",
    "8.5",
    "X509_KEY_USAGE",
    "the certificate has no key usage",
    fields((honest) => ({ ...honest, extensions: honest.extensions.slice(1) })),
  ],
  [
    "certificate-critical-extension",
    "8.5",
    "X509_UNKNOWN_CRITICAL_EXTENSION",
    "a critical extension that nobody knows",
    fields((honest) => ({ ...honest, extensions: [...honest.extensions, unknownCritical] })),
  ],
  [
    "certificate-is-a-ca",
    "8.1",
    "BUNDLE_LEAF_IS_CA",
    "the certificate says that it is an authority",
    fields((honest) => ({ ...honest, extensions: [...honest.extensions, basicConstraintsExtension()] })),
  ],
  [
    "certificate-signature-of-another-key",
    "8.5",
    "X509_SIGNATURE_INVALID",
    "another key signed the certificate, under the authority's name",
    signed({ certificateSigner: generateSigner() }),
  ],
  [
    "certificate-of-namesake",
    "8.5",
    "X509_SIGNATURE_INVALID",
    "an authority of the same name and another key issued the certificate",
    signed(({ other }) => ({ ca: other.ca })),
  ],
  [
    "certificate-of-stranger",
    "8.5",
    "X509_NO_PATH",
    "an authority that nobody trusts issued the certificate",
    signed(async () => ({ ca: await createChain("codeSigning", "stranger") })),
  ],
  [
    "authorities-none",
    "8.5",
    "CA_UNKNOWN",
    "the trusted root has no certificate authority",
    signed({}, { root: (root) => ({ ...root, certificateAuthorities: [] }) }),
  ],
  [
    "ca-window-over",
    "8.2",
    "CA_WINDOW",
    "the authority's period ended a second before the signature",
    authorityPeriod(defaultPeriod.startMs, signingTimeMs - 1000),
  ],
  [
    "ca-window-not-begun",
    "8.2",
    "CA_WINDOW",
    "the authority's period begins a second after the signature",
    authorityPeriod(signingTimeMs + 1000, defaultPeriod.endMs),
  ],
  [
    "intermediate-expired",
    "8.5",
    "X509_EXPIRED",
    "the intermediate ended before the signature",
    byAuthority(() => withIntermediate((honest) => ({ ...honest, notAfterMs: signingTimeMs - day }))),
  ],
  [
    "intermediate-not-begun",
    "8.5",
    "X509_NOT_YET_VALID",
    "the intermediate begins after the signature",
    byAuthority(() => withIntermediate((honest) => ({ ...honest, notBeforeMs: signingTimeMs + day }))),
  ],
  [
    "root-expired",
    "8.5",
    "X509_EXPIRED",
    "the root ended before the signature",
    byAuthority(() => withRoot((honest) => ({ ...honest, notAfterMs: signingTimeMs - day }))),
  ],
  [
    "intermediate-no-ca",
    "8.5",
    "X509_NOT_A_CA",
    "the intermediate has no basic constraints",
    byAuthority(() => withIntermediate((honest) => ({ ...honest, extensions: honest.extensions.filter((_, i) => i !== 2) }))),
  ],
  [
    "root-no-ca",
    "8.5",
    "X509_NOT_A_CA",
    "the root has no basic constraints",
    byAuthority(() => withRoot((honest) => ({ ...honest, extensions: honest.extensions.filter((_, i) => i !== 1) }))),
  ],
  [
    "intermediate-key-usage",
    "8.5",
    "X509_KEY_USAGE",
    "the intermediate's key may not sign certificates",
    byAuthority(() => withIntermediate(extension(0, keyUsageExtension(["digitalSignature"])))),
  ],
  [
    "intermediate-for-timestamps",
    "8.5",
    "X509_EXTENDED_KEY_USAGE",
    "the intermediate is for timestamps",
    byAuthority(() => withIntermediate(extension(1, extendedKeyUsageExtension([keyPurposes.timeStamping])))),
  ],
  [
    "intermediate-critical-extension",
    "8.5",
    "X509_UNKNOWN_CRITICAL_EXTENSION",
    "the intermediate has a critical extension that nobody knows",
    byAuthority(() => withIntermediate((honest) => ({ ...honest, extensions: [...honest.extensions, unknownCritical] }))),
  ],
  [
    "intermediate-name-constraints",
    "8.5",
    "X509_NAME_CONSTRAINTS",
    "the intermediate has name constraints",
    byAuthority(() =>
      withIntermediate((honest) => ({
        ...honest,
        extensions: [...honest.extensions, encodeExtension(extensionOids.nameConstraints, true, derNull())],
      })),
    ),
  ],
  [
    "root-path-length",
    "8.5",
    "X509_PATH_LENGTH",
    "the root allows no intermediate below it",
    byAuthority(() => withRoot(extension(1, basicConstraintsExtension(0)))),
  ],
  [
    "intermediate-signature-of-another-root",
    "8.5",
    "X509_SIGNATURE_INVALID",
    "another root of the same name signed the intermediate",
    byAuthority(async () => ({
      ...(await withIntermediate((honest) => honest)),
      root: (await createChain("codeSigning", "ca")).root,
    })),
  ],
  ["sct-none", "8.5", "CT_NO_SCT", "the certificate carries no SCT", signed({ scts: () => [] })],
  [
    "sct-of-stranger",
    "8.5",
    "CT_UNKNOWN_LOG",
    "the SCT is of a log that nobody trusts",
    signed(({ secondCtLog }) => ({ ctLogs: [secondCtLog] })),
  ],
  [
    "sct-signature-changed",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the last bit of the SCT's signature is another",
    scts((sct) => ({ ...sct, signature: flipLastBit(sct.signature) })),
  ],
  [
    "sct-time-changed",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the SCT's time is another than was signed",
    scts((sct) => ({ ...sct, timestampMs: sct.timestampMs + 1 })),
  ],
  [
    "sct-extensions-changed",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the leaf index in the SCT's extensions is another than was signed",
    scts((sct) => ({ ...sct, extensions: flipLastBit(sct.extensions) })),
  ],
  [
    "sct-extensions-dropped",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the SCT's extensions were dropped",
    scts((sct) => ({ ...sct, extensions: new Uint8Array(0) })),
  ],
  [
    "sct-for-another-issuer",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the SCT is for the same certificate of another issuer",
    signed({ sctIssuer: generateSigner().publicKey }),
  ],
  [
    "sct-bad-beside-good",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "a good SCT, and one of a trusted log that does not verify",
    signed(
      ({ own, secondCtLog }) => ({
        ctLogs: [own.ctLog, secondCtLog],
        scts: (list) => list.map((sct, i) => (i === 1 ? { ...sct, signature: flipLastBit(sct.signature) } : sct)),
      }),
      ({ secondCtLog }) => ({
        root: (root) => ({ ...root, ctlogs: [...root.ctlogs, secondCtLog.trusted("https://ct2.sigstore.test")] }),
      }),
    ),
  ],
  [
    "sct-log-key-another",
    "8.5",
    "CT_SCT_SIGNATURE_INVALID",
    "the trusted root has another key under the CT log's id",
    signed({}, ({ secondCtLog }) => ({
      root: (root) => ({ ...root, ctlogs: root.ctlogs.map((one) => ({ ...one, publicKey: secondCtLog.signer.publicKey })) }),
    })),
  ],
  [
    "sct-algorithm-another",
    "8.5",
    "CT_ALGORITHM_UNSUPPORTED",
    "the SCT names RSA for a key of ECDSA",
    scts((sct) => ({ ...sct, signatureAlgorithm: 1 })),
  ],
  ["sct-hash-another", "8.5", "CT_ALGORITHM_UNSUPPORTED", "the SCT names SHA-1", scts((sct) => ({ ...sct, hashAlgorithm: 2 }))],
  [
    "sct-window-over",
    "8.5",
    "CT_OUTSIDE_LOG_VALIDITY",
    "the CT log's period ended a second before the SCT",
    ctPeriod(defaultPeriod.startMs, signingTimeMs - 61_000),
  ],
  [
    "sct-window-not-begun",
    "8.5",
    "CT_OUTSIDE_LOG_VALIDITY",
    "the CT log's period begins a second after the SCT",
    ctPeriod(signingTimeMs - 59_000, defaultPeriod.endMs),
  ],
  [
    "sct-list-malformed",
    "8.5",
    "CT_SCT_MALFORMED",
    "the list of SCTs has no SCT",
    signed({
      scts: () => [],
      certificate: (honest) => ({ ...honest, extensions: [...honest.extensions, sctListExtension(Uint8Array.of(0, 0))] }),
    }),
  ],
  [
    "sct-list-not-der",
    "8.5",
    "CT_SCT_MALFORMED",
    "the list of SCTs is no OCTET STRING",
    signed({
      scts: () => [],
      certificate: (honest) => ({
        ...honest,
        extensions: [...honest.extensions, encodeExtension(extensionOids.sctList, false, derNull())],
      }),
    }),
  ],
  [
    "sct-list-trailing",
    "8.5",
    "CT_SCT_MALFORMED",
    "a byte follows the list of SCTs",
    signed({
      scts: () => [],
      certificate: (honest) => ({
        ...honest,
        extensions: [...honest.extensions, encodeExtension(extensionOids.sctList, false, derOctetString(Uint8Array.of(0, 0, 0)))],
      }),
    }),
  ],
];

/** The cases of this file. */
export const certificateCases: readonly NegativeCase[] = certificateRows.map(([name, rule, code, wrong, make]) => ({
  name,
  rule,
  code,
  wrong,
  make,
}));
