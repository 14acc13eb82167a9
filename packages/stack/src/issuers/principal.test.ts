import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JsonObject, type JsonValue } from "@sigillum/library/encoding";
import fc from "fast-check";
import type { IssuerConfiguration } from "./configuration.ts";
import { type Principal, principalOf } from "./principal.ts";
import { issuerRules } from "./rules.ts";

const issuer = "https://accounts.example.com";
const base = { url: issuer, clientId: "sigstore", skipEmailVerification: false } as const;
const principal = (configuration: Omit<IssuerConfiguration, keyof typeof base>, claims: JsonValue): Principal =>
  principalOf(issuerRules({ ...base, ...configuration }, new Map()), issuer, JsonObject.exact(claims, "claims"));
const refuses = (
  configuration: Omit<IssuerConfiguration, keyof typeof base>,
  claims: JsonValue,
  code: string,
  pattern: RegExp,
): void => {
  assert.throws(
    () => principal(configuration, claims),
    (error: { code?: string; message: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, pattern);
      return true;
    },
  );
};

const github = {
  sub: "repo:octo/app:environment:prod",
  event_name: "push",
  sha: "a".repeat(40),
  workflow: "Release",
  repository: "octo/app",
  ref: "refs/heads/main",
  job_workflow_ref: "octo/shared/.github/workflows/build.yml@refs/tags/v1",
  job_workflow_sha: "b".repeat(40),
  runner_environment: "github-hosted",
  repository_id: "12",
  repository_owner: "octo",
  repository_owner_id: "34",
  workflow_ref: "octo/app/.github/workflows/release.yml@refs/heads/main",
  workflow_sha: "c".repeat(40),
  run_id: "1234567890",
  run_attempt: 1,
  repository_visibility: "public",
  environment: "prod",
};
const githubExtensions = {
  githubWorkflowTrigger: "push",
  githubWorkflowSha: "a".repeat(40),
  githubWorkflowName: "Release",
  githubWorkflowRepository: "octo/app",
  githubWorkflowRef: "refs/heads/main",
  buildSignerUri: "https://github.com/octo/shared/.github/workflows/build.yml@refs/tags/v1",
  buildSignerDigest: "b".repeat(40),
  runnerEnvironment: "github-hosted",
  sourceRepositoryUri: "https://github.com/octo/app",
  sourceRepositoryDigest: "a".repeat(40),
  sourceRepositoryRef: "refs/heads/main",
  sourceRepositoryIdentifier: "12",
  sourceRepositoryOwnerUri: "https://github.com/octo",
  sourceRepositoryOwnerIdentifier: "34",
  buildConfigUri: "https://github.com/octo/app/.github/workflows/release.yml@refs/heads/main",
  buildConfigDigest: "c".repeat(40),
  buildTrigger: "push",
  runInvocationUri: "https://github.com/octo/app/actions/runs/1234567890/attempts/1",
  sourceRepositoryVisibilityAtSigning: "public",
};
const gitlab = {
  sub: "project_path:group/app:ref_type:branch:ref:main",
  ci_config_ref_uri: "gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main",
  ci_config_sha: "d".repeat(40),
  runner_environment: "gitlab-hosted",
  runner_id: 5,
  project_path: "group/app",
  sha: "e".repeat(40),
  ref: "main",
  ref_type: "branch",
  project_id: "77",
  namespace_path: "group",
  namespace_id: "88",
  pipeline_source: "push",
  pipeline_id: "99",
  job_id: "111",
  project_visibility: "private",
};
const gitlabExtensions = {
  buildSignerUri: "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main",
  buildSignerDigest: "d".repeat(40),
  runnerEnvironment: "gitlab-hosted",
  sourceRepositoryUri: "https://gitlab.com/group/app",
  sourceRepositoryDigest: "e".repeat(40),
  sourceRepositoryRef: "refs/heads/main",
  sourceRepositoryIdentifier: "77",
  sourceRepositoryOwnerUri: "https://gitlab.com/group",
  sourceRepositoryOwnerIdentifier: "88",
  buildConfigUri: "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main",
  buildConfigDigest: "d".repeat(40),
  buildTrigger: "push",
  runInvocationUri: "https://gitlab.com/group/app/-/jobs/111",
  sourceRepositoryVisibilityAtSigning: "private",
};
const buildkite = {
  sub: "organization:acme:pipeline:app",
  organization_slug: "acme",
  pipeline_slug: "app",
  build_number: 42,
  job_id: "0185-ab",
  runner_environment: "self-hosted",
  build_commit: "f".repeat(40),
  build_source: "webhook",
};
const codefresh = {
  sub: "account:1:pipeline:2",
  account_id: "1",
  account_name: "acme",
  pipeline_id: "2",
  pipeline_name: "p/app",
  workflow_id: "w3",
  scm_repo_url: "https://github.com/acme/app",
};

describe("principalOf", () => {
  it("maps every claim of GitHub Actions: extensions .2 to .6 and .9 to .23", () => {
    const expected = {
      issuer,
      subject: github.sub,
      challenges: [github.sub],
      subjectAltName: { type: "uri", value: githubExtensions.buildSignerUri },
    };
    assert.deepEqual(principal({ type: "ci-provider", ciProvider: "github-workflow" }, github), {
      ...expected,
      extensions: { ...githubExtensions, deploymentEnvironment: "prod" },
    });
    assert.deepEqual(principal({ type: "github-workflow" }, github), { ...expected, extensions: githubExtensions });
    const { environment: _, ...without } = github;
    assert.deepEqual(principal({ type: "ci-provider", ciProvider: "github-workflow" }, without).extensions, githubExtensions);
  });

  it("demands each of the sixteen claims of GitHub Actions, and names the one that is missing and who needs it", () => {
    const demanded = Object.keys(github).filter((name) => name !== "sub" && name !== "environment");
    assert.equal(demanded.length, 16);
    for (const name of demanded)
      for (const type of ["ci-provider", "github-workflow"] as const)
        refuses(
          type === "ci-provider" ? { type, ciProvider: "github-workflow" } : { type },
          { ...github, [name]: null },
          "TOKEN_CLAIM_MISSING",
          new RegExp(`no claim "${name}", which .+ of CI provider "github-workflow" needs`, "u"),
        );
  });

  it("maps every claim of GitLab, branches and tags", () => {
    const by = { type: "ci-provider", ciProvider: "gitlab-pipeline" } as const;
    assert.deepEqual(principal(by, gitlab).extensions, gitlabExtensions);
    assert.deepEqual(principal(by, gitlab).subjectAltName, { type: "uri", value: gitlabExtensions.buildSignerUri });
    assert.equal(principal(by, { ...gitlab, ref: "v1", ref_type: "tag" }).extensions.sourceRepositoryRef, "refs/tags/v1");
    assert.equal(principal(by, { ...gitlab, environment: "prod" }).extensions.deploymentEnvironment, "prod");
    assert.deepEqual(principal({ type: "gitlab-pipeline" }, gitlab).extensions, gitlabExtensions);
    refuses({ type: "gitlab-pipeline" }, { ...gitlab, runner_id: null }, "TOKEN_CLAIM_MISSING", /"runner_id"/u);
    principal(by, { ...gitlab, runner_id: null });
  });

  it("maps Buildkite, Codefresh, CircleCI and Buddy", () => {
    const pipeline = { type: "uri", value: "https://buildkite.com/acme/app" };
    const bk = principal({ type: "ci-provider", ciProvider: "buildkite-job" }, buildkite);
    assert.deepEqual(bk.subjectAltName, pipeline);
    assert.deepEqual(bk.extensions, {
      runnerEnvironment: "self-hosted",
      sourceRepositoryDigest: "f".repeat(40),
      buildTrigger: "webhook",
      runInvocationUri: "https://buildkite.com/acme/app/builds/42#0185-ab",
    });
    assert.deepEqual(principal({ type: "buildkite-job" }, buildkite).subjectAltName, pipeline);
    assert.deepEqual(principal({ type: "buildkite-job" }, buildkite).extensions, {});
    for (const by of [{ type: "codefresh-workflow" }, { type: "ci-provider", ciProvider: "codefresh-workflow" }] as const) {
      const cf = principal(by, codefresh);
      assert.equal(cf.subjectAltName.value, "https://g.codefresh.io/acme/p/app:1/2");
      assert.deepEqual(cf.extensions, {
        buildSignerUri: "https://g.codefresh.io/build/w3",
        sourceRepositoryUri: "https://github.com/acme/app",
        buildConfigUri: "https://g.codefresh.io/api/pipelines/2",
        runInvocationUri: "https://g.codefresh.io/build/w3",
      });
    }
    const circle = Object.fromEntries(
      ["pipeline-id", "project-id", "pipeline-definition-id", "workflow-id", "job-id", "vcs-ref", "vcs-origin", "ssh-rerun"].map(
        (name) => [`oidc.circleci.com/${name}`, name === "ssh-rerun" ? false : `the-${name}`],
      ),
    );
    const ci = principal({ type: "ci-provider", ciProvider: "circleci-job" }, { sub: "org/1/project/2", ...circle });
    assert.equal(
      ci.subjectAltName.value,
      "https://circleci.com/api/v2/projects/the-project-id/pipeline-definitions/the-pipeline-definition-id",
    );
    assert.equal(ci.extensions.runnerEnvironment, '""');
    assert.equal(ci.extensions.runInvocationUri, "https://app.circleci.com//workflow/the-workflow-id/job/the-job-id");
    const rerun = { sub: "s", ...circle, "oidc.circleci.com/ssh-rerun": true };
    assert.equal(principal({ type: "ci-provider", ciProvider: "circleci-job" }, rerun).extensions.runnerEnvironment, "ssh-rerun");
    const buddy = principal(
      { type: "ci-provider", ciProvider: "buddy-pipeline" },
      {
        sub: "s",
        workspace_domain: "acme",
        project_name: "app",
        pipeline_id: 3,
        execution_id: 9,
        runner_environment: "self-hosted",
        revision: "r",
        ref: "main",
        triggered_on: "CLICK",
      },
    );
    assert.equal(buddy.extensions.runInvocationUri, "https://app.buddy.works/acme/app/pipelines/pipeline/3/execution/9");
  });

  it("writes a subject with umlauts in ASCII and leaves the extension as the claim has it", () => {
    const ref = "octo/app/.github/workflows/bäu.yml@refs/heads/grün";
    const found = principal({ type: "github-workflow" }, { ...github, job_workflow_ref: ref });
    assert.equal(found.extensions.buildSignerUri, `https://github.com/${ref}`);
    assert.equal(found.subjectAltName.value, "https://github.com/octo/app/.github/workflows/b%C3%A4u.yml@refs/heads/gr%C3%BCn");
    for (const [text, expected] of [
      ["a/b c", "a/b%20c"],
      ["A/../B/./c", "A/../B/./c"],
      ["a%2Fb", "a%2Fb"],
      ["a#fix 1", "a#fix%201"],
      ["a?x=ü", "a?x=%C3%BC"],
      ["(a)'!*", "(a)'!*"],
      ["a\u0000b", "a%00b"],
    ] as const)
      assert.equal(
        principal({ type: "github-workflow" }, { ...github, job_workflow_ref: text }).subjectAltName.value,
        `https://github.com/${expected}`,
      );
    refuses({ type: "github-workflow" }, { ...github, job_workflow_ref: "100%" }, "TOKEN_CLAIM_INVALID", /no % that begins/u);
    refuses({ type: "github-workflow" }, { ...github, job_workflow_ref: "%ff%" }, "TOKEN_CLAIM_INVALID", /%/u);
  });

  it("refuses what fits into no extension", () => {
    refuses({ type: "github-workflow" }, { ...github, workflow: "w".repeat(2049) }, "TOKEN_CLAIM_INVALID", /at most 2048 bytes/u);
    refuses({ type: "github-workflow" }, { ...github, job_workflow_ref: "w".repeat(2040) }, "TOKEN_CLAIM_INVALID", /2048/u);
  });

  it("names the service account of a Kubernetes token, and refuses one without", () => {
    const claims = { sub: "system:serviceaccount:prod:deployer" };
    const pod = (namespace: JsonValue, name: JsonValue): JsonValue => ({
      "kubernetes.io": { namespace, serviceaccount: { name } },
    });
    assert.deepEqual(principal({ type: "kubernetes" }, { ...claims, ...Object(pod("prod", "deployer.v1")) }).subjectAltName, {
      type: "uri",
      value: "https://kubernetes.io/namespaces/prod/serviceaccounts/deployer.v1",
    });
    refuses({ type: "kubernetes" }, claims, "TOKEN_CLAIM_MISSING", /kubernetes\.io\.namespace/u);
    refuses(
      { type: "kubernetes" },
      { ...claims, "kubernetes.io": { namespace: "prod" } },
      "TOKEN_CLAIM_MISSING",
      /kubernetes\.io\.serviceaccount\.name/u,
    );
    for (const [namespace, name] of [
      ["", "a"],
      ["a", ""],
      ["a/b", "c"],
      ["a", "b/../c"],
      ["A", "b"],
      ["a", 5],
    ] as const)
      assert.throws(() => principal({ type: "kubernetes" }, { ...claims, ...Object(pod(namespace, name)) }), {
        code: /^TOKEN_CLAIM_/u,
      });
  });

  it("takes a SPIFFE ID of its own trust domain alone", () => {
    const by = { type: "spiffe", spiffeTrustDomain: "example.org" } as const;
    const sub = "spiffe://example.org/ns/prod/sa/web";
    assert.deepEqual(principal(by, { sub }).subjectAltName, { type: "uri", value: sub });
    refuses(by, { sub: "spiffe://other.org/x" }, "TOKEN_SUBJECT_OUTSIDE_DOMAIN", /"other\.org", .+ example\.org alone/u);
    refuses(by, { sub: "spiffe://sub.example.org/x" }, "TOKEN_SUBJECT_OUTSIDE_DOMAIN", /sub\.example\.org/u);
    for (const bad of [
      "spiffe://example.org/",
      "spiffe://example.org/a//b",
      "spiffe://example.org/../x",
      "https://example.org/x",
      "spiffe://EXAMPLE.org/x",
      "spiffe://example.org:1/x",
    ])
      refuses(by, { sub: bad }, "TOKEN_CLAIM_INVALID", /SPIFFE ID in example\.org/u);
  });

  it("takes a URI below the subject domain alone, and no address", () => {
    const by = { type: "uri", subjectDomain: "https://example.com" } as const;
    assert.deepEqual(principal(by, { sub: "https://example.com/users/1" }).subjectAltName, {
      type: "uri",
      value: "https://example.com/users/1",
    });
    refuses(by, { sub: "https://evil.example/users/1" }, "TOKEN_SUBJECT_OUTSIDE_DOMAIN", /evil\.example/u);
    refuses(by, { sub: "http://example.com/users/1" }, "TOKEN_SUBJECT_OUTSIDE_DOMAIN", /http:/u);
    refuses(by, { sub: "https://example.com:8443/users/1" }, "TOKEN_SUBJECT_OUTSIDE_DOMAIN", /8443/u);
    for (const bad of ["dev@example.com", "example.com/x", "https://a@example.com/x", "https:example.com"])
      refuses(by, { sub: bad }, "TOKEN_CLAIM_INVALID", /a URI below https:\/\/example\.com/u);
  });

  it("writes a user name with its domain", () => {
    const by = { type: "username", subjectDomain: "example.com" } as const;
    assert.deepEqual(principal(by, { sub: "jürgen" }).subjectAltName, { type: "otherName", value: "jürgen!example.com" });
    for (const bad of ["a!b", "dev@example.com"]) refuses(by, { sub: bad }, "TOKEN_CLAIM_INVALID", /without ! that is no email/u);
  });

  it("names the issuer that a federating provider asked", () => {
    const by = { type: "email", issuerClaim: "$.federated_claims.connector_id" } as const;
    const claims = { sub: "CgY", email: "dev@example.com", email_verified: true };
    const from = "https://github.com/login/oauth";
    assert.equal(principal(by, { ...claims, federated_claims: { connector_id: from, user_id: "1" } }).issuer, from);
    refuses(by, claims, "TOKEN_CLAIM_MISSING", /\$\.federated_claims\.connector_id", which names the issuer/u);
    refuses(by, { ...claims, federated_claims: { connector_id: "" } }, "TOKEN_CLAIM_MISSING", /connector_id/u);
    refuses(by, { ...claims, federated_claims: { connector_id: 5 } }, "TOKEN_CLAIM_INVALID", /connector_id/u);
    refuses(by, { ...claims, federated_claims: "x" }, "TOKEN_CLAIM_MISSING", /connector_id/u);
  });

  it("names a Chainguard identity below its issuer", () => {
    const found = principal({ type: "chainguard-identity" }, { sub: "a/b" });
    assert.deepEqual(found.subjectAltName, { type: "uri", value: `${issuer}/a/b` });
    const emailed = { sub: "a", email: "dev@example.com", email_verified: true };
    assert.deepEqual(principal({ type: "chainguard-identity" }, emailed).challenges, ["dev@example.com", "a"]);
    assert.deepEqual(principal({ type: "chainguard-identity" }, { ...emailed, email_verified: false }).challenges, [
      "a",
      "dev@example.com",
    ]);
  });

  it("takes subject or address as challenge, the type's own first", () => {
    const claims = { ...github, email: "dev@example.com" };
    assert.deepEqual(principal({ type: "github-workflow" }, claims).challenges, [github.sub, "dev@example.com"]);
    assert.deepEqual(principal({ type: "github-workflow" }, { ...claims, email: 5 }).challenges, [github.sub]);
  });

  it("raises nothing but codes of tokens, whatever the claims", () => {
    const rules: Omit<IssuerConfiguration, keyof typeof base>[] = [
      { type: "email", issuerClaim: "$.a.b" },
      { type: "uri", subjectDomain: "https://example.com" },
      { type: "username", subjectDomain: "example.com" },
      { type: "spiffe", spiffeTrustDomain: "example.org" },
      { type: "kubernetes" },
      { type: "chainguard-identity" },
      { type: "github-workflow" },
      { type: "gitlab-pipeline" },
    ];
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...rules),
        fc.string({ unit: "binary" }),
        fc.dictionary(fc.constantFrom(...Object.keys(github), "email", "email_verified", "kubernetes.io", "a"), value),
        (by, sub, some) => {
          try {
            principal(by, { ...github, ...gitlab, ...JSON.parse(JSON.stringify(some)), sub });
          } catch (error) {
            assert.match(String((error as { code?: string }).code), /^TOKEN_/u, String(error));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
