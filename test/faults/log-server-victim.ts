// The process that is killed: a Rekor v1 log that serves HTTP, and says its address. Its clients are other processes.
import { openRotatingLog } from "./rotating-log.ts";

const [directory = ""] = process.argv.slice(2);
const log = await openRotatingLog(directory);
process.stdout.write(`${JSON.stringify({ url: log.url })}\n`);
setInterval(() => undefined, 60_000);
