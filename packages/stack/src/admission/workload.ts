// The images of a resource: where they stand in each kind, and what goes with them.
import type { JsonValue } from "@sigillum/library/encoding";
import { isObject, objectAt, textAt } from "./kube-client.ts";

/** An image and its place. */
export interface PlacedImage {
  readonly image: string;
  /** As messages write it: `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** As a JSON Patch writes it (RFC 6901). */
  readonly pointer: string;
}

/** A resource that makes pods, or is one. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly images: readonly PlacedImage[];
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccount: string;
  /** Of the highest resource, not of the pod in it. */
  readonly spec: JsonValue;
  readonly metadata: JsonValue;
}

const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: ["spec"],
  ReplicaSet: ["spec", "template", "spec"],
  Deployment: ["spec", "template", "spec"],
  StatefulSet: ["spec", "template", "spec"],
  DaemonSet: ["spec", "template", "spec"],
  ReplicationController: ["spec", "template", "spec"],
  Job: ["spec", "template", "spec"],
  CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
};

/** Whether a kind has images here. */
export function isWorkloadKind(kind: string): boolean {
  return Object.hasOwn(podPaths, kind);
}

/** Read a resource; undefined for a kind without images. The API server checked its form; what has another form has no image. */
export function readWorkload(object: JsonValue): Workload | undefined {
  const kind = textAt(object, "kind") ?? "";
  const path = Object.hasOwn(podPaths, kind) ? podPaths[kind] : undefined;
  if (path === undefined) return undefined;
  const pod = objectAt(object, ...path);
  const labels = objectAt(object, "metadata", "labels");
  return {
    apiVersion: textAt(object, "apiVersion") ?? "",
    kind,
    labels: Object.fromEntries(
      Object.entries(labels).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
    ),
    images: [
      ...["initContainers", "containers", "ephemeralContainers"].flatMap((name) => placed(pod[name], [...path, name], ["image"])),
      ...placed(pod["volumes"], [...path, "volumes"], ["image", "reference"]),
    ],
    imagePullSecrets: listOf(pod["imagePullSecrets"]).flatMap((one) => textAt(one, "name") ?? []),
    serviceAccount: textAt(pod, "serviceAccountName") ?? "default",
    spec: objectAt(object, "spec"),
    metadata: objectAt(object, "metadata"),
  };
}

function placed(list: JsonValue | undefined, path: readonly string[], names: readonly string[]): PlacedImage[] {
  return listOf(list).flatMap((one, index) => {
    const image = textAt(one, ...names);
    if (image === undefined || image === "") return [];
    const field = names.join(".");
    return [{ image, path: `${path.join(".")}[${index}].${field}`, pointer: `/${[...path, index, ...names].join("/")}` }];
  });
}

/** Whether an update asks for fewer replicas than there are: it runs nothing new, and must be possible with any image. */
export function isScaleDown(object: JsonValue, old: JsonValue): boolean {
  const kind = textAt(object, "kind") ?? "";
  if (!["Deployment", "ReplicaSet", "StatefulSet"].includes(kind)) return false;
  const [now, before] = [object, old].map((one) => objectAt(one, "spec")["replicas"] ?? 1);
  if (typeof now !== "number" || typeof before !== "number" || now >= before) return false;
  // Divergence: the original lets an update that also brings a new image through.
  const images = (one: JsonValue): string => JSON.stringify(readWorkload(one)?.images ?? []);
  return images(object) === images(old);
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
