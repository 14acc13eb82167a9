// The ceremony: five keyholders on machines of their own, a threshold of three, root v1, then delegations, rotation, revocation, recovery.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Signer } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError, parseUtf8 } from "../encoding/index.ts";
import { generateSigner, PublishedFolder } from "../testing/index.ts";
import { fetchTarget, memoryStore, parseRoot, type RoleName, refresh, tufKeyId } from "../tuf/index.ts";
import {
  acceptKey,
  addKey,
  addSignature,
  type CeremonyEvent,
  type CeremonyFiles,
  defaultPeriods,
  delegate,
  encodeEvent,
  encodeKeySubmission,
  finishEvent,
  formatEventReport,
  mergeEvents,
  type PublicationPlan,
  parseEvent,
  planPublication,
  proposeRoot,
  proposeTargets,
  publicationDuties,
  renewRole,
  reportEvent,
  revokeDelegation,
  revokeKey,
  rotateKey,
  setThreshold,
  signEvent,
  signingPayloads,
  startEvent,
  submitKey,
} from "./index.ts";

const dayMs = 86_400_000;
const startMs = Date.parse("2026-11-24T00:00:00Z");
const expiresMs = startMs + 365 * dayMs;

function hasCode(code: string) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** The repository as a server has it, with online keys for snapshot and timestamp alone. */
class Live extends PublishedFolder {
  online: Record<RoleName, readonly Signer[]> = {
    root: [],
    targets: [],
    snapshot: [generateSigner()],
    timestamp: [generateSigner()],
  };

  async publish(ceremony: CeremonyFiles | undefined, change: Partial<PublicationPlan> = {}): Promise<readonly string[]> {
    const planned = await planPublication(this.state, {
      nowMs: startMs,
      periods: defaultPeriods,
      files: new Map(),
      signers: this.online,
      thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
      ...(ceremony === undefined ? {} : { ceremony }),
      ...change,
    });
    this.write(planned);
    return planned.map(({ path }) => path);
  }
}

const names = ["ada", "bea", "cyd", "dan", "eve"];
const holders = new Map(names.map((name) => [name, generateSigner(name === "eve" ? "ed25519" : "ecdsa-p256")] as const));
const signerOf = (name: string): Signer => holders.get(name) ?? assert.fail(name);

/** A folder on another machine: what is written there and read back. */
const carry = (event: CeremonyEvent): CeremonyEvent => parseEvent(encodeEvent(event));

/** Each signs a copy of their own; the conductor joins the copies. */
async function signedBy(event: CeremonyEvent, ...who: readonly string[]): Promise<CeremonyEvent> {
  const copies = await Promise.all(who.map(async (name) => carry(await signEvent(carry(event), signerOf(name)))));
  return copies.reduce((joined, copy) => mergeEvents(joined, copy), carry(event));
}

function nextEvent(live: Live, name: string): CeremonyEvent {
  assert.ok(live.state);
  return startEvent({
    name,
    nonce: `${name}-nonce`,
    nowMs: startMs,
    live: { state: live.state, firstRoot: live.file("1.root.json") },
  });
}

/** Root v1 with a trusted root, by three of five. */
async function firstCeremony(live: Live): Promise<CeremonyEvent> {
  let event = startEvent({ name: "2026-11", nonce: "00ff", nowMs: startMs });
  for (const name of names) {
    const submission = await submitKey(carry(event), { owner: name, role: "root", signer: signerOf(name) });
    event = carry(acceptKey(event, submission));
  }
  const people = { keys: [...event.submissions.values()].map(({ publicKey }) => publicKey), threshold: 3 };
  const machine = (role: RoleName) => ({ keys: live.online[role].map(({ publicKey }) => publicKey), threshold: 1 });
  event = proposeRoot(event, {
    expiresMs,
    roles: { root: people, targets: people, snapshot: machine("snapshot"), timestamp: machine("timestamp") },
  });
  const add = new Map([["trusted_root.json", { bytes: encodeUtf8("{}") }]]);
  return proposeTargets(event, "targets", { add, expiresMs });
}

describe("the ceremony", () => {
  test("five keyholders, threshold three, from nothing to a federated repository and back from a theft", async () => {
    const live = new Live();
    let event = await firstCeremony(live);

    // Two are not enough, and the report says who is missing.
    event = await signedBy(event, "ada", "cyd");
    let report = reportEvent(event);
    assert.deepEqual(
      report.roles.map(({ role, complete, signatures }) => [role, complete, signatures[0]?.have, signatures[0]?.need]),
      [
        ["root", false, 2, 3],
        ["targets", false, 2, 3],
      ],
    );
    assert.deepEqual(
      report.roles[0]?.signatures[0]?.missing.map((who) => who.slice(0, 3)),
      ["bea", "dan", "eve"],
    );
    assert.throws(() => finishEvent(event), hasCode("TUF_EVENT_INCOMPLETE"));
    event = await signedBy(event, "eve");
    report = reportEvent(event);
    assert.equal(report.complete, true);
    assert.match(formatEventReport(report), /root: new, version 1[\s\S]*3\/3 by the keys of root 1[\s\S]*Complete/);
    await live.publish(finishEvent(event));
    const store = memoryStore(live.file("1.root.json"));
    assert.equal((await refresh(live.fetch, store, startMs)).root.version, 1);

    // v2: the log, the CA and a federated project, which shows possession of its key and signs its own file.
    const project = generateSigner();
    event = nextEvent(live, "2027-01");
    const offer = await submitKey(event, { owner: "acme", role: "acme", signer: project });
    event = acceptKey(carry(event), offer);
    const [log, ca] = [generateSigner(), generateSigner()];
    const one = (signer: Signer) => ({ keys: [signer.publicKey], threshold: 1 });
    event = delegate(event, "targets", { name: "rekor", ...one(log), terminating: true, paths: ["rekor.*.pub"] }, expiresMs);
    event = delegate(event, "targets", { name: "fulcio", ...one(ca), terminating: true, paths: ["fulcio.*.pem"] }, expiresMs);
    event = delegate(event, "targets", { name: "acme", ...one(project), terminating: false, paths: ["acme/*"] }, expiresMs);
    const files = { rekor: "rekor.0.pub", fulcio: "fulcio.0.pem", acme: "acme/keys.json" };
    for (const [role, path] of Object.entries(files))
      event = proposeTargets(event, role, { add: new Map([[path, { bytes: encodeUtf8(`of ${role}`) }]]), expiresMs });
    assert.equal(reportEvent(event).roles.length, 4, "root stays as it is");
    for (const signer of [log, ca, project]) event = await signEvent(carry(event), signer);
    assert.throws(() => finishEvent(event), hasCode("TUF_EVENT_INCOMPLETE"));
    event = await signedBy(event, "bea", "dan", "eve");
    assert.ok(reportEvent(event).changes.some(({ what }) => what.startsWith("delegates to acme: acme/*")));
    const written = await live.publish(finishEvent(event));
    assert.equal(written.at(-1), "timestamp.json");
    assert.ok(written.indexOf("1.acme.json") < written.indexOf("2.targets.json"), "delegated files come before what names them");
    let trusted = await refresh(live.fetch, store, startMs);
    for (const [role, path] of Object.entries(files))
      assert.equal(parseUtf8(await fetchTarget(trusted, path, live.fetch, store)), `of ${role}`);

    // v2 of the root: dan leaves, fay comes, and the timestamp key is replaced; both thresholds are asked for.
    const fay = generateSigner();
    holders.set("fay", fay);
    event = nextEvent(live, "2027-06");
    const danId = tufKeyId(signerOf("dan").publicKey);
    event = rotateKey(event, danId, await submitKey(event, { owner: "fay", role: "root", signer: fay }), expiresMs);
    const stolen = live.online.timestamp;
    const fresh = generateSigner();
    const [oldTimestamp] = stolen;
    assert.ok(oldTimestamp);
    const machine = await submitKey(event, { owner: "server", role: "timestamp", signer: fresh });
    event = rotateKey(event, tufKeyId(oldTimestamp.publicKey), machine, expiresMs);
    // The old keys as well as the new ones: dan still counts for the old, fay for the new.
    event = await signedBy(event, "ada", "bea", "fay");
    const [rootReport] = reportEvent(event).roles;
    assert.deepEqual(
      rootReport?.signatures.map(({ have, need }) => `${have}/${need}`),
      ["2/3", "3/3"],
    );
    assert.throws(() => finishEvent(event), hasCode("TUF_EVENT_INCOMPLETE"));
    event = await signedBy(event, "dan");
    assert.equal(parseRoot(event.proposed.get("root") ?? new Uint8Array()).version, 2, "one version for two changes");

    // Meanwhile a thief of the online keys raises the timestamp without bound; recovery restarts it under the new keys.
    live.online = { ...live.online, timestamp: stolen };
    await live.publish(undefined, { nowMs: startMs + 2 * dayMs });
    const before = live.state?.timestamp.version ?? 0;
    live.online = { ...live.online, timestamp: [fresh] };
    await live.publish(finishEvent(event), { nowMs: startMs + 2 * dayMs, restartAt: { timestamp: 1 } });
    trusted = await refresh(live.fetch, store, startMs + 2 * dayMs);
    assert.equal(trusted.root.version, 2);
    assert.ok((trusted.timestamp?.version ?? 0) < before);

    // Last, the project leaves: its line in the snapshot stays.
    event = nextEvent(live, "2027-09");
    event = revokeDelegation(event, "targets", "acme", expiresMs);
    event = await signedBy(event, "ada", "bea", "cyd");
    await live.publish(finishEvent(event), { nowMs: startMs + 2 * dayMs });
    assert.ok(live.state?.snapshot.meta.has("acme.json"));
    trusted = await refresh(live.fetch, store, startMs + 2 * dayMs);
    await assert.rejects(fetchTarget(trusted, "acme/keys.json", live.fetch, store), hasCode("TUF_TARGET_UNKNOWN"));
  });

  test("a detached signature is taken only over the proposed file, and by a key of the role", async () => {
    const event = await firstCeremony(new Live());
    const [payload] = signingPayloads(event);
    assert.ok(payload);
    const ada = signerOf("ada");
    const keyid = tufKeyId(ada.publicKey);
    const signature = await ada.sign(payload.bytes);
    assert.equal(reportEvent(addSignature(event, "root", keyid, signature)).roles[0]?.signatures[0]?.have, 1);
    const wrong = await ada.sign(encodeUtf8("another file"));
    assert.throws(() => addSignature(event, "root", keyid, wrong), hasCode("TUF_EVENT_SIGNATURE"));
    assert.throws(
      () => addSignature(event, "root", tufKeyId(generateSigner().publicKey), signature),
      hasCode("TUF_EVENT_SIGNATURE"),
    );
    assert.throws(() => addSignature(event, "snapshot", keyid, signature), hasCode("TUF_EVENT_ROLE"));
    await assert.rejects(signEvent(event, generateSigner()), hasCode("TUF_EVENT_SIGNATURE"));
  });

  test("a key without possession, for another event, or known already is refused", async () => {
    const event = await firstCeremony(new Live());
    const signer = generateSigner();
    const offer = await submitKey(event, { owner: "gus", role: "root", signer });
    assert.throws(() => addKey({ ...event, nonce: "other" }, offer, expiresMs), hasCode("TUF_KEY_POSSESSION"));
    assert.throws(() => addKey(event, { ...offer, role: "targets" }, expiresMs), hasCode("TUF_KEY_POSSESSION"));
    const grown = addKey(event, offer, expiresMs);
    assert.equal(parseRoot(grown.proposed.get("root") ?? new Uint8Array()).roles.get("root")?.keyids.length, 6);
    assert.throws(() => addKey(grown, offer, expiresMs), hasCode("TUF_KEY_KNOWN"));
    const unknown = await submitKey(event, { owner: "hal", role: "nowhere", signer: generateSigner() });
    assert.throws(() => addKey(event, unknown, expiresMs), hasCode("TUF_EVENT_ROLE"));
  });

  test("a threshold that cannot be met is refused, and one person who meets it alone is warned of", async () => {
    const event = await firstCeremony(new Live());
    assert.throws(() => setThreshold(event, "root", 6, expiresMs), hasCode("TUF_REPOSITORY_SIGNER"));
    let two = setThreshold(event, "root", 2, expiresMs);
    two = addKey(two, await submitKey(two, { owner: "ada", role: "root", signer: generateSigner() }), expiresMs);
    assert.ok(reportEvent(two).warnings.some((warning) => warning.startsWith("ada alone holds 2 keys of root")));
    const keyid = tufKeyId(signerOf("ada").publicKey);
    assert.throws(
      () => revokeKey(revokeKey(event, "root", keyid, expiresMs), "root", keyid, expiresMs),
      hasCode("TUF_EVENT_ROLE"),
    );
  });

  test("signatures fall away when what they were over changes", async () => {
    const event = await signEvent(await firstCeremony(new Live()), signerOf("ada"));
    const changed = setThreshold(event, "root", 4, expiresMs);
    assert.equal(reportEvent(changed).roles[0]?.signatures[0]?.have, 0);
    assert.equal(reportEvent(changed).roles[1]?.signatures[0]?.have, 1, "the other file is as it was");
  });

  test("a copy that left before a proposal brings its keys, and one key may be offered for two roles", async () => {
    const event = startEvent({ name: "n", nonce: "00", nowMs: startMs });
    const ada = signerOf("ada");
    let copy = carry(event);
    for (const role of ["root", "targets"]) copy = acceptKey(copy, await submitKey(copy, { owner: "ada", role, signer: ada }));
    const joined = mergeEvents(proposeTargets(event, "targets", { expiresMs }), carry(copy));
    assert.deepEqual(
      [...joined.submissions.values()].map(({ role }) => role),
      ["root", "targets"],
    );
  });

  test("what an event carries beside signatures is verified: possession, target files, keys that nobody offered", async () => {
    const event = await firstCeremony(new Live());
    assert.deepEqual(reportEvent(event).problems, []);
    const machines = reportEvent(event).warnings.filter((warning) => /^(?:snapshot|timestamp) gains/.test(warning));
    assert.equal(machines.length, 2, "nobody proved possession of the online keys");
    const [name, offer] = [...event.submissions][0] ?? assert.fail();
    const claimed = { ...event, submissions: new Map(event.submissions).set(name, { ...offer, owner: "mallory" }) };
    assert.match(reportEvent(claimed).problems.join(), /key of mallory for root: .*the proof is not by that key/);
    const without = { ...event, targets: new Map() };
    assert.deepEqual(reportEvent(without).problems, ["targets lists trusted_root.json, and the event does not hold it"]);
    const other = { ...event, targets: new Map([["trusted_root.json", encodeUtf8("{ }")]]) };
    assert.match(reportEvent(other).problems.join(), /^targets lists trusted_root.json with sha256 /);
    const signed = await signedBy(other, "ada", "bea", "cyd");
    assert.equal(reportEvent(signed).complete, false, "signatures do not make up for it");
  });

  test("renewRole signs for longer and changes nothing else", async () => {
    const live = new Live();
    await live.publish(finishEvent(await signedBy(await firstCeremony(live), "ada", "bea", "cyd")));
    const later = expiresMs + 100 * dayMs;
    let event = renewRole(renewRole(nextEvent(live, "renewal"), "root", later), "targets", later);
    assert.deepEqual(reportEvent(event).changes, []);
    event = await signedBy(event, "ada", "bea", "cyd");
    await live.publish(finishEvent(event));
    assert.deepEqual([live.state?.root.version, live.state?.root.expiresMs], [2, later]);
    assert.throws(() => renewRole(event, "nobody", later), hasCode("TUF_EVENT_ROLE"));
  });

  test("a path that servers and clients read in different ways is refused", async () => {
    const event = await firstCeremony(new Live());
    for (const path of ["", "/a", "a//b", "../a", "a/../b", ".a", "a b", "a%20b", "a/", "ä"])
      assert.throws(
        () => proposeTargets(event, "targets", { add: new Map([[path, { bytes: encodeUtf8("a") }]]), expiresMs }),
        hasCode("TUF_REPOSITORY_PATH"),
        path,
      );
  });

  test("copies that propose different things are not joined", async () => {
    const event = await firstCeremony(new Live());
    assert.throws(() => mergeEvents(event, setThreshold(event, "root", 4, expiresMs)), hasCode("TUF_EVENT_CONFLICT"));
    assert.throws(() => mergeEvents(event, { ...event, nonce: "another" }), hasCode("TUF_EVENT_CONFLICT"));
  });

  test("a spoilt signature is shown as invalid and never published", async () => {
    let event = await signedBy(await firstCeremony(new Live()), "ada", "bea", "cyd");
    const root = parseUtf8(event.proposed.get("root") ?? new Uint8Array());
    const spoilt = root.replace(
      /"sig": "([0-9a-f]{20,})([0-9a-f])"/,
      (_, head, last) => `"sig": "${head}${last === "0" ? "1" : "0"}"`,
    );
    event = { ...event, proposed: new Map(event.proposed).set("root", encodeUtf8(spoilt)) };
    const [report] = reportEvent(event).roles;
    assert.equal(report?.invalid.length, 1);
    assert.equal(Object.values(reportEvent(event).matrix).filter((row) => row["root"] === "invalid").length, 1);
    assert.throws(() => finishEvent(event), hasCode("TUF_EVENT_INCOMPLETE"));
  });

  test("an event over what is published no more is refused", async () => {
    const live = new Live();
    await live.publish(finishEvent(await signedBy(await firstCeremony(live), "ada", "bea", "cyd")));
    const change = { add: new Map([["a", { bytes: encodeUtf8("a") }]]), expiresMs };
    const late = await signedBy(proposeTargets(nextEvent(live, "late"), "targets", change), "ada", "bea", "cyd");
    const early = await signedBy(proposeTargets(nextEvent(live, "early"), "targets", change), "ada", "bea", "cyd");
    await live.publish(finishEvent(early));
    const published = new Map([["targets", live.state?.targets.bytes ?? new Uint8Array()]]);
    assert.throws(() => finishEvent(late, published), hasCode("TUF_EVENT_STALE"));
  });

  test("a target that is not at hand, and a delegation without a file, are not published", async () => {
    const live = new Live();
    await live.publish(finishEvent(await signedBy(await firstCeremony(live), "ada", "bea", "cyd")));
    const change = { add: new Map([["a", { bytes: encodeUtf8("a") }]]), expiresMs };
    const event = await signedBy(proposeTargets(nextEvent(live, "x"), "targets", change), "ada", "bea", "cyd");
    await assert.rejects(live.publish({ ...finishEvent(event), files: new Map() }), hasCode("TUF_REPOSITORY_TARGET"));
    const plan = { name: "rekor", keys: [generateSigner().publicKey], threshold: 1, terminating: true, paths: ["r.*"] };
    const empty = await signedBy(delegate(nextEvent(live, "y"), "targets", plan, expiresMs), "ada", "bea", "cyd");
    await assert.rejects(live.publish(finishEvent(empty)), hasCode("TUF_REPOSITORY_DELEGATION"));
  });

  test("publicationDuties says what comes next and whose it is", async () => {
    const live = new Live();
    await live.publish(finishEvent(await signedBy(await firstCeremony(live), "ada", "bea", "cyd")));
    assert.ok(live.state);
    const files = new Map([["trusted_root.json", { bytes: encodeUtf8('{"rotated":true}') }]]);
    const duties = publicationDuties(live.state, {
      nowMs: startMs + 2 * dayMs,
      periods: defaultPeriods,
      files,
      signers: live.online,
    });
    assert.deepEqual(
      duties.map(({ role, who, state, outdated }) => [role, who, state, outdated]),
      [
        ["timestamp", "online", "due", undefined],
        ["snapshot", "online", "fresh", undefined],
        ["root", "keyholders", "fresh", undefined],
        ["targets", "keyholders", "fresh", true],
      ],
    );
  });

  test("parseEvent refuses what is no event", async () => {
    const empty = startEvent({ name: "n", nonce: "00", nowMs: startMs });
    const good = encodeEvent(empty);
    const offer = await submitKey(empty, { owner: "ada", role: "root", signer: signerOf("ada") });
    for (const [path, text] of [
      ["event.json", "{"],
      ["event.json", "{}"],
      ["proposed/root.json", "{}"],
      ["live/targets.json", "{}"],
      ["keys/a.json", "{}"],
      ["keys/other.json", parseUtf8(encodeKeySubmission(offer))],
      ["targets/%zz", ""],
      ["other.txt", ""],
      ["targets/../x", ""],
    ] as const)
      assert.throws(() => parseEvent(new Map(good).set(path, encodeUtf8(text))), hasCode("TUF_EVENT_MALFORMED"), path);
  });

  test("delegations that clients read in different ways are refused", async () => {
    const event = await firstCeremony(new Live());
    const keys = { keys: [generateSigner().publicKey], threshold: 1, terminating: true };
    for (const plan of [
      { name: "10", paths: ["a"] },
      { name: "constructor", paths: ["a"] },
      { name: "../x", paths: ["a"] },
      { name: "a", paths: ["[a-z]"] },
      { name: "a", paths: ["{a,b}"] },
      { name: "a", paths: ["/a"] },
      { name: "a", paths: [".a/*"] },
      { name: "a", paths: ["a"], pathHashPrefixes: ["00"] },
      { name: "a", pathHashPrefixes: ["xy"] },
      { name: "a" },
    ])
      assert.throws(
        () => delegate(event, "targets", { ...keys, ...plan }, expiresMs),
        hasCode("TUF_REPOSITORY_DELEGATION"),
        JSON.stringify(plan),
      );
    const first = delegate(event, "targets", { ...keys, name: "wide", paths: ["*"] }, expiresMs);
    const second = delegate(first, "targets", { ...keys, name: "rekor", paths: ["rekor.*.pub"] }, expiresMs);
    const shared = (of: CeremonyEvent): string[] => reportEvent(of).warnings.filter((warning) => warning.includes(" shares "));
    assert.deepEqual(shared(second), ["rekor shares rekor.*.pub with wide, which is asked before it and ends the search"]);
    const moved = delegate(second, "targets", { ...keys, name: "rekor", paths: ["rekor.*.pub"], position: 0 }, expiresMs);
    assert.deepEqual(shared(moved), []);
  });
});
