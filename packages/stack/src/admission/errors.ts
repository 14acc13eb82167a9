import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `admission`. */
export const admissionErrors = {
  ADMISSION_REVIEW_MALFORMED: { kind: "malformed", means: "A request to the webhook is no AdmissionReview v1, or lacks a part." },
  ADMISSION_API_UNAVAILABLE: {
    kind: "unavailable",
    means: "The Kubernetes API server cannot be reached or answers with a fault.",
  },
  ADMISSION_API_REFUSED: { kind: "state", means: "The Kubernetes API server refuses a request of the controller." },
  ADMISSION_API_MALFORMED: { kind: "malformed", means: "The Kubernetes API server's answer has another form than its API says." },
  ADMISSION_API_UNCONFIGURED: {
    kind: "state",
    means: "The controller runs outside a cluster and was not told where the API server is.",
  },
  ADMISSION_NOT_READY: {
    kind: "unavailable",
    means: "The controller has not read the cluster's policies yet, so that it cannot decide.",
  },
  ADMISSION_DEADLINE: {
    kind: "unavailable",
    means: "A decision was not made within the time that the API server waits for one.",
  },
  ADMISSION_BUSY: { kind: "unavailable", means: "More requests wait for a decision than the controller takes in at once." },
  ADMISSION_IMAGE_INVALID: { kind: "malformed", means: "The image of a container is no image reference." },
  ADMISSION_IMAGE_UNPINNED: {
    kind: "verification",
    means: "An image is named by a tag, which can move, and no digest could be had for it.",
  },
  ADMISSION_IMAGES_TOO_MANY: { kind: "malformed", means: "A resource has more images than one request may ask about." },
  ADMISSION_SECRET_UNUSABLE: {
    kind: "unavailable",
    means: "A Secret or ConfigMap that a policy or workload names is missing, unreadable or of another form.",
  },
  ADMISSION_KEY_UNAVAILABLE: {
    kind: "unavailable",
    means: "An authority names a key in a KMS that could not be fetched from there.",
  },
  ADMISSION_TRUST_ROOT_UNAVAILABLE: {
    kind: "unavailable",
    means: "A policy needs a TrustRoot that is missing, or whose keys could not be had.",
  },
  ADMISSION_POLICY_TEXT_UNAVAILABLE: {
    kind: "unavailable",
    means: "The text of a policy could not be fetched, or has another hash than its object says.",
  },
  ADMISSION_POLICY_MALFORMED: {
    kind: "verification",
    means: "A policy in the cluster cannot be read; images that it may be for are refused.",
  },
  ADMISSION_POLICY_DEADLINE: {
    kind: "unavailable",
    means:
      "The evaluation of a policy text took longer than the request had left; its thread was ended and the image is refused.",
  },
  ADMISSION_POLICY_MEMORY: {
    kind: "unavailable",
    means: "The evaluation of a policy text took more memory than a thread gets; its thread ended and the image is refused.",
  },
  ADMISSION_POLICY_BUSY: {
    kind: "unavailable",
    means: "Every thread that evaluates policy texts was busy for as long as the request could wait.",
  },
  ADMISSION_POLICY_BROKEN: {
    kind: "state",
    means: "The thread that evaluated a policy text broke, or none could be started; the controller's log names the fault.",
  },
  ADMISSION_FAULT: {
    kind: "state",
    means: "A fault in the controller ended a decision; the image is refused and the log names it.",
  },
} as const;

/** Make an error of the room `admission`. */
export const admissionError: ErrorMaker<typeof admissionErrors> = defineErrors(admissionErrors);
