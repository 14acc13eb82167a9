// What a registry takes: everything the OCI specifications describe, or what Quay 3.6 took in October 2021 (signing-client §5.7).
import { type Manifest, mediaTypes } from "@sigillum/library/oci";
import { registryError } from "./errors.ts";

/** Which registry this one behaves like. */
export type Acceptance = "oci-1.1" | "quay-3.6";

const layerTypes = [
  "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.oci.image.layer.v1.tar+zstd",
  "application/vnd.dev.cosign.simplesigning.v1+json",
];
const dockerLayerTypes = [
  "application/vnd.docker.image.rootfs.diff.tar",
  "application/vnd.docker.image.rootfs.diff.tar.gzip",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];
const helmLayerTypes = ["application/tar+gzip", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"];
// By config type: an ordinary image may have a signature layer, and so a `.sig` image is one. Envelopes and SBOMs are missing.
const quayTypes: ReadonlyMap<string, readonly string[]> = new Map([
  [mediaTypes.config, layerTypes],
  ["application/vnd.docker.container.image.v1+json", dockerLayerTypes],
  ["application/vnd.cncf.helm.config.v1+json", helmLayerTypes],
]);

/** Fail unless the registry takes manifests of these types. */
export function checkAcceptance(acceptance: Acceptance, manifest: Manifest): void {
  const { config, layers } = manifest;
  if (acceptance === "oci-1.1" || config === undefined) return;
  const allowed = quayTypes.get(config.mediaType);
  if (allowed === undefined) refuse(`its config is ${config.mediaType}`, [...quayTypes.keys()]);
  const stranger = layers.find(({ mediaType }) => !allowed.includes(mediaType));
  if (stranger !== undefined) refuse(`it has a layer of type ${stranger.mediaType}`, allowed);
}

function refuse(reason: string, expected: readonly string[]): never {
  throw registryError("REGISTRY_TYPE_REFUSED", `Cannot take manifest: ${reason}, which this registry is set not to take`, {
    expected: expected.join(", "),
  });
}
