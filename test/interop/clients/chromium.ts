// A person at a browser: headless Chromium over its DevTools protocol, in a profile of its own, with no way to any other machine.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Who signs in, and with what. */
export interface Person {
  readonly email: string;
  readonly password: string;
}

const program = process.env["CHROMIUM"] ?? "chromium";
const waitMs = 30_000;

/** Why no browser runs here; false where one does. */
export function missingChromium(): string | false {
  return spawnSync(program, ["--version"]).status === 0 ? false : "Chromium is not here: apt-get install chromium";
}

/** A running browser with one page. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting: Map<number, (answer: { result?: unknown; error?: { message: string } }) => void> = new Map();
  #id = 0;
  #session = "";

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process;
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const answer: { id?: number; result?: unknown; error?: { message: string } } = JSON.parse(String(event.data));
      if (answer.id === undefined) return;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** Start it with its profile below `directory`. */
  static async open(directory: string): Promise<Chromium> {
    const flags = [
      "--headless=new",
      "--remote-debugging-port=0",
      `--user-data-dir=${join(directory, "chromium")}`,
      "--no-first-run",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
      "--window-size=900,760",
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "about:blank",
    ];
    const child = spawn(program, flags, {
      env: { PATH: process.env["PATH"] ?? "", HOME: directory },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = "";
      const timer = setTimeout(() => reject(new Error(`Chromium does not start: ${said}`)), waitMs);
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const found = /DevTools listening on (ws:\S+)/u.exec(said)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
      child.once("close", () => reject(new Error(`Chromium ended: ${said}`)));
    });
    const socket = new WebSocket(endpoint);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    const browser = new Chromium(child, socket);
    const target = (await browser.#call("Target.createTarget", { url: "about:blank" })) as { targetId: string };
    const attached = (await browser.#call("Target.attachToTarget", { targetId: target.targetId, flatten: true })) as {
      sessionId: string;
    };
    browser.#session = attached.sessionId;
    await browser.#call("Page.enable", {});
    return browser;
  }

  /** Go to an address. */
  async visit(url: string): Promise<void> {
    await this.#call("Page.navigate", { url });
  }

  /** What the page shows. */
  text(): Promise<string> {
    return this.#evaluate("document.body === null ? '' : document.body.innerText");
  }

  /** Wait until the page shows `pattern`; what it shows then. */
  async shows(pattern: RegExp): Promise<string> {
    const end = Date.now() + waitMs;
    let text = "";
    while (Date.now() < end) {
      text = await this.text().catch(() => "");
      if (pattern.test(text)) return text;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the page never shows ${pattern}, but: ${text}`);
  }

  /** Fill the form's fields, by name, as a person types, and press the button that says `label`. */
  async press(label: RegExp, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const pressed = await this.#evaluate(`(() => {
      for (const [name, value] of Object.entries(${JSON.stringify(fields)})) {
        const field = document.querySelector('input[name="' + name + '"]:not([type=hidden])');
        if (field === null) return "no field " + name;
        field.value = value;
      }
      const button = [...document.querySelectorAll("button")].find((one) => ${label}.test(one.innerText));
      if (button === undefined) return "no button ${label.source}";
      button.click();
      return "";
    })()`);
    if (pressed !== "") throw new Error(`${pressed} on the page: ${await this.text()}`);
  }

  /** Sign in on the page that is open. */
  async signIn({ email, password }: Person): Promise<void> {
    await this.shows(/Sign in/u);
    await this.press(/^Sign in$/u, { email, password });
  }

  /** Forget who signed in. */
  async forget(): Promise<void> {
    await this.#call("Storage.clearCookies", {}, "");
  }

  /** A picture of the page. */
  async screenshot(path: string): Promise<void> {
    const { data } = (await this.#call("Page.captureScreenshot", { format: "png" })) as { data: string };
    await writeFile(path, Buffer.from(data, "base64"));
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    this.#process.kill("SIGKILL");
    this.#socket.close();
    await ended;
  }

  async #evaluate(expression: string): Promise<string> {
    const { result } = (await this.#call("Runtime.evaluate", { expression, returnByValue: true })) as {
      result: { value?: unknown };
    };
    return String(result.value ?? "");
  }

  #call(method: string, params: object, sessionId: string = this.#session): Promise<unknown> {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Chromium does not answer ${method}`)), waitMs);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === "" ? {} : { sessionId }) }));
    });
  }
}
