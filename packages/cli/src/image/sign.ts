import { encodeStatement } from "@sigillum/library/attestation";
import { attachBundle, imageStatement } from "@sigillum/library/image";
import {
  type Descriptor,
  encodeReference,
  encodeRepository,
  parseReference,
  type Reference,
  RegistryClient,
  resolveReference,
} from "@sigillum/library/oci";
import { signStatement } from "@sigillum/library/signing";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { describeSignature, loadSigningTrust, type SigningTrust, signatureLines, signIn } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

/** The registry client for a command: credentials as Docker keeps them, warnings on stderr. */
export function registryClient(args: Arguments, terminal: Terminal): RegistryClient {
  return new RegistryClient({
    allowInsecureRegistry: args.boolean("allow-insecure-registry"),
    onWarning: (text) => terminal.note(`WARNING: the registry says: ${text}`),
  });
}

/** `sigillum sign IMAGE…`: one login, one signature for each image, pushed beside it. */
export async function runSign(args: Arguments, terminal: Terminal): Promise<number> {
  const references = args.positionals.map(parseReference);
  const annotations = parseAnnotations(args.strings("annotations"));
  const client = registryClient(args, terminal);
  // Everything that may fail without a login fails before it.
  const images: { reference: Reference; image: Descriptor }[] = [];
  for (const reference of references) {
    const image = await resolveReference(client, reference);
    if (reference.digest === undefined) {
      terminal.note(
        `WARNING: ${encodeReference(reference)} is a tag, which may come to name another image; what is signed is ${image.digest}`,
      );
    }
    images.push({ reference, image });
  }
  const trust = await loadSigningTrust(args);
  const token = await signIn(args, trust.signingConfig, terminal);
  const signed: Record<string, unknown>[] = [];
  for (const { reference, image } of images) {
    const { manifest, ...description } = await signImage({ client, reference, image, annotations, trust, token: token.raw });
    const name = `${encodeRepository(reference)}@${image.digest}`;
    signed.push({ image: encodeReference(reference), digest: image.digest, signature: manifest.digest, ...description });
    if (terminal.format === "text")
      for (const line of [
        `Signed ${name}`,
        ...signatureLines(description),
        `  pushed  ${encodeRepository(reference)}@${manifest.digest}`,
      ])
        terminal.out(line);
  }
  if (terminal.format === "json") terminal.json({ signed });
  return exitCodes.success;
}

/** Which image to sign, as whom. */
export interface ImageOrder {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly image: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  readonly trust: SigningTrust;
  readonly token: string;
}

/** Sign an image's digest and attach the bundle. */
export async function signImage(
  order: ImageOrder,
): Promise<ReturnType<typeof describeSignature> & { readonly manifest: Descriptor }> {
  const { client, reference, image, annotations, trust, token } = order;
  const statement = encodeStatement(
    imageStatement({ repository: encodeRepository(reference), digest: image.digest, annotations }),
  );
  const bundle = await signStatement({ statement, token, trust, nowMs: Date.now() });
  const manifest = await attachBundle({ client, repository: reference, subject: image, bundle, nowMs: Date.now() });
  return { ...describeSignature(bundle, trust.trustedRoot), manifest };
}

function parseAnnotations(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      if (equals < 1)
        throw argumentError("FLAG_VALUE_INVALID", `Cannot run sign: the annotation ${JSON.stringify(pair)} is not KEY=VALUE`, {
          found: pair,
          expected: "KEY=VALUE",
        });
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
