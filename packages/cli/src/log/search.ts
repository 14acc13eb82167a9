// log search: the ids of entries by digest, file, key, e-mail or subject.

import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, quote } from "@sigillum/library/encoding";
import { type SearchQueryV1, searchIndexV1 } from "@sigillum/library/services";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { hashFile } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { apiOf, openLog } from "./connection.ts";
import { entryLines } from "./describe-entry.ts";
import { logCommandError } from "./errors.ts";
import { entryJson, fetchChecked } from "./get.ts";
import { readAny } from "./proposal.ts";

const maxKeyBytes = 1024 * 1024;
const maxArtifactBytes = 64 * 1024 * 1024;
/** Entries that --show fetches and proves. */
const maxShown = 100;

/** `sigillum log search`: ids on stdout, a line each; with --show each entry in words. */
export async function runLogSearch(args: Arguments, terminal: Terminal): Promise<number> {
  if (apiOf(args) === "v2")
    throw logCommandError(
      "LOG_SEARCH_UNSUPPORTED",
      "Cannot search log v2: the API of Rekor v2 has no search; reading the log finds what an identity signed: sigillum log watch --log v2 --from 0 --once --identity …",
      { found: "--log v2", expected: "--log v1, or log watch" },
    );
  const query = await queryOf(args, terminal);
  const log = await openLog(args, terminal);
  const ids = [...new Set(await searchIndexV1(log.url, query))];
  if (ids.length === 0)
    throw logCommandError("LOG_NOTHING_FOUND", `Cannot find entries in ${log.url}: no matching entries found`, {
      found: "none",
      expected: Object.entries(query)
        .filter(([name]) => name !== "operator" && name !== "publicKey")
        .map(([name, value]) => `${name} ${value}`)
        .join(" "),
    });
  const shown = args.boolean("show") ? ids.slice(0, maxShown) : [];
  const entries = [];
  for (const id of shown) entries.push(await fetchChecked(log, { id }));
  if (args.string("format") === "json") terminal.out(JSON.stringify({ UUIDs: ids }));
  else if (terminal.format === "json")
    terminal.json({ log: log.url, ids, entries: entries.map((entry) => entryJson(entry, log)) });
  else {
    terminal.note("Found matching entries (listed by UUID):");
    for (const [at, id] of ids.entries()) {
      terminal.out(id);
      const entry = entries[at];
      if (entry !== undefined) for (const line of entryLines(entry, log.url, log.vouchedBy)) terminal.out(`  ${line}`);
    }
    if (args.boolean("show") && ids.length > maxShown)
      terminal.note(`${ids.length - maxShown} more are listed without being shown`);
  }
  return exitCodes.success;
}

async function queryOf(args: Arguments, terminal: Terminal): Promise<SearchQueryV1> {
  const [email, subject, operator] = [args.string("email"), args.string("subject"), args.string("operator")];
  const key = args.string("public-key");
  const query: SearchQueryV1 = {
    ...(await hashOf(args, terminal)),
    ...(email === undefined ? {} : { email }),
    ...(subject === undefined ? {} : { subject }),
    ...(key === undefined
      ? {}
      : {
          publicKey: {
            format: args.string("pki-format") ?? "x509",
            content: await readAny(key, "public key", maxKeyBytes, terminal),
          },
        }),
  };
  if (Object.keys(query).length === 0)
    throw argumentError("FLAG_REQUIRED", "Cannot run log search: nothing is said to look for", {
      expected: "--sha HEX, --artifact FILE, --public-key FILE, --email ADDRESS or --subject NAME",
    });
  return operator === "and" || operator === "or" ? { ...query, operator } : query;
}

async function hashOf(args: Arguments, terminal: Terminal): Promise<{ hash?: string }> {
  args.exclusive("sha", "artifact");
  const sha = args.string("sha")?.toLowerCase();
  if (sha !== undefined) {
    if (!/^(?:sha1:)?[0-9a-f]{40}$|^(?:sha256:)?[0-9a-f]{64}$|^(?:sha512:)?[0-9a-f]{128}$/.test(sha))
      throw argumentError("FLAG_VALUE_INVALID", `Cannot run log search: --sha is ${quote(sha)}`, {
        found: sha,
        expected: "40, 64 or 128 hexadecimal digits",
      });
    if (sha.includes(":")) return { hash: sha };
    return { hash: `${sha.length === 40 ? "sha1" : sha.length === 64 ? "sha256" : "sha512"}:${sha}` };
  }
  const artifact = args.string("artifact");
  if (artifact === undefined) return {};
  const digest = /^https?:\/\//.test(artifact)
    ? sha256(await readAny(artifact, "artifact", maxArtifactBytes, terminal))
    : await hashFile(artifact, "sha256", terminal);
  return { hash: `sha256:${encodeHex(digest)}` };
}
