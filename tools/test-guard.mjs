// Loaded into every process that runs tests: process.exit in one would end the run with the tests after it unseen, and green.
import { isMainThread } from "node:worker_threads";

const runsTests = /\.test\.m?[jt]s$/.test(process.argv[1] ?? "") || process.execArgv.some((arg) => arg === "--test");
if (isMainThread && runsTests) {
  process.exit = (code) => {
    process._rawDebug(`process.exit(${code ?? ""}) was called in a process that runs tests`);
    process.reallyExit(97);
  };
}
