// What flags bring along for signing beside the key: a certificate of one's own, and what a timestamp authority wants to see.
import { parseUtf8 } from "@sigillum/library/encoding";
import type { TlsTrust } from "@sigillum/library/http";
import { type Certificate, parseCertificatesPem } from "@sigillum/library/x509";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { keyReference } from "../key/index.ts";
import { blobError } from "./errors.ts";
import { isSet, optional } from "./expectations.ts";
import { readSmallFile } from "./files.ts";

const maxPemBytes = 1024 * 1024;

/**
 * The certificate that --certificate names: the first of its file. It needs --key beside it; what --certificate-chain names stands for the
 * trust root's certificate authorities, see `overlaidRoot`. Nothing of it was verified.
 */
export async function readOwnCertificate(args: Arguments): Promise<Certificate | undefined> {
  const path = optional(args, "certificate");
  const refuse = (problem: string, expected: string): never => {
    throw argumentError("FLAGS_CONFLICT", `Cannot run ${args.command}: ${problem}`, { expected });
  };
  if (path === undefined) {
    if (optional(args, "certificate-chain") === undefined) return undefined;
    return refuse("--certificate-chain is of a certificate, and --certificate is missing", "--certificate FILE");
  }
  if (keyReference(args) === undefined)
    return refuse("--certificate is the certificate of a key, and --key is missing", "--key KEY");
  if (isSet(args, "issue-certificate"))
    return refuse("--issue-certificate asks for a certificate, and --certificate brings one", "one of them");
  const [certificate] = parseCertificatesPem(parseUtf8(await readSmallFile(path, "certificate", maxPemBytes)));
  if (certificate !== undefined) return certificate;
  throw blobError("FILE_UNREADABLE", `Cannot read certificate ${path}: it holds no certificate`, { expected: "CERTIFICATE" });
}

/** How the timestamp authority is reached, as the --timestamp-client-… flags say; undefined where none is given. */
export async function timestampTls(args: Arguments): Promise<TlsTrust | undefined> {
  const [certificate, key] = [optional(args, "timestamp-client-cert"), optional(args, "timestamp-client-key")];
  if ((certificate === undefined) !== (key === undefined))
    throw argumentError(
      "FLAG_REQUIRED",
      `Cannot run ${args.command}: --timestamp-client-cert and --timestamp-client-key stand together`,
      { expected: "both" },
    );
  const text = async (flag: string): Promise<string | undefined> => {
    const path = optional(args, flag);
    return path === undefined ? undefined : parseUtf8(await readSmallFile(path, flag, maxPemBytes));
  };
  const [ca, clientCertificate, clientKey] = [
    await text("timestamp-client-cacert"),
    await text("timestamp-client-cert"),
    await text("timestamp-client-key"),
  ];
  const serverName = optional(args, "timestamp-server-name");
  const tls: TlsTrust = {
    ...(ca === undefined ? {} : { ca }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  return Object.keys(tls).length === 0 ? undefined : tls;
}
