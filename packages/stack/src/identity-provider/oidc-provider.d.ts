// The part of the package oidc-provider that this room uses; the package ships no types of its own.
declare module "oidc-provider" {
  import type { KeyObject } from "node:crypto";
  import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

  export interface OidcContext {
    readonly path: string;
    readonly method: string;
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    status: number;
    body: unknown;
    type: string;
    readonly response: { get(name: string): string | undefined; remove(name: string): void };
    readonly oidc?: {
      readonly route?: string;
      readonly client: { readonly clientId: string };
      readonly provider: Provider;
      readonly session: { readonly accountId?: string };
    };
    set(name: string, value: string): void;
    redirect(url: string): void;
  }

  export interface OidcGrant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }

  export interface OidcInteraction {
    readonly uid: string;
    readonly prompt: { readonly name: string };
    readonly params: Readonly<Record<string, unknown>>;
  }

  export const interactionPolicy: {
    base(): { get(prompt: string): { readonly checks: { remove(reason: string): void } } | undefined };
  };

  export class ExternalSigningKey {
    kid: string;
    alg: string;
    keyObject(): KeyObject;
    sign(data: Uint8Array): Promise<Uint8Array>;
  }

  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    proxy: boolean;
    readonly Grant: new (fields: {
      readonly accountId: string;
      readonly clientId: string;
    }) => OidcGrant;
    readonly Client: { readonly prototype: { redirectUriAllowed(uri: string): boolean } };
    use(middleware: (context: OidcContext, next: () => Promise<void>) => Promise<void>): this;
    on(event: string, listener: (...values: readonly unknown[]) => void): this;
    callback(): RequestListener;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<OidcInteraction>;
    interactionResult(
      request: IncomingMessage,
      response: ServerResponse,
      result: Readonly<Record<string, unknown>>,
    ): Promise<string>;
  }
}
