// Preloaded into a test run of a mutant: one span of one file reads otherwise, on disk nothing changes.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const { file, start, end, before, after } = JSON.parse(process.env.SIGILLUM_MUTANT);
const target = pathToFileURL(file).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url.split("?")[0] !== target) return loaded;
    const text = typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source).toString("utf8");
    if (text.slice(start, end) !== before) throw new Error(`${file} was changed while its mutants ran`);
    return { ...loaded, source: `${text.slice(0, start)}${after}${text.slice(end)}` };
  },
});
