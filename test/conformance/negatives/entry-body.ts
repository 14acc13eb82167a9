// Bundles whose log entry is about something else (client-conformance.md §8.8).
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { type EncodableBody, encodeVerifierPem, parseLogEntryBody } from "@sigillum/library/log-entry";
import { fixtureArtifact, flipLastBit, generateSigner, type Recipe } from "@sigillum/library/testing";
import { type Edits, type NegativeCase, paths, remove, type Sigstores, set, signed } from "./case.ts";

type Given<T> = T | ((sigstores: Sigstores) => T | Promise<T>);
type Row = readonly [name: string, rule: string, code: string, wrong: string, recipe: Given<Recipe>, edits?: Given<Edits>];
const messages = { v1: {}, v2: { log: "v2" } } as const satisfies Record<string, Recipe>;
const stranger = generateSigner();

const hashedRekord =
  (edit: (body: Extract<EncodableBody, { kind: "hashedrekord" }>) => EncodableBody): NonNullable<Recipe["body"]> =>
  (body) =>
    body.kind === "hashedrekord" ? edit(body) : body;
const dsse =
  (edit: (body: Extract<EncodableBody, { kind: "dsse" }>) => EncodableBody): NonNullable<Recipe["body"]> =>
  (body) =>
    body.kind === "dsse" ? edit(body) : body;
const bodyText =
  (from: string | RegExp, to: string): NonNullable<Recipe["bodyBytes"]> =>
  (body) =>
    encodeUtf8(new TextDecoder().decode(body).replace(from, to));

// The entry of another bundle by the same authority, about the same artifact: genuine, and by another certificate.
async function foreignEntry({ own }: Sigstores, recipe: Recipe): Promise<EncodableBody> {
  const { bundle } = await own.sign(recipe);
  const body = parseLogEntryBody(bundle.tlogEntries[0]?.body ?? new Uint8Array(0));
  if (body.kind === "intoto") throw new TypeError("the log in memory was given no intoto entry");
  return body;
}

const entryRows: readonly Row[] = [
  ...Object.entries(messages).flatMap(([name, recipe]): Row[] => [
    [
      `entry-digest-another-${name}`,
      "8.8",
      "ENTRY_DIGEST_MISMATCH",
      "the log entry is of another artifact",
      { ...recipe, body: hashedRekord((body) => ({ ...body, digest: flipLastBit(body.digest) })) },
    ],
    [
      `entry-signature-another-${name}`,
      "8.8",
      "ENTRY_SIGNATURE_MISMATCH",
      "the log entry is of another signature",
      { ...recipe, body: hashedRekord((body) => ({ ...body, signature: flipLastBit(body.signature) })) },
    ],
    [
      `entry-key-for-certificate-${name}`,
      "8.8",
      "ENTRY_VERIFIER_MISMATCH",
      "the log entry has the certificate's key in place of the certificate",
      () => {
        const signer = generateSigner();
        return {
          ...recipe,
          signer,
          body: hashedRekord((body) => ({ ...body, verifier: { type: "publicKey", der: signer.publicKey.spki } })),
        };
      },
    ],
    [
      `entry-certificate-another-${name}`,
      "8.8",
      "ENTRY_VERIFIER_MISMATCH",
      "the log entry has another certificate of the same key",
      async ({ own }) => {
        const signer = generateSigner();
        const { der } = await own.certify(signer.publicKey);
        return { ...recipe, signer, body: hashedRekord((body) => ({ ...body, verifier: { type: "certificate", der } })) };
      },
    ],
    [
      `entry-managed-key-another-${name}`,
      "8.8",
      "ENTRY_VERIFIER_MISMATCH",
      "the log entry has another key than the given one",
      {
        ...recipe,
        managed: true,
        body: hashedRekord((body) => ({ ...body, verifier: { type: "publicKey", der: stranger.publicKey.spki } })),
      },
    ],
    [
      `entry-kind-another-${name}`,
      "8.8",
      "ENTRY_KIND_MISMATCH",
      "the bundle announces another kind than the body has",
      recipe,
      { json: set([...paths.entry, "kindVersion", "kind"], "dsse") },
    ],
    [
      `entry-version-another-${name}`,
      "8.8",
      "ENTRY_KIND_MISMATCH",
      "the bundle announces another version than the body has",
      recipe,
      { json: set([...paths.entry, "kindVersion", "version"], "0.0.3") },
    ],
    [
      `entry-kind-unknown-${name}`,
      "8.8",
      "ENTRY_KIND_UNKNOWN",
      "the entry is of an unknown version",
      recipe,
      {
        json: (document) => {
          set([...paths.entry, "kindVersion", "version"], "0.0.9")(document);
          set([...paths.entry, "canonicalizedBody"], (text: unknown) =>
            encodeBase64(bodyText(/"apiVersion":"0.0.."/, '"apiVersion":"0.0.9"')(Buffer.from(String(text), "base64"))),
          )(document);
        },
      },
    ],
    [
      `entry-of-envelope-${name}`,
      "8.8",
      name === "v1" ? "ENTRY_CONTENT_MISMATCH" : "ENTRY_DIGEST_MISMATCH",
      "the entry is of an envelope, beside a message signature",
      async (sigstores) => {
        const foreign = await foreignEntry(sigstores, { ...recipe, content: "envelope" });
        return { ...recipe, body: () => foreign };
      },
    ],
  ]),
  [
    "entry-of-message",
    "8.8",
    "ENTRY_CONTENT_MISMATCH",
    "the entry is of a message, beside an envelope",
    async (sigstores) => {
      const foreign = await foreignEntry(sigstores, {});
      return { content: "envelope", body: () => foreign };
    },
  ],
  [
    "entry-genuine-of-another-bundle",
    "8.8",
    "ENTRY_SIGNATURE_MISMATCH",
    "a genuine entry of the same artifact and another signature",
    async (sigstores) => {
      const foreign = await foreignEntry(sigstores, {});
      return { body: () => foreign };
    },
  ],
  [
    "entry-payload-another",
    "8.8",
    "ENTRY_PAYLOAD_HASH_MISMATCH",
    "the entry is of another payload",
    { content: "envelope", body: dsse((body) => ({ ...body, payloadHash: flipLastBit(body.payloadHash) })) },
  ],
  [
    "entry-envelope-signature-another",
    "8.8",
    "ENTRY_SIGNATURE_MISMATCH",
    "the entry is of another signature of the envelope",
    {
      content: "envelope",
      body: dsse((body) => ({
        ...body,
        signatures: body.signatures.map((one) => ({ ...one, signature: flipLastBit(one.signature) })),
      })),
    },
  ],
  [
    "entry-envelope-verifier-another",
    "8.8",
    "ENTRY_VERIFIER_MISMATCH",
    "the entry has another signer of the envelope",
    {
      content: "envelope",
      body: dsse((body) => ({
        ...body,
        signatures: body.signatures.map((one) => ({ ...one, verifier: { type: "publicKey", der: stranger.publicKey.spki } })),
      })),
    },
  ],
  [
    "entry-two-signatures",
    "8.8",
    "ENTRY_SIGNATURE_COUNT",
    "the entry has a second signature of the envelope",
    { content: "envelope", body: dsse((body) => ({ ...body, signatures: [...body.signatures, ...body.signatures] })) },
  ],
  [
    "entry-no-signature",
    "8.8",
    "ENTRY_BODY_MALFORMED",
    "the entry has no signature of the envelope",
    { content: "envelope" },
    {
      json: set([...paths.entry, "canonicalizedBody"], (text: unknown) =>
        encodeBase64(bodyText(/"signatures":\[.*\]/, '"signatures":[]')(Buffer.from(String(text), "base64"))),
      ),
    },
  ],
  [
    "entry-envelope-digest-rekor2",
    "8.8",
    "ENTRY_DIGEST_MISMATCH",
    "the entry of Rekor v2 has the artifact's digest, and not that of the pre-authentication encoding",
    { content: "envelope", log: "v2", body: hashedRekord((body) => ({ ...body, digest: sha256(fixtureArtifact) })) },
  ],
  [
    "entry-key-details-another",
    "8.8",
    "ENTRY_KEY_DETAILS_MISMATCH",
    "the entry of Rekor v2 names another kind of key",
    {
      log: "v2",
      body: hashedRekord((body) => (body.version === "0.0.2" ? { ...body, keyDetails: "PKIX_ECDSA_P384_SHA_256" } : body)),
    },
  ],
  [
    "entry-key-details-unusable",
    "8.8",
    "ENTRY_KEY_UNSUPPORTED",
    "the entry of Rekor v2 names a key that signs no digest",
    { log: "v2", body: hashedRekord((body) => (body.version === "0.0.2" ? { ...body, keyDetails: "PKIX_ED25519" } : body)) },
  ],
  [
    "entry-field-unread",
    "8.8",
    "ENTRY_BODY_NOT_CANONICAL",
    "the body of Rekor v2 has a field that rebuilding it does not give",
    { log: "v2", bodyBytes: bodyText('"hashedRekordV002":{', '"hashedRekordV002":{"a":1,') },
  ],
  [
    "entry-body-spaced",
    "8.8",
    "ENTRY_BODY_NOT_CANONICAL",
    "the body of Rekor v2 has a space that RFC 8785 does not",
    { log: "v2", bodyBytes: bodyText('"kind":', '"kind": ') },
  ],
  [
    "entry-field-unknown",
    "8.8",
    "ENTRY_BODY_MALFORMED",
    "the body has a fourth field",
    {},
    {
      json: set([...paths.entry, "canonicalizedBody"], (text: unknown) =>
        encodeBase64(bodyText("{", '{"a":1,')(Buffer.from(String(text), "base64"))),
      ),
    },
  ],
  [
    "entry-body-truncated",
    "8.8",
    "ENTRY_BODY_MALFORMED",
    "the body lacks its last byte",
    {},
    {
      json: set([...paths.entry, "canonicalizedBody"], (text: unknown) =>
        encodeBase64(Buffer.from(String(text), "base64").subarray(0, -1)),
      ),
    },
  ],
  [
    "entry-body-missing",
    "8.8",
    "ENTRY_BODY_MISSING",
    "an entry of Rekor v1 has no body, and none can be rebuilt",
    {},
    { json: remove(...paths.entry, "canonicalizedBody") },
  ],
  [
    "entry-verifier-not-pem",
    "8.8",
    "ENTRY_VERIFIER_MALFORMED",
    "the entry's verifier is PEM of something else",
    {},
    {
      json: set([...paths.entry, "canonicalizedBody"], (text: unknown) =>
        encodeBase64(
          bodyText(
            /"publicKey":\{"content":"[^"]*"/,
            `"publicKey":{"content":"${encodeBase64(encodeUtf8("none"))}"`,
          )(Buffer.from(String(text), "base64")),
        ),
      ),
    },
  ],
  [
    "entry-two-verifiers",
    "8.8",
    "ENTRY_VERIFIER_MALFORMED",
    "the entry's verifier is two public keys",
    { managed: true },
    {
      json: set([...paths.entry, "canonicalizedBody"], (text: unknown) => {
        const pem = new TextDecoder().decode(encodeVerifierPem({ type: "publicKey", der: stranger.publicKey.spki }));
        return encodeBase64(
          bodyText(
            /"publicKey":\{"content":"[^"]*"/,
            `"publicKey":{"content":"${encodeBase64(encodeUtf8(pem + pem))}"`,
          )(Buffer.from(String(text), "base64")),
        );
      }),
    },
  ],
];

/** The cases of this file. */
export const entryBodyCases: readonly NegativeCase[] = entryRows.map(([name, rule, code, wrong, recipe, edits]) => ({
  name,
  rule,
  code,
  wrong,
  make: signed(recipe, edits),
}));
