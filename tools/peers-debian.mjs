// Debian packages of other suites, unpacked beside the system and not into it: an apt configuration of our own (lists, cache,
// state), whose mirror and keyring are those that this machine's apt already uses.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The machine's source for Debian's main archive, `{uri, signedBy}`, from the texts of its apt sources; undefined when there is none. */
export function debianSource(texts) {
  for (const { name, text } of texts) {
    for (const source of name.endsWith(".sources") ? stanzas(text) : lines(text)) {
      if (source.components.includes("main") && source.uris.some((uri) => /\/debian\/?$/.test(uri))) {
        return { uri: source.uris.find((uri) => /\/debian\/?$/.test(uri)), signedBy: source.signedBy };
      }
    }
  }
  return undefined;
}

// sources.list(5), deb822 style
function stanzas(text) {
  return text.split(/\n\s*\n/).map((stanza) => {
    const field = (name) => new RegExp(`^${name}:[ \t]*(.+)$`, "im").exec(stanza)?.[1].trim();
    const list = (name) => field(name)?.split(/\s+/) ?? [];
    return { uris: list("URIs"), components: list("Components"), signedBy: field("Signed-By") };
  });
}

// sources.list(5), one line style: deb [ option=value ] uri suite component…
function lines(text) {
  return [...text.matchAll(/^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+\S+\s+(.+)$/gm)].map((match) => ({
    uris: [match[2]],
    components: match[3].trim().split(/\s+/),
    signedBy: /signed-by=(\S+)/i.exec(match[1] ?? "")?.[1],
  }));
}

/** The texts of this machine's apt sources, by file name. */
export function aptSources(etc = "/etc/apt") {
  const parts = join(etc, "sources.list.d");
  const paths = [
    join(etc, "sources.list"),
    ...(existsSync(parts)
      ? readdirSync(parts)
          .sort()
          .map((name) => join(parts, name))
      : []),
  ];
  return paths
    .filter((path) => existsSync(path) && /\.(?:list|sources)$/.test(path))
    .map((path) => ({ name: path, text: readFileSync(path, "utf8") }));
}

/** A private apt over `suites`, kept below `directory`. `update` fetches lists, `download` unpacks one package. Throws with the tool's own words. */
export function privateApt(directory, suites, source = debianSource(aptSources())) {
  if (source === undefined) throw new Error("this machine's apt names no Debian archive");
  for (const part of ["lists/partial", "archives/partial", "state", "sources.list.d"])
    mkdirSync(join(directory, part), { recursive: true });
  const signed = source.signedBy === undefined ? "" : `[signed-by=${source.signedBy}] `;
  writeFileSync(join(directory, "sources.list"), suites.map((suite) => `deb ${signed}${source.uri} ${suite} main\n`).join(""));
  writeFileSync(join(directory, "state", "status"), "");
  const settings = {
    "Dir::Etc::sourcelist": join(directory, "sources.list"),
    "Dir::Etc::sourceparts": join(directory, "sources.list.d"),
    "Dir::Etc::preferencesparts": join(directory, "sources.list.d"),
    "Dir::State": join(directory, "state"),
    "Dir::State::lists": join(directory, "lists"),
    "Dir::State::status": join(directory, "state", "status"),
    "Dir::Cache": directory,
    "Dir::Cache::archives": join(directory, "archives"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    ...(process.getuid?.() === 0 ? { "APT::Sandbox::User": "root" } : {}),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return {
    update: () => run("apt-get", [...options, "--error-on=any", "update"], directory),
    download(name, suite, into) {
      mkdirSync(into, { recursive: true });
      run("apt-get", [...options, "download", `${name}/${suite}`], into);
      const file = readdirSync(into).find((each) => each.startsWith(`${name}_`) && each.endsWith(".deb"));
      if (file === undefined) throw new Error(`apt-get download left no package file of ${name}`);
      run("dpkg", ["-x", file, "."], into);
      return run("dpkg-deb", ["-f", file, "Version"], into).trim();
    },
  };
}

/** Run a program to its end; its output, or an Error with the last words it said. */
export function run(command, args, cwd, env = process.env, timeoutMs = 540_000) {
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8", timeout: timeoutMs, maxBuffer: 1 << 28 });
  if (result.error !== undefined)
    throw new Error(`${command}: ${result.error.code === "ENOENT" ? "not on this machine" : result.error.message}`);
  if (result.status === 0) return result.stdout;
  const words = `${result.stderr}\n${result.stdout}`.split("\n").filter((line) => line.trim() !== "");
  const telling = words.findLast((line) => /^(?:E:|error|npm (?:ERR!|error))/i.test(line)) ?? words.at(-1) ?? "no word";
  throw new Error(`${command} ended with ${result.status ?? result.signal}: ${telling.slice(0, 300)}`);
}
