// root sign: a keyholder signs what is proposed, here or on a machine that knows nothing of TUF.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseHex } from "@sigillum/library/encoding";
import { roleFileName } from "@sigillum/library/tuf";
import { writeEventFolder } from "@sigillum/library/tuf-place";
import { addSignature, formatEventReport, reportEvent, signEvent, signingPayloads } from "@sigillum/library/tuf-repository";
import type { Arguments } from "../arguments/index.ts";
import { openPrivateKey } from "../key/index.ts";
import { confirm, exitCodes, type Terminal } from "../terminal/index.ts";
import { openEvent, pairs, readCertificates, readGiven, refuseProblems, saveEvent } from "./event.ts";

/** `sigillum root sign EVENT`: sign with a key; or write out what is to be signed; or take a signature that was made elsewhere. */
export async function runRootSign(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("key", "payloads", "signature");
  const { directory, event } = await openEvent(args);
  const report = reportEvent(event, { makers: await readCertificates(args.strings("maker")) });
  refuseProblems(report);
  const payloads = args.string("payloads");
  if (payloads !== undefined) return writePayloads(payloads, event, terminal);
  if (args.has("signature")) {
    let signed = event;
    const keyid = args.required("keyid", "it says whose signature it is");
    for (const [role, file] of pairs(args, "signature")) signed = addSignature(signed, role, keyid, await readSignature(file));
    return saveEvent(directory, signed, terminal);
  }
  const signer = await openPrivateKey(args.required("key", "it names the key to sign with"), terminal);
  const roles = args.strings("role");
  // What a person signs is what this machine computed from the folder, and not what somebody wrote beside it.
  for (const line of formatEventReport(report).trimEnd().split("\n")) terminal.note(line);
  for (const { role, version, sha256 } of signingPayloads(event))
    if (roles.length === 0 || roles.includes(role)) terminal.note(`  to sign: ${role} ${version}, sha256 ${sha256}`);
  await confirm(terminal, "Sign this?", args.boolean("yes"));
  const signed = await signEvent(event, signer, roles.length === 0 ? undefined : roles);
  await writeEventFolder(directory, signed);
  const after = reportEvent(signed);
  if (terminal.format === "json") terminal.json(after);
  else
    for (const { role, newVersion, signatures } of after.roles)
      for (const { by, have, need } of signatures) terminal.out(`${role} ${newVersion}: ${have}/${need} by the keys of ${by}`);
  return exitCodes.success;
}

async function writePayloads(
  directory: string,
  event: Parameters<typeof signingPayloads>[0],
  terminal: Terminal,
): Promise<number> {
  await mkdir(directory, { recursive: true });
  const written = [];
  for (const { role, version, bytes, sha256 } of signingPayloads(event)) {
    const file = join(directory, `${version}.${roleFileName(role)}.payload`);
    await writeFile(file, bytes);
    written.push({ role, version, file, sha256 });
  }
  if (terminal.format === "json") terminal.json({ payloads: written });
  else for (const { role, version, file, sha256 } of written) terminal.out(`${role} ${version}  ${sha256}  ${file}`);
  return exitCodes.success;
}

/** A signature as the tool that made it left it: raw bytes, or their hex. */
async function readSignature(path: string): Promise<Uint8Array> {
  const bytes = await readGiven(path);
  const text = new TextDecoder().decode(bytes).trim();
  return /^(?:[0-9a-fA-F]{2})+$/u.test(text) ? parseHex(text.toLowerCase()) : bytes;
}
