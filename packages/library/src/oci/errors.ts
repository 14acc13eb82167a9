import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `oci`: references, credentials and what a registry answered. */
export const ociErrors = {
  OCI_REFERENCE_INVALID: { kind: "malformed", means: "The image reference is not [registry/]repository[:tag][@digest]." },
  OCI_DIGEST_INVALID: { kind: "malformed", means: "The digest is not sha256:… or sha512:… in lower-case hexadecimal." },
  OCI_MANIFEST_INVALID: {
    kind: "malformed",
    means: "A manifest, index or descriptor is not what the OCI image specification describes.",
  },
  OCI_DIGEST_MISMATCH: { kind: "verification", means: "The registry handed out other bytes than the digest names." },
  OCI_NOT_FOUND: { kind: "verification", means: "The registry answers and has no such manifest, tag or blob." },
  OCI_TOO_LARGE: { kind: "verification", means: "A manifest, blob or list is larger than is read." },
  OCI_UNAUTHORIZED: { kind: "unavailable", means: "The registry wants other credentials, or these do not permit it." },
  OCI_RATE_LIMITED: { kind: "unavailable", means: "The registry refuses requests for a while (429)." },
  OCI_UNAVAILABLE: { kind: "unavailable", means: "The registry answered with an error, so that it could not be looked up." },
  OCI_REALM_REFUSED: { kind: "verification", means: "A registry on https sends credentials to a token service on plain http." },
  OCI_REFERRERS_CONFLICT: { kind: "unavailable", means: "Others kept overwriting the referrers tag while it was being updated." },
  OCI_DELETE_UNSUPPORTED: { kind: "state", means: "The registry does not let clients remove manifests or tags." },
  OCI_CREDENTIALS_UNREADABLE: { kind: "state", means: "The Docker configuration file with registry credentials cannot be read." },
  OCI_CREDENTIAL_HELPER_FAILED: { kind: "state", means: "The credential helper that the Docker configuration names failed." },
} as const;

/** Make an error of the room `oci`. */
export const ociError: ErrorMaker<typeof ociErrors> = defineErrors(ociErrors);
