import type { Bundle } from "@sigillum/library/bundle";
import type { PublicKey } from "@sigillum/library/crypto";
import { type AttachmentPlace, attachBundle, attachToTag } from "@sigillum/library/image";
import { type Descriptor, encodeRepository, type Reference, type RegistryClient } from "@sigillum/library/oci";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { isSet, optional } from "../blob/index.ts";

/** In which layouts a signature is written: bundles as OCI referrers (cosign 3), tags (cosign 1 and 2). */
export interface Layouts {
  readonly bundle: boolean;
  readonly tag: boolean;
}

/** What the flags say: --layout, or cosign's --new-bundle-format=false and --registry-referrers-mode=legacy for tags alone. */
export function layoutsOf(args: Arguments): Layouts {
  const layout = optional(args, "layout");
  if (layout !== undefined && (args.has("new-bundle-format") || args.has("registry-referrers-mode")))
    throw argumentError("FLAGS_CONFLICT", `Cannot run ${args.command}: --layout and --new-bundle-format exclude each other`);
  if (layout === "both") return { bundle: true, tag: true };
  const isTag =
    layout === "tag" || !isSet(args, "new-bundle-format", true) || optional(args, "registry-referrers-mode") === "legacy";
  return { bundle: !isTag, tag: isTag };
}

/** What is pushed beside an image. */
export interface Push {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly image: Descriptor;
  readonly place: AttachmentPlace;
  readonly trustedRoot: TrustedRoot;
}

/** Push a bundle as a referrer; returns where it is. */
export async function pushReferrerBundle(push: Push, bundle: Bundle): Promise<{ manifest: Descriptor; where: string }> {
  const repository = push.place.repository ?? push.reference;
  const manifest = await attachBundle({ client: push.client, repository, subject: push.image, bundle, nowMs: Date.now() });
  return { manifest, where: `${encodeRepository(repository)}@${manifest.digest}` };
}

/** Push a signature, with the payload that was signed, or an attestation into the tag layout. */
export async function pushTagBundle(
  push: Push,
  bundle: Bundle,
  options: {
    readonly publicKey?: PublicKey | undefined;
    readonly payload?: Uint8Array;
    readonly replace?: boolean;
    readonly recordTime?: boolean;
  },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Descriptor> {
  const { client, place, image, trustedRoot } = push;
  const epoch = env["SOURCE_DATE_EPOCH"];
  const createdMs =
    epoch !== undefined && /^\d{1,12}$/.test(epoch) ? Number(epoch) * 1000 : options.recordTime === true ? Date.now() : undefined;
  return await attachToTag({
    client,
    repository: place.repository ?? push.reference,
    image: image.digest,
    bundle,
    trustedRoot,
    dockerMediaTypes: env["COSIGN_DOCKER_MEDIA_TYPES"] === "1",
    ...(options.publicKey === undefined ? {} : { publicKey: options.publicKey }),
    ...(options.payload === undefined ? {} : { payload: options.payload }),
    ...(options.replace === undefined ? {} : { replace: options.replace }),
    ...(place.tagPrefix === undefined ? {} : { tagPrefix: place.tagPrefix }),
    ...(createdMs === undefined ? {} : { createdMs }),
  });
}
