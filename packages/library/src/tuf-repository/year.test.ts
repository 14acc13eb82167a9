// A year of a repository at an hour a step, in both trust profiles, with every key rotated twice: nothing ever expires, no rotation is
// missed, and a client that comes once a week follows every change.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Signer } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError, parseUtf8 } from "../encoding/index.ts";
import { generateSigner, PublishedFolder } from "../testing/index.ts";
import { fetchTarget, memoryStore, type RoleName, refresh, tufKeyId } from "../tuf/index.ts";
import {
  type CeremonyFiles,
  defaultPeriods,
  finishEvent,
  type PublicationPlan,
  planPublication,
  proposeRoot,
  proposeTargets,
  publicationDuties,
  rotateKey,
  signEvent,
  startEvent,
  submitKey,
} from "./index.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.parse("2026-11-24T00:00:00Z");
const roles = ["root", "targets", "snapshot", "timestamp"] as const;
const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1 };

type Signers = Record<RoleName, readonly Signer[]>;
const file = (text: string) => ({ bytes: encodeUtf8(text) });

/** Publish what is due in one hour; an hour in which nothing is due costs a look at the duties alone. */
async function step(folder: PublishedFolder, plan: PublicationPlan, changed: boolean): Promise<boolean> {
  const { state } = folder;
  const due =
    changed ||
    state === undefined ||
    publicationDuties(state, plan).some((duty) => duty.who === "online" && duty.state !== "fresh");
  const written = due ? await planPublication(state, plan) : [];
  folder.write(written);
  for (const role of roles) {
    const { expiresMs = 0 } = folder.state?.[role] ?? {};
    assert.ok(expiresMs > plan.nowMs, `${role} expired at ${new Date(expiresMs).toISOString()}`);
  }
  return written.length > 0;
}

describe("a year at an hour a step", () => {
  test("default profile: all is signed online, and every key is rotated twice", async () => {
    const folder = new PublishedFolder();
    let signers: Signers = {
      root: [generateSigner()],
      targets: [generateSigner()],
      snapshot: [generateSigner()],
      timestamp: [generateSigner()],
    };
    let retiring: readonly Signer[] = [];
    let files = new Map([["trusted_root.json", file("0")]]);
    let publications = 0;
    const store = memoryStore("");
    // Every 45 days one of the four keys is new, and the targets with it.
    for (let hour = 0; hour <= 365 * 24; hour++) {
      const nowMs = startMs + hour * hourMs;
      const rotates = hour > 0 && hour % (45 * 24) === 0;
      if (rotates) {
        const role = roles[(hour / (45 * 24) - 1) % 4] ?? "root";
        retiring = role === "root" ? signers.root : [];
        signers = { ...signers, [role]: [generateSigner()] };
        files = new Map([["trusted_root.json", file(String(hour))]]);
      }
      const plan = { nowMs, periods: defaultPeriods, files, signers, thresholds, retiringRootSigners: retiring };
      if (await step(folder, plan, rotates)) publications++;
      retiring = [];
      if (hour === 0) await store.write("root", folder.file("1.root.json"));
      if (hour % (7 * 24) === 0) {
        const trusted = await refresh(folder.fetch, store, nowMs);
        const text = parseUtf8(await fetchTarget(trusted, "trusted_root.json", folder.fetch, store));
        assert.equal(text, parseUtf8(files.get("trusted_root.json")?.bytes ?? new Uint8Array()));
      }
    }
    assert.equal(folder.state?.root.version, 9, "eight rotations, and no renewal beside them");
    assert.ok(publications < 365 + 40, `${publications} publications`);
  });

  test("ceremony profile: root and targets are signed by keyholders four times, the rest runs by itself", async () => {
    const folder = new PublishedFolder();
    const periods = { ...defaultPeriods, targets: { lifetimeMs: 200 * dayMs, renewBeforeMs: 60 * dayMs } };
    let people = [generateSigner(), generateSigner(), generateSigner()];
    let signers: Signers = { root: [], targets: [], snapshot: [generateSigner()], timestamp: [generateSigner()] };
    let files = new Map([["trusted_root.json", file("0")]]);
    const store = memoryStore("");
    let waits = 0;
    for (let hour = 0; hour <= 365 * 24; hour++) {
      const nowMs = startMs + hour * hourMs;
      let ceremony: CeremonyFiles | undefined;
      if (hour === 0) ceremony = await found(people, signers, files, nowMs);
      // The machine learns of a new file a month before the keyholders meet: until then it says what it waits for.
      if (hour % (90 * 24) === 60 * 24) files = new Map([["trusted_root.json", file(String(hour))]]);
      if (hour > 0 && hour % (90 * 24) === 0) {
        const [leaver] = people;
        assert.ok(leaver);
        const role = hour % (180 * 24) === 0 ? "snapshot" : "timestamp";
        const fresh = generateSigner();
        const newcomer = generateSigner();
        ceremony = await meet(folder, { people, leaver, newcomer, role, old: signers[role][0] ?? leaver, fresh, files, nowMs });
        people = [...people.slice(1), newcomer];
        signers = { ...signers, [role]: [fresh] };
      }
      const plan = { nowMs, periods, files, signers, thresholds };
      await step(folder, ceremony === undefined ? plan : { ...plan, ceremony }, ceremony !== undefined);
      assert.ok(folder.state);
      if (publicationDuties(folder.state, plan).some(({ outdated }) => outdated === true)) waits++;
      if (hour === 0) await store.write("root", folder.file("1.root.json"));
      if (hour % (7 * 24) === 0) await refresh(folder.fetch, store, nowMs);
    }
    assert.equal(folder.state?.root.version, 5, "four ceremonies after the first");
    assert.equal(waits, 4 * 30 * 24, "a month of waiting before each");
    // Two rotations of each online key, four of the keyholders'.
    await assert.rejects(
      step(folder, { nowMs: startMs + 600 * dayMs, periods, files, signers, thresholds }, true),
      (error) => isSigillumError(error) && error.code === "TUF_REPOSITORY_ROLLBACK",
      "without keyholders it ends, and says so",
    );
  });
});

async function found(
  people: readonly Signer[],
  signers: Signers,
  files: PublicationPlan["files"],
  nowMs: number,
): Promise<CeremonyFiles> {
  const expiresMs = nowMs + 200 * dayMs;
  const keyholders = { keys: people.map(({ publicKey }) => publicKey), threshold: 2 };
  const machine = (role: RoleName) => ({ keys: signers[role].map(({ publicKey }) => publicKey), threshold: 1 });
  let event = startEvent({ name: "first", nonce: "00", nowMs });
  event = proposeRoot(event, {
    expiresMs,
    roles: { root: keyholders, targets: keyholders, snapshot: machine("snapshot"), timestamp: machine("timestamp") },
  });
  event = proposeTargets(event, "targets", { add: files, expiresMs });
  for (const signer of people.slice(0, 2)) event = await signEvent(event, signer);
  return finishEvent(event);
}

interface Meeting {
  readonly people: readonly Signer[];
  readonly leaver: Signer;
  readonly newcomer: Signer;
  readonly role: RoleName;
  readonly old: Signer;
  readonly fresh: Signer;
  readonly files: PublicationPlan["files"];
  readonly nowMs: number;
}

async function meet(folder: PublishedFolder, meeting: Meeting): Promise<CeremonyFiles> {
  const { people, leaver, newcomer, role, old, fresh, files, nowMs } = meeting;
  assert.ok(folder.state);
  const expiresMs = nowMs + 200 * dayMs;
  let event = startEvent({
    name: String(nowMs),
    nonce: "01",
    nowMs,
    live: { state: folder.state, firstRoot: folder.file("1.root.json") },
  });
  for (const offline of ["root", "targets"]) {
    const submission = await submitKey(event, { owner: "newcomer", role: offline, signer: newcomer });
    event = rotateKey(event, tufKeyId(leaver.publicKey), submission, expiresMs);
  }
  event = rotateKey(event, tufKeyId(old.publicKey), await submitKey(event, { owner: "server", role, signer: fresh }), expiresMs);
  event = proposeTargets(event, "targets", { add: files, expiresMs });
  for (const signer of [...people.slice(0, 2), newcomer]) event = await signEvent(event, signer);
  return finishEvent(event);
}
