// Credentials as the AWS tools find them: the environment, a web identity, a profile of the shared file, the machine.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { AwsCredentials, AwsEnvironment } from "./environment.ts";
import { awsError } from "./errors.ts";
import { machineCredentials, webIdentityCredentials } from "./temporary-credentials.ts";

/** The region that the environment names, or undefined where it names none or no region's name. */
export function awsRegion(environment: AwsEnvironment): string | undefined {
  const region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  return region !== undefined && /^[a-z0-9-]{1,40}$/u.test(region) ? region : undefined;
}

/**
 * Find credentials, anew each time: whoever renews session tokens writes them into the same file. Those that are lent are kept until shortly
 * before their end. Throws AWS_CREDENTIALS_MISSING.
 */
export async function awsCredentials(environment: AwsEnvironment): Promise<AwsCredentials> {
  const [accessKeyId, secretAccessKey] = [environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]];
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const ofRole = await webIdentityCredentials(environment);
  if (ofRole !== undefined) return ofRole;
  const path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? join(homedir(), ".aws", "credentials");
  const profile = environment["AWS_PROFILE"] ?? "default";
  const fields = await readProfile(path, profile);
  const [id, secret, token] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"].map((name) => fields.get(name));
  if (id !== undefined && secret !== undefined)
    return { accessKeyId: id, secretAccessKey: secret, ...(token === undefined ? {} : { sessionToken: token }) };
  const ofMachine = await machineCredentials(environment);
  if (ofMachine !== undefined) return ofMachine;
  const expected = `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile ${profile} in ${path}, must be there`;
  throw awsError("AWS_CREDENTIALS_MISSING", `Cannot sign a request to AWS: ${expected}`, { expected });
}

/** One section of an INI file; nothing where the file is not there. */
async function readProfile(path: string, profile: string): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  const text = await readFile(path, "utf8").catch(() => ""); // whoever needs it is told what is missing
  let isWanted = false;
  for (const line of text.slice(0, 256 * 1024).split(/\r?\n/u)) {
    const section = /^\s*\[\s*([^\]]+?)\s*\]/u.exec(line)?.[1];
    if (section !== undefined) isWanted = section === profile;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/u.exec(line) ?? [];
    if (isWanted && name !== undefined && value !== undefined) fields.set(name, value);
  }
  return fields;
}
