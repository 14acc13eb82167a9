// Writes down what V8 made of the program, for the next start. Nothing of it is needed: whatever goes wrong, nothing is kept.
"use strict";
const {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} = require("node:fs");
const { dirname, join } = require("node:path");

const dayMs = 86400000;
/** Code of versions and commands that nobody used for so long is taken away. */
const unusedMs = 90 * dayMs;
/** No more than this is kept, of all versions and commands together. */
const mostFiles = 300;
const mostBytes = 64 << 20;

/** Keep the code of the scripts; what a run that did not succeed leaves is marked as old, so that the next success replaces it. */
function keepCode(directory, scripts, exitCode) {
  try {
    if (!isOurs(directory)) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const { file, script } of scripts) write(file, script.createCachedData(), exitCode);
    removeUnused(readdirSync(directory).map((name) => join(directory, name)));
  } catch {
    // a home that is read-only, a full disk: the next start takes longer
  }
}

// Under sudo the home can be another user's, where nothing that belongs to root is to be left.
function isOurs(directory) {
  if (process.getuid === undefined || process.getuid() !== 0) return true;
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  return statSync(existing).uid === 0;
}

// V8 does not notice when code is damaged in the middle: a file stands under its name only when all of it is on disk.
function write(file, bytes, exitCode) {
  const temporary = `${file}.${process.pid}.new`;
  try {
    const descriptor = openSync(temporary, "wx", 0o600);
    try {
      for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(writeSync(descriptor, rest));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (exitCode !== 0) utimesSync(temporary, new Date(), new Date(Date.now() - 2 * dayMs));
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

// What nobody used for long, and of the rest the oldest where there is too much.
function removeUnused(paths) {
  const found = paths.map((path) => ({ path, status: statSync(path) })).sort((a, b) => b.status.mtimeMs - a.status.mtimeMs);
  let files = 0;
  let bytes = 0;
  for (const { path, status } of found) {
    if (status.isFile()) {
      files++;
      bytes += status.size;
    }
    const isTooMuch = status.isFile() && (files > mostFiles || bytes > mostBytes);
    if (isTooMuch || Date.now() - status.mtimeMs > unusedMs) rmSync(path, { recursive: true, force: true });
  }
}

module.exports = { keepCode };
