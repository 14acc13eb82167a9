// The JWT-SVID that a SPIFFE Workload API gives a process (SPIFFE_Workload_API §6.2): one unary call of gRPC over a Unix socket, or TCP.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { isSigillumError, parseProtobuf, protobufField, quote } from "../encoding/index.ts";

/** What SPIRE's agent listens on where SPIFFE_ENDPOINT_SOCKET says nothing; cosign looks there as well. */
export const spiffeSocketPath = "/tmp/spire-agent/public/api.sock";

const method = "/SpiffeWorkloadAPI/FetchJWTSVID";
const maxAnswerBytes = 256 * 1024;
/** The agent is on the same machine. */
const timeoutMs = 10_000;

/** Where a Workload API listens. */
export type SpiffeEndpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads SPIFFE_ENDPOINT_SOCKET (SPIFFE_Workload_Endpoint §4): unix:PATH, tcp:IP:PORT, or the bare path that cosign takes. */
export function parseSpiffeEndpoint(text: string): SpiffeEndpoint | undefined {
  if (text.startsWith("/")) return { path: text };
  const unix = /^unix:(?:\/\/)?(\/[^\0?#]+)$/u.exec(text);
  if (unix !== null) return { path: unix[1] ?? "" };
  const tcp = /^tcp:(?:\/\/)?(\[[0-9a-fA-F:]+\]|\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/u.exec(text);
  const port = Number(tcp?.[2] ?? 0);
  if (tcp === null || port < 1 || port > 65_535) return undefined;
  return { host: (tcp[1] ?? "").replace(/^\[|\]$/gu, ""), port };
}

/** Asks for a JWT-SVID of the process for an audience. Rejects with an Error whose message is a reason; no token stands in it. */
export async function fetchJwtSvid(endpoint: SpiffeEndpoint, audience: string): Promise<string> {
  // JWTSVIDRequest: audience = 1.
  const answer = await callUnary(endpoint, protobufField(1, audience));
  try {
    // JWTSVIDResponse: svids = 1; JWTSVID: spiffe_id = 1, svid = 2. The first is the default identity (§6.2.2).
    const [first] = parseProtobuf(answer).allBytes(1);
    const svid = first === undefined ? "" : (parseProtobuf(first).string(2) ?? "");
    if (svid !== "") return svid;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    throw new Error("its answer is no JWTSVIDResponse");
  }
  throw new Error("it has no identity for this process");
}

/** One call: the message of the answer, or an Error with the status that gRPC gave. */
function callUnary(endpoint: SpiffeEndpoint, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(endpoint) });
    const finish = (error: Error | undefined, answer = new Uint8Array()): void => {
      clearTimeout(timer);
      session.destroy();
      if (error === undefined) resolve(answer);
      else reject(error);
    };
    const timer = setTimeout(() => finish(new Error(`it did not answer within ${timeoutMs / 1000} s`)), timeoutMs);
    session.on("error", (error: NodeJS.ErrnoException) => finish(new Error(error.code ?? "the connection broke")));
    const stream = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      te: "trailers",
      // §3: whoever was talked into asking somebody else's address cannot set this.
      "workload.spiffe.io": "true",
    });
    const chunks: Buffer[] = [];
    let length = 0;
    let status: unknown;
    let reason: unknown;
    const readStatus = (headers: Readonly<Record<string, unknown>>): void => {
      status = headers["grpc-status"] ?? status;
      reason = headers["grpc-message"] ?? reason;
    };
    stream.on("response", readStatus);
    stream.on("trailers", readStatus);
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxAnswerBytes) finish(new Error(`its answer has more than ${maxAnswerBytes} bytes`));
      chunks.push(chunk);
    });
    stream.on("error", (error: Error) => finish(new Error(error.message)));
    stream.on("end", () => {
      if (status !== "0") {
        finish(
          new Error(
            `it refuses with status ${quote(String(status ?? "none"))}${reason === undefined ? "" : ` ${quote(String(reason))}`}`,
          ),
        );
        return;
      }
      const body = Buffer.concat(chunks);
      // The frame of gRPC: compressed or not, four octets of length.
      const isWhole = body.length >= 5 && body[0] === 0 && body.readUInt32BE(1) === body.length - 5;
      finish(isWhole ? undefined : new Error("its answer is no message of gRPC"), new Uint8Array(body.subarray(5)));
    });
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    stream.end(frame);
  });
}
