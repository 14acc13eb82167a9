// The cases of tuf-conformance test_updater_delegation_graphs (tuf-root.md §2.3), and what the suite lacks: hash prefixes, bins, limits.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../crypto/index.ts";
import { encodeHex, encodeUtf8, parseUtf8 } from "../../encoding/index.ts";
import { generateSigner, type SimulatedDelegation, SimulatedTufClient, TufSimulator } from "../../testing/index.ts";
import { encodeTufKey, tufKeyId } from "../index.ts";

type Delegation = readonly [delegator: string, role: string, fields?: SimulatedDelegation];

const graphs: Readonly<Record<string, { readonly delegations: readonly Delegation[]; readonly visited: readonly string[] }>> = {
  "basic-delegation": { delegations: [["targets", "A"]], visited: ["A"] },
  "single-level-delegations": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
    ],
    visited: ["A", "B"],
  },
  "two-level-delegations": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
    ],
    visited: ["A", "B", "C"],
  },
  "two-level-test-DFS-order-of-traversal": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C"],
      ["A", "D"],
    ],
    visited: ["A", "C", "D", "B"],
  },
  "three-level-delegation-test-DFS-order-of-traversal": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C"],
      ["C", "D"],
    ],
    visited: ["A", "C", "D", "B"],
  },
  "two-level-terminating-ignores-all-but-roles-descendants": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { terminating: true }],
      ["A", "D"],
    ],
    visited: ["A", "C"],
  },
  "three-level-terminating-ignores-all-but-roles-descendants": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { terminating: true }],
      ["C", "D"],
    ],
    visited: ["A", "C", "D"],
  },
  "two-level-ignores-all-branches-not-matching-paths": {
    delegations: [
      ["targets", "A", { paths: ["*.py"] }],
      ["targets", "B"],
      ["A", "C"],
    ],
    visited: ["B"],
  },
  "three-level-ignores-all-branches-not-matching-paths": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { paths: ["*.py"] }],
      ["C", "D"],
    ],
    visited: ["A", "B"],
  },
  "cyclic-graph": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["C", "D"],
      ["D", "B"],
    ],
    visited: ["A", "B", "C", "D"],
  },
  "two-roles-delegating-to-a-third": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["A", "C"],
    ],
    visited: ["A", "C", "B"],
  },
  "two-roles-delegating-to-a-third-different-paths": {
    delegations: [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["A", "C", { paths: ["*.py"] }],
    ],
    visited: ["A", "B", "C"],
  },
};

async function withDelegations(delegations: readonly Delegation[]): Promise<TufSimulator> {
  const repo = await TufSimulator.create();
  for (const [delegator, role, fields] of delegations) repo.delegate(delegator, role, fields);
  return repo;
}

async function publishAll(repo: TufSimulator): Promise<void> {
  const delegated = [...repo.signed.keys()].filter((role) => !["root", "timestamp", "snapshot", "targets"].includes(role));
  await repo.publish(...delegated, "targets", "snapshot", "timestamp");
}

const topLevel = ["2.root", "timestamp", "2.snapshot", "2.targets"];

describe("tuf-conformance: delegation graphs", () => {
  for (const [name, { delegations, visited }] of Object.entries(graphs)) {
    test(`graph_traversal[${name}]`, async () => {
      const repo = await withDelegations(delegations);
      await publishAll(repo);
      assert.equal(await new SimulatedTufClient(repo).download("missingpath"), "TUF_TARGET_UNKNOWN");
      assert.deepEqual(repo.requests, [...topLevel, ...visited.map((role) => `1.${role}`)]);
    });
  }

  const files: readonly (readonly [role: string, path: string])[] = [
    ["targets", "targetfile"],
    ["A", "README.md"],
    ["A", "releases/README.md"],
    ["A", "foo-1.tgz"],
    ["A", "foo-alpha.tgz"],
    ["C", "releases/x/x_v1"],
    ["D", "releases/y/y_v1.zip"],
    ["D", "releases/z/z_v1.zip"],
  ];
  for (const [name, path, found, visited] of [
    ["no delegations", "targetfile", true, []],
    ["targetpath matches wildcard", "README.md", true, ["A"]],
    ["targetpath with separators x", "releases/x/x_v1", true, ["B", "C"]],
    ["targetpath with separators y", "releases/y/y_v1.zip", true, ["B", "D"]],
    ["targetpath is not delegated by all roles in the chain", "releases/z/z_v1.zip", false, ["B"]],
    ["wildcard does not match path separator", "releases/README.md", false, []],
    ["targetpath matches question mark wildcard", "foo-1.tgz", true, ["A"]],
    ["targetpath does not match question mark wildcard", "foo-alpha.tgz", false, []],
    ["targetpath matching is case sensitive", "README.MD", false, []],
  ] as const) {
    test(`targetfile_search[${name}]`, async () => {
      const repo = await withDelegations([
        ["targets", "A", { paths: ["*.doc", "*.md", "foo-?.tgz"] }],
        ["targets", "B", { paths: ["releases/*/*"] }],
        ["B", "C", { paths: ["releases/x/*"] }],
        ["B", "D", { paths: ["releases/y/*.zip"] }],
      ]);
      for (const [role, file] of files) repo.addTarget(role, file, `${file} by ${role}`);
      await publishAll(repo);
      const client = new SimulatedTufClient(repo);
      assert.equal(await client.download(path), found ? "ok" : "TUF_TARGET_UNKNOWN");
      const asked = repo.requests.filter((request) => !request.endsWith(path.split("/").at(-1) ?? ""));
      assert.deepEqual(asked, [...topLevel, ...visited.map((role) => `1.${role}`)]);
      const role = files.find(([, file]) => file === path)?.[0];
      assert.deepEqual([...client.downloads.values()].map(parseUtf8), found ? [`${path} by ${role}`] : []);
    });
  }

  test("cached_role_is_verified_against_current_delegator", async () => {
    const repo = await withDelegations([
      ["targets", "parent-a", { paths: ["team-a/*"] }],
      ["targets", "parent-b", { paths: ["team-b/*"] }],
      ["parent-a", "release", { paths: ["team-a/*"] }],
      ["parent-b", "release", { paths: ["team-b/*"] }],
    ]);
    repo.signersOf("release").pop(); // parent B's key does not sign
    repo.addTarget("release", "team-a/file", "trusted A");
    repo.addTarget("release", "team-b/file", "malicious B");
    await publishAll(repo);
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.download("team-a/file", "team-b/file"), "TUF_THRESHOLD");
    assert.deepEqual([...client.downloads.keys()], ["team-a/file"]);
    assert.equal(await client.download("team-b/file"), "TUF_THRESHOLD", "nor in a later run");
  });

  test("delegation_not_in_snapshot", async () => {
    const repo = await withDelegations([["targets", "delegated", { paths: ["delegatedpath/*"] }]]);
    await repo.publish("delegated", "targets");
    delete repo.at("snapshot", "meta")["delegated.json"];
    await repo.publish("snapshot", "timestamp");
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.refresh(), "ok");
    repo.requests.length = 0;
    assert.equal(await client.download("delegatedpath/foo"), "TUF_ROLE_UNLISTED");
    assert.equal(client.version("delegated"), undefined);
    assert.deepEqual(repo.requests, ["2.root", "timestamp"]);
  });
});

describe("delegations beyond the suite", () => {
  test("path hash prefixes choose the role", async () => {
    const path = "dir/file";
    const prefix = encodeHex(sha256(encodeUtf8(path))).slice(0, 4);
    const repo = await withDelegations([
      ["targets", "other", { path_hash_prefixes: [prefix.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))] }],
      ["targets", "hashed", { path_hash_prefixes: [prefix] }],
    ]);
    repo.addTarget("hashed", path, "by hash");
    await publishAll(repo);
    assert.equal(await new SimulatedTufClient(repo).download(path), "ok");
    assert.ok(!repo.requests.includes("1.other"));
  });

  for (const [bits, width] of [
    [4, 1],
    [8, 2],
    [14, 4],
    [32, 8],
  ] as const) {
    test(`succinct roles of ${bits} bits`, async () => {
      const path = "dir/file";
      const top = Number.parseInt(encodeHex(sha256(encodeUtf8(path)).subarray(0, 4)), 16);
      const bin = `bin-${Math.floor(top / 2 ** (32 - bits))
        .toString(16)
        .padStart(width, "0")}`;
      const repo = await TufSimulator.create();
      const signer = generateSigner();
      const keyid = tufKeyId(signer.publicKey);
      repo.doc("targets")["delegations"] = {
        keys: { [keyid]: encodeTufKey(signer.publicKey) },
        succinct_roles: { keyids: [keyid], threshold: 1, bit_length: bits, name_prefix: "bin" },
      };
      repo.signed.set(bin, repo.newTargets());
      repo.signers.set(bin, [signer]);
      repo.addTarget(bin, path, "binned");
      await publishAll(repo);
      assert.equal(await new SimulatedTufClient(repo).download(path), "ok");
      assert.equal(repo.requests.at(-2), `1.${bin}`);
    });
  }

  test("order is priority, whatever the names look like (fault 2)", async () => {
    const repo = await withDelegations([
      ["targets", "b"],
      ["targets", "10"],
      ["targets", "constructor"],
      ["targets", "9"],
    ]);
    await publishAll(repo);
    assert.equal(await new SimulatedTufClient(repo).download("missing"), "TUF_TARGET_UNKNOWN");
    assert.deepEqual(repo.requests.slice(4), ["1.b", "1.10", "1.constructor", "1.9"]);
  });

  test("at most 32 roles are asked", async () => {
    const repo = await withDelegations(Array.from({ length: 32 }, (_, i): Delegation => ["targets", `role${i}`]));
    await publishAll(repo);
    assert.equal(await new SimulatedTufClient(repo).download("missing"), "TUF_TOO_MANY_ROLES");
    assert.equal(repo.requests.length, 4 + 31);
  });

  test("an unsigned role on the way ends the search: a later role does not speak in its place", async () => {
    const repo = await withDelegations([
      ["targets", "first"],
      ["targets", "second"],
    ]);
    repo.addTarget("second", "file", "second's");
    repo.signers.set("first", [generateSigner()]);
    await publishAll(repo);
    assert.equal(await new SimulatedTufClient(repo).download("file"), "TUF_THRESHOLD");
  });

  test("a delegation that is not what the specification describes makes its file unusable", async () => {
    for (const [fields, code] of [
      [{ name: "root" }, "TUF_MALFORMED"],
      [{ name: "" }, "TUF_MALFORMED"],
      [{ paths: ["*"], path_hash_prefixes: ["00"] }, "TUF_MALFORMED"],
      [{ threshold: 0 }, "TUF_MALFORMED"],
      [{ terminating: "no" }, "TUF_MALFORMED"],
      [{ keyids: ["a", "a"] }, "TUF_KEY_REPEATED"],
    ] as const) {
      const repo = await withDelegations([["targets", "A"]]);
      const { roles } = repo.at("targets", "delegations");
      assert.ok(Array.isArray(roles));
      Object.assign(roles[0] ?? {}, fields);
      await publishAll(repo);
      assert.equal(await new SimulatedTufClient(repo).refresh(), code, JSON.stringify(fields));
    }
    const twice = await withDelegations([
      ["targets", "A"],
      ["targets", "A"],
    ]);
    await publishAll(twice);
    assert.equal(await new SimulatedTufClient(twice).refresh(), "TUF_MALFORMED");
  });

  test("a role with neither paths nor prefixes matches nothing", async () => {
    const repo = await withDelegations([["targets", "A"]]);
    const { roles } = repo.at("targets", "delegations");
    assert.ok(Array.isArray(roles));
    Object.assign(roles[0] ?? {}, { paths: null });
    await publishAll(repo);
    assert.equal(await new SimulatedTufClient(repo).download("file"), "TUF_TARGET_UNKNOWN");
    assert.deepEqual(repo.requests, topLevel);
  });
});
