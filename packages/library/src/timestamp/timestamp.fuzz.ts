import { encodeUtf8 } from "../encoding/index.ts";
import { authorityOf, createChain, type FuzzTarget, signingTimeMs, stamp } from "../testing/index.ts";
import {
  encodeTimestampRejection,
  encodeTimestampRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  verifyTimestamp,
} from "./index.ts";

/** Every reader of CMS and RFC 3161. */
export async function targets(): Promise<FuzzTarget[]> {
  const chain = await createChain("timeStamping", "tsa");
  const signature = encodeUtf8("signature");
  const response = await stamp(chain, signature, signingTimeMs);
  const authorities = [authorityOf(chain, "https://tsa.test")];
  const request = encodeTimestampRequest({ hash: "sha256", digest: new Uint8Array(32), nonce: Uint8Array.of(1), certReq: true });
  return [
    {
      name: "parseTimestampResponse",
      seeds: [response, encodeTimestampRejection("badAlg", "no")],
      run: (input) => void parseTimestampResponse(input),
    },
    {
      name: "verifyTimestamp",
      seeds: [response],
      run: (input) => void verifyTimestamp({ response: input, signature, authorities }),
    },
    { name: "parseTimestampRequest", seeds: [request], run: (input) => void parseTimestampRequest(input) },
  ];
}
