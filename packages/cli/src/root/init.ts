// root init, add-key, join: an event begins, keys come in, copies come together.
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isMlDsa, type PublicKey, sha256 } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8, formatRfc3339, JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import { memoryStore, parseRoot, parseTargets, refresh } from "@sigillum/library/tuf";
import { eventFolderError, openPlace, readEventFolder, readOptional, writeEventFolder } from "@sigillum/library/tuf-place";
import {
  acceptKey,
  type CeremonyEvent,
  encodeKeySubmission,
  type KeySubmission,
  mergeEvents,
  type PublishedState,
  parseKeySubmission,
  proposeTargets,
  readPublished,
  reportEvent,
  sameFiles,
  startEvent,
  submissionName,
  submitKey,
  type TargetFile,
  verifyPivAttestation,
} from "@sigillum/library/tuf-repository";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { openPrivateKey } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { rootError } from "./errors.ts";
import { expiryOf, keyLines, openEvent, readCertificates, readGiven, refuseProblems, saveEvent } from "./event.ts";
import type { StackLink } from "./link.ts";

/** `sigillum root init EVENT`: begin an event over what is published, or for a new repository. */
export async function runRootInit(args: Arguments, terminal: Terminal, link?: StackLink): Promise<number> {
  args.exclusive("live", "data");
  const [directory = ""] = args.positionals;
  if ((await readOptional(join(directory, "event.json"))) !== undefined) {
    throw eventFolderError("TUF_EVENT_FOLDER", `Cannot begin an event in ${directory}: it holds one already`, {
      found: join(directory, "event.json"),
      expected: "a new folder",
    });
  }
  const head = {
    name: args.string("name") ?? basename(resolve(directory)),
    nonce: randomBytes(16).toString("hex"),
    nowMs: Date.now(),
  };
  const address = args.string("live");
  const event =
    link !== undefined
      ? await eventOfStack(head, link, args)
      : startEvent({ ...head, ...(address === undefined ? {} : { live: await liveAt(address, terminal) }) });
  requireRoot(event, args.string("root-sha256"));
  await mkdir(directory, { recursive: true });
  await writeEventFolder(directory, event);
  if (terminal.format === "json") {
    terminal.json({ event: event.name, repository: event.repository, folder: directory });
    return exitCodes.success;
  }
  terminal.out(`Began event ${event.name} in ${directory}`);
  terminal.out(event.repository === "new" ? "  for     a new repository" : `  over    repository ${event.repository}`);
  terminal.out(`  next    keyholders: sigillum root add-key ${directory} --role root --owner NAME --key KEY`);
  return exitCodes.success;
}

function requireRoot(event: CeremonyEvent, expected: string | undefined): void {
  if (expected === undefined || event.repository === expected.toLowerCase()) return;
  throw argumentError("FLAG_VALUE_INVALID", `Cannot begin event: the repository's first root has SHA-256 ${event.repository}`, {
    found: event.repository,
    expected,
  });
}

/** What is published at an address, walked as a client walks it from the first root; what has expired is told and is no hindrance. */
async function liveAt(address: string, terminal: Terminal): Promise<{ state: PublishedState; firstRoot: Uint8Array }> {
  const place = openPlace(address, { environment: process.env });
  const state = await readPublished(place);
  const firstRoot = await place.read("1.root.json");
  if (state === undefined || firstRoot === undefined) {
    throw eventFolderError("TUF_EVENT_FOLDER", `Cannot begin an event over ${address}: no repository is published there`, {
      found: "no timestamp.json or 1.root.json",
      expected: "the address of a repository",
    });
  }
  // Moment 0 is before every expiry: signatures and versions count, and an expired repository is what an event may be there to mend.
  await refresh((path) => place.read(path), memoryStore(firstRoot), 0);
  for (const role of ["root", "targets", "snapshot", "timestamp"] as const)
    if (state[role].expiresMs <= Date.now())
      terminal.note(`WARNING: the published ${role} ${state[role].version} expired at ${formatRfc3339(state[role].expiresMs)}`);
  return { state, firstRoot };
}

/** An event over what a running stack has published, with its keys for new roles, and the targets that it would publish now. */
async function eventOfStack(
  head: { readonly name: string; readonly nonce: string; readonly nowMs: number },
  link: StackLink,
  args: Arguments,
): Promise<CeremonyEvent> {
  const rotate: JsonValue = [...args.strings("rotate")];
  const input = { name: head.name, nonce: head.nonce, ...(rotate.length === 0 ? {} : { rotate }) };
  const answer = JsonObject.exact(await link("tuf.event", input), "answer");
  let event = startEvent({ ...head, ...liveOf(answer) });
  for (const text of answer.strings("submissions")) event = acceptKey(event, parseKeySubmission(encodeUtf8(text)));
  const targets = new Map(
    answer.objects("targets").map((one): [string, TargetFile] => {
      const custom = one.value("custom");
      return [one.string("path"), { bytes: one.base64("bytes"), ...(custom === undefined ? {} : { custom }) }];
    }),
  );
  const live = event.live.get("targets");
  if (live !== undefined && sameFiles(parseTargets(live), targets)) return event;
  const remove = live === undefined ? [] : [...parseTargets(live).targets.keys()].filter((path) => !targets.has(path));
  return proposeTargets(event, "targets", { add: targets, remove, expiresMs: expiryOf(args, 365) });
}

function liveOf(answer: JsonObject): { live?: Parameters<typeof startEvent>[0]["live"] & object } {
  if (!answer.has("firstRoot")) return {};
  const files = answer.object("live");
  const delegated = new Map(
    files
      .names()
      .filter((role) => role !== "root" && role !== "targets")
      .map((role) => [role, parseTargets(files.base64(role))] as const),
  );
  const state = { root: parseRoot(files.base64("root")), targets: parseTargets(files.base64("targets")), delegated };
  return { live: { state, firstRoot: answer.base64("firstRoot") } };
}

/** `sigillum root add-key EVENT`: offer a key for a role, or take an offer that came as a file. Proposals are left as they are. */
export async function runRootAddKey(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("key", "submission");
  const opened = await openEvent(args);
  const file = args.string("submission");
  const submissions =
    file === undefined ? await offers(args, opened.event, terminal) : [parseKeySubmission(await readGiven(file))];
  if (!args.boolean("ml-dsa")) for (const { publicKey } of submissions) refuseMlDsa(publicKey);
  let { event } = opened;
  const makers = await readCertificates(args.strings("maker"));
  for (const submission of submissions) {
    // What cannot be shown now is not stored: the keyholder is here to mend it.
    if (submission.attestation !== undefined && makers.length > 0)
      verifyPivAttestation(submission.publicKey, submission.attestation, makers);
    event = acceptKey(event, submission);
  }
  await writeEventFolder(opened.directory, event);
  const out = args.string("submission-output");
  const [first] = submissions;
  if (out !== undefined && first !== undefined) await writeFile(out, encodeKeySubmission(first));
  if (terminal.format === "json") {
    terminal.json({ keys: submissions.map((one) => ({ owner: one.owner, role: one.role, name: submissionName(one) })) });
    return exitCodes.success;
  }
  for (const submission of submissions) for (const line of keyLines(submission)) terminal.out(line);
  terminal.out(
    `  sha256  ${encodeHex(sha256(first?.publicKey.spki ?? new Uint8Array()))} of the public key: tell it to the conductor`,
  );
  terminal.out(`  next    give ${opened.directory} back; the conductor runs sigillum root join`);
  return exitCodes.success;
}

/** An extension of the specification (TAP 21): who lists such a key shuts every client out that does not know it. */
function refuseMlDsa({ type }: PublicKey): void {
  if (!isMlDsa(type)) return;
  throw rootError(
    "ROOT_KEY_ML_DSA",
    `Cannot offer key: ${type} is known to few clients, and the others refuse the whole root; --ml-dsa offers it`,
    {
      found: type,
      expected: "ECDSA, Ed25519 or RSA, or --ml-dsa",
    },
  );
}

async function offers(args: Arguments, event: CeremonyEvent, terminal: Terminal): Promise<readonly KeySubmission[]> {
  const owner = args.required("owner", "it says whose key it is");
  const signer = await openPrivateKey(args.required("key", "it names the key that is offered"), terminal);
  const [key] = await readCertificates(args.has("attestation") ? [args.string("attestation") ?? ""] : []);
  const [device] = await readCertificates(args.has("device") ? [args.string("device") ?? ""] : []);
  if ((key === undefined) !== (device === undefined)) {
    throw argumentError("FLAG_REQUIRED", "Cannot run root add-key: --attestation and --device go together", {
      expected: "--attestation FILE --device FILE",
    });
  }
  const roles = args.strings("role").length === 0 ? ["root"] : args.strings("role");
  const attestation = key === undefined || device === undefined ? {} : { attestation: { key, device } };
  return Promise.all(roles.map((role) => submitKey(event, { owner, role, signer, ...attestation })));
}

/** `sigillum root join EVENT COPY…`: take keys and signatures from copies of the event. */
export async function runRootJoin(args: Arguments, terminal: Terminal): Promise<number> {
  const opened = await openEvent(args);
  const makers = await readCertificates(args.strings("maker"));
  let { event } = opened;
  for (const path of args.positionals.slice(1)) {
    const isFile = (await readOptional(path)) !== undefined;
    event = isFile
      ? acceptKey(event, parseKeySubmission(await readGiven(path)))
      : mergeEvents(event, await readEventFolder(path));
    // Said of the copy that brings it, and before it is kept.
    refuseProblems(reportEvent(event, { makers }));
    if (terminal.format === "text") terminal.note(`Joined ${quote(path)}`);
  }
  return saveEvent(opened.directory, event, terminal);
}
