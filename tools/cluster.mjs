// npm run test:cluster [-- PATH…]: the suite test/cluster, or these files of it, each in a network namespace of its own, for the ports of
// a cluster are fixed. It needs root, and programs that take minutes to build: npm run peers -- etcd kube-apiserver kubectl helm, and for
// the other controllers policy-controller-webhook policy-controller-config kyverno-controller kyverno-config.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { selectTests } from "./test.mjs";

const inside = (file) =>
  [
    "ip link set lo up",
    "ip address add 10.99.0.1/32 dev lo",
    `exec ${[process.execPath, join(import.meta.dirname, "test.mjs"), "--suite", "cluster", file].map((one) => JSON.stringify(one)).join(" ")}`,
  ].join(" && ");

/** Run one file; what its last line says. */
async function run(file) {
  const child = spawn("unshare", ["-n", "bash", "-c", inside(file)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, SIGILLUM_CLUSTER_NAMESPACE: "yes" },
  });
  let tail = "";
  child.stdout.on("data", (chunk) => {
    process.stdout.write(chunk);
    tail = (tail + chunk).slice(-4000);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  const [, passed = 0, failed = code === 0 ? 0 : 1] = /(\d+) passed, (\d+) failed\s*$/.exec(tail) ?? [];
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1) };
}

async function main(paths) {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    console.log("SKIPPED: test:cluster needs Linux and root, for a network namespace of its own");
    return 0;
  }
  const { files, problems } = selectTests(join(import.meta.dirname, ".."), { suite: "cluster", paths });
  for (const problem of problems) console.log(problem);
  const sum = { passed: 0, failed: problems.length };
  for (const file of files) {
    const { passed, failed } = await run(file);
    sum.passed += passed;
    sum.failed += failed;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
