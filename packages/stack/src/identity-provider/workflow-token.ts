// Tokens as GitHub Actions gives them to workflows, to try signing in CI out without a CI: certificate-authority §4.2 has the claims.
import { randomUUID } from "node:crypto";
import { quote } from "@sigillum/library/encoding";
import { identityProviderError } from "./errors.ts";
import { type IdTokenKey, signClaims } from "./id-token.ts";

/** The path of the issuer below the provider's own, and of the endpoint that gives its tokens. */
export const workflowPaths = { issuer: "/workflows", token: "/workflows/token" } as const;

const defaults: Readonly<Record<string, string>> = {
  repository: "sigillum/example",
  ref: "refs/heads/main",
  workflow: "Release",
  workflow_file: ".github/workflows/release.yml",
  event_name: "push",
  sha: "0123456789abcdef0123456789abcdef01234567",
  run_id: "1",
  run_attempt: "1",
  runner_environment: "self-hosted",
  repository_visibility: "private",
  repository_id: "1",
  repository_owner_id: "1",
  environment: "",
  actor: "sigillum",
};

/** The parameters of a request that choose claims, and their values where none is given. */
export const workflowParameters: readonly string[] = Object.keys(defaults);

/** The claims of a workflow's token. Throws IDENTITY_REQUEST_MALFORMED for a value that GitHub has none of. */
export function workflowClaims(asked: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const value = (name: string): string => asked.get(name) ?? defaults[name] ?? "";
  for (const [name, text] of asked) {
    const isKnown = Object.hasOwn(defaults, name);
    if (isKnown && text.length <= 500 && !/\p{Cc}/u.test(text)) continue;
    throw identityProviderError(
      "IDENTITY_REQUEST_MALFORMED",
      `Cannot make workflow token: ${isKnown ? `the value of ${name} is not accepted` : `there is no claim ${quote(name)}`}`,
      { found: quote(isKnown ? text : name), expected: isKnown ? "at most 500 characters" : workflowParameters.join(", ") },
    );
  }
  const repository = value("repository");
  const [owner = ""] = repository.split("/");
  if (!/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/u.test(repository))
    throw identityProviderError("IDENTITY_REQUEST_MALFORMED", "Cannot make workflow token: the repository is not OWNER/NAME", {
      found: quote(repository),
      expected: "OWNER/NAME",
    });
  const workflowRef = `${repository}/${value("workflow_file")}@${value("ref")}`;
  const environment = value("environment");
  return {
    sub: environment === "" ? `repo:${repository}:ref:${value("ref")}` : `repo:${repository}:environment:${environment}`,
    ref: value("ref"),
    ref_type: value("ref").startsWith("refs/tags/") ? "tag" : "branch",
    sha: value("sha"),
    repository,
    repository_id: value("repository_id"),
    repository_owner: owner,
    repository_owner_id: value("repository_owner_id"),
    repository_visibility: value("repository_visibility"),
    actor: value("actor"),
    event_name: value("event_name"),
    workflow: value("workflow"),
    workflow_ref: workflowRef,
    workflow_sha: value("sha"),
    job_workflow_ref: workflowRef,
    job_workflow_sha: value("sha"),
    run_id: value("run_id"),
    run_attempt: value("run_attempt"),
    runner_environment: value("runner_environment"),
    ...(environment === "" ? {} : { environment }),
  };
}

/** Signs a workflow's token. */
export function signWorkflowToken(
  key: IdTokenKey,
  fields: {
    readonly issuer: string;
    readonly audience: string;
    readonly nowMs: number;
    readonly lifetimeSeconds: number;
    readonly claims: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const issuedAt = Math.floor(fields.nowMs / 1000);
  return signClaims(key, {
    ...fields.claims,
    jti: randomUUID(),
    iss: fields.issuer,
    aud: fields.audience,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + fields.lifetimeSeconds,
  });
}
