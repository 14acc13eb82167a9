// One client of a named root in a process of its own: adds or loads it again and again, and prints a line for each time it succeeded.
import { addRoot, loadRoot } from "@sigillum/library/trust-store";

const [url = "", store = "", rounds = "1"] = process.argv.slice(2);
await addRoot({ url, name: "shared", store, nowMs: Date.now() });
for (let round = 1; ; round++) {
  const { rootVersion, record } = await loadRoot({ name: "shared", store, nowMs: Date.now() });
  process.stdout.write(`${JSON.stringify({ rootVersion, refreshedMs: record.refreshedMs })}\n`);
  if (round === Number(rounds)) break;
}
