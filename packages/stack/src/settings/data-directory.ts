// The data directory: its layout, its version, and the settings file in it.
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encodeUtf8, JsonObject, type JsonValue, parseJson, parseUtf8, quote } from "@sigillum/library/encoding";
import { storageError, writeFileDurably } from "../storage/index.ts";
import { settingsError } from "./errors.ts";
import { parseSettingsText } from "./parse.ts";
import { findFreePorts } from "./ports.ts";
import { encodeSettingsText, schemaFileName, settingsSchema } from "./render.ts";
import { type ServiceName, serviceNames } from "./service-description.ts";
import { parseSettings, type Settings } from "./settings.ts";

/** The version of the data directory's layout that this release writes, and the newest that it reads. */
export const dataDirectoryVersion = 1;

const versionFormat = "sigillum-data-directory";
const versionFileName = "version.json";

/** Where everything stands in a data directory. */
export interface DataDirectoryLayout {
  readonly root: string;
  readonly version: string;
  readonly settings: string;
  readonly schema: string;
  readonly logs: string;
  readonly tuf: string;
  readonly registry: string;
}

/** The paths of a data directory; nothing is looked at. */
export function dataDirectoryLayout(directory: string): DataDirectoryLayout {
  const root = resolve(directory);
  return {
    root,
    version: join(root, versionFileName),
    settings: join(root, "sigillum.yaml"),
    schema: join(root, schemaFileName),
    logs: join(root, "logs"),
    tuf: join(root, "tuf"),
    registry: join(root, "registry"),
  };
}

/** What stands at a path: nothing, an empty directory, one whose making was interrupted, or a data directory with settings. */
export type DataDirectoryState = "missing" | "empty" | "unfinished" | "initialised";

/** Looks at a path; a directory with anything of somebody else's, or of a newer version, is refused. */
export async function inspectDataDirectory(directory: string): Promise<DataDirectoryState> {
  const layout = dataDirectoryLayout(directory);
  const names = await listNames(layout.root);
  if (names === undefined) return "missing";
  if (names.includes(versionFileName)) {
    await checkVersion(layout);
    return names.includes("sigillum.yaml") ? "initialised" : "unfinished";
  }
  // The lock and the temporary file of the first write are all that an interrupted start can leave before the version file.
  const foreign = names.find((name) => name !== "lock" && !name.startsWith(`${versionFileName}.tmp-`));
  if (foreign === undefined) return "empty";
  throw settingsError(
    "DATA_DIRECTORY_FOREIGN",
    `Cannot use ${quote(layout.root)} as data directory: it was not made by Sigillum and is not empty`,
    {
      found: foreign,
      expected: `an empty directory, or one with ${versionFileName}`,
    },
  );
}

/** What `initialiseDataDirectory` may be told; everything has a default. */
export interface InitialiseOptions {
  /** The default ports, free ones of the system's choice, or one for each service named. */
  readonly ports?: "default" | "free" | Partial<Readonly<Record<ServiceName, number>>>;
  /** A tree like the settings file's with values that differ from the defaults. */
  readonly values?: { readonly [name: string]: JsonValue };
}

/**
 * Makes a data directory with its version, settings and schema, readable by its owner alone. It is complete when this returns and
 * can be repeated when it was interrupted; keys are made elsewhere.
 */
export async function initialiseDataDirectory(directory: string, options: InitialiseOptions = {}): Promise<Settings> {
  const layout = dataDirectoryLayout(directory);
  const state = await inspectDataDirectory(directory);
  if (state === "initialised") {
    throw settingsError("DATA_DIRECTORY_INITIALISED", `Cannot initialise ${quote(layout.root)}: it is a data directory already`, {
      found: "sigillum.yaml",
      expected: "an empty directory",
    });
  }
  const values = await initialValues(options);
  const text = encodeSettingsText(values);
  const settings = parseSettings(text, layout.root);
  await makePrivate(layout.root);
  // The version comes first: a crash from here on leaves a directory that is known as ours and completed by the next attempt.
  const version = { format: versionFormat, version: dataDirectoryVersion };
  await writeFileDurably(layout.version, encodeUtf8(`${JSON.stringify(version)}\n`));
  await writeFileDurably(layout.schema, encodeUtf8(`${JSON.stringify(settingsSchema(), null, 2)}\n`));
  await writeFileDurably(layout.settings, encodeUtf8(text));
  return settings;
}

/** Reads the settings of a data directory, from `configFile` where one is given. The lock is not taken here. */
export async function openDataDirectory(directory: string, options: { readonly configFile?: string } = {}): Promise<Settings> {
  const layout = dataDirectoryLayout(directory);
  const state = await inspectDataDirectory(directory);
  if (state !== "initialised" && !(state === "unfinished" && options.configFile !== undefined)) {
    throw settingsError("DATA_DIRECTORY_NOT_FOUND", `Cannot open data directory ${quote(layout.root)}: it is ${state}`, {
      found: state,
      expected: "a directory made by `sigillum init`",
    });
  }
  const path = options.configFile ?? layout.settings;
  return parseSettings(textOf(await readWhole(path), path), layout.root, options.configFile ?? "sigillum.yaml");
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    throw settingsError("SETTINGS_MALFORMED", `Cannot parse ${quote(path, 200)}: it is no UTF-8 text`, { cause });
  }
}

async function initialValues(options: InitialiseOptions): Promise<{ [name: string]: JsonValue }> {
  const values = parseSettingsText(JSON.stringify(options.values ?? {}), "the initial settings");
  const ports = options.ports ?? "default";
  const services = JsonObject.from(values, "settings").object("services");
  const free = ports === "free" ? await findFreePorts(serviceNames.length, ["127.0.0.1", "::1"]) : [];
  const table: { [name: string]: JsonValue } = {};
  serviceNames.forEach((name, index) => {
    const service = services.object(name);
    const own = ports === "free" ? free[index] : ports === "default" ? undefined : ports[name];
    const port = own ?? service.safeInteger("port");
    const given = entriesOf(entriesOf(values["services"])[name]);
    table[name] = {
      ...given,
      port,
      ...(own === undefined ? {} : { aliasPorts: [] }),
      publicUrl: service.optionalString("publicUrl") ?? `${service.has("tls") ? "https" : "http"}://localhost:${port}`,
    };
  });
  return { ...values, services: table };
}

function entriesOf(value: JsonValue | undefined): { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

async function listNames(root: string): Promise<string[] | undefined> {
  try {
    return await readdir(root);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === "ENOENT") return undefined;
    if (code === "ENOTDIR")
      throw settingsError("DATA_DIRECTORY_FOREIGN", `Cannot use ${quote(root)} as data directory: it is no directory`, {
        cause,
        found: "a file",
        expected: "a directory",
      });
    throw unreadable(root, cause);
  }
}

async function checkVersion(layout: DataDirectoryLayout): Promise<void> {
  const text = await readWhole(layout.version);
  let found: { format: string; version: number };
  try {
    const value = JsonObject.from(parseJson(text, { maxBytes: 4096 }), versionFileName);
    found = { format: value.string("format"), version: value.safeInteger("version") };
  } catch (cause) {
    throw settingsError(
      "DATA_DIRECTORY_FOREIGN",
      `Cannot use ${quote(layout.root)} as data directory: its ${versionFileName} is not one of Sigillum`,
      { cause },
    );
  }
  if (found.format !== versionFormat) {
    throw settingsError(
      "DATA_DIRECTORY_FOREIGN",
      `Cannot use ${quote(layout.root)} as data directory: its ${versionFileName} is not one of Sigillum`,
      { found: found.format, expected: versionFormat },
    );
  }
  if (found.version > dataDirectoryVersion) {
    throw settingsError(
      "DATA_DIRECTORY_NEWER",
      `Cannot open data directory ${quote(layout.root)}: its version is ${found.version}, and this Sigillum reads up to ${dataDirectoryVersion}`,
      {
        found: `version ${found.version}`,
        expected: `version ${dataDirectoryVersion} or lower`,
      },
    );
  }
}

async function makePrivate(root: string): Promise<void> {
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await chmod(root, 0o700);
  } catch (cause) {
    const found = errnoOf(cause) ?? "an unknown error";
    throw storageError(
      "DATA_DIRECTORY_UNWRITABLE",
      `Cannot make data directory ${quote(root, 200)}: the system answers ${found}`,
      { cause, found },
    );
  }
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): Error {
  const found = errnoOf(cause) ?? "an unknown error";
  return settingsError("DATA_DIRECTORY_UNREADABLE", `Cannot read ${quote(path, 200)}: the system answers ${found}`, {
    cause,
    found,
    expected: "a file or directory that this user can read",
  });
}

function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}
