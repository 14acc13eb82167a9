// Key pairs in CI variables of a GitLab project or group: COSIGN_PRIVATE_KEY, COSIGN_PASSWORD and COSIGN_PUBLIC_KEY, as cosign keeps them.
import { JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { describeResponse, type HttpResponse, request } from "@sigillum/library/http";
import { keyError } from "./errors.ts";
import type { PairStore } from "./pair-store.ts";

const names = { privatePem: "COSIGN_PRIVATE_KEY", password: "COSIGN_PASSWORD", publicPem: "COSIGN_PUBLIC_KEY" } as const;

/** The variables of the project (a path or a number), or else the group, that `gitlab://NAME` names, on $GITLAB_HOST, with $GITLAB_TOKEN. */
export function openGitlab(reference: string, environment: Readonly<Record<string, string | undefined>>): PairStore {
  const project = reference.slice("gitlab://".length).replace(/\/+$/, "");
  const token = environment["GITLAB_TOKEN"];
  if (project === "" || token === undefined || token === "")
    throw keyError(
      "KEY_UNREADABLE",
      `Cannot open key ${quote(reference)}: it takes gitlab://PROJECT, and a token in GITLAB_TOKEN`,
      {
        expected: "GITLAB_TOKEN",
      },
    );
  const host = environment["GITLAB_HOST"] ?? "gitlab.com";
  const origin = /^https?:\/\//.test(host) ? host.replace(/\/+$/, "") : `https://${host}`;
  const send = (method: string, path: string, body?: string): Promise<HttpResponse> =>
    request({
      method,
      url: `${origin}/api/v4/${path}`,
      headers: { "private-token": token, "content-type": "application/json" },
      ...(body === undefined ? {} : { body }),
    });
  let known: string | undefined;
  const variables = async (): Promise<string> => (known ??= `${await placeOf(reference, project, send)}/variables`);
  const read = async (name: string): Promise<string> => {
    const answer = await send("GET", `${await variables()}/${name}`);
    if (answer.status === 200) return JsonObject.exact(parseJson(answer.body), "variable").string("value");
    throw keyError("KEY_UNREADABLE", `Cannot read key ${quote(reference)}: ${name}: ${describeResponse(answer)}`, {
      found: `HTTP ${answer.status}`,
    });
  };
  return {
    describe: `variables of ${project} at GitLab`,
    read: async (part) =>
      part === "public"
        ? { publicPem: await read(names.publicPem) }
        : { privatePem: await read(names.privatePem), password: await read(names.password) },
    async write(pair) {
      for (const part of ["password", "privatePem", "publicPem"] as const) {
        const variable = { key: names[part], value: pair[part], variable_type: "env_var", protected: false, masked: false };
        const answer = await send("POST", await variables(), JSON.stringify(variable));
        if (answer.status !== 201)
          throw keyError("KEY_UNWRITABLE", `Cannot create variable ${names[part]} of ${project}: ${describeResponse(answer)}`, {
            found: `HTTP ${answer.status}`,
          });
      }
    },
  };
}

// A name is a project's or a group's; where neither could be looked at it is none of ours to guess.
async function placeOf(
  reference: string,
  name: string,
  send: (method: string, path: string) => Promise<HttpResponse>,
): Promise<string> {
  for (const kind of ["projects", "groups"]) {
    const place = `${kind}/${encodeURIComponent(name)}`;
    const answer = await send("GET", place);
    if (answer.status === 200) return place;
    if (answer.status !== 404)
      throw keyError("KEY_UNREADABLE", `Cannot open key ${quote(reference)}: ${describeResponse(answer)}`, {
        found: `HTTP ${answer.status}`,
        expected: "HTTP 200",
      });
  }
  throw keyError("KEY_UNREADABLE", `Cannot open key ${quote(reference)}: there is no project and no group of that name`, {
    expected: "gitlab://OWNER/PROJECT, gitlab://NUMBER or gitlab://GROUP",
  });
}
