// The part of the package pg that this room uses; the package ships no types of its own.
declare module "pg" {
  export interface QueryResult {
    readonly rows: readonly Readonly<Record<string, unknown>>[];
    readonly rowCount: number | null;
  }

  export interface ClientConfig {
    readonly connectionString?: string;
    readonly host?: string;
    readonly port?: number;
    readonly user?: string;
    readonly database?: string;
    readonly connectionTimeoutMillis?: number;
    readonly query_timeout?: number;
    readonly statement_timeout?: number;
    readonly application_name?: string;
    readonly keepAlive?: boolean;
  }

  export class Client {
    constructor(config: ClientConfig);
    connect(): Promise<void>;
    query(query: { readonly text: string; readonly values?: readonly unknown[]; readonly name?: string }): Promise<QueryResult>;
    end(): Promise<void>;
    on(event: "error" | "end", listener: (error: Error) => void): this;
  }
}
