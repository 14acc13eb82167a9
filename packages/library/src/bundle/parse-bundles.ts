// Texts that hold several bundles: GitHub's attestations (a bundle a line), the answers of GitHub's and npm's registries, and PyPI's
// attestations (PEP 740), which are bundles in other words.
//
//   attestation  {"version": 1, "verification_material": {"certificate": base64(DER), "transparency_entries": [TransparencyLogEntry…]},
//                 "envelope": {"statement": base64, "signature": base64}}
//   provenance   {"version": 1, "attestation_bundles": [{"publisher": {…}, "attestations": [attestation…]}]}
import { statementPayloadType } from "../attestation/index.ts";
import { isSigillumError, JsonObject, type JsonValue, parseUtf8 } from "../encoding/index.ts";
import { parseCertificate } from "../x509/index.ts";
import type { Bundle } from "./bundle.ts";
import { fieldError, readJson } from "./bundle-json.ts";
import { readCosignBundle } from "./detached.ts";
import { bundleError } from "./errors.ts";
import { bundleLimits } from "./limits.ts";
import { parseTransparencyLogEntry } from "./log-entry.ts";
import { readBundle, requireLeaf } from "./parse-bundle.ts";

/**
 * Read every bundle of a text: one bundle of any version or of cosign, one a line, a JSON array of them, the `attestations` that GitHub's and
 * npm's registries answer with, or PyPI's attestation or provenance object. At least one is there; nothing in them was verified.
 */
export function parseBundles(json: string | Uint8Array): Bundle[] {
  const bundles = documentsOf(json).flatMap((value) => bundlesOf(value));
  if (bundles.length === 0) throw notAList("no bundle");
  if (bundles.length <= bundleLimits.list) return bundles;
  throw bundleError("BUNDLE_LIST_TOO_LONG", `Cannot parse bundles: there are ${bundles.length}`, {
    found: String(bundles.length),
    expected: `at most ${bundleLimits.list}`,
  });
}

/** Read PyPI's attestation, as PEP 740 has it: a bundle of version 0.3 with a DSSE envelope. Nothing in it was verified. */
export function bundleFromPep740(json: string | Uint8Array): Bundle {
  return readPep740(JsonObject.from(readJson(json), "attestation", fieldError));
}

// One JSON document, or one a line where the whole is none.
function documentsOf(json: string | Uint8Array): JsonValue[] {
  try {
    return [readJson(json)];
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "BUNDLE_JSON") throw error;
    const lines = linesOf(json);
    if (lines.length < 2) throw error;
    if (lines.length > bundleLimits.list) {
      throw bundleError("BUNDLE_LIST_TOO_LONG", `Cannot parse bundles: there are ${lines.length} lines`, {
        found: String(lines.length),
        expected: `at most ${bundleLimits.list}`,
      });
    }
    return lines.map((line) => readJson(line));
  }
}

function linesOf(json: string | Uint8Array): string[] {
  const text = typeof json === "string" ? json : decoded(json);
  return text.split("\n").filter((line) => line.trim() !== "");
}

function decoded(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    throw bundleError("BUNDLE_JSON", "Cannot parse bundle: it is not UTF-8", { cause });
  }
}

function bundlesOf(value: JsonValue): Bundle[] {
  if (Array.isArray(value)) return value.map((item) => bundleOf(JsonObject.from(item, "bundle", fieldError)));
  const document = JsonObject.from(value, "bundle", fieldError);
  if (document.has("attestation_bundles"))
    return document.objects("attestation_bundles").flatMap((item) => item.objects("attestations").map(readPep740));
  if (!document.has("attestations")) return [bundleOf(document)];
  return document.objects("attestations").map((item) => bundleOf(item.has("bundle") ? item.object("bundle") : item));
}

function bundleOf(document: JsonObject): Bundle {
  if (document.has("base64Signature")) return readCosignBundle(document);
  if (document.has("envelope")) return readPep740(document);
  if (document.has("mediaType")) return readBundle(document);
  throw notAList(document.names().slice(0, 5).join(", "));
}

function readPep740(attestation: JsonObject): Bundle {
  const version = attestation.safeInteger("version");
  if (version !== 1) {
    throw bundleError("BUNDLE_PEP740", `Cannot parse PyPI attestation: its version is ${version}`, {
      found: String(version),
      expected: "1",
    });
  }
  const material = attestation.object("verification_material");
  const entries = material.objects("transparency_entries");
  if (entries.length > bundleLimits.tlogEntries) {
    throw bundleError("BUNDLE_TOO_MANY_ENTRIES", `Cannot parse PyPI attestation: it has ${entries.length} log entries`, {
      found: String(entries.length),
      expected: `at most ${bundleLimits.tlogEntries}`,
    });
  }
  const envelope = attestation.object("envelope");
  return {
    mediaType: "",
    version: "0.3",
    material: { certificate: requireLeaf(readCertificate(material.base64("certificate"))) },
    tlogEntries: entries.map(parseTransparencyLogEntry),
    timestamps: [],
    content: {
      dsseEnvelope: {
        payload: envelope.base64("statement"),
        payloadType: statementPayloadType,
        signatures: [{ sig: envelope.base64("signature"), keyid: "" }],
      },
    },
  };
}

function readCertificate(der: Uint8Array): ReturnType<typeof parseCertificate> {
  try {
    return parseCertificate(der);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw bundleError("BUNDLE_CERTIFICATE", `Cannot parse PyPI attestation: its certificate cannot be read: ${cause.message}`, {
      cause,
    });
  }
}

function notAList(found: string): Error {
  return bundleError("BUNDLE_LIST", `Cannot parse bundles: there is ${found}`, {
    found,
    expected: "a bundle, or a list of bundles",
  });
}
