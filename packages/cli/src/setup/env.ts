import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

interface Variable {
  readonly name: string;
  readonly description: string;
  readonly expects: string;
  readonly secret?: boolean;
}

const variable = (name: string, description: string, expects: string, secret = false): Variable => ({
  name,
  description,
  expects,
  secret,
});

/** The variables that are read, beside COSIGN_FLAG for every flag (signing-client §1.9). */
const variables: readonly Variable[] = [
  variable("SIGILLUM_HOME", "is where roots of trust are kept", "path, ~/.sigillum by default"),
  variable("SIGILLUM_COSIGN_EXIT_CODES", "gives 1 in place of the exit codes that cosign does not have", "1 to turn it on"),
  variable("SIGILLUM_COSIGN_VERSION", "is the version of cosign that version --json tells", "version with a v in front"),
  variable("COSIGN_PASSWORD", "is the password of a private key; an empty one counts", "string", true),
  variable("COSIGN_REPOSITORY", "is the repository where signatures are kept instead of beside the image", "string"),
  variable("COSIGN_DOCKER_MEDIA_TYPES", "writes Docker's media types in the tag layout", "1 to turn it on"),
  variable("COSIGN_MAX_ATTACHMENT_SIZE", "is the largest attachment that is read", "size with a unit, 128MiB by default"),
  variable("SIGSTORE_ID_TOKEN", "is an OIDC token to sign with", "string", true),
  variable("SIGSTORE_ROOT_FILE", "holds the certificate authorities to believe", "path to PEM"),
  variable("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "holds the CT log's key to believe", "path to PEM"),
  variable("SIGSTORE_REKOR_PUBLIC_KEY", "holds the transparency log's key to believe", "path to PEM"),
  variable("SIGSTORE_TSA_CERTIFICATE_FILE", "holds the timestamp authority's chain to believe", "path to PEM"),
  variable("TUF_MIRROR", "is the TUF repository of initialize", "URL"),
  variable("TUF_ROOT_JSON", "is its first root", "path, URL or JSON"),
  variable("ACTIONS_ID_TOKEN_REQUEST_URL", "is where a GitHub Actions job gets its token", "URL"),
  variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "is what it shows for it", "string", true),
  variable("BUILDKITE_AGENT_ACCESS_TOKEN", "is what a Buildkite job shows for its token", "string", true),
  variable("SOURCE_DATE_EPOCH", "is the time written into images of the tag layout", "seconds since 1970"),
  variable("DOCKER_CONFIG", "is where registry credentials are kept", "path of a directory"),
  variable("REGISTRY_AUTH_FILE", "is Podman's file of registry credentials", "path"),
  variable("SSL_CERT_FILE", "holds the CA certificates to trust for TLS", "path to PEM"),
  variable("HTTPS_PROXY", "is the proxy for https", "URL"),
  variable("HTTP_PROXY", "is the proxy for http", "URL"),
  variable("NO_PROXY", "lists hosts that are reached without a proxy", "host names"),
];

/** `sigillum env`: every variable that is read, with its value; secrets as asterisks. */
export async function runEnv(args: Arguments, terminal: Terminal): Promise<number> {
  const shown = (one: Variable): string => {
    const value = process.env[one.name] ?? "";
    return one.secret === true && value !== "" && !args.boolean("show-sensitive-values") ? "******" : value;
  };
  if (terminal.format === "json") {
    terminal.json(Object.fromEntries(variables.map((one) => [one.name, shown(one)])));
    return exitCodes.success;
  }
  for (const one of variables) {
    if (args.boolean("show-descriptions", true)) {
      terminal.out(`# ${one.name} ${one.description}`);
      terminal.out(`# Expects: ${one.expects}`);
    }
    terminal.out(`${one.name}=${shown(one)}`);
  }
  return exitCodes.success;
}
