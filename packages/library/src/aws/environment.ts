// What requests are signed with, and where that is looked for.

/** Who signs a request. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Variables by name. */
export type AwsEnvironment = Readonly<Record<string, string | undefined>>;
