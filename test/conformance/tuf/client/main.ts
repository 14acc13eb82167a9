import { run } from "./run.ts";

const { status, message } = await run(process.argv.slice(2));
if (message !== undefined) process.stderr.write(`${message}\n`);
process.exitCode = status;
