import { encodeEnvelope } from "@sigillum/library/attestation";
import { type Bundle, signatureBytes, signingCertificate } from "@sigillum/library/bundle";
import { encodeBase64, encodeHex, encodePem, encodeUtf8 } from "@sigillum/library/encoding";

/** Write a bundle as cosign 1.5 to 2 do (signing-client §2.8). An entry without a promise cannot stand in it and is left out. */
export function encodeCosignBundle(bundle: Bundle): string {
  const certificate = signingCertificate(bundle);
  const entry = bundle.tlogEntries.find(({ promise, body }) => promise !== undefined && body !== undefined);
  const signature =
    "dsseEnvelope" in bundle.content ? encodeUtf8(encodeEnvelope(bundle.content.dsseEnvelope)) : signatureBytes(bundle);
  return JSON.stringify({
    base64Signature: encodeBase64(signature),
    ...(certificate === undefined ? {} : { cert: encodeBase64(encodeUtf8(encodePem("CERTIFICATE", certificate.der))) }),
    ...(entry?.promise === undefined || entry.body === undefined
      ? {}
      : {
          rekorBundle: {
            SignedEntryTimestamp: encodeBase64(entry.promise),
            Payload: {
              body: encodeBase64(entry.body),
              integratedTime: entry.integratedTimeS,
              logIndex: entry.logIndex,
              logID: encodeHex(entry.logId),
            },
          },
        }),
  });
}
