// Key pairs as secrets of GitHub Actions: COSIGN_PRIVATE_KEY, COSIGN_PASSWORD and COSIGN_PUBLIC_KEY, as cosign keeps them. GitHub gives no
// secret back: a workflow that is handed them signs with --key env://COSIGN_PRIVATE_KEY.
import { encodeBase64, encodeUtf8, isSigillumError, JsonObject, parseBase64, parseJson, quote } from "@sigillum/library/encoding";
import { describeResponse, type HttpResponse, request } from "@sigillum/library/http";
import { keyError } from "./errors.ts";
import type { PairStore } from "./pair-store.ts";

const names = { password: "COSIGN_PASSWORD", privatePem: "COSIGN_PRIVATE_KEY", publicPem: "COSIGN_PUBLIC_KEY" } as const;
const name = "[A-Za-z0-9_.-]{1,100}";
const form = new RegExp(`^github://(${name})(?:/(${name}))?/*$`, "u");

/** The secrets of the repository or organisation that `github://OWNER/REPO` or `github://OWNER` names, on $GITHUB_HOST, with $GITHUB_TOKEN. */
export function openGithub(reference: string, environment: Readonly<Record<string, string | undefined>>): PairStore {
  const [, owner, repository] = form.exec(reference) ?? [];
  const token = environment["GITHUB_TOKEN"];
  if (owner === undefined || token === undefined || token === "") {
    const expected = "github://OWNER/REPO or github://OWNER, and GITHUB_TOKEN";
    throw keyError("KEY_UNREADABLE", `Cannot open key ${quote(reference)}: it takes ${expected}`, { expected });
  }
  const place = repository === undefined ? `orgs/${owner}` : `repos/${owner}/${repository}`;
  const base = `${apiOf(environment["GITHUB_HOST"])}/${place}/actions/secrets`;
  const send = (method: string, path: string, body?: string): Promise<HttpResponse> =>
    request({
      method,
      url: `${base}/${path}`,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "user-agent": "sigillum", // GitHub refuses requests without one
        "x-github-api-version": "2022-11-28",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
  const where = repository === undefined ? `the organisation ${owner}` : `the repository ${owner}/${repository}`;
  return {
    describe: `GitHub Actions secrets of ${where}`,
    read: () => {
      throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(reference)}: GitHub gives secrets to workflows alone`, {
        expected: "--key env://COSIGN_PRIVATE_KEY in a workflow that is handed the secret",
      });
    },
    async write(pair) {
      const { keyId, publicKey } = await boxKey(reference, await send("GET", "public-key"));
      const { sealBox } = await import("@sigillum/signers/signers");
      for (const part of ["password", "privatePem", "publicPem"] as const) {
        const box = encodeBase64(await sealBox(encodeUtf8(pair[part]), publicKey));
        // Of an organisation GitHub wants to know who sees it: its private repositories, the narrowest that needs no list.
        const secret = { encrypted_value: box, key_id: keyId, ...(repository === undefined ? { visibility: "private" } : {}) };
        const answer = await send("PUT", names[part], JSON.stringify(secret));
        if (answer.status !== 201 && answer.status !== 204)
          throw keyError("KEY_UNWRITABLE", `Cannot write secret ${names[part]} of ${where}: ${describeResponse(answer)}`, {
            found: `HTTP ${answer.status}`,
            expected: "HTTP 201 or 204",
          });
      }
    },
  };
}

// A server of a company's own has its interface below /api/v3; its name may come with a scheme, as cosign demands, or without.
function apiOf(host: string | undefined): string {
  if (host === undefined || host === "" || host === "github.com" || host === "https://github.com")
    return "https://api.github.com";
  const origin = (/^https?:\/\//u.test(host) ? host : `https://${host}`).replace(/\/+$/u, "");
  return origin.endsWith("/api/v3") || /^https?:\/\/api\./u.test(origin) ? origin : `${origin}/api/v3`;
}

async function boxKey(reference: string, answer: HttpResponse): Promise<{ keyId: string; publicKey: Uint8Array }> {
  if (answer.status !== 200)
    throw keyError("KEY_UNWRITABLE", `Cannot write secrets of ${quote(reference)}: ${describeResponse(answer)}`, {
      found: `HTTP ${answer.status}`,
      expected: "HTTP 200 with the key that secrets are encrypted for",
    });
  try {
    const document = JsonObject.from(parseJson(answer.body), "public key");
    const publicKey = parseBase64(document.string("key"));
    if (publicKey.length === 32) return { keyId: document.string("key_id"), publicKey };
    throw keyError("KEY_FORMAT", `Cannot encrypt for ${quote(reference)}: its key has ${publicKey.length} bytes`, {
      expected: "32",
    });
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code === "KEY_FORMAT") throw cause;
    throw keyError("KEY_FORMAT", `Cannot encrypt for ${quote(reference)}: ${cause.message}`, { cause });
  }
}
