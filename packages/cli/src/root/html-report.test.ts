// The page of an event, and keys of ML-DSA: by the commands that people run.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";

describe("sigillum root verify --html", () => {
  let directory = "";
  const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, ["root", ...words]);
  const good = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...words);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const at = (name: string): string => join(directory, name);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-html-"));
    for (const name of ["ada", "bea", "online"])
      await writeFile(at(name), encodePrivateKeyPem(generatePrivateKey("ecdsa-p256")), { mode: 0o600 });
    await writeFile(at("quantum"), encodePrivateKeyPem(generatePrivateKey("ml-dsa-65")), { mode: 0o600 });
    await writeFile(at("one.txt"), "one");
  });
  after(() => rm(directory, { recursive: true }));

  it("shows who signed, what changes and what is missing, and nothing that a name could smuggle in", async () => {
    await good("init", at("event"));
    const smuggled = "<script>alert(1)</script>&co";
    await good("add-key", at("event"), "--owner", "ada", "--key", at("ada"));
    await good("add-key", at("event"), "--owner", smuggled, "--key", at("bea"));
    for (const role of ["timestamp", "snapshot"])
      await good("add-key", at("event"), "--owner", "server", "--role", role, "--key", at("online"));
    await good("propose", at("event"), "--threshold", "root=2", "--target", `one.txt=${at("one.txt")}`);
    await good("sign", at("event"), "--key", at("ada"), "--yes");
    await good("verify", at("event"), "--html", at("page.html"));
    const page = await readFile(at("page.html"), "utf8");
    assert.match(page, /Not complete\./u);
    assert.match(page, /<span class="bad">1\/2<\/span> by the keys of/u);
    assert.match(page, /<td>ada \([0-9a-f]{8}\)<\/td><td><span class="signed">signed<\/span><\/td>/u);
    assert.match(
      page,
      /&lt;script&gt;alert\(1\)&lt;\/script&gt;&amp;co \([0-9a-f]{8}\)<\/td><td><span class="missing">missing<\/span>/u,
    );
    assert.match(page, /target one\.txt added: 3 bytes/u);
    assert.ok(!page.includes(smuggled));
    assert.doesNotMatch(page, /<script|https?:\/\//u);
    await good("sign", at("event"), "--key", at("bea"), "--yes");
    await good("verify", at("event"), "--complete", "--html", at("page.html"));
    assert.match(await readFile(at("page.html"), "utf8"), /Complete: it can be published\./u);
  });

  it("is written where something does not hold as well, and says what", async () => {
    const path = at("event/proposed/root.json");
    const root = JSON.parse(await readFile(path, "utf8"));
    root.signatures[0].sig = root.signatures[0].sig.replace(/^..../u, "0000");
    await writeFile(path, JSON.stringify(root));
    const { code, stderr } = await run("verify", at("event"), "--html", at("broken.html"));
    assert.equal(code, 12);
    assert.match(stderr, /ROOT_EVENT_INVALID/u);
    const page = await readFile(at("broken.html"), "utf8");
    assert.match(page, /<h2>Does not hold<\/h2>\n<ul class="bad"><li>root: the signature of .* does not hold<\/li>/u);
    assert.match(page, /<span class="invalid">invalid<\/span>/u);
  });

  it("a key of ML-DSA is offered only by who asks for it, and the report warns of it", async () => {
    await good("init", at("quantum-event"));
    const offer = ["add-key", at("quantum-event"), "--owner", "quentin", "--key", at("quantum")];
    const refused = await run(...offer);
    assert.equal(refused.code, 1);
    assert.ok(refused.stderr.includes("ROOT_KEY_ML_DSA"), refused.stderr);
    await good(...offer, "--ml-dsa");
    for (const role of ["timestamp", "snapshot"])
      await good("add-key", at("quantum-event"), "--owner", "server", "--role", role, "--key", at("online"));
    await good("propose", at("quantum-event"), "--target", `one.txt=${at("one.txt")}`);
    await good("sign", at("quantum-event"), "--key", at("quantum"), "--yes");
    const report = await good("verify", at("quantum-event"), "--complete");
    assert.match(report, /root lists quentin \([0-9a-f]{8}\), a key of ml-dsa-65 \(TAP 21\): clients that do not know it/u);
    await good(
      "publish",
      at("quantum-event"),
      "--to",
      at("published"),
      "--sign",
      `timestamp=${at("online")}`,
      "--sign",
      `snapshot=${at("online")}`,
    );
    const published = JSON.parse(await readFile(at("published/1.root.json"), "utf8"));
    assert.deepEqual(
      Object.values<{ keytype: string; scheme: string }>(published.signed.keys)
        .map(({ keytype, scheme }) => `${keytype} ${scheme}`)
        .sort(),
      ["ecdsa ecdsa-sha2-nistp256", "ml-dsa ml-dsa-65/1"],
    );
  });
});
