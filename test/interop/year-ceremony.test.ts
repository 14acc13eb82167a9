// A year of a running stack at an hour a step, with at least two rotations of every key: the ceremony profile.
import { it } from "node:test";
import { runYear } from "./tuf/year-case.ts";

it(
  "ceremony profile: nothing expires, every key is rotated twice, every bundle verifies on the last day",
  { timeout: 590_000 },
  () => runYear("ceremony"),
);
