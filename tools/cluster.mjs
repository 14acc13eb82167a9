// npm run test:cluster: the suite test/cluster in a network namespace of its own. It needs root, and programs that take minutes to build:
// npm run peers -- etcd kube-apiserver kubectl helm.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const inside = [
  "ip link set lo up",
  "ip address add 10.99.0.1/32 dev lo",
  `exec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(import.meta.dirname, "test.mjs"))} --suite cluster`,
].join(" && ");

if (process.platform !== "linux" || process.getuid?.() !== 0) {
  console.log("SKIPPED: test:cluster needs Linux and root, for a network namespace of its own");
} else {
  const { status } = spawnSync("unshare", ["-n", "bash", "-c", inside], {
    stdio: "inherit",
    env: { ...process.env, SIGILLUM_CLUSTER_NAMESPACE: "yes" },
  });
  process.exitCode = status ?? 1;
}
