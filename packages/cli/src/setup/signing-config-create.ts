import { isSigillumError, quote } from "@sigillum/library/encoding";
import { loadRoot, trustStoreDirectory } from "@sigillum/library/trust-store";
import {
  encodeSigningConfig,
  parseSigningConfig,
  type ServiceConfiguration,
  type SigningConfig,
  type SigningService,
  signingConfigLimits,
} from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import { readSmallFile } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { setupError } from "./errors.ts";
import { parseDescription, partOf, periodOf } from "./service-description.ts";
import { writeOut } from "./trusted-root-create.ts";

const nothing: SigningConfig = { caUrls: [], oidcUrls: [], rekorTlogUrls: [], tsaUrls: [] };

/** `sigillum signing-config create`: the services to sign with, from their addresses. Whether they answer is not tried. */
export async function runSigningConfigCreate(args: Arguments, terminal: Terminal): Promise<number> {
  const base = await baseOf(args);
  const kept = (flag: string, services: readonly SigningService[]): readonly SigningService[] =>
    args.boolean(flag) ? [] : services;
  const rekorTlogConfig = selectorOf(args, "rekor-config") ?? base.rekorTlogConfig;
  const tsaConfig = selectorOf(args, "tsa-config") ?? base.tsaConfig;
  requireSelector(args, "rekor", rekorTlogConfig);
  requireSelector(args, "tsa", tsaConfig);
  const config: SigningConfig = {
    caUrls: [...kept("no-default-fulcio", base.caUrls), ...servicesOf(args, "fulcio")],
    oidcUrls: [...kept("no-default-oidc", base.oidcUrls), ...servicesOf(args, "oidc-provider")],
    rekorTlogUrls: [...kept("no-default-rekor", base.rekorTlogUrls), ...servicesOf(args, "rekor")],
    tsaUrls: [...kept("no-default-tsa", base.tsaUrls), ...servicesOf(args, "tsa")],
    ...(rekorTlogConfig === undefined ? {} : { rekorTlogConfig }),
    ...(tsaConfig === undefined ? {} : { tsaConfig }),
  };
  await writeOut(args, encodeSigningConfig(config), terminal);
  return exitCodes.success;
}

async function baseOf(args: Arguments): Promise<SigningConfig> {
  args.exclusive("base-config", "with-default-services");
  const file = args.string("base-config");
  if (file !== undefined) return parseSigningConfig(await readSmallFile(file, "signing config", signingConfigLimits.bytes));
  if (!args.boolean("with-default-services")) return nothing;
  const name = args.string("trust");
  const { signingConfig } = await loadRoot({
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    ...(name === undefined ? {} : { name }),
    ...(args.boolean("with-default-rekor-v2") ? { signingConfigTarget: "signing_config_rekor_v2.v0.2.json" } : {}),
  });
  return signingConfig ?? nothing;
}

function servicesOf(args: Arguments, flag: string): SigningService[] {
  return args.strings(flag).map((text) => {
    const description = parseDescription(flag, text, ["url", "api-version", "start-time", "operator"], ["end-time"]);
    const version = partOf(description, "api-version");
    if (!/^[0-9]{1,4}$/.test(version))
      throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot read --${flag}: its api-version is ${quote(version)}`, {
        found: version,
        expected: "a number",
      });
    return {
      url: partOf(description, "url"),
      majorApiVersion: Number(version),
      validFor: period(flag, text, () => periodOf(description, 0)),
      operator: partOf(description, "operator"),
    };
  });
}

function period<T>(flag: string, text: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot read --${flag}: ${cause.message}`, { cause, found: text });
  }
}

function selectorOf(args: Arguments, flag: string): ServiceConfiguration | undefined {
  const text = args.string(flag);
  if (text === undefined) return undefined;
  const match = /^(ANY|ALL)$|^EXACT:([1-9][0-9]{0,2})$/.exec(text);
  if (match === null) {
    throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot read --${flag}: ${quote(text)} is no selector`, {
      found: text,
      expected: "ANY, ALL or EXACT:N",
    });
  }
  if (match[2] !== undefined) return { selector: "EXACT", count: Number(match[2]) };
  return { selector: match[1] === "ALL" ? "ALL" : "ANY" };
}

function requireSelector(args: Arguments, flag: "rekor" | "tsa", config: ServiceConfiguration | undefined): void {
  if (args.strings(flag).length === 0 || config !== undefined) return;
  throw setupError("SERVICE_DESCRIPTION_INVALID", `Cannot write signing config: --${flag} needs --${flag}-config beside it`, {
    expected: `--${flag}-config ANY, ALL or EXACT:N`,
  });
}
