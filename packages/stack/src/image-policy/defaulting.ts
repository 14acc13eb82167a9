// What the API server is asked to fill in when a policy object is written: mode, names of authorities, Fulcio's address, TUF targets.
import type { JsonValue } from "@sigillum/library/encoding";

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  readonly op: "add" | "replace";
  readonly path: string;
  readonly value: JsonValue;
}

/** The defaults that an object lacks, as a patch; empty for an object of another form, which validation refuses. */
export function defaultsOf(object: JsonValue): PatchOperation[] {
  const [root, spec] = [fieldsOf(object), fieldsOf(fieldsOf(object)["spec"])];
  if (root["kind"] === "TrustRoot") {
    return ["remote", "repository"].flatMap((name) => {
      const inner = spec[name];
      if (!isFields(inner) || typeof inner["targets"] === "string") return [];
      return [{ op: "add", path: `/spec/${name}/targets`, value: "targets" } as const];
    });
  }
  if (root["kind"] !== "ClusterImagePolicy" || !isFields(root["spec"])) return [];
  const mode: PatchOperation[] = spec["mode"] === undefined ? [{ op: "add", path: "/spec/mode", value: "enforce" }] : [];
  const authorities = Array.isArray(spec["authorities"]) ? spec["authorities"] : [];
  return [...mode, ...authorities.flatMap(authorityDefaults)];
}

function authorityDefaults(value: JsonValue, index: number): PatchOperation[] {
  const authority = fieldsOf(value);
  const path = `/spec/authorities/${index}`;
  const name = authority["name"];
  const patch: PatchOperation[] =
    isFields(value) && (name === undefined || name === "")
      ? [{ op: "add", path: `${path}/name`, value: `authority-${index}` }]
      : [];
  const keyless = authority["keyless"];
  if (isFields(keyless) && keyless["url"] === undefined && keyless["ca-cert"] === undefined)
    patch.push({ op: "add", path: `${path}/keyless/url`, value: "https://fulcio.sigstore.dev" });
  return patch;
}

type Fields = { [name: string]: JsonValue };

function isFields(value: JsonValue | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: JsonValue | undefined): Fields {
  return isFields(value) ? value : {};
}
