// How foreign clients get a token from our identity provider, each by every flow that it has: in a browser (headless Chromium, where a person
// types a password), with a device code, with a code that is carried over, and from the surroundings of a workflow.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashPassword } from "@sigillum/stack/identity-provider";
import { findPeer } from "../../tools/peers-list.mjs";
import { Chromium, missingChromium, type Person } from "./clients/chromium.ts";
import { startInteractive } from "./clients/interactive.ts";
import { expectSuccess } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";

const ada: Person = { email: "ada@example.com", password: "correct horse battery staple" };
const workflow = "https://github.com/octo/app/.github/workflows/release.yml@refs/heads/main";
const peer = (name: string): { path: string; skip: string | false } => {
  const found = findPeer(name);
  return { path: found.path ?? "", skip: found.path === undefined ? (found.missing ?? "it is not here") : false };
};
const cosigns = [
  ["cosign 3", peer("cosign-3")],
  ["cosign 2.6", peer("cosign-2-go")],
  ["cosign 2.5", peer("cosign-2")],
] as const;
const python = peer("sigstore-python");
const javascript = peer("sigstore-js");
const noBrowser = missingChromium();

describe("signing in", { timeout: 900_000 }, () => {
  let instance: Instance;
  let browser: Chromium;
  let artifact = "";
  let homes = 0;
  before(async () => {
    instance = await startInstance("dev@example.com", {
      users: [{ email: ada.email, passwordHash: await hashPassword(ada.password) }],
      workflowTokens: true,
    });
    artifact = join(instance.directory, "artifact.txt");
    await writeFile(artifact, "a file\n");
    if (noBrowser === false) browser = await Chromium.open(instance.directory);
  });
  after(async () => {
    await browser?.close();
    await instance?.stop();
  });

  const newHome = async (): Promise<string> => {
    homes += 1;
    const home = join(instance.directory, `home-${homes}`);
    await mkdir(home);
    await browser?.forget();
    return home;
  };
  const verified = async (bundle: string, identity: string, issuer = instance.issuer): Promise<void> => {
    const expected = ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
    const { exit, stderr } = await instance.sigillum("verify-blob", "--bundle", bundle, ...expected, artifact);
    assert.equal(exit, 0, stderr);
  };
  /** What GitHub gives a job that has `id-token: write`. */
  const surroundings = (): Record<string, string> => ({
    GITHUB_ACTIONS: "true",
    ACTIONS_ID_TOKEN_REQUEST_URL: `${instance.issuer}/workflows/token?repository=octo/app`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "unused",
  });

  for (const [name, { path, skip }] of cosigns) {
    const bootstrap = async (): Promise<{ home: string; bundle: string; env: Record<string, string>; args: string[] }> => {
      const home = await newHome();
      const env = { TUF_ROOT: join(home, "tuf") };
      const bundle = join(home, "bundle.json");
      await expectSuccess(path, ["initialize", "--mirror", instance.tufUrl, "--root", instance.rootPath], {
        env: { ...env, HOME: home },
      });
      const services = ["--fulcio-url", instance.caUrl, "--rekor-url", instance.logUrl, "--oidc-issuer", instance.issuer];
      const timestamps = ["--timestamp-server-url", `${instance.timestampUrl}/api/v1/timestamp`];
      const addresses = name === "cosign 3" ? [] : ["--new-bundle-format", ...services, ...timestamps];
      return { home, bundle, env, args: ["sign-blob", "--yes", "--bundle", bundle, ...addresses] };
    };

    it(`${name}: in a browser, with a password`, { skip: skip || noBrowser }, async () => {
      const { home, bundle, env, args } = await bootstrap();
      const running = await startInteractive(path, [...args, "--fulcio-auth-flow", "normal", artifact], { home, env });
      await browser.visit(await running.opens());
      await browser.signIn(ada);
      await browser.shows(/success|signed in|close this/iu);
      await running.succeeds();
      await verified(bundle, ada.email);
    });

    it(`${name}: with a device code`, { skip: skip || noBrowser }, async () => {
      const { home, bundle, env, args } = await bootstrap();
      const running = await startInteractive(path, [...args, "--fulcio-auth-flow", "device", artifact], { home, env });
      const [, code = "", url = ""] = await running.prints(/code ([A-Z]{4}-[A-Z]{4}) in your browser at:? (http\S+)/u);
      await browser.visit(url);
      await browser.shows(/Connect a device|Is this your code/u);
      if (/Connect a device/u.test(await browser.text())) await browser.press(/Continue/u, { user_code: code });
      assert.match(await browser.shows(/Is this your code/u), new RegExp(code, "u"));
      await browser.press(/Yes, continue/u);
      await browser.signIn(ada);
      await browser.shows(/You are signed in/u);
      await running.succeeds();
      await verified(bundle, ada.email);
    });

    it(`${name}: with a code that is carried over, where no browser opens`, { skip: skip || noBrowser }, async () => {
      const { home, bundle, env, args } = await bootstrap();
      const running = await startInteractive(path, [...args, "--fulcio-auth-flow", "normal", artifact], {
        home,
        env,
        browser: false,
      });
      const [, url = ""] = await running.prints(/following link in a browser:\s+(http\S+)/u);
      await browser.visit(url);
      await browser.signIn(ada);
      const text = await browser.shows(/Enter this code/u);
      running.type(/enter this code:\s+(\S+)/u.exec(text)?.[1] ?? "");
      await running.succeeds();
      await verified(bundle, ada.email);
    });

    it(`${name}: in a workflow`, { skip }, async () => {
      const { home, bundle, env, args } = await bootstrap();
      await expectSuccess(path, [...args, artifact], { cwd: home, env: { ...env, HOME: home, ...surroundings() } });
      await verified(bundle, workflow, `${instance.issuer}/workflows`);
    });
  }

  const pythonHome = async (): Promise<{ home: string; bundle: string; args: string[] }> => {
    const home = await newHome();
    await expectSuccess(python.path, ["--instance", instance.tufUrl, "trust-instance", instance.rootPath], {
      env: { HOME: home },
    });
    const bundle = join(home, "bundle.json");
    return { home, bundle, args: ["--instance", instance.tufUrl, "sign", "--bundle", bundle, "--overwrite"] };
  };

  it("sigstore-python: in a browser, with a password", { skip: python.skip || noBrowser }, async () => {
    const { home, bundle, args } = await pythonHome();
    const running = await startInteractive(python.path, [...args, artifact], { home });
    await browser.visit(await running.opens());
    await browser.signIn(ada);
    await running.succeeds();
    await verified(bundle, ada.email);
  });

  it("sigstore-python: with a code that is carried over", { skip: python.skip || noBrowser }, async () => {
    const { home, bundle, args } = await pythonHome();
    const running = await startInteractive(python.path, [...args, "--oauth-force-oob", artifact], { home });
    const [url] = await running.prints(/http:\/\/\S+\/auth\?\S+/u);
    await browser.visit(url);
    await browser.signIn(ada);
    const text = await browser.shows(/Enter this code/u);
    running.type(/enter this code:\s+(\S+)/u.exec(text)?.[1] ?? "");
    await running.succeeds();
    await verified(bundle, ada.email);
  });

  it("sigstore-python: in a workflow", { skip: python.skip }, async () => {
    const { home, bundle, args } = await pythonHome();
    await expectSuccess(python.path, [...args, artifact], { cwd: home, env: { HOME: home, ...surroundings() } });
    await verified(bundle, workflow, `${instance.issuer}/workflows`);
  });

  it("@sigstore/sign: in a workflow", { skip: javascript.skip }, async () => {
    const home = await newHome();
    const bundle = join(home, "bundle.json");
    const script = join(import.meta.dirname, "clients/sigstore-js-program.mjs");
    const args = [script, javascript.path, home, instance.tufUrl, instance.rootPath, "sign-ambient", artifact, bundle];
    await expectSuccess(process.execPath, args, { cwd: home, env: { HOME: home, ...surroundings() } });
    await verified(bundle, workflow, `${instance.issuer}/workflows`);
  });

  const own = async (
    ...more: string[]
  ): Promise<{ home: string; bundle: string; args: string[]; env: Record<string, string> }> => {
    const home = await newHome();
    const bundle = join(home, "bundle.json");
    const program = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
    const args = [program, "sign-blob", ...more, "--bundle", bundle, artifact];
    return { home, bundle, args, env: { SIGILLUM_HOME: join(instance.directory, "home"), NODE_OPTIONS: "" } };
  };

  it("sigillum: with a device code", { skip: noBrowser }, async () => {
    const { home, bundle, args, env } = await own("--fulcio-auth-flow", "device");
    const running = await startInteractive(process.execPath, args, { home, env });
    const [, code = "", url = ""] = await running.prints(/code ([A-Z]{4}-[A-Z]{4}) in your browser at: (http\S+)/u);
    await browser.visit(url);
    assert.match(await browser.shows(/Is this your code/u), new RegExp(code, "u"));
    await browser.press(/Yes, continue/u);
    await browser.signIn(ada);
    await browser.shows(/You are signed in/u);
    await running.succeeds();
    await verified(bundle, ada.email);
  });

  it("sigillum: in a browser elsewhere, with the code that it shows", { skip: noBrowser }, async () => {
    const { home, bundle, args, env } = await own("--fulcio-auth-flow", "oob");
    const running = await startInteractive(process.execPath, args, { home, env, browser: false });
    const [, url = ""] = await running.prints(/following link in a browser:\s+(http\S+)/u);
    await browser.visit(url);
    await browser.signIn(ada);
    const text = await browser.shows(/Enter this code/u);
    running.type(/enter this code:\s+(\S+)/iu.exec(text)?.[1] ?? "");
    await running.succeeds();
    await verified(bundle, ada.email);
  });

  it("sigillum: in a workflow", async () => {
    const { home, bundle, args, env } = await own();
    await expectSuccess(process.execPath, args, { cwd: home, env: { ...env, HOME: home, ...surroundings() } });
    await verified(bundle, workflow, `${instance.issuer}/workflows`);
  });

  it("a wrong password is refused, and the page says so", { skip: noBrowser }, async () => {
    const home = await newHome();
    const [name, { path, skip }] = cosigns[0];
    assert.equal(skip, false, `${name} is not here`);
    const args = ["sign-blob", "--yes", "--fulcio-auth-flow", "normal", "--bundle", join(home, "bundle.json"), artifact];
    const running = await startInteractive(path, args, {
      home,
      env: { TUF_ROOT: join(instance.directory, "home-1/tuf") },
    });
    await browser.visit(await running.opens());
    await browser.signIn({ ...ada, password: "guess" });
    await browser.shows(/address or password are not right/u);
    await browser.signIn(ada);
    await running.succeeds();
  });
});
