// The few pages that a person sees.

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f4f4f1, #17181a); color: light-dark(#1d1f21, #ececea); }
  main { max-width: 26rem; margin: 1rem; padding: 2rem; border-radius: .75rem; background: light-dark(#fff, #212326); box-shadow: 0 1px 3px #0003; }
  h1 { font-size: 1.25rem; margin: 0 0 .75rem; } p { margin: 0 0 1rem; }
  .note { font-size: .875rem; color: light-dark(#5c5f63, #a4a7ab); margin: 1rem 0 0; }
  button { font: inherit; font-weight: 600; width: 100%; padding: .7rem 1rem; border: 0; border-radius: .5rem; background: #2456c7; color: #fff; cursor: pointer; }
  button:hover { background: #1b459f; } button:focus-visible { outline: 3px solid #8fb2ff; outline-offset: 2px; }
  code { font: .95rem ui-monospace, monospace; overflow-wrap: anywhere; }`;

/** Headers of every page: nothing is loaded from elsewhere, nothing frames it. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; base-uri 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The sign-in of the development user. */
export function signInPage(fields: { readonly email: string; readonly clientId: string; readonly action: string }): string {
  return page(
    "Development sign-in",
    `<p>This Sigillum runs on your own machine. Its development user needs no password, so anybody who can open this page can sign as it.</p>
     <form method="post" action="${escapeHtml(fields.action)}"><button type="submit" autofocus>Continue as ${escapeHtml(fields.email)}</button></form>
     <p class="note">The application <code>${escapeHtml(fields.clientId)}</code> will receive an identity token for this address, and certificates issued for it name the address publicly.</p>`,
  );
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
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)} – Sigillum</title><style>${style}</style></head><body><main><h1>${escapeHtml(title)}</h1>${content}</main></body></html>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
