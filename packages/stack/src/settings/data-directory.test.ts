import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { findFreePorts, initialiseDataDirectory, inspectDataDirectory, openDataDirectory, serviceNames } from "./index.ts";

const made: string[] = [];
const scratch = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-settings-"));
  made.push(directory);
  return directory;
};
const code = (expected: string, pattern?: RegExp) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, expected, error.message);
  if (pattern !== undefined) assert.match(error.message, pattern);
  return true;
};

describe("data directory", () => {
  after(async () => {
    for (const directory of made) await rm(directory, { recursive: true, force: true });
  });

  it("is made with its settings, readable by its owner alone, and opens to the same settings", async () => {
    const directory = join(await scratch(), "a", "data");
    assert.equal(await inspectDataDirectory(directory), "missing");
    const settings = await initialiseDataDirectory(directory);
    assert.equal(await inspectDataDirectory(directory), "initialised");
    assert.deepEqual(await openDataDirectory(directory), settings);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of ["sigillum.yaml", "version.json", "sigillum.schema.json"])
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
    JSON.parse(await readFile(join(directory, "sigillum.schema.json"), "utf8"));
  });

  it("keeps given values and ports, and the public URLs follow the ports", async () => {
    const directory = await scratch();
    const settings = await initialiseDataDirectory(directory, {
      ports: { ca: 7001 },
      values: { operator: "sign.example.org", trust: { defaultLog: "v2" } },
    });
    assert.equal(settings.operator, "sign.example.org");
    assert.equal(settings.trust.defaultLog, "v2");
    assert.equal(settings.services.ca.publicUrl, "http://localhost:7001");
    assert.deepEqual(settings.services.ca.aliasPorts, []);
    assert.equal(settings.services.tsa.port, 3004);
  });

  it("takes free ports, each once, and writes them down", async () => {
    const directory = await scratch();
    const settings = await initialiseDataDirectory(directory, { ports: "free" });
    const ports = serviceNames.map((name) => settings.services[name].port);
    assert.equal(new Set(ports).size, serviceNames.length);
    for (const name of serviceNames)
      assert.equal(settings.services[name].publicUrl, `http://localhost:${settings.services[name].port}`);
    assert.deepEqual((await openDataDirectory(directory)).services, settings.services);
  });

  it("is left alone when it exists already", async () => {
    const directory = await scratch();
    await initialiseDataDirectory(directory);
    await assert.rejects(initialiseDataDirectory(directory), code("DATA_DIRECTORY_INITIALISED"));
  });

  it("is completed when its making was interrupted", async () => {
    const directory = await scratch();
    await writeFile(join(directory, "version.json.tmp-1-1"), "");
    assert.equal(await inspectDataDirectory(directory), "empty");
    await writeFile(join(directory, "version.json"), '{"format":"sigillum-data-directory","version":1}');
    assert.equal(await inspectDataDirectory(directory), "unfinished");
    await assert.rejects(openDataDirectory(directory), code("DATA_DIRECTORY_NOT_FOUND", /unfinished/u));
    await initialiseDataDirectory(directory);
    await openDataDirectory(directory);
  });

  it("is refused when it is somebody else's", async () => {
    const directory = await scratch();
    await writeFile(join(directory, "thesis.tex"), "");
    await assert.rejects(initialiseDataDirectory(directory), code("DATA_DIRECTORY_FOREIGN"));
    await assert.rejects(openDataDirectory(join(directory, "thesis.tex")), code("DATA_DIRECTORY_FOREIGN"));
    const other = await scratch();
    await writeFile(join(other, "version.json"), '{"version":"3.1"}');
    await assert.rejects(openDataDirectory(other), code("DATA_DIRECTORY_FOREIGN"));
    await writeFile(join(other, "version.json"), '{"format":"something-else","version":1}');
    await assert.rejects(openDataDirectory(other), code("DATA_DIRECTORY_FOREIGN"));
  });

  it("is refused when a newer Sigillum wrote it, found and expected named", async () => {
    const directory = await scratch();
    await initialiseDataDirectory(directory);
    await writeFile(join(directory, "version.json"), '{"format":"sigillum-data-directory","version":2}');
    await assert.rejects(
      openDataDirectory(directory),
      code("DATA_DIRECTORY_NEWER", /its version is 2, and this Sigillum reads up to 1/u),
    );
  });

  it("opens only when it exists", async () => {
    const directory = await scratch();
    await assert.rejects(openDataDirectory(directory), code("DATA_DIRECTORY_NOT_FOUND", /it is empty/u));
    await assert.rejects(openDataDirectory(join(directory, "no")), code("DATA_DIRECTORY_NOT_FOUND", /it is missing/u));
  });

  it("reads the settings from another file when told", async () => {
    const directory = await scratch();
    await initialiseDataDirectory(directory);
    const configFile = join(await scratch(), "mine.yaml");
    await writeFile(configFile, "logLevel: debug\n");
    assert.equal((await openDataDirectory(directory, { configFile })).logLevel, "debug");
    await writeFile(configFile, Uint8Array.of(0xff, 0xfe));
    await assert.rejects(openDataDirectory(directory, { configFile }), code("SETTINGS_MALFORMED"));
    await assert.rejects(
      openDataDirectory(directory, { configFile: `${configFile}.no` }),
      code("DATA_DIRECTORY_UNREADABLE", /ENOENT/u),
    );
  });

  it("is refused where it cannot be made", async () => {
    const parent = await scratch();
    const file = join(parent, "file");
    await writeFile(file, "");
    await assert.rejects(
      initialiseDataDirectory(join(file, "data")),
      (error: { code?: string }) => error.code === "DATA_DIRECTORY_UNWRITABLE" || error.code === "DATA_DIRECTORY_FOREIGN",
    );
    const locked = join(parent, "locked");
    await mkdir(locked);
    await chmod(locked, 0o500);
    if (process.getuid?.() !== 0)
      await assert.rejects(initialiseDataDirectory(join(locked, "data")), code("DATA_DIRECTORY_UNWRITABLE"));
    await chmod(locked, 0o700);
  });
});

describe("findFreePorts", () => {
  it("gives ports that can be listened on", async () => {
    const [port = 0] = await findFreePorts(1, ["127.0.0.1"]);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it("refuses addresses that the machine does not have", async () => {
    await assert.rejects(findFreePorts(1, ["192.0.2.1"]), code("PORT_UNAVAILABLE"));
  });
});
