// From flags to a proposed entry of Rekor v1, with the names that rekor-cli has for it.
import { parseEnvelope } from "@sigillum/library/attestation";
import { sha256 } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeHex,
  encodeUtf8,
  JsonObject,
  type JsonValue,
  parseJson,
  parseUtf8,
  quote,
} from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { hashFile, readInput } from "../blob/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { logCommandError } from "./errors.ts";

/** Longest artifact that is sent whole, of the kinds that need that. */
const maxArtifactBytes = 64 * 1024 * 1024;
const maxKeyBytes = 1024 * 1024;

/** The kinds with the version that is proposed where none is named. */
const versions: Readonly<Record<string, string>> = {
  hashedrekord: "0.0.1",
  rekord: "0.0.1",
  dsse: "0.0.1",
  intoto: "0.0.2",
  cose: "0.0.1",
  rfc3161: "0.0.1",
  tuf: "0.0.1",
  alpine: "0.0.1",
  helm: "0.0.1",
  jar: "0.0.1",
  rpm: "0.0.1",
};

/** Whether flags describe an artifact or an entry. */
export function describesArtifact(args: Arguments): boolean {
  return ["entry", "artifact", "artifact-hash"].some((flag) => (args.string(flag) ?? "") !== "");
}

/** The proposal that the flags describe, as JSON text. Nothing in it was verified. */
export async function proposalOf(args: Arguments, terminal: Terminal): Promise<string> {
  const entry = args.string("entry");
  if (entry !== undefined) {
    const text = parseUtf8(await readAny(entry, "entry", maxArtifactBytes, terminal));
    JsonObject.from(parseJson(text, { maxBytes: maxArtifactBytes }), "entry").string("kind");
    return text;
  }
  if (!describesArtifact(args))
    throw argumentError("FLAG_REQUIRED", `Cannot run ${args.command}: it needs --entry, --artifact or --artifact-hash`, {
      expected: "--artifact FILE, --artifact-hash HEX or --entry FILE",
    });
  const [kind = "", version = versions[kind]] = (args.string("type") ?? "hashedrekord").split(":");
  if (version === undefined || versions[kind] === undefined)
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --type is ${quote(kind)}`, {
      found: kind,
      expected: Object.keys(versions).join(", "),
    });
  const spec = await specOf(kind, version, new Material(args, terminal));
  return JSON.stringify({ apiVersion: version, kind, spec });
}

async function specOf(kind: string, version: string, from: Material): Promise<JsonValue> {
  switch (kind) {
    case "hashedrekord":
      return { signature: await from.signature(), data: { hash: { algorithm: from.hashName(), value: await from.hash() } } };
    case "rekord":
      return { signature: { format: from.format(), ...(await from.signature()) }, data: await from.content() };
    case "dsse": {
      const envelope = parseUtf8(await from.artifact());
      return { proposedContent: { envelope, verifiers: (await from.keys()).map(encodeBase64) } };
    }
    case "intoto":
      return intotoSpec(version, parseUtf8(await from.artifact()), await from.keys());
    case "cose":
      return {
        message: encodeBase64(await from.artifact()),
        publicKey: encodeBase64(await from.key()),
        data: from.aad(),
      };
    case "rfc3161":
      return { tsr: await from.content() };
    case "tuf":
      return { metadata: await from.content(), root: { content: encodeBase64(await from.key()) } };
    case "jar":
      return { archive: await from.content() };
    case "helm":
      return { publicKey: { content: encodeBase64(await from.key()) }, chart: { provenance: await from.content() } };
    default:
      return { publicKey: { content: encodeBase64(await from.key()) }, package: await from.content() };
  }
}

// intoto: 0.0.1 has the envelope as a text, 0.0.2 as fields, where what is base64 in DSSE is encoded once more.
function intotoSpec(version: string, text: string, keys: readonly Uint8Array[]): JsonValue {
  const { payload, payloadType, signatures } = parseEnvelope(text);
  const hash = { algorithm: "sha256", value: encodeHex(sha256(encodeUtf8(text))) };
  if (version === "0.0.1") return { content: { envelope: text, hash }, publicKey: encodeBase64(keys[0] ?? new Uint8Array()) };
  if (keys.length !== signatures.length)
    throw logCommandError(
      "LOG_PROPOSAL_INVALID",
      `Cannot make intoto entry: the envelope has ${signatures.length} signatures, and ${keys.length} keys were given, one a signature expected`,
      { found: String(keys.length), expected: String(signatures.length) },
    );
  const twice = (bytes: Uint8Array): string => encodeBase64(encodeUtf8(encodeBase64(bytes)));
  return {
    content: {
      envelope: {
        payloadType,
        payload: twice(payload),
        signatures: signatures.map(({ sig, keyid }, at) => ({
          ...(keyid === "" ? {} : { keyid }),
          sig: twice(sig),
          publicKey: encodeBase64(keys[at] ?? new Uint8Array()),
        })),
      },
      hash,
    },
  };
}

/** The files and values that the flags name, each read when it is needed. */
class Material {
  readonly #args: Arguments;
  readonly #terminal: Terminal;

  constructor(args: Arguments, terminal: Terminal) {
    this.#args = args;
    this.#terminal = terminal;
  }

  format(): string {
    return this.#args.string("pki-format") ?? "x509";
  }

  artifact(): Promise<Uint8Array> {
    return readAny(
      this.#args.required("artifact", "this kind of entry is made from it"),
      "artifact",
      maxArtifactBytes,
      this.#terminal,
    );
  }

  async content(): Promise<{ content: string }> {
    return { content: encodeBase64(await this.artifact()) };
  }

  hashName(): string {
    const given = this.#given();
    return given === undefined ? "sha256" : (/^sha\d+(?=:)/.exec(given)?.[0] ?? nameOfLength.get(given.length) ?? "sha256");
  }

  async hash(): Promise<string> {
    const given = this.#given()?.replace(/^sha\d+:/, "");
    if (given !== undefined) return given;
    const path = this.#args.required("artifact", "its hash is logged");
    if (!isUrl(path)) return encodeHex(await hashFile(path, "sha256", this.#terminal));
    return encodeHex(sha256(await this.artifact()));
  }

  #given(): string | undefined {
    const given = this.#args.string("artifact-hash")?.toLowerCase();
    if (given === undefined || /^(?:sha256:)?[0-9a-f]{64}$|^(?:sha384:)?[0-9a-f]{96}$|^(?:sha512:)?[0-9a-f]{128}$/.test(given))
      return given;
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${this.#args.command}: --artifact-hash is ${quote(given)}`, {
      found: given,
      expected: "64, 96 or 128 hexadecimal digits",
    });
  }

  async signature(): Promise<{ content: string; publicKey: { content: string } }> {
    const path = this.#args.required("signature", "the log verifies it");
    const bytes = await readAny(path, "signature", maxKeyBytes, this.#terminal);
    return {
      content: encodeBase64(this.format() === "x509" ? unwrapped(bytes) : bytes),
      publicKey: { content: encodeBase64(await this.key()) },
    };
  }

  async keys(): Promise<Uint8Array[]> {
    const paths = this.#args.strings("public-key");
    if (paths.length === 0) this.#args.required("public-key", "the log verifies with it");
    const keys: Uint8Array[] = [];
    for (const path of paths) keys.push(await readAny(path, "public key", maxKeyBytes, this.#terminal));
    return keys;
  }

  async key(): Promise<Uint8Array> {
    const [key, more] = await this.keys();
    if (key !== undefined && more === undefined) return key;
    throw argumentError("FLAGS_CONFLICT", `Cannot run ${this.#args.command}: this kind of entry has one public key`, {
      expected: "one --public-key",
    });
  }

  aad(): JsonValue {
    const aad = this.#args.string("aad");
    return aad === undefined ? {} : { aad };
  }
}

const nameOfLength: ReadonlyMap<number, string> = new Map([
  [64, "sha256"],
  [96, "sha384"],
  [128, "sha512"],
]);

// cosign and openssl hand signatures around as base64 text; the log wants the bytes.
// Divergence: rekor-cli sends the text as it is, which no log accepts.
function unwrapped(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes).trim();
  return /^[A-Za-z0-9+/]{40,}={0,2}$/.test(text) && text.length % 4 === 0 ? new Uint8Array(Buffer.from(text, "base64")) : bytes;
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** A file, stdin for "-", or what an address answers. */
export async function readAny(path: string, what: string, maxBytes: number, terminal: Terminal): Promise<Uint8Array> {
  if (!isUrl(path)) return readInput(path, what, maxBytes, terminal);
  const { status, body } = await request({ url: path, maxBytes, redirects: 5 });
  if (status === 200) return body;
  throw logCommandError("LOG_PROPOSAL_INVALID", `Cannot read ${what} ${path}: the server answers HTTP ${status}`, {
    found: `HTTP ${status}`,
    expected: "HTTP 200",
  });
}
