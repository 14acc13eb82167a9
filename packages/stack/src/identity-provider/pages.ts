// The few pages that a person sees. Nothing is loaded from elsewhere, and none needs a script.

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
    --back: light-dark(#f3f4f0, #15171a); --card: light-dark(#fff, #1f2226); --text: light-dark(#1c1f22, #ececea);
    --soft: light-dark(#5b6066, #a3a9b0); --line: light-dark(#d5d8d2, #3a3f45); --ink: light-dark(#1f4fb8, #7ea6ff); }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--text); }
  main { width: min(26rem, 100vw - 2rem); margin: 1rem; padding: 2rem; border-radius: .75rem; background: var(--card); border: 1px solid var(--line); box-shadow: 0 1px 3px #0002, 0 8px 24px #0001; }
  .mark { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.25rem; font-size: .875rem; color: var(--soft); }
  .mark svg { width: 1.75rem; height: 1.75rem; flex: none; color: var(--ink); }
  h1 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .75rem; } p { margin: 0 0 1rem; }
  .note { font-size: .875rem; color: var(--soft); margin: 1.25rem 0 0; }
  .problem { padding: .6rem .8rem; border-radius: .5rem; background: light-dark(#fdecea, #40211f); color: light-dark(#8c1d18, #ffb4ab); }
  form { margin: 0; } form + form { margin-top: .75rem; }
  label { display: block; margin: 0 0 .9rem; font-size: .875rem; font-weight: 600; }
  input { display: block; width: 100%; margin-top: .25rem; padding: .6rem .75rem; font: inherit; font-weight: 400; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: .5rem; }
  input[name=user_code] { text-transform: uppercase; letter-spacing: .15em; text-align: center; font-size: 1.25rem; }
  button { font: inherit; font-weight: 600; width: 100%; padding: .7rem 1rem; border: 1px solid transparent; border-radius: .5rem; background: #2456c7; color: #fff; cursor: pointer; }
  button:hover { background: #1b459f; } button.second { background: none; border-color: var(--line); color: inherit; } button.second:hover { background: var(--back); }
  :is(button, input):focus-visible { outline: 3px solid #8fb2ff; outline-offset: 1px; }
  .or { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; font-size: .875rem; color: var(--soft); } .or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
  code { font: .95rem ui-monospace, monospace; overflow-wrap: anywhere; } code.big { display: block; font-size: 1.6rem; letter-spacing: .15em; text-align: center; padding: .5rem; border: 1px dashed var(--line); border-radius: .5rem; }`;

/** A seal: a notched disc with a check. */
const mark = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><path d="M12 2l2.4 2 3.1-.3 1 3 2.7 1.6-.8 3 .8 3-2.7 1.6-1 3-3.1-.3L12 21l-2.4-2.4-3.1.3-1-3-2.7-1.6.8-3-.8-3 2.7-1.6 1-3 3.1.3z"/><path d="M8.5 11.8l2.4 2.4 4.6-4.8"/></svg>`;

/** Headers of every page: nothing is loaded from elsewhere, nothing frames it. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; base-uri 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** What the sign-in page offers. */
export interface SignInPage {
  readonly clientId: string;
  readonly action: string;
  /** The address of the development user, who has a button. */
  readonly developmentUser?: string;
  /** Whether people sign in with passwords. */
  readonly passwords: boolean;
  /** The names of providers that people sign in at. */
  readonly upstreams: readonly string[];
  /** The address that was typed before. */
  readonly email?: string;
  /** What was wrong. */
  readonly problem?: string;
}

/** The sign-in page. */
export function signInPage(fields: SignInPage): string {
  const { developmentUser, passwords } = fields;
  const action = escapeHtml(fields.action);
  const email = escapeHtml(fields.email ?? "");
  const problem = fields.problem === undefined ? "" : `<p class="problem" role="alert">${escapeHtml(fields.problem)}</p>`;
  const [first, second] = email === "" ? [" autofocus", ""] : ["", " autofocus"];
  const password = passwords
    ? `<form method="post" action="${action}">
        <label>Email address<input name="email" type="email" autocomplete="username" required maxlength="320" value="${email}"${first}></label>
        <label>Password<input name="password" type="password" autocomplete="current-password" required maxlength="1024"${second}></label>
        <button type="submit">Sign in</button></form>`
    : "";
  const others = fields.upstreams.map(
    (name, index) =>
      `<form method="post" action="${action}"><input type="hidden" name="upstream" value="${escapeHtml(name)}"><button type="submit"${passwords || index > 0 ? ' class="second"' : " autofocus"}>Continue with ${escapeHtml(name)}</button></form>`,
  );
  const hasOthers = developmentUser !== undefined || others.length > 0;
  const isDevelopment = !passwords && others.length === 0;
  const development =
    developmentUser === undefined
      ? ""
      : `<form method="post" action="${action}"><input type="hidden" name="development" value="yes"><button type="submit"${isDevelopment ? " autofocus" : ' class="second"'}>Continue as ${escapeHtml(developmentUser)}</button></form>`;
  const explanation =
    developmentUser === undefined
      ? ""
      : `<p${isDevelopment ? "" : ' class="note"'}>This Sigillum runs on your own machine. Its development user needs no password, so anybody who can open this page can sign as it.</p>`;
  return page(
    isDevelopment ? "Development sign-in" : "Sign in",
    `${problem}${isDevelopment ? explanation : ""}${password}${passwords && hasOthers ? '<div class="or">or</div>' : ""}${others.join("")}${development}${isDevelopment ? "" : explanation}
     <p class="note">The application <code>${escapeHtml(fields.clientId)}</code> will receive an identity token for your address, and certificates issued for it name the address publicly.</p>`,
  );
}

/** Where a person types the code that a device shows. `form` is oidc-provider's own, with its hidden fields. */
export function deviceCodePage(form: string, problem?: string): string {
  return page(
    "Connect a device",
    `${problem === undefined ? "" : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}<p>Enter the code that the program which asked you to sign in shows.</p>${form}<p></p><button type="submit" form="op.deviceInputForm">Continue</button>`,
  );
}

/** Where a person compares the code before signing in. */
export function deviceConfirmPage(form: string, code: string, clientId: string): string {
  return page(
    "Is this your code?",
    `<p>The program <code>${escapeHtml(clientId)}</code> asks you to sign in. Go on only if it shows exactly this code, and you started it yourself:</p><p><code class="big">${escapeHtml(code)}</code></p>${form}
     <button type="submit" form="op.deviceConfirmForm" autofocus>Yes, continue</button><p></p><button class="second" type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No, cancel</button>`,
  );
}

/** The end of a device's sign-in. */
export function deviceDonePage(): string {
  return page("You are signed in", "<p>Go back to the program that asked you to sign in. You can close this page.</p>");
}

/** Shows a code that a person carries to a program without a browser (the out-of-band redirect). */
export function codePage(code: string): string {
  return page(
    "Enter this code",
    `<p>Go back to the program that asked you to sign in and enter this code:</p><p><code id="code">${escapeHtml(code)}</code></p>`,
  );
}

/** Says why a sign-in cannot go on. */
export function problemPage(title: string, text: string, code?: string): string {
  return page(
    title,
    `<p>${escapeHtml(text)}</p>${code === undefined ? "" : `<p class="note"><code>${escapeHtml(code)}</code></p>`}`,
  );
}

/** What stands at the provider's own address. */
export function welcomePage(issuer: string, developmentUser: string | undefined): string {
  const user =
    developmentUser === undefined
      ? "The development user is disabled."
      : `Its development user is <code>${escapeHtml(developmentUser)}</code>; a token without a login is at <code>/development-token</code>.`;
  return page(
    "Identity provider",
    `<p>This is the OpenID Connect provider of a Sigillum stack: <code>${escapeHtml(issuer)}</code>. Programs that sign send you here by themselves.</p><p>${user}</p>`,
  );
}

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)} – Sigillum</title><style>${style}</style></head><body><main><div class="mark">${mark}<span>Sigillum</span></div><h1>${escapeHtml(title)}</h1>${content}</main></body></html>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
