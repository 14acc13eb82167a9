// Bundles whose signer, signature, artifact, statement or entry body is another one (client-conformance.md §8.8, §8.9).
import { encodePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodeUtf8 } from "@sigillum/library/encoding";
import { fixtureArtifact, flipLastBit, generateSigner, type Recipe } from "@sigillum/library/testing";
import { subjectAltNameExtension } from "@sigillum/library/x509";
import { type Edits, type NegativeCase, type Sigstores, set, signed } from "./case.ts";

type Given<T> = T | ((sigstores: Sigstores) => T | Promise<T>);
type Row = readonly [name: string, rule: string, code: string, wrong: string, recipe: Given<Recipe>, edits?: Given<Edits>];
const forms = {
  "message-v1": {},
  "message-v2": { log: "v2" },
  "envelope-v1": { content: "envelope" },
  "envelope-v2": { content: "envelope", log: "v2" },
} as const satisfies Record<string, Recipe>;
const stranger = generateSigner();

function statement(edit: (value: { [name: string]: unknown }) => unknown): NonNullable<Recipe["payload"]> {
  return (payload) => encodeUtf8(JSON.stringify(edit(JSON.parse(new TextDecoder().decode(payload)))));
}
const subject = (...digests: { [algorithm: string]: string }[]): NonNullable<Recipe["payload"]> =>
  statement((value) => ({ ...value, subject: digests.map((digest) => ({ name: "artifact", digest })) }));
const sha256Hex = encodeHex(sha256(fixtureArtifact));
const otherHex = encodeHex(flipLastBit(sha256(fixtureArtifact)));

const signatureRows: readonly Row[] = [
  ...Object.entries(forms).flatMap(([name, recipe]): Row[] => [
    [
      `signature-changed-${name}`,
      "8.9",
      "SIGNATURE_INVALID",
      "the last bit of the signature is another, in the log entry and under the timestamp too",
      { ...recipe, signature: flipLastBit },
    ],
    [
      `signature-of-another-key-${name}`,
      "8.9",
      "SIGNATURE_INVALID",
      "another key made the signature",
      { ...recipe, signer: { ...generateSigner(), sign: (message) => stranger.sign(message) } },
    ],
    [
      `managed-key-another-${name}`,
      "8.9",
      "SIGNATURE_INVALID",
      "the given key is well-formed and is another one",
      { ...recipe, managed: true },
      { key: encodePublicKeyPem(stranger.publicKey) },
    ],
    [
      `managed-key-no-key-${name}`,
      "8.9",
      "PUBLIC_KEY_EXPECTED",
      "an identity is given, and the bundle has the hint of a key alone",
      { ...recipe, managed: true },
      { identity: {} },
    ],
    [
      `certificate-and-key-${name}`,
      "8.9",
      "IDENTITY_EXPECTED",
      "only a key is given, and the bundle has a certificate",
      recipe,
      { key: encodePublicKeyPem(stranger.publicKey) },
    ],
  ]),
  [
    "managed-key-not-pem",
    "8.9",
    "PEM_MALFORMED",
    "the given key is no PEM",
    { managed: true },
    { key: "-----BEGIN PUBLIC KEY-----\nAAAA\n" },
  ],
  [
    "managed-key-private",
    "8.9",
    "PUBLIC_KEY_PEM_LABEL",
    "the given file holds another kind of PEM block",
    { managed: true },
    { key: encodePublicKeyPem(stranger.publicKey).replaceAll("PUBLIC", "EC PUBLIC") },
  ],
  [
    "managed-key-malformed",
    "8.9",
    "PUBLIC_KEY_POINT_INVALID",
    "the given key's point is not on its curve",
    { managed: true },
    { key: encodePublicKeyPem({ ...stranger.publicKey, spki: flipLastBit(stranger.publicKey.spki) }) },
  ],
  [
    "message-digest-another",
    "8.9",
    "ARTIFACT_DIGEST_MISMATCH",
    "the stated digest is not the artifact's",
    { messageDigest: (stated) => stated && { ...stated, digest: flipLastBit(stated.digest) } },
  ],
  [
    "artifact-another-with-digest",
    "8.9",
    "ARTIFACT_DIGEST_MISMATCH",
    "the artifact is another one",
    {},
    { artifact: encodeUtf8("another artifact\n") },
  ],
  [
    "artifact-another",
    "8.9",
    "SIGNATURE_INVALID",
    "the artifact is another one, and the bundle states no digest",
    { messageDigest: () => undefined },
    { artifact: encodeUtf8("another artifact\n") },
  ],
  [
    "artifact-empty",
    "8.9",
    "SIGNATURE_INVALID",
    "the artifact has no bytes",
    { messageDigest: () => undefined },
    { artifact: new Uint8Array(0) },
  ],
  [
    "envelope-for-another-artifact-v1",
    "8.9",
    "SUBJECT_MISMATCH",
    "a good envelope, and no subject is the artifact",
    { content: "envelope" },
    { artifact: encodeUtf8("another artifact\n") },
  ],
  [
    "envelope-for-another-artifact-v2",
    "8.9",
    "SUBJECT_MISMATCH",
    "a good envelope in Rekor v2, and no subject is the artifact",
    { content: "envelope", log: "v2" },
    { artifact: encodeUtf8("another artifact\n") },
  ],
  [
    "subject-digest-another",
    "8.9",
    "SUBJECT_MISMATCH",
    "the subject has another digest",
    { content: "envelope", payload: subject({ sha256: otherHex }) },
  ],
  [
    "subject-name-alone",
    "8.9",
    "SUBJECT_MISMATCH",
    "the subject has the artifact's name and no digest",
    { content: "envelope", payload: subject({}) },
  ],
  [
    "subject-other-algorithm",
    "8.9",
    "SUBJECT_MISMATCH",
    "the artifact's SHA-256 stands under the name of another algorithm",
    { content: "envelope", payload: subject({ sha512: sha256Hex }) },
  ],
  [
    "subject-prefix",
    "8.9",
    "SUBJECT_MISMATCH",
    "the subject has the first half of the digest",
    { content: "envelope", payload: subject({ sha256: sha256Hex.slice(0, 32) }) },
  ],
  [
    "subjects-none-is-it",
    "8.9",
    "SUBJECT_MISMATCH",
    "three subjects, none of them the artifact",
    { content: "envelope", payload: subject({ sha256: otherHex }, { sha1: sha256Hex }, { sha256: "00" }) },
  ],
  ["subjects-empty", "8.9", "SUBJECT_MISMATCH", "a statement about nothing", { content: "envelope", payload: subject() }],
  [
    "subjects-1025",
    "8.1",
    "STATEMENT_TOO_LARGE",
    "a statement of 1025 subjects",
    { content: "envelope", payload: subject(...Array.from({ length: 1025 }, () => ({ sha256: sha256Hex }))) },
  ],
  [
    "subject-33-digests",
    "8.1",
    "STATEMENT_TOO_LARGE",
    "a subject of 33 digests",
    {
      content: "envelope",
      payload: subject({ sha256: sha256Hex, ...Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`a${i}`, "00"])) }),
    },
  ],
  [
    "statement-type-unknown",
    "8.9",
    "STATEMENT_TYPE_UNKNOWN",
    "the statement has an unknown _type",
    { content: "envelope", payload: statement((value) => ({ ...value, _type: "https://in-toto.io/Statement/v9" })) },
  ],
  [
    "statement-type-missing",
    "8.9",
    "STATEMENT_MALFORMED",
    "the statement has no _type",
    { content: "envelope", payload: statement(({ _type, ...value }) => value) },
  ],
  [
    "statement-not-json",
    "8.9",
    "STATEMENT_MALFORMED",
    "the payload is no JSON",
    { content: "envelope", payload: () => encodeUtf8("a statement") },
  ],
  [
    "statement-duplicate-name",
    "8.9",
    "STATEMENT_MALFORMED",
    "the statement names its subject twice",
    { content: "envelope", payload: (payload) => encodeUtf8(new TextDecoder().decode(payload).replace("{", '{"subject":[],')) },
  ],
  [
    "payload-type-another",
    "8.9",
    "PAYLOAD_TYPE_UNEXPECTED",
    "the envelope's payload type is another one",
    { content: "envelope", payloadType: "application/json" },
  ],
  [
    "payload-type-upper-case",
    "8.9",
    "PAYLOAD_TYPE_UNEXPECTED",
    "the payload type is in upper case",
    { content: "envelope", payloadType: "application/vnd.in-toto+JSON" },
  ],
  [
    "payload-changed",
    "8.9",
    "SIGNATURE_INVALID",
    "the payload has one more space",
    { content: "envelope", log: "v2" },
    {
      json: set(["dsseEnvelope", "payload"], (text: unknown) =>
        encodeBase64(Buffer.concat([Buffer.from(String(text), "base64"), Buffer.of(0x20)])),
      ),
    },
  ],
  [
    "payload-type-changed",
    "8.9",
    "SIGNATURE_INVALID",
    "the payload type is another one than was signed",
    { content: "envelope", payloadType: "application/json" },
    { json: set(["dsseEnvelope", "payloadType"], "application/vnd.in-toto+json") },
  ],
];

const email = (value: string): Recipe => ({ san: { type: "email", value } });

const identityRows: readonly Row[] = [
  ["san-another", "8.5", "SUBJECT_ALT_NAME_MISMATCH", "another e-mail address", email("eve@sigstore.test")],
  [
    "san-longer",
    "8.5",
    "SUBJECT_ALT_NAME_MISMATCH",
    "the expected name is a prefix of the certificate's",
    email("dev@sigstore.test.example"),
  ],
  [
    "san-shorter",
    "8.5",
    "SUBJECT_ALT_NAME_MISMATCH",
    "the certificate's name is a prefix of the expected one",
    email("dev@sigstore.tes"),
  ],
  ["san-upper-case", "8.5", "SUBJECT_ALT_NAME_MISMATCH", "the name differs in case", email("Dev@sigstore.test")],
  [
    "san-pattern",
    "8.5",
    "SUBJECT_ALT_NAME_MISMATCH",
    "the expected name is a pattern, which exact names are not",
    {},
    { identity: { san: "dev@sigstore.*" } },
  ],
  [
    "san-uri-another-ref",
    "8.5",
    "SUBJECT_ALT_NAME_MISMATCH",
    "a workflow of another branch",
    { san: { type: "uri", value: "https://ci.test/repo/.github/workflows/w.yml@refs/heads/dev" } },
    { identity: { san: "https://ci.test/repo/.github/workflows/w.yml@refs/heads/main" } },
  ],
  [
    "san-other-name-another",
    "8.5",
    "SUBJECT_ALT_NAME_MISMATCH",
    "another user name",
    { san: { type: "otherName", value: "eve" } },
    { identity: { san: "dev" } },
  ],
  [
    "issuer-another",
    "8.5",
    "ISSUER_MISMATCH",
    "another issuer is expected",
    {},
    { identity: { issuer: "https://accounts.sigstore.test" } },
  ],
  [
    "issuer-slash",
    "8.5",
    "ISSUER_MISMATCH",
    "the issuers differ in a slash at the end",
    {},
    { identity: { issuer: "https://issuer.sigstore.test/" } },
  ],
  [
    "issuer-missing",
    "8.5",
    "ISSUER_MISSING",
    "the certificate names no issuer",
    {
      certificate: (fields) => ({
        ...fields,
        extensions: [...fields.extensions.slice(0, 4), subjectAltNameExtension({ type: "email", value: "dev@sigstore.test" })],
      }),
    },
  ],
];

/** The cases of this file. */
export const contentCases: readonly NegativeCase[] = [...signatureRows, ...identityRows].map(
  ([name, rule, code, wrong, recipe, edits]) => ({ name, rule, code, wrong, make: signed(recipe, edits) }),
);
