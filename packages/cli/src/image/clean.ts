import { listAttachments } from "@sigillum/library/image";
import { deleteManifest, encodeReference, encodeRepository, removeReferrer, resolveReference } from "@sigillum/library/oci";
import type { Arguments } from "../arguments/index.ts";
import { isSet, optional } from "../blob/index.ts";
import { confirm, exitCodes, type Terminal } from "../terminal/index.ts";
import { attachmentPlace, referencesOf, registryClient } from "./client.ts";

const kinds: Readonly<Record<string, string>> = { signature: "sig", attestation: "att", sbom: "sbom" };

/** `sigillum clean IMAGE`: remove what hangs on an image; the image is left. */
export async function runClean(args: Arguments, terminal: Terminal): Promise<number> {
  const [reference] = await referencesOf(args.positionals, terminal);
  if (reference === undefined) throw new TypeError("the table demands one reference");
  const type = optional(args, "type") ?? "all";
  const client = await registryClient(args, terminal);
  const place = attachmentPlace(args);
  const repository = place.repository ?? reference;
  const { digest } = await resolveReference(client, reference);
  const found = await listAttachments(client, repository, digest, place.tagPrefix);
  const tags = found.tags.filter(({ kind }) => type === "all" || kinds[type] === kind);
  const referrers = type === "all" || type === "referrer" ? found.referrers : [];
  if (tags.length + referrers.length === 0) {
    terminal.note(`Nothing to remove from ${encodeReference(reference)}`);
    return exitCodes.success;
  }
  const count = `${tags.length} attachment tags and ${referrers.length} referrers`;
  const question = `WARNING: this will remove ${count} of ${encodeReference(reference)}. Do you want to continue?`;
  await confirm(terminal, question, isSet(args, "yes"));
  for (const { tag, image } of tags) {
    // By digest, because not every registry removes tags; where that is refused, by tag.
    await deleteManifest(client, repository, image.descriptor.digest).catch(() => deleteManifest(client, repository, tag));
    terminal.note(`Removed ${tag} from ${encodeRepository(repository)}`);
  }
  for (const one of referrers) {
    await deleteManifest(client, repository, one.digest);
    await removeReferrer(client, repository, digest, one.digest);
    terminal.note(`Removed ${one.digest} from ${encodeRepository(repository)}`);
  }
  return exitCodes.success;
}
