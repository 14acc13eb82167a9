// A year of a running stack at an hour a step, in both trust profiles, with at least two rotations of every key: nothing published ever
// expires, every bundle made in that year verifies on its last day, and where a trusted root is older than a key the code says which.
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findPeer } from "../../../tools/peers-list.mjs";
import { expectSuccess } from "../clients/program.ts";
import { StackYear, weekMs, type YearProfile } from "./stack-year.ts";

const python = findPeer("sigstore-python");
const faketime = findPeer("libfaketime");
const pythonPath = join(dirname(python.path ?? ""), "python");

/** Run a year, and hold what came of it against what it promises. */
export async function runYear(profile: YearProfile): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-year-"));
  try {
    const year = new StackYear(directory, profile);
    const weeks = join(directory, "weeks");
    await year.run((week, published) => cp(published, join(weeks, String(week)), { recursive: true }));
    console.log(`${profile}: ${year.summary()}`);
    for (const [key, count] of year.rotations()) assert.ok(count >= 2, `${key} was rotated ${count} times`);
    year.verifyEveryBundle();
    year.refuseWithOlderRoots();
    await followWithPython(profile, directory, weeks, year);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** python-tuf with the clock of each week, by libfaketime: it refreshes what a server had in that week. */
async function followWithPython(profile: YearProfile, directory: string, weeks: string, year: StackYear): Promise<void> {
  if (python.path === undefined || faketime.path === undefined) {
    console.log(
      `SKIPPED: python-tuf does not follow the ${profile} year: ${python.missing ?? faketime.missing ?? "it is not here"}`,
    );
    return;
  }
  const home = join(directory, "home");
  for (const folder of ["metadata", "targets"]) await mkdir(join(home, folder), { recursive: true });
  await copyFile(join(weeks, "0", "1.root.json"), join(home, "metadata", "root.json"));
  const clockFile = join(directory, "clock");
  const script = join(import.meta.dirname, "python_tuf_weeks.py");
  const said = await expectSuccess(pythonPath, [script, weeks, home, String(year.startMs), String(weekMs), clockFile], {
    env: { HOME: directory, LD_PRELOAD: faketime.path, FAKETIME_TIMESTAMP_FILE: clockFile, FAKETIME_NO_CACHE: "1" },
  });
  assert.deepEqual(said.trim().split("\n"), year.weeklyTrustedRoots());
  console.log(`${profile}: python-tuf refreshed in each of ${said.trim().split("\n").length} weeks`);
}
