// The CI systems that need no configuration: the mappings of certificate-authority §4.2, and the deprecated hard-coded types.
import { type CiProvider, type CiProviderSource, parseCiProvider } from "./ci-provider.ts";
import type { IssuerType } from "./configuration.ts";

const githubSigner = "{{ .url }}/{{ .job_workflow_ref }}";

const github: CiProviderSource = {
  defaults: { url: "https://github.com", environment: "" },
  subjectAltName: githubSigner,
  extensions: {
    githubWorkflowTrigger: "event_name",
    githubWorkflowSha: "sha",
    githubWorkflowName: "workflow",
    githubWorkflowRepository: "repository",
    githubWorkflowRef: "ref",
    buildSignerUri: githubSigner,
    buildSignerDigest: "job_workflow_sha",
    runnerEnvironment: "runner_environment",
    sourceRepositoryUri: "{{ .url }}/{{ .repository }}",
    sourceRepositoryDigest: "sha",
    sourceRepositoryRef: "ref",
    sourceRepositoryIdentifier: "repository_id",
    sourceRepositoryOwnerUri: "{{ .url }}/{{ .repository_owner }}",
    sourceRepositoryOwnerIdentifier: "repository_owner_id",
    buildConfigUri: "{{ .url }}/{{ .workflow_ref }}",
    buildConfigDigest: "workflow_sha",
    buildTrigger: "event_name",
    runInvocationUri: "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
    sourceRepositoryVisibilityAtSigning: "repository_visibility",
    deploymentEnvironment: "environment",
  },
};

const gitlabSigner = "https://{{ .ci_config_ref_uri }}";

const gitlab: CiProviderSource = {
  defaults: { url: "https://gitlab.com", environment: "" },
  subjectAltName: gitlabSigner,
  extensions: {
    buildSignerUri: gitlabSigner,
    buildSignerDigest: "ci_config_sha",
    runnerEnvironment: "runner_environment",
    sourceRepositoryUri: "{{ .url }}/{{ .project_path }}",
    sourceRepositoryDigest: "sha",
    sourceRepositoryRef: 'refs/{{ if eq .ref_type "branch" }}heads/{{ else }}tags/{{ end }}{{ .ref }}',
    sourceRepositoryIdentifier: "project_id",
    sourceRepositoryOwnerUri: "{{ .url }}/{{ .namespace_path }}",
    sourceRepositoryOwnerIdentifier: "namespace_id",
    buildConfigUri: gitlabSigner,
    buildConfigDigest: "ci_config_sha",
    buildTrigger: "pipeline_source",
    runInvocationUri: "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}",
    sourceRepositoryVisibilityAtSigning: "project_visibility",
    deploymentEnvironment: "environment",
  },
};

const buildkitePipeline = "{{ .url }}/{{ .organization_slug }}/{{ .pipeline_slug }}";

const buildkite: CiProviderSource = {
  defaults: { url: "https://buildkite.com" },
  subjectAltName: buildkitePipeline,
  extensions: {
    runnerEnvironment: "runner_environment",
    sourceRepositoryDigest: "build_commit",
    buildTrigger: "build_source",
    runInvocationUri: `${buildkitePipeline}/builds/{{ .build_number }}#{{ .job_id }}`,
  },
};

const codefreshBuild = "{{ .platform_url }}/build/{{ .workflow_id }}";

const codefresh: CiProviderSource = {
  defaults: { platform_url: "https://g.codefresh.io", scm_repo_url: "", scm_ref: "", runner_environment: "" },
  subjectAltName: "{{ .platform_url }}/{{ .account_name }}/{{ .pipeline_name }}:{{ .account_id }}/{{ .pipeline_id }}",
  extensions: {
    buildSignerUri: codefreshBuild,
    runnerEnvironment: "runner_environment",
    sourceRepositoryUri: "scm_repo_url",
    sourceRepositoryRef: "scm_ref",
    buildConfigUri: "{{ .platform_url }}/api/pipelines/{{ .pipeline_id }}",
    runInvocationUri: codefreshBuild,
  },
};

const circleClaim = (name: string): string => `{{ index . "oidc.circleci.com/${name}" }}`;
const circleSigner = `{{ .api_url }}/projects/${circleClaim("project-id")}/pipeline-definitions/${circleClaim("pipeline-definition-id")}`;

const circleci: CiProviderSource = {
  // The slash at the end doubles in the run's URI; certificates of the public instance have it.
  defaults: { api_url: "https://circleci.com/api/v2", platform_url: "https://app.circleci.com/" },
  subjectAltName: circleSigner,
  extensions: {
    buildSignerUri: circleSigner,
    // Two quote characters, as the public configuration writes it.
    runnerEnvironment: '{{ if eq (index . "oidc.circleci.com/ssh-rerun") "true" }}ssh-rerun{{ else }}""{{ end }}',
    sourceRepositoryUri: circleClaim("vcs-origin"),
    sourceRepositoryRef: circleClaim("vcs-ref"),
    buildConfigUri: `{{ .api_url }}/pipeline/${circleClaim("pipeline-id")}/config`,
    runInvocationUri: `{{ .platform_url }}/workflow/${circleClaim("workflow-id")}/job/${circleClaim("job-id")}`,
  },
};

const buddyProject = "{{ .base_url }}/{{ .workspace_domain }}/{{ .project_name }}";
const buddyPipeline = `${buddyProject}/pipelines/pipeline/{{ .pipeline_id }}`;

const buddy: CiProviderSource = {
  defaults: { base_url: "https://app.buddy.works" },
  subjectAltName: buddyPipeline,
  extensions: {
    buildSignerUri: buddyPipeline,
    runnerEnvironment: "runner_environment",
    sourceRepositoryUri: buddyProject,
    sourceRepositoryDigest: "revision",
    sourceRepositoryRef: "ref",
    sourceRepositoryOwnerUri: "{{ .base_url }}/{{ .workspace_domain }}",
    buildTrigger: "triggered_on",
    runInvocationUri: `${buddyPipeline}/execution/{{ .execution_id }}`,
  },
};

/** The providers that `ci-provider` may name without a definition in the configuration. */
export const standardProviders: ReadonlyMap<string, CiProvider> = new Map(
  Object.entries({
    "github-workflow": github,
    "gitlab-pipeline": gitlab,
    "buildkite-job": buildkite,
    "codefresh-workflow": codefresh,
    "circleci-job": circleci,
    "buddy-pipeline": buddy,
  }).map(([name, source]) => [name, parseCiProvider(name, source)]),
);

const { deploymentEnvironment: _github, ...githubFixed } = github.extensions;
const { deploymentEnvironment: _gitlab, ...gitlabFixed } = gitlab.extensions;

/** The deprecated types, whose tables were code in Fulcio: without extension .23, Buildkite with its subject alone. */
export const fixedProviders: ReadonlyMap<IssuerType, CiProvider> = new Map<IssuerType, CiProvider>([
  ["github-workflow", parseCiProvider("github-workflow", { ...github, extensions: githubFixed })],
  [
    "gitlab-pipeline",
    parseCiProvider("gitlab-pipeline", { ...gitlab, extensions: gitlabFixed, requiredClaims: ["runner_id", "pipeline_id"] }),
  ],
  ["buildkite-job", parseCiProvider("buildkite-job", { ...buildkite, extensions: {} })],
  ["codefresh-workflow", parseCiProvider("codefresh-workflow", codefresh)],
]);
