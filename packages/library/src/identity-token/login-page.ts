// What the browser shows when it comes back from the identity provider: one small page, which loads nothing and has no script. It looks like the pages
// of Sigillum's own identity provider, so that a login has one face.
const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
    --back: light-dark(#f3f4f0, #15171a); --card: light-dark(#fff, #1f2226); --text: light-dark(#1c1f22, #ececea);
    --soft: light-dark(#5b6066, #a3a9b0); --line: light-dark(#d5d8d2, #3a3f45); --ink: light-dark(#1f4fb8, #7ea6ff); }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--text); }
  main { width: min(26rem, 100vw - 2rem); margin: 1rem; padding: 2rem; border-radius: .75rem; background: var(--card); border: 1px solid var(--line); box-shadow: 0 1px 3px #0002, 0 8px 24px #0001; }
  .mark { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.25rem; font-size: .875rem; color: var(--soft); }
  .mark svg { width: 1.75rem; height: 1.75rem; flex: none; color: var(--ink); }
  .mark.bad svg { color: light-dark(#8c1d18, #ffb4ab); }
  h1 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .75rem; } p { margin: 0 0 1rem; }
  .problem { padding: .6rem .8rem; border-radius: .5rem; background: light-dark(#fdecea, #40211f); color: light-dark(#8c1d18, #ffb4ab); overflow-wrap: anywhere; }
  .note { font-size: .875rem; color: var(--soft); margin: 1.25rem 0 0; } p:last-child { margin-bottom: 0; }`;

const disc =
  "M12 2l2.4 2 3.1-.3 1 3 2.7 1.6-.8 3 .8 3-2.7 1.6-1 3-3.1-.3L12 21l-2.4-2.4-3.1.3-1-3-2.7-1.6.8-3-.8-3 2.7-1.6 1-3 3.1.3z";

// A seal: a notched disc, with a check or a cross.
function mark(isGood: boolean): string {
  const sign = isGood ? "M8.5 11.8l2.4 2.4 4.6-4.8" : "M9.4 9.2l5.2 5.2m0-5.2l-5.2 5.2";
  return `<div class="mark${isGood ? "" : " bad"}"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><path d="${disc}"/><path d="${sign}"/></svg><span>Sigillum</span></div>`;
}

/** The page after a login that worked. */
export function signedInPage(): string {
  return page(
    "You are signed in",
    true,
    `<p>The program in your terminal goes on by itself. You can close this page.</p>
     <p class="note">It was shown by the program on your own machine, which got a code that works once, and only for it.</p>`,
  );
}

/** The page after a login that did not work, with the reason, in whose words it may be. */
export function notSignedInPage(reason: string): string {
  return page(
    "You are not signed in",
    false,
    `<p class="problem" role="alert">${escapeHtml(reason)}</p><p>Nothing was signed. The terminal says the same; start again from there.</p>`,
  );
}

function page(title: string, isGood: boolean, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} – Sigillum</title><style>${style}</style></head><body><main>${mark(isGood)}<h1>${title}</h1>${content}</main></body></html>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
