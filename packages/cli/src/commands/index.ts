// The table of commands: what there is, in the groups that help shows. What carries a command out is loaded when it is called.

import { aboutCommands, completionCommand } from "./about.ts";
import { authorityCommands } from "./authority.ts";
import { blobCommands, bundleCommands } from "./blob.ts";
import type { CommandGroup } from "./command.ts";
import { attachmentCommands, imageCommands } from "./image.ts";
import { keyCommands } from "./key.ts";
import { logCommands } from "./log.ts";
import { operateCommands } from "./operate.ts";
import { policyCommands } from "./policy.ts";
import { rootCommands } from "./root.ts";
import { setupCommands } from "./setup.ts";
import { tokenCommands } from "./token.ts";
import { trustCommands } from "./trust.ts";

export type { Command, CommandGroup } from "./command.ts";
export { traceTo } from "./trace.ts";
export { version, versionLine } from "./version.ts";

const completion = completionCommand(() => commandGroups.flatMap(({ commands }) => commands));

/** The commands in the groups that help shows. */
export const commandGroups: readonly CommandGroup[] = [
  { title: "Sign and verify", commands: [...blobCommands, ...imageCommands] },
  { title: "Images and what hangs on them", commands: attachmentCommands },
  { title: "Bundles", commands: bundleCommands },
  { title: "Policies", commands: policyCommands },
  { title: "Keys", commands: [...keyCommands, ...tokenCommands] },
  { title: "The transparency log", commands: logCommands },
  { title: "Whom to trust", commands: [...trustCommands, ...setupCommands] },
  { title: "Run a private Sigstore", commands: operateCommands },
  { title: "The root of trust and its keyholders", commands: rootCommands },
  { title: "Certificates, timestamps and people of a private Sigstore", commands: authorityCommands },
  { title: "About this program", commands: [...aboutCommands, completion] },
];
