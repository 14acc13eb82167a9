import type { Command } from "./command.ts";
import { array, text, toggle } from "./flags.ts";

const load = () => import("../admission/index.ts");

const policyTest: Command = {
  name: "policy test",
  summary: "say what a cluster's policies decide about images, without a cluster",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    array("cluster-image-policy", "FILE", "ClusterImagePolicy objects, and the Secrets and ConfigMaps that they name"),
    array("trust-root", "FILE", "TrustRoot objects; where there is one alone, it is the default too"),
    array("resource", "FILE", "the Pod, Deployment, … whose images are judged"),
    array("image", "IMAGE", "judge this image, in the first resource where one is given"),
    text("no-match-policy", "WORD", "what happens to an image that no policy is for: deny (default), warn or allow", {
      choices: ["deny", "warn", "allow"],
    }),
    text("junit", "FILE", "write a report as JUnit here"),
    toggle("allow-http-registry", "take plain http where https does not answer"),
    toggle("allow-insecure-registry", "take any TLS certificate, and plain http where https does not answer"),
  ],
  examples: [
    "sigillum policy test --cluster-image-policy policy.yaml --image registry.example.com/app:v1",
    "sigillum policy test --cluster-image-policy policy.yaml --resource deployment.yaml --junit report.xml",
  ],
  run: async (args, terminal) => await (await load()).runClusterPolicyTest(args, terminal),
};

/** Commands on policies. */
export const policyCommands: readonly Command[] = [policyTest];
