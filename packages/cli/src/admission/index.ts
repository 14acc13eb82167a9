// policy test with ClusterImagePolicy objects.

export { admissionCliErrors } from "./errors.ts";
export { junitReport } from "./junit.ts";
export { runClusterPolicyTest } from "./policy-test.ts";
