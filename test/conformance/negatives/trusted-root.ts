// Good bundles with trusted roots that are none (client-conformance.md §8.2).
import { type Edits, flipBase64, type NegativeCase, remove, set, signed } from "./case.ts";

type Row = readonly [name: string, rule: string, code: string, wrong: string, make: NegativeCase["make"]];

const root = (rootJson: NonNullable<Edits["rootJson"]>): NegativeCase["make"] => signed({}, { rootJson });
const anchor = ["certificateAuthorities", 0, "certChain", "certificates"];

const rootRows: readonly Row[] = [
  [
    "root-log-start-missing",
    "8.2",
    "TRUSTED_ROOT_WINDOW",
    "the log's period has no start",
    root(remove("tlogs", 0, "publicKey", "validFor", "start")),
  ],
  [
    "root-log-window-missing",
    "8.2",
    "TRUSTED_ROOT_WINDOW",
    "the log has no period",
    root(remove("tlogs", 0, "publicKey", "validFor")),
  ],
  [
    "root-log-window-reversed",
    "8.2",
    "TRUSTED_ROOT_WINDOW",
    "the log's period ends before it begins",
    root(set(["tlogs", 0, "publicKey", "validFor", "end"], "2020-01-01T00:00:00Z")),
  ],
  [
    "root-ca-start-missing",
    "8.2",
    "TRUSTED_ROOT_WINDOW",
    "the authority's period has no start",
    root(remove("certificateAuthorities", 0, "validFor", "start")),
  ],
  [
    "root-tsa-start-missing",
    "8.2",
    "TRUSTED_ROOT_WINDOW",
    "the timestamp authority's period has no start",
    root(remove("timestampAuthorities", 0, "validFor", "start")),
  ],
  [
    "root-media-type-unknown",
    "8.2",
    "TRUSTED_ROOT_MEDIA_TYPE",
    "a trusted root of an unknown version",
    root(set(["mediaType"], "application/vnd.dev.sigstore.trustedroot.v9+json")),
  ],
  ["root-field-unknown", "8.2", "TRUSTED_ROOT_FIELD", "an unknown field in the trusted root", root(set(["extra"], 1))],
  [
    "root-time-malformed",
    "8.2",
    "TRUSTED_ROOT_FIELD",
    "the log's period starts at no time",
    root(set(["tlogs", 0, "publicKey", "validFor", "start"], "2026")),
  ],
  ["root-chain-empty", "8.2", "TRUSTED_ROOT_CHAIN_EMPTY", "the authority has no certificate", root(set(anchor, []))],
  [
    "root-certificate-malformed",
    "8.2",
    "TRUSTED_ROOT_CERTIFICATE",
    "the authority's certificate does not parse",
    root(set([...anchor, 0, "rawBytes"], "MAEC")),
  ],
  [
    "root-key-malformed",
    "8.2",
    "TRUSTED_ROOT_KEY",
    "the log's key does not parse",
    root(set(["tlogs", 0, "publicKey", "rawBytes"], flipBase64)),
  ],
  [
    "root-key-type-another",
    "8.2",
    "TRUSTED_ROOT_KEY",
    "the log's key is of another type than it says",
    root(set(["tlogs", 0, "publicKey", "keyDetails"], "PKIX_ECDSA_P384_SHA_384")),
  ],
  [
    "root-truncated",
    "8.2",
    "TRUSTED_ROOT_JSON",
    "the trusted root ends inside a string",
    signed({}, { rootText: (text) => text.slice(0, text.length / 2) }),
  ],
];

/** The cases of this file. */
export const trustedRootCases: readonly NegativeCase[] = rootRows.map(([name, rule, code, wrong, make]) => ({
  name,
  rule,
  code,
  wrong,
  make,
}));
