// The Containerfile carried out without a container engine: its build stage in a folder, what it copies as a root of its own, and its entry
// point in there as the user that it names, with the root read-only, as the chart runs it.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const top = join(import.meta.dirname, "../..");

/** One instruction of a Containerfile. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The stages of the Containerfile; each begins with FROM. */
export function readContainerfile(): Instruction[][] {
  const lines = readFileSync(join(top, "Containerfile"), "utf8").split("\n");
  const stages: Instruction[][] = [];
  for (const line of lines.filter((one) => /^[A-Z]+ /.test(one))) {
    const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/** The rest of the only instruction of a name. */
export function instructionOf(stage: readonly Instruction[], name: string): string {
  const found = stage.filter((one) => one.name === name);
  const [one] = found;
  if (found.length !== 1 || one === undefined) throw new Error(`the stage has ${found.length} ${name}, expected one`);
  return one.rest;
}

/** Why it cannot be done here. */
export function containerMissing(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "a root of one's own needs Linux and root";
  try {
    execFileSync("unshare", ["--mount", "--pid", "--fork", "true"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "this machine lets nobody unshare mounts";
  }
}

/** Carry out the build stage over what `COPY . .` takes: everything that .containerignore leaves. */
export function buildStage(stage: readonly Instruction[], source: string): void {
  if (instructionOf(stage, "COPY") !== ". ." || instructionOf(stage, "WORKDIR") !== "/src")
    throw new Error("the build stage is another");
  const ignored = readFileSync(join(top, ".containerignore"), "utf8").split("\n").filter(Boolean);
  const names = new Set(ignored.map((pattern) => basename(pattern)));
  cpSync(top, source, { recursive: true, filter: (path) => path === top || !names.has(basename(path)) });
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE_OPTIONS$|INIT_CWD$)/i.test(name)),
  );
  execFileSync("/bin/sh", ["-c", instructionOf(stage, "RUN")], {
    cwd: source,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 600_000,
  });
}

/** What the last stage copies, on a root that has nothing but Node and the libraries that it names. */
export function makeRoot(stage: readonly Instruction[], source: string, root: string): void {
  for (const folder of ["tmp", "proc", "data", "etc/sigillum", "usr/local/bin"])
    mkdirSync(join(root, folder), { recursive: true });
  const node = process.execPath;
  copyFileSync(node, join(root, "usr/local/bin/node"));
  for (const [, library = ""] of execFileSync("ldd", [node], { encoding: "utf8" }).matchAll(/(\/\S+\.so\S*)/g)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  for (const { rest } of stage.filter(({ name }) => name === "COPY")) {
    const words = rest.split(" ").filter((word) => !word.startsWith("--"));
    const target = join(root, words.at(-1) ?? "");
    for (const from of words.slice(0, -1)) {
      if (!from.startsWith("/src/")) throw new Error(`COPY takes ${from} from elsewhere`);
      const to = words.at(-1)?.endsWith("/") === true ? join(target, basename(from)) : target;
      cpSync(join(source, from.slice("/src/".length)), to, { recursive: true, verbatimSymlinks: true });
    }
  }
}

/** A program that runs in the root. */
export interface Contained {
  readonly child: ChildProcess;
  log(): string;
  /** Its exit code, once it has ended. */
  ended: Promise<number | null>;
}

/** Run the entry point: as the stage's user, without any right, the root read-only, /tmp and the given folders as volumes. */
export function runContained(
  stage: readonly Instruction[],
  root: string,
  args: readonly string[],
  volumes: Readonly<Record<string, string>> = {},
): Contained {
  const user = instructionOf(stage, "USER");
  const [uid = 0, gid = 0] = user.split(":").map(Number);
  const env = ["PATH=/usr/local/bin", ...instructionOf(stage, "ENV").split(" ")].map(quoted);
  const entry: string[] = JSON.parse(instructionOf(stage, "ENTRYPOINT"));
  const mounts = Object.entries(volumes).map(([from, to]) => `mount --bind ${quoted(from)} ${quoted(root + to)}`);
  for (const from of Object.keys(volumes)) own(from, uid, gid);
  const script = [
    'setpriv="$(command -v setpriv)" && chroot="$(command -v chroot)"',
    `mount --bind ${quoted(root)} ${quoted(root)}`,
    ...mounts,
    `mount -t tmpfs -o mode=1777,size=64m tmpfs ${quoted(`${root}/tmp`)}`,
    `mount -t proc proc ${quoted(`${root}/proc`)}`,
    `mount -o remount,bind,ro ${quoted(root)}`,
    `exec env -i ${env.join(" ")} "$setpriv" --no-new-privs "$chroot" --userspec=${user} --groups= ${quoted(root)} "$@"`,
  ].join(" && ");
  const child = spawn("unshare", ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", ...entry, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => {
      log = (log + String(chunk)).slice(-100_000);
    });
  return { child, log: () => log, ended: new Promise((resolve) => child.once("exit", resolve)) };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function own(path: string, uid: number, gid: number): void {
  chownSync(path, uid, gid);
  for (const name of readdirSync(path, { recursive: true })) chownSync(join(path, String(name)), uid, gid);
}
