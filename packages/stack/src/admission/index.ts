// The public surface of the room `admission`.

export { fetchText } from "./cluster-state.ts";
export { type DecisionContext, decideImage, type ImageDecision } from "./decide-image.ts";
export { DecisionCache } from "./decision-cache.ts";
export { admissionError, admissionErrors } from "./errors.ts";
export { Evidence, type EvidenceOptions } from "./evidence.ts";
export { type FetchPublicKey, fetchKmsKey, KmsKeys, kmsReferences } from "./kms-keys.ts";
export { inClusterAccess, type KubeAccess, KubeClient, type KubeObject, ownNamespace, tokenFile } from "./kube-client.ts";
export { PolicyThreads, type PolicyThreadsOptions, type QuestionTime } from "./policy-threads.ts";
export {
  type LoadedPolicy,
  loadPolicies,
  type NoMatchPolicy,
  type PolicyParts,
  type PolicyView,
  remoteTexts,
  textKey,
} from "./policy-view.ts";
export { type AdmissionAnswer, type AdmissionQuestion, encodeAnswer, parseReview } from "./review.ts";
export { type AdmissionOptions, createAdmission, routes } from "./service.ts";
export { TrustRootReader } from "./trust-roots.ts";
export { Webhook, type WebhookParts, type WebhookPath } from "./webhook.ts";
export { type PlacedImage, readWorkload, type Workload } from "./workload.ts";
