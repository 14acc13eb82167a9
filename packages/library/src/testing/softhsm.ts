// A software token for tests: SoftHSM, which Debian has as softhsm2.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const modules = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
];

/** A token of SoftHSM in a directory of its own. */
export interface SoftHsm {
  /** Environment for other processes; this one has it already. */
  readonly environment: Readonly<Record<string, string>>;
  /** The token's URI, with its module and the file of its PIN. */
  readonly uri: string;
  readonly label: string;
  /** Takes the token away, and puts it back. */
  pull(): void;
  putBack(): void;
}

/** Why tests with SoftHSM cannot run here; false where they can. */
export function missingSoftHsm(): string | false {
  if (!modules.some((path) => existsSync(path)) || spawnSync("softhsm2-util", ["--version"]).status !== 0)
    return "SoftHSM is not here: apt-get install softhsm2";
  try {
    createRequire(import.meta.url)("pkcs11js");
    return false;
  } catch {
    return "pkcs11js was not built by npm ci, which wants a C++ compiler, make and python3";
  }
}

/** Makes a token below `directory` and points this process's SoftHSM at it. */
export function makeSoftHsm(directory: string, label = "sigillum", pin = "1234"): SoftHsm {
  const tokens = join(directory, "tokens");
  const configuration = join(directory, "softhsm2.conf");
  const pinFile = join(directory, "pin");
  mkdirSync(tokens, { recursive: true });
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  // The C library reads it when it is initialised.
  process.env["SOFTHSM2_CONF"] = configuration;
  const args = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321"];
  const made = spawnSync("softhsm2-util", args, { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`softhsm2-util: ${made.stderr}`);
  const path = modules.find((one) => existsSync(one)) ?? "";
  return {
    environment: { SOFTHSM2_CONF: configuration },
    uri: `pkcs11:token=${label}?module-path=${path}&pin-source=file:${pinFile}`,
    label,
    pull: () => renameSync(tokens, `${tokens}.pulled`),
    putBack: () => renameSync(`${tokens}.pulled`, tokens),
  };
}
