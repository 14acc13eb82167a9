// The table of commands: what there is, in the groups that help shows. A start builds the part that its first word leads to and no other; what
// carries a command out is loaded when it is called.
import type { Command, CommandGroup } from "./command.ts";

export type { Command, CommandGroup } from "./command.ts";
export { traceTo } from "./trace.ts";
export { version, versionLine } from "./version.ts";

/** Commands of one module, with the first words that lead to them. */
interface Part {
  readonly title: string;
  readonly words: readonly string[];
  readonly load: () => Promise<readonly Command[]>;
}

const parts: readonly Part[] = [
  {
    title: "Sign and verify",
    words: ["sign-blob", "verify-blob", "attest-blob", "verify-blob-attestation", "inspect"],
    load: async () => (await import("./blob.ts")).blobCommands,
  },
  {
    title: "Sign and verify",
    words: ["sign", "verify", "attest", "verify-attestation"],
    load: async () => (await import("./image.ts")).imageCommands,
  },
  {
    title: "Images and what hangs on them",
    words: [
      ...["tree", "triangulate", "copy", "save", "load", "clean", "download", "attach"],
      ...["generate", "manifest", "dockerfile", "upload", "login"],
    ],
    load: async () => (await import("./image.ts")).attachmentCommands,
  },
  { title: "Bundles", words: ["bundle"], load: async () => (await import("./blob.ts")).bundleCommands },
  { title: "Policies", words: ["policy"], load: async () => (await import("./policy.ts")).policyCommands },
  {
    title: "Keys",
    words: ["generate-key-pair", "import-key-pair", "public-key"],
    load: async () => (await import("./key.ts")).keyCommands,
  },
  { title: "Keys", words: ["pkcs11-tool", "piv-tool"], load: async () => (await import("./token.ts")).tokenCommands },
  { title: "The transparency log", words: ["log"], load: async () => (await import("./log.ts")).logCommands },
  { title: "Whom to trust", words: ["trust"], load: async () => (await import("./trust.ts")).trustCommands },
  {
    title: "Whom to trust",
    words: ["initialize", "trusted-root", "signing-config"],
    load: async () => (await import("./setup.ts")).setupCommands,
  },
  {
    title: "Run a private Sigstore",
    words: ["init", "serve", "status", "backup", "restore", "demo"],
    load: async () => (await import("./operate.ts")).operateCommands,
  },
  {
    title: "The root of trust and its keyholders",
    words: ["root"],
    load: async () => (await import("./root.ts")).rootCommands,
  },
  {
    title: "Certificates, timestamps and people of a private Sigstore",
    words: ["ca", "user"],
    load: async () => (await import("./authority.ts")).authorityCommands,
  },
  {
    title: "About this program",
    words: ["version", "env", "completion"],
    load: async () => (await import("./about.ts")).aboutCommands(allCommands),
  },
];

/** The command that a command line begins with, and the words behind its name; undefined when there is none. */
export async function findCommand(
  words: readonly string[],
): Promise<{ readonly command: Command; readonly rest: readonly string[] } | undefined> {
  const [first] = words;
  const part = first === undefined ? undefined : parts.find((each) => each.words.includes(first));
  const commands = (await part?.load()) ?? [];
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const command = commands.find((one) => one.name === name);
    if (command !== undefined && words.length >= length) return { command, rest: words.slice(length) };
  }
  return undefined;
}

/** All commands in the groups that help shows. */
export async function loadCommandGroups(): Promise<readonly CommandGroup[]> {
  const groups = new Map<string, Command[]>();
  for (const { title, load } of parts) groups.set(title, [...(groups.get(title) ?? []), ...(await load())]);
  return [...groups].map(([title, commands]) => ({ title, commands }));
}

async function allCommands(): Promise<readonly Command[]> {
  return (await loadCommandGroups()).flatMap(({ commands }) => commands);
}
