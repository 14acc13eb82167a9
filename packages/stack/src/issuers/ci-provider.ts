// Identities of CI systems: what a token's claims say becomes SAN and extensions through templates. certificate-authority §4.1, §4.2.
import { encodeUtf8, type JsonObject, quote } from "@sigillum/library/encoding";
import { claimText, maxClaimBytes, missingClaim, refusedClaim } from "./claims.ts";
import { issuersError } from "./errors.ts";
import { fillTemplate, parseTemplate, type Template } from "./template.ts";
import { encodeUri } from "./uri.ts";

/** The extensions that a template may fill, by their names in a certificate and in Fulcio's configuration. §3.3. */
export const templateExtensions = {
  githubWorkflowTrigger: "github-workflow-trigger",
  githubWorkflowSha: "github-workflow-sha",
  githubWorkflowName: "github-workflow-name",
  githubWorkflowRepository: "github-workflow-repository",
  githubWorkflowRef: "github-workflow-ref",
  buildSignerUri: "build-signer-uri",
  buildSignerDigest: "build-signer-digest",
  runnerEnvironment: "runner-environment",
  sourceRepositoryUri: "source-repository-uri",
  sourceRepositoryDigest: "source-repository-digest",
  sourceRepositoryRef: "source-repository-ref",
  sourceRepositoryIdentifier: "source-repository-identifier",
  sourceRepositoryOwnerUri: "source-repository-owner-uri",
  sourceRepositoryOwnerIdentifier: "source-repository-owner-identifier",
  buildConfigUri: "build-config-uri",
  buildConfigDigest: "build-config-digest",
  buildTrigger: "build-trigger",
  runInvocationUri: "run-invocation-uri",
  sourceRepositoryVisibilityAtSigning: "source-repository-visibility-at-signing",
  deploymentEnvironment: "deployment-environment",
} as const;

/** An extension that a template may fill. */
export type TemplateExtension = keyof typeof templateExtensions;

/** The names of the extensions, in ascending order of their numbers. */
export const templateExtensionNames: readonly TemplateExtension[] = Object.keys(templateExtensions).filter(
  (name): name is TemplateExtension => Object.hasOwn(templateExtensions, name),
);

/** What a certificate says of a build, by extension; one that is absent is left out. */
export type ExtensionValues = { readonly [name in TemplateExtension]?: string };

/** The templates of one CI system. */
export interface CiProvider {
  readonly name: string;
  readonly defaults: ReadonlyMap<string, string>;
  readonly subjectAltName: Template;
  readonly extensions: ReadonlyMap<TemplateExtension, Template>;
  /** Claims that must be there although no template uses them. */
  readonly requiredClaims: readonly string[];
}

/** The source of a provider, as Fulcio's configuration and the built-in tables write it. */
export interface CiProviderSource {
  readonly defaults?: Readonly<Record<string, string>>;
  readonly subjectAltName: string;
  readonly extensions: Readonly<Partial<Record<TemplateExtension, string>>>;
  readonly requiredClaims?: readonly string[];
}

/** Reads every template of a provider; throws ISSUERS_TEMPLATE for one that is not understood, or an empty subject. */
export function parseCiProvider(name: string, source: CiProviderSource): CiProvider {
  if (source.subjectAltName === "") {
    throw issuersError("ISSUERS_TEMPLATE", `Cannot use CI provider ${quote(name)}: it has no template of the subject`, {
      expected: "a subject-alternative-name-template",
    });
  }
  const extensions = new Map<TemplateExtension, Template>();
  for (const extension of templateExtensionNames) {
    const text = source.extensions[extension] ?? "";
    // §4.1: an empty template leaves its extension out.
    if (text !== "") extensions.set(extension, parseTemplate(text));
  }
  return {
    name,
    defaults: new Map(Object.entries(source.defaults ?? {})),
    subjectAltName: parseTemplate(source.subjectAltName),
    extensions,
    requiredClaims: source.requiredClaims ?? [],
  };
}

/** The same templates for another installation: `url` is its base address, as of a GitLab of one's own. */
export function withProviderUrl(provider: CiProvider, url: string): CiProvider {
  return { ...provider, defaults: new Map([...provider.defaults, ["url", url]]) };
}

/** SAN and extensions from a token's claims. A claim that a template needs and the token lacks is an error that names both. */
export function fillCiProvider(
  provider: CiProvider,
  claims: JsonObject,
): { readonly subjectAltName: string; readonly extensions: ExtensionValues } {
  for (const name of provider.requiredClaims) if (!claims.has(name)) throw missingClaim(claims, name);
  const lookup = (what: string) => (name: string) => {
    const value = claims.value(name);
    if (value !== undefined) return claimText(value);
    const byDefault = provider.defaults.get(name);
    if (byDefault !== undefined) return byDefault;
    throw missingClaim(claims, name, `, which ${what} of CI provider ${quote(provider.name)} needs`);
  };
  const extensions: { [name in TemplateExtension]?: string } = {};
  for (const [name, template] of provider.extensions) {
    const value = fillTemplate(template, lookup(templateExtensions[name]));
    if (value === "") continue;
    if (encodeUtf8(value).length > maxClaimBytes)
      throw refusedClaim(templateExtensions[name], value, `at most ${maxClaimBytes} bytes`);
    extensions[name] = value;
  }
  const subject = fillTemplate(provider.subjectAltName, lookup("the subject"));
  return { subjectAltName: encodeUri(subject, "subject alternative name"), extensions };
}
