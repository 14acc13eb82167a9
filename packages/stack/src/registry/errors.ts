import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `registry`; `answers` says which of the distribution spec's codes and which status each becomes. */
export const registryErrors = {
  REGISTRY_NAME_INVALID: { kind: "malformed", means: "A repository name is not made of lower-case path components." },
  REGISTRY_TAG_INVALID: { kind: "malformed", means: "A tag is not 1 to 128 letters, digits, dots, dashes and underscores." },
  REGISTRY_DIGEST_INVALID: { kind: "malformed", means: "A digest is malformed, or is not that of what was sent." },
  REGISTRY_MANIFEST_INVALID: {
    kind: "malformed",
    means: "A pushed manifest is no OCI or Docker manifest, or its content type contradicts it.",
  },
  REGISTRY_MANIFEST_INCOMPLETE: {
    kind: "malformed",
    means: "A pushed manifest names blobs or manifests that were not pushed to the repository before.",
  },
  REGISTRY_TYPE_REFUSED: {
    kind: "malformed",
    means: "The registry is set to take manifests of other types alone, as Quay 3.6 did.",
  },
  REGISTRY_MANIFEST_UNKNOWN: { kind: "verification", means: "The repository has no manifest of that tag or digest." },
  REGISTRY_BLOB_UNKNOWN: { kind: "verification", means: "The repository has no blob of that digest." },
  REGISTRY_NAME_UNKNOWN: { kind: "verification", means: "There is no repository of that name." },
  REGISTRY_UPLOAD_UNKNOWN: {
    kind: "verification",
    means: "There is no such upload: it has ended, was cancelled, or the registry was restarted.",
  },
  REGISTRY_UPLOAD_BUSY: { kind: "verification", means: "Another request is writing to the same upload." },
  REGISTRY_UPLOAD_RANGE: {
    kind: "malformed",
    means: "A chunk does not begin where the upload stands, or is not as long as it says.",
  },
  REGISTRY_RANGE_INVALID: { kind: "malformed", means: "The asked range lies outside the blob." },
  REGISTRY_TOO_LARGE: { kind: "malformed", means: "A manifest or blob is larger than the registry takes." },
  REGISTRY_TOO_MANY_UPLOADS: { kind: "unavailable", means: "Too many uploads are open at once." },
} as const;

/** Make an error of the room `registry`. */
export const registryError: ErrorMaker<typeof registryErrors> = defineErrors(registryErrors);

/** The distribution spec's error code and HTTP status for each of ours ("Error Codes"). */
export const registryAnswers: Readonly<Record<string, { readonly code: string; readonly status: number }>> = {
  REGISTRY_NAME_INVALID: { code: "NAME_INVALID", status: 400 },
  REGISTRY_TAG_INVALID: { code: "MANIFEST_INVALID", status: 400 },
  REGISTRY_DIGEST_INVALID: { code: "DIGEST_INVALID", status: 400 },
  REGISTRY_MANIFEST_INVALID: { code: "MANIFEST_INVALID", status: 400 },
  REGISTRY_MANIFEST_INCOMPLETE: { code: "MANIFEST_BLOB_UNKNOWN", status: 404 },
  REGISTRY_TYPE_REFUSED: { code: "MANIFEST_INVALID", status: 400 },
  REGISTRY_MANIFEST_UNKNOWN: { code: "MANIFEST_UNKNOWN", status: 404 },
  REGISTRY_BLOB_UNKNOWN: { code: "BLOB_UNKNOWN", status: 404 },
  REGISTRY_NAME_UNKNOWN: { code: "NAME_UNKNOWN", status: 404 },
  REGISTRY_UPLOAD_UNKNOWN: { code: "BLOB_UPLOAD_UNKNOWN", status: 404 },
  REGISTRY_UPLOAD_BUSY: { code: "BLOB_UPLOAD_INVALID", status: 409 },
  REGISTRY_UPLOAD_RANGE: { code: "BLOB_UPLOAD_INVALID", status: 416 },
  REGISTRY_RANGE_INVALID: { code: "SIZE_INVALID", status: 416 },
  REGISTRY_TOO_LARGE: { code: "SIZE_INVALID", status: 413 },
  REGISTRY_TOO_MANY_UPLOADS: { code: "TOOMANYREQUESTS", status: 429 },
  ROUTE_NOT_FOUND: { code: "UNSUPPORTED", status: 404 },
  METHOD_NOT_ALLOWED: { code: "UNSUPPORTED", status: 405 },
  REQUEST_TOO_LARGE: { code: "SIZE_INVALID", status: 413 },
};
