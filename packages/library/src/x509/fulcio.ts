// The certificate extensions of Fulcio, 1.3.6.1.4.1.57264.1.n, both ways. certificate-authority §3.3.
//
// n = 1 to 6: the extension value is the raw UTF-8 text. n = 8 and up: a DER UTF8String. n = 7 is no extension (usernameOid).
import { derTag, derTagged, parseDer, parseUtf8 } from "../encoding/index.ts";
import { parsing, x509Error } from "./errors.ts";
import { type Extension, encodeExtension, findExtension } from "./extension.ts";
import { encodeText } from "./text.ts";

/** One row of Fulcio's table of extensions. */
export interface FulcioExtension {
  readonly number: number;
  readonly name: FulcioClaimName;
  readonly encoding: "raw" | "utf8String";
}

/** The name of a Fulcio claim, camelCase of the names that Fulcio's table uses. */
export type FulcioClaimName = (typeof names)[number];

/** What a Fulcio certificate says of its subject beside the name; a claim that the certificate lacks is absent. */
export type FulcioClaims = { readonly [name in FulcioClaimName]?: string };

const names = [
  "issuerV1",
  "githubWorkflowTrigger",
  "githubWorkflowSha",
  "githubWorkflowName",
  "githubWorkflowRepository",
  "githubWorkflowRef",
  "issuer",
  "buildSignerUri",
  "buildSignerDigest",
  "runnerEnvironment",
  "sourceRepositoryUri",
  "sourceRepositoryDigest",
  "sourceRepositoryRef",
  "sourceRepositoryIdentifier",
  "sourceRepositoryOwnerUri",
  "sourceRepositoryOwnerIdentifier",
  "buildConfigUri",
  "buildConfigDigest",
  "buildTrigger",
  "runInvocationUri",
  "sourceRepositoryVisibilityAtSigning",
  "deploymentEnvironment",
  "tokenSubject",
] as const;

/** Every Fulcio extension, in ascending order of its number, which is the order they are written in. */
export const fulcioExtensionTable: readonly FulcioExtension[] = names.map((name, i) =>
  i < 6 ? { number: i + 1, name, encoding: "raw" } : { number: i + 2, name, encoding: "utf8String" },
);

const base = "1.3.6.1.4.1.57264.1";
const maxClaimBytes = 2048;

/** The object identifier of Fulcio extension `number`. */
export function fulcioOid(number: number): string {
  return `${base}.${number}`;
}

/**
 * Read every Fulcio extension of a certificate. `issuer` is extension 8, or extension 1 only where 8 is absent
 * (client-conformance §8.5); `issuerV1` is extension 1 alone. Whether a trusted CA wrote them is not checked.
 */
export function fulcioExtensions(certificate: { readonly extensions: readonly Extension[] }): FulcioClaims {
  const claims: { [name in FulcioClaimName]?: string } = {};
  for (const row of fulcioExtensionTable) {
    const extension = findExtension(certificate.extensions, fulcioOid(row.number));
    if (extension !== undefined) claims[row.name] = parseClaim(row, extension.value);
  }
  if (claims.issuer === undefined && claims.issuerV1 !== undefined) claims.issuer = claims.issuerV1;
  return claims;
}

/** Write Fulcio extension `number`, never critical, in the encoding that the table gives it. */
export function fulcioExtension(number: number, value: string): Uint8Array {
  const row = fulcioExtensionTable.find((one) => one.number === number);
  if (row === undefined) throw new TypeError(`Cannot write Fulcio extension: there is no extension ${number}`);
  const text = encodeText(value, row.name, maxClaimBytes);
  return encodeExtension(fulcioOid(number), false, row.encoding === "raw" ? text : derTagged(derTag.utf8String, text));
}

/**
 * Write the extensions of a leaf from its claims, ascending, empty ones left out; the issuer is written in both its forms
 * (1 and 8), whatever `issuerV1` says. Throws X509_NOT_ENCODABLE when there is no issuer.
 */
export function encodeFulcioExtensions(claims: FulcioClaims): Uint8Array[] {
  const { issuer } = claims;
  if (issuer === undefined || issuer === "")
    throw x509Error("X509_NOT_ENCODABLE", "Cannot write Fulcio extensions: the issuer is empty");
  const extensions: Uint8Array[] = [];
  for (const row of fulcioExtensionTable) {
    const value = row.name === "issuerV1" ? issuer : claims[row.name];
    if (value !== undefined && value !== "") extensions.push(fulcioExtension(row.number, value));
  }
  return extensions;
}

function parseClaim(row: FulcioExtension, value: Uint8Array): string {
  return parsing("X509_EXTENSION_MALFORMED", `parse Fulcio extension ${row.name}`, () => {
    if (row.encoding === "raw") return parseUtf8(value);
    const string = parseDer(value);
    if (string.tag === 0x0c) return parseUtf8(string.contents);
    const found = `tag 0x${string.tag.toString(16)}`;
    throw x509Error(
      "X509_EXTENSION_MALFORMED",
      `Cannot parse Fulcio extension ${row.name}: found ${found}, expected a UTF8String`,
      { found, expected: "UTF8String" },
    );
  });
}
