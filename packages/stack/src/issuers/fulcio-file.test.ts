import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JsonObject } from "@sigillum/library/encoding";
import { issuersErrors } from "./errors.ts";
import { parseFulcioConfiguration } from "./fulcio-file.ts";
import { principalOf } from "./principal.ts";
import { issuerRules } from "./rules.ts";

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

describe("parseFulcioConfiguration", () => {
  const yaml = `
define:
  - &github "github-workflow"
oidc-issuers:
  https://accounts.example.com: { issuer-url: https://accounts.example.com, client-id: sigstore, type: email, contact: a@b.c }
  https://dex.example.com/auth:
    issuer-url: https://dex.example.com/auth
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims.connector_id
    skip-email-verification: true
  https://spire.example.org:
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: example.org
    challenge-claim: sub
meta-issuers:
  https://token.actions.example.com/*:
    client-id: sigstore
    type: ci-provider
    ci-provider: *github
ci-issuer-metadata:
  *github:
    default-template-values:
      url: "https://ghes.example.com"
    extension-templates:
      issuer: "ignored"
      github-workflow-sha: "sha"
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"
      build-config-digest: ""
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
`;
  const json = JSON.stringify({
    OIDCIssuers: {
      "https://accounts.example.com": {
        IssuerURL: "https://accounts.example.com",
        ClientID: "sigstore",
        Type: "email",
        Contact: "a@b.c",
      },
      "https://dex.example.com/auth": {
        IssuerURL: "https://dex.example.com/auth",
        ClientID: "sigstore",
        Type: "email",
        IssuerClaim: "$.federated_claims.connector_id",
        SkipEmailVerification: true,
      },
      "https://spire.example.org": {
        ClientID: "sigstore",
        Type: "spiffe",
        SPIFFETrustDomain: "example.org",
        ChallengeClaim: "sub",
      },
    },
    MetaIssuers: {
      "https://token.actions.example.com/*": { ClientID: "sigstore", Type: "ci-provider", CIProvider: "github-workflow" },
    },
    CIIssuerMetadata: {
      "github-workflow": {
        DefaultTemplateValues: { url: "https://ghes.example.com" },
        ExtensionTemplates: { GithubWorkflowSHA: "sha", BuildSignerURI: "{{ .url }}/{{ .job_workflow_ref }}" },
        SubjectAlternativeNameTemplate: "{{ .url }}/{{ .job_workflow_ref }}",
      },
    },
  });

  it("reads YAML, with an alias as a key, and JSON to the same", () => {
    const parsed = parseFulcioConfiguration(yaml);
    assert.deepEqual(parseFulcioConfiguration(json), parsed);
    assert.deepEqual(parsed.issuers[1], {
      url: "https://dex.example.com/auth",
      clientId: "sigstore",
      type: "email",
      skipEmailVerification: true,
      issuerClaim: "$.federated_claims.connector_id",
    });
    const [meta] = parsed.metaIssuers;
    assert.ok(meta !== undefined);
    const rules = issuerRules(meta, parsed.ciProviders, true);
    const found = principalOf(rules, "https://token.actions.example.com/acme", JsonObject.exact(github, "claims"));
    assert.deepEqual(found.extensions, {
      githubWorkflowSha: github.sha,
      buildSignerUri: `https://ghes.example.com/${github.job_workflow_ref}`,
    });
    assert.equal(found.issuer, "https://token.actions.example.com/acme");
    assert.deepEqual(parseFulcioConfiguration("{}"), { issuers: [], metaIssuers: [], ciProviders: new Map() });
  });

  it("refuses what contradicts itself, and says what", () => {
    const one = (text: string, url = "https://a.example.com"): string =>
      `oidc-issuers:\n  ${url}: { client-id: sigstore, ${text} }\n`;
    const meta = (url: string, text = "type: email"): string => `meta-issuers:\n  "${url}": { client-id: sigstore, ${text} }\n`;
    const noSubject = /has no template of the subject/u;
    const notUnderstood = /is not understood/u;
    const templates = new Set<RegExp>([noSubject, notUnderstood]);
    for (const [text, pattern] of [
      ["oidc-issuers: [", /Cannot read/u],
      ["oidc-issuers: 5", /no mapping/u],
      ["- a", /no mapping/u],
      ["oidc-issuer: {}", /"oidc-issuer" is not known/u],
      [one("type: emial"), /the type "emial" is not known/u],
      [one("type: email, issuer-clam: $.a"), /"issuer-clam" is not known/u],
      [one("type: email, issuer-url: https://b.example.com"), /issuer-url is "https:\/\/b/u],
      [one("type: email, client-id: ''").replace("client-id: sigstore, ", ""), /names no client id/u],
      [one("type: uri, subject-domain: https://a.example.com, issuer-claim: $.a"), /has an issuer claim/u],
      [one("type: email, issuer-claim: $.a.*"), /no path to one claim/u],
      [one("type: spiffe"), /trust domain is ""/u],
      [one("type: email, spiffe-trust-domain: example.org"), /has a trust domain, and its type is email/u],
      [meta("https://*.example.com", "type: spiffe, spiffe-trust-domain: example.org"), /pattern cannot be of type spiffe/u],
      [one("type: uri"), /subject domain is ""/u],
      [one("type: uri, subject-domain: example.com"), /expected scheme and host/u],
      [one("type: uri, subject-domain: http://example.com"), /another's/u],
      [one("type: uri, subject-domain: https://example.org"), /another's/u],
      [one("type: username, subject-domain: https://example.com"), /host without scheme/u],
      [one("type: username, subject-domain: evil.co.uk", "https://a.co.uk"), /another's/u],
      [one("type: kubernetes, subject-domain: a.example.com"), /has a subject domain, and its type is kubernetes/u],
      [one("type: email, ca-cert: rubbish"), /CA certificates/u],
      [one("type: ci-provider, ci-provider: jenkins"), /no CI provider "jenkins", expected github-workflow/u],
      [one("type: email, ci-provider: github-workflow"), /names a CI provider/u],
      [one("type: email, skip-email-verification: 'yes'"), /neither true nor false/u],
      [one("type: email", "https://a.example.com?x=y"), /no http or https URL/u],
      [one("type: email", "ftp://a.example.com"), /no http or https URL/u],
      [meta("https://*-*.example.com"), /two stars/u],
      [meta("https://a.example.com?x=*"), /no http or https URL with stars/u],
      ["ci-issuer-metadata: { x: { extension-templates: { build-signer-uri: a } } }", noSubject],
      [
        "ci-issuer-metadata: { x: { extension-templates: { build-signer: a }, subject-alternative-name-template: a } }",
        /"build-signer" is not known/u,
      ],
      ["ci-issuer-metadata: { x: { subject-alternative-name-template: '{{ range .a }}' } }", notUnderstood],
      [`a: ${"x".repeat(1_048_577)}`, /characters/u],
    ] as const)
      assert.throws(
        () => parseFulcioConfiguration(text),
        (error: { code?: string; message: string }) => {
          assert.equal(error.code, templates.has(pattern) ? "ISSUERS_TEMPLATE" : "ISSUERS_CONFIGURATION");
          assert.ok(Object.hasOwn(issuersErrors, String(error.code)));
          assert.match(error.message, pattern);
          return true;
        },
        text.slice(0, 200),
      );
  });

  it("takes a subject domain of the issuer's owner", () => {
    for (const [url, domain] of [
      ["https://a.example.com", "example.com"],
      ["https://a.example.com", "b.example.com"],
      ["https://a.example.co.uk", "users.example.co.uk"],
      ["https://id.abc.de", "abc.de"],
      ["https://id.example.de", "users.example.de"],
    ])
      parseFulcioConfiguration(`oidc-issuers: { "${url}": { client-id: x, type: username, subject-domain: ${domain} } }`);
  });
});
