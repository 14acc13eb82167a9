// pkcs11-tool list-tokens, list-keys-uris: what a module has, in cosign's words.
import { encodeHex } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

/** `sigillum pkcs11-tool list-tokens`: the tokens in the slots of a module. */
export async function runListTokens(args: Arguments, terminal: Terminal): Promise<number> {
  const module = moduleOf(args);
  const { listPkcs11Tokens } = await import("@sigillum/signers/signers");
  const tokens = await listPkcs11Tokens(module);
  if (terminal.format === "json") {
    terminal.json({ module, tokens });
    return exitCodes.success;
  }
  terminal.out(`\nListing tokens of PKCS11 module '${module}'`);
  for (const token of tokens) {
    terminal.out(`Token in slot ${token.slot}`);
    for (const [name, value] of [
      ["Label", token.label],
      ["Manufacturer", token.manufacturer],
      ["Model", token.model],
      ["S/N", token.serial],
    ])
      terminal.out(`\t${name}: ${value}`);
    terminal.out("");
  }
  return exitCodes.success;
}

/** `sigillum pkcs11-tool list-keys-uris`: the private keys of a token, each with the reference that --key takes. */
export async function runListKeysUris(args: Arguments, terminal: Terminal): Promise<number> {
  const module = moduleOf(args);
  const slot = slotOf(args);
  const { listPkcs11Keys, listPkcs11Tokens } = await import("@sigillum/signers/signers");
  const token = (await listPkcs11Tokens(module)).find((one) => one.slot === slot);
  const given = args.string("pin") ?? process.env["SIGILLUM_PKCS11_PIN"] ?? process.env["COSIGN_PKCS11_PIN"];
  const pin =
    (given ?? "") !== "" || token?.needsLogin !== true
      ? given
      : await terminal.ask(`Enter PIN for PKCS11 token '${token.label}': `, { secret: true });
  const keys = await listPkcs11Keys(module, slot, pin === "" ? undefined : pin);
  if (terminal.format === "json") {
    terminal.json({ module, slot, keys: keys.map(({ label, id, uri }) => ({ label, id: encodeHex(id), uri })) });
    return exitCodes.success;
  }
  terminal.out(`\nListing URIs of keys in slot '${slot}' of PKCS11 module '${module}'`);
  for (const [index, { label, id, uri }] of keys.entries()) {
    terminal.out(`Object ${index}`);
    if (label !== "") terminal.out(`\tLabel: ${label}`);
    if (id.length > 0) terminal.out(`\tID: ${encodeHex(id)}`);
    terminal.out(`\tURI: ${uri}`);
  }
  return exitCodes.success;
}

function moduleOf(args: Arguments): string {
  const path =
    args.string("module-path") ?? process.env["SIGILLUM_PKCS11_MODULE"] ?? process.env["COSIGN_PKCS11_MODULE_PATH"] ?? "";
  if (path !== "") return path;
  throw argumentError(
    "FLAG_REQUIRED",
    `Cannot run ${args.command}: please specify --module-path or set COSIGN_PKCS11_MODULE_PATH`,
    {
      expected: "--module-path FILE",
    },
  );
}

function slotOf(args: Arguments): number {
  const text = args.string("slot-id") ?? "0";
  if (/^\d{1,10}$/.test(text)) return Number(text); // CK_SLOT_ID; SoftHSM chooses large ones
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --slot-id is no number`, {
    found: text,
    expected: "a number",
  });
}
