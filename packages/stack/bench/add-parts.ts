// Where the processor time of an add goes: its parts measured alone, on this thread, on requests such as the row sends.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { defaultEntryTypes, prepareEncoded } from "../src/rekor-v1/index.ts";
import { prepareEntry as prepareV2 } from "../src/rekor-v2/index.ts";
import { type RequestKind, RequestMaker } from "./log-requests.ts";

/** Processor microseconds of each part of an add. */
export interface AddParts {
  /** Reading the request, the certificate in it, and verifying the signature; runs in threads. */
  readonly prepareMicros: number;
  /** One P-256 signature: v1 makes one for each add (its promise), and both one for each batch. */
  readonly signMicros: number;
}

const requests = 400;

/** Measure the parts, after as many requests that only warm up. */
export async function measureAddParts(kind: RequestKind): Promise<AddParts> {
  const maker = new RequestMaker();
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < 2 * requests; at += 1) bodies.push(bodyOf(await maker.make(kind)));
  const prepare = kind === "v2-hashedrekord" ? prepareV2 : (body: Uint8Array) => prepareEncoded(body, defaultEntryTypes);
  for (const body of bodies.slice(0, requests)) prepare(body);
  const prepareMicros = cpuMicros(() => {
    for (const body of bodies.slice(requests)) prepare(body);
  });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const message = randomBytes(2000);
  const signMicros = cpuMicros(() => {
    for (let at = 0; at < requests; at += 1) sign("sha256", message, privateKey);
  });
  return { prepareMicros, signMicros };
}

function cpuMicros(run: () => void): number {
  const begun = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(begun);
  return Math.round((user + system) / requests);
}

function bodyOf(request: Uint8Array): Uint8Array {
  const buffer = Buffer.from(request.buffer, request.byteOffset, request.length);
  return request.subarray(buffer.indexOf("\r\n\r\n") + 4);
}
