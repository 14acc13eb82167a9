// A policy text inside a ClusterImagePolicy.
import type { PolicyLanguage } from "@sigillum/policy/contracts";
import { describe, type FieldReader, isUrl } from "./field-reader.ts";
import type { PolicyText, ResultPolicy } from "./image-policy.ts";

const textFields = ["type", "data", "remote", "configMapRef"];
const resultFields = ["fetchConfigFile", "includeSpec", "includeObjectMeta", "includeTypeMeta"] as const;

/** Read the policy of an attestation. Its text is not compiled here: that may take for ever (`policyTexts`). */
export function readPolicyText(reader: FieldReader): PolicyText | undefined {
  return reader.only(textFields).has("type") || reader.names().length > 0 ? readText(reader) : undefined;
}

/** Read the policy over the combined result. */
export function readResultPolicy(reader: FieldReader): ResultPolicy | undefined {
  reader.only([...textFields, ...resultFields]);
  const text = readText(reader);
  const [fetchConfigFile, includeSpec, includeObjectMeta, includeTypeMeta] = resultFields.map((name) => reader.flag(name));
  return text === undefined
    ? undefined
    : {
        ...text,
        fetchConfigFile: fetchConfigFile === true,
        includeSpec: includeSpec === true,
        includeObjectMeta: includeObjectMeta === true,
        includeTypeMeta: includeTypeMeta === true,
      };
}

function readText(reader: FieldReader): PolicyText | undefined {
  const type = reader.text("type");
  if (type !== "cue" && type !== "rego") {
    reader.invalid("type", describe(type ?? ""), "cue or rego");
    return undefined;
  }
  const found = reader.oneOf(["data", "remote", "configMapRef"]);
  if (found.length !== 1) return undefined;
  if (reader.has("data")) return readData(reader, type);
  return reader.has("remote") ? readRemote(reader, type) : readConfigMap(reader, type);
}

function readData(reader: FieldReader, type: PolicyLanguage): PolicyText | undefined {
  const data = reader.text("data");
  if (data === undefined) {
    reader.missing("data");
    return undefined;
  }
  return { type, from: { data } };
}

function readRemote(reader: FieldReader, type: PolicyLanguage): PolicyText | undefined {
  const remote = reader.object("remote")?.only(["url", "sha256sum"]);
  const url = remote?.text("url");
  const sha256sum = remote?.text("sha256sum");
  if (url === undefined || !isUrl(url, /^https$/)) remote?.invalid("url", describe(url ?? ""), "an https URL");
  if (sha256sum === undefined) remote?.missing("sha256sum");
  else if (!/^[0-9a-f]{64}$/.test(sha256sum)) remote?.invalid("sha256sum", describe(sha256sum), "64 hexadecimal digits");
  return { type, from: { remote: { url: url ?? "", sha256sum: sha256sum ?? "" } } };
}

function readConfigMap(reader: FieldReader, type: PolicyLanguage): PolicyText | undefined {
  const reference = reader.object("configMapRef")?.only(["name", "key", "namespace"]);
  const [name, key] = [reference?.text("name"), reference?.text("key")];
  if (name === undefined) reference?.missing("name");
  if (key === undefined) reference?.missing("key");
  return { type, from: { configMapRef: { name: name ?? "", key: key ?? "" } } };
}
