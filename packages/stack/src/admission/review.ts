// AdmissionReview of admission.k8s.io/v1: the question and the answer.
import { encodeBase64, encodeUtf8, type JsonValue, parseJson } from "@sigillum/library/encoding";
import { admissionError } from "./errors.ts";
import { isObject, objectAt, textAt } from "./kube-client.ts";

/** What the API server asks. */
export interface AdmissionQuestion {
  readonly apiVersion: string;
  readonly uid: string;
  readonly operation: string;
  readonly namespace: string;
  readonly name: string;
  readonly subResource: string;
  readonly resource: string;
  readonly dryRun: boolean;
  /** Null where the operation has none. */
  readonly object: JsonValue;
  readonly oldObject: JsonValue;
}

/** What is answered. */
export interface AdmissionAnswer {
  readonly allowed: boolean;
  readonly message?: string;
  /** HTTP status of a refusal; 403 where nothing is said. */
  readonly code?: number;
  readonly warnings?: readonly string[];
  readonly patch?: JsonValue;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** The largest review that is read: the API server's own limit for an object is 3 MiB, and a review may hold two. */
export const maxReviewBytes: number = 8 * 1024 * 1024;
const maxWarnings = 16;
const maxWarningLength = 240;
const maxMessageLength = 16_000;

/** Read a review. Throws ADMISSION_REVIEW_MALFORMED. */
export function parseReview(bytes: Uint8Array): AdmissionQuestion {
  const review = parseJson(bytes, { maxBytes: maxReviewBytes });
  const request = objectAt(review, "request");
  const [apiVersion, uid] = [textAt(review, "apiVersion"), textAt(request, "uid")];
  if (textAt(review, "kind") !== "AdmissionReview" || apiVersion !== "admission.k8s.io/v1" || uid === undefined || uid === "") {
    throw admissionError(
      "ADMISSION_REVIEW_MALFORMED",
      "Cannot read request: it is no AdmissionReview of admission.k8s.io/v1 with a uid",
      {
        found: `${textAt(review, "kind")} of ${apiVersion}`,
        expected: "AdmissionReview of admission.k8s.io/v1",
      },
    );
  }
  return {
    apiVersion,
    uid,
    operation: textAt(request, "operation") ?? "",
    namespace: textAt(request, "namespace") ?? "",
    name: textAt(request, "name") ?? "",
    subResource: textAt(request, "subResource") ?? "",
    resource: textAt(request, "resource", "resource") ?? "",
    dryRun: request["dryRun"] === true,
    object: request["object"] ?? null,
    oldObject: request["oldObject"] ?? null,
  };
}

/** Write the answer to a review. Warnings and message are cut to what the API server passes on. */
export function encodeAnswer(question: Pick<AdmissionQuestion, "apiVersion" | "uid">, answer: AdmissionAnswer): string {
  const { allowed, message, code = 403, warnings = [], patch, auditAnnotations } = answer;
  const hasPatch = Array.isArray(patch) ? patch.length > 0 : patch !== undefined;
  const shown = warnings.slice(0, maxWarnings).map((text) => shorten(text, maxWarningLength));
  const more = warnings.length - shown.length;
  return JSON.stringify({
    apiVersion: question.apiVersion,
    kind: "AdmissionReview",
    response: {
      uid: question.uid,
      allowed,
      ...(message === undefined
        ? {}
        : {
            status: {
              code: allowed ? 200 : code,
              message: shorten(message, maxMessageLength),
              ...(allowed || code !== 403 ? {} : { reason: "Forbidden" }),
            },
          }),
      ...(shown.length === 0 ? {} : { warnings: more > 0 ? [...shown, `and ${more} more warnings`] : shown }),
      ...(hasPatch ? { patchType: "JSONPatch", patch: encodeBase64(encodeUtf8(JSON.stringify(patch))) } : {}),
      ...(auditAnnotations === undefined ? {} : { auditAnnotations }),
    },
  });
}

/** The seconds that the API server waits, from the address it asked; undefined where it does not say. */
export function timeoutOf(query: URLSearchParams): number | undefined {
  const text = /^(\d{1,3})s$/.exec(query.get("timeout") ?? "")?.[1];
  return text === undefined ? undefined : Number(text) * 1000;
}

/** Whether an object is on its way out. */
export function isBeingDeleted(object: JsonValue): boolean {
  return isObject(object) && textAt(object, "metadata", "deletionTimestamp") !== undefined;
}

function shorten(text: string, length: number): string {
  const line = text.replaceAll(/[^\P{Cc}\n]/gu, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
