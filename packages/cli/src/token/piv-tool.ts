// piv-tool: a PIV token's keys, PIN, PUK and management key, in cosign's words.
import { readFile } from "node:fs/promises";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodePem, quote } from "@sigillum/library/encoding";
import { type PivAttestation, readPivAttestation, verifyPivAttestation } from "@sigillum/library/tuf-repository";
import { type Certificate, formatName, parseCertificatesPem } from "@sigillum/library/x509";
import type { CardTransport } from "@sigillum/signers/signers";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { confirm, exitCodes, type Terminal } from "../terminal/index.ts";

const signers = (): Promise<typeof import("@sigillum/signers/signers")> => import("@sigillum/signers/signers");

/** `sigillum piv-tool set-pin`: another PIN in place of the old one; the maker's where a flag is not given. */
export async function runPivSetPin(args: Arguments, terminal: Terminal): Promise<number> {
  const { changePin, factoryPin, withPivCard } = await signers();
  await agree(args, terminal, "Setting new pin. This will overwrite the previous pin.");
  await withPivCard((card) => changePin(card, args.string("old-pin") ?? factoryPin, args.string("new-pin") ?? factoryPin));
  return done(terminal, "The PIN is set");
}

/** `sigillum piv-tool set-puk`: another PUK in place of the old one. */
export async function runPivSetPuk(args: Arguments, terminal: Terminal): Promise<number> {
  const { changePuk, factoryPuk, withPivCard } = await signers();
  await agree(args, terminal, "Setting new PUK. This will overwrite the previous PUK.");
  await withPivCard((card) => changePuk(card, args.string("old-puk") ?? factoryPuk, args.string("new-puk") ?? factoryPuk));
  return done(terminal, "The PUK is set");
}

/** `sigillum piv-tool unblock`: a new PIN by the PUK. */
export async function runPivUnblock(args: Arguments, terminal: Terminal): Promise<number> {
  const { unblockPin, factoryPin, factoryPuk, withPivCard } = await signers();
  await agree(args, terminal, "Unblocking the device. This will set a new pin.");
  await withPivCard((card) => unblockPin(card, args.string("puk") ?? factoryPuk, args.string("new-PIN") ?? factoryPin));
  return done(terminal, "The PIN is set");
}

/** `sigillum piv-tool set-management-key`: another management key, or a random one that nobody is told. */
export async function runPivSetManagementKey(args: Arguments, terminal: Terminal): Promise<number> {
  const { authenticateManagement, parseManagementKey, setManagementKey, withPivCard } = await signers();
  args.exclusive("new-key", "random-management-key");
  const [from, to] = [parseManagementKey(args.string("old-key")), parseManagementKey(args.string("new-key"))];
  const isRandom = args.boolean("random-management-key");
  if (isRandom) await agree(args, terminal, randomWarning);
  await agree(args, terminal, "Setting new management key. This will overwrite the previous key.");
  await withPivCard(async (card) => {
    await authenticateManagement(card, from);
    await setManagementKey(card, isRandom ? await (await signers()).randomManagementKey(card) : to);
  });
  return done(terminal, "The management key is set");
}

const randomWarning = "Resetting management key to random value. You must factory reset the device to change this value.";

/** `sigillum piv-tool reset`: the token as its maker delivered it; every key in it is gone. */
export async function runPivReset(args: Arguments, terminal: Terminal): Promise<number> {
  const { resetPiv, withPivCard } = await signers();
  await agree(args, terminal, "Resetting key to factory defaults. This will destroy all values on device.");
  await withPivCard((card) => resetPiv(card));
  return done(terminal, "The token is as its maker delivered it");
}

/** `sigillum piv-tool generate-key`: a P-256 key in a slot, and what the token says of it. */
export async function runPivGenerateKey(args: Arguments, terminal: Terminal): Promise<number> {
  const {
    authenticateManagement,
    generatePivKey,
    parseManagementKey,
    parsePivSlot,
    randomManagementKey,
    setManagementKey,
    withPivCard,
  } = await signers();
  const slot = parsePivSlot(args.string("slot"));
  const makers = await readMakers(args);
  // cosign's defaults: each signature asks for the PIN and for a touch.
  const pinPolicy = policyOf(args, "pin-policy", ["never", "once", "always"]);
  const touchPolicy = policyOf(args, "touch-policy", ["never", "always", "cached"]);
  const key = parseManagementKey(args.string("management-key"));
  const isRandom = args.boolean("random-management-key");
  if (isRandom) await agree(args, terminal, randomWarning);
  await agree(args, terminal, "Generating new signing key. This will destroy any previous keys.");
  const { publicKey, attested } = await withPivCard(async (card) => {
    await authenticateManagement(card, key);
    if (isRandom) await setManagementKey(card, await randomManagementKey(card));
    const made = await generatePivKey(card, { slot, pinPolicy, touchPolicy });
    return { publicKey: made, attested: await attest(card, slot) };
  });
  // The token must say of the very key that it handed out that it made it.
  const facts = verifyPivAttestation(publicKey, attested, makers);
  if (terminal.format === "json")
    terminal.json({ publicKey: encodePublicKeyPem(publicKey), ...attestationJson(attested, facts) });
  else {
    terminal.note("Generated public key");
    terminal.out(encodePublicKeyPem(publicKey));
    tellAttestation(attested, facts, makers, terminal);
  }
  return exitCodes.success;
}

/** `sigillum piv-tool attestation`: what the token says of the key in a slot, verified. */
export async function runPivAttestation(args: Arguments, terminal: Terminal): Promise<number> {
  const { parsePivSlot, withPivCard } = await signers();
  const slot = parsePivSlot(args.string("slot"));
  const makers = await readMakers(args);
  const attested = await withPivCard((card) => attest(card, slot));
  const facts = readPivAttestation(attested, makers);
  if (terminal.format === "json") terminal.json(attestationJson(attested, facts));
  else tellAttestation(attested, facts, makers, terminal);
  return exitCodes.success;
}

interface Attested {
  readonly key: Certificate;
  readonly device: Certificate;
}

async function attest(
  card: CardTransport,
  slot: Parameters<typeof import("@sigillum/signers/signers").attestPivKey>[1],
): Promise<Attested> {
  const { attestPivKey, pivAttestationCertificate } = await signers();
  return { device: await pivAttestationCertificate(card), key: await attestPivKey(card, slot) };
}

function tellAttestation(
  { device, key }: Attested,
  facts: PivAttestation,
  makers: readonly Certificate[] | undefined,
  terminal: Terminal,
): void {
  terminal.note("Printing device attestation certificate");
  terminal.out(encodePem("CERTIFICATE", device.der));
  terminal.note("Printing key attestation certificate");
  terminal.out(encodePem("CERTIFICATE", key.der));
  terminal.note("Verifying certificates...");
  terminal.note(
    makers === undefined
      ? "Verified that the token's own certificate signed it; whose token it is was not looked at: name its maker with --maker FILE"
      : "Verified ok",
  );
  terminal.note("Device info:");
  const lines = [
    `Issuer: ${formatName(device.issuer)}`,
    `Form factor: ${facts.formFactor}`,
    `PIN Policy: ${capital(facts.pinPolicy)}`,
    `Touch Policy: ${capital(facts.touchPolicy)}`,
    `Serial number: ${facts.serial}`,
    `Version: ${facts.firmware}`,
  ];
  for (const line of lines) terminal.out(`  ${line}`);
}

// The members that cosign writes; numbers as Go's library for such tokens counts them.
function attestationJson({ device, key }: Attested, facts: PivAttestation): Record<string, unknown> {
  const [Major, Minor, Patch] = facts.firmware.split(".").map(Number);
  return {
    DeviceCertPem: encodePem("CERTIFICATE", device.der),
    KeyCertPem: encodePem("CERTIFICATE", key.der),
    KeyAttestation: {
      Version: { Major, Minor, Patch },
      Serial: Number(facts.serial),
      PINPolicy: ["never", "once", "always"].indexOf(facts.pinPolicy) + 1,
      TouchPolicy: ["never", "always", "cached"].indexOf(facts.touchPolicy) + 1,
    },
    formFactor: facts.formFactor,
  };
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

async function readMakers(args: Arguments): Promise<readonly Certificate[] | undefined> {
  const files = args.strings("maker");
  if (files.length === 0) return undefined;
  const texts = await Promise.all(
    files.map((path) =>
      readFile(path, "utf8").catch((cause: unknown) => {
        throw argumentError("FLAG_VALUE_INVALID", `Cannot read --maker ${quote(path)}`, { cause, found: path });
      }),
    ),
  );
  return texts.flatMap((text) => parseCertificatesPem(text));
}

function policyOf<const T extends string>(args: Arguments, flag: string, allowed: readonly T[]): T | "always" {
  const given = args.string(flag)?.toLowerCase();
  const found = given === undefined || given === "" ? "always" : allowed.find((one) => one === given);
  if (found !== undefined) return found;
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --${flag} is ${quote(given ?? "")}`, {
    found: given ?? "",
    expected: allowed.join(", "),
  });
}

async function agree(args: Arguments, terminal: Terminal, question: string): Promise<void> {
  await confirm(terminal, question, args.boolean("no-input") || args.boolean("yes"));
}

function done(terminal: Terminal, line: string): number {
  if (terminal.format === "json") terminal.json({ done: line });
  else terminal.note(line);
  return exitCodes.success;
}
