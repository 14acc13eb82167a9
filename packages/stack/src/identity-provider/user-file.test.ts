import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createLogger, systemClock } from "../host/index.ts";
import { Keyring } from "../keyring/index.ts";
import { createIdentityProvider, hashPassword, UserFile } from "./index.ts";
import { Users } from "./users.ts";

describe("users.json", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-users-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("people who are added can sign in, and those who are removed cannot", async () => {
    const file = new UserFile(directory);
    assert.deepEqual(await file.read(), []);
    const passwordHash = await hashPassword("a long password");
    assert.equal(await file.put({ email: "Ada@example.com", passwordHash }), true);
    const users = new Users([], undefined, systemClock);
    assert.deepEqual([users.isEmpty, users.hasPasswords], [true, false]);
    users.replace(await file.read());
    assert.deepEqual([users.isEmpty, users.hasPasswords], [false, true]);
    const { subject } = await users.signIn("ada@example.com", "a long password", "here");
    assert.equal(users.bySubject(subject)?.email, "Ada@example.com");
    await file.remove("ada@example.com");
    users.replace(await file.read());
    assert.equal(users.bySubject(subject), undefined);
    await assert.rejects(users.signIn("ada@example.com", "a long password", "here"), { code: "IDENTITY_PASSWORD_WRONG" });
  });

  it("a running provider reads it again when it changes, and keeps its people when it cannot be read", async () => {
    const url = "http://localhost:1";
    const publicUrls = { logV1: url, logV2: url, ca: url, ct: url, tsa: url, identity: url };
    const keyring = await Keyring.create(directory, { organization: "E", operator: "localhost", publicUrls }, Date.now());
    const events: string[] = [];
    const userFile = new UserFile(directory);
    const provider = await createIdentityProvider({
      keyring,
      publicUrl: url,
      clientId: "sigstore",
      tokenLifetimeSeconds: 600,
      userFile,
      clock: systemClock,
      logger: createLogger({ level: "info", write: (line) => events.push(JSON.parse(line).event) }),
      listener: { name: "identity", addresses: ["127.0.0.1"], port: 0 },
    });
    const run = async (): Promise<void> => {
      for (const job of provider.jobs) await job.run(new AbortController().signal);
    };
    await run();
    assert.deepEqual(events, []);
    await userFile.put({ email: "bob@example.com", passwordHash: await hashPassword("x") });
    await run();
    assert.deepEqual(events, ["identity.users-reloaded"]);
    await writeFile(userFile.path, '{"users":[{"email":"eve@example.com","passwordHash":"plain"}]}');
    await assert.rejects(run(), { code: "IDENTITY_USERS_UNREADABLE" });
    await run();
    assert.deepEqual(events, ["identity.users-reloaded"]);
  });
});
