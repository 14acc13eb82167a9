// Images that documents name: Kubernetes manifests and Dockerfiles.
import { isSigillumError, quote } from "@sigillum/library/encoding";
import { parseReference } from "@sigillum/library/oci";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { isSet, readInput } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { verifyReferences } from "./verify.ts";

const maxDocumentBytes = 4 * 1024 * 1024;

/** `sigillum manifest verify FILE`: verify every image that a Kubernetes manifest names, init containers' too. */
export async function runManifestVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const { parseAllDocuments } = await import("yaml");
  const text = await readDocument(args, terminal);
  const images = new Set<string>();
  for (const document of parseAllDocuments(text)) {
    const [problem] = document.errors;
    if (problem !== undefined) throw malformed(args, problem.message);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    collectImages(value, images, 0);
  }
  return await verifyNamed([...images], args, terminal);
}

const maxDepth = 32;
const containerLists = ["containers", "initContainers", "ephemeralContainers"];

// Wherever a pod's template stands: in a Pod, a workload, a CronJob, a List.
function collectImages(value: unknown, images: Set<string>, depth: number): void {
  if (typeof value !== "object" || value === null || depth > maxDepth) return;
  if (Array.isArray(value)) {
    for (const item of value) collectImages(item, images, depth + 1);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (containerLists.includes(name) && Array.isArray(member)) {
      for (const container of member) {
        const image: unknown = typeof container === "object" && container !== null ? Reflect.get(container, "image") : undefined;
        if (typeof image === "string" && image !== "") images.add(image);
      }
    } else collectImages(member, images, depth + 1);
  }
}

/** `sigillum dockerfile verify FILE`: verify every image that a Dockerfile builds on or copies from. */
export async function runDockerfileVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const images = dockerfileImages(await readDocument(args, terminal), isSet(args, "base-image-only"));
  return await verifyNamed(images, args, terminal);
}

/** The images of FROM and COPY --from, with ARG and ENV put in; stages and scratch are none. Of the last FROM alone with `baseOnly`. */
export function dockerfileImages(text: string, baseOnly: boolean): string[] {
  const variables = new Map<string, string>();
  const stages = new Set<string>();
  const from: string[] = [];
  const copied: string[] = [];
  for (const line of text.replaceAll(/\\\r?\n/g, " ").split(/\r?\n/)) {
    const [, instruction = "", rest = ""] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
    switch (instruction.toUpperCase()) {
      case "ARG":
      case "ENV":
        readVariables(rest, variables);
        break;
      case "FROM": {
        const words = expanded(rest, variables)
          .split(/\s+/)
          .filter((word) => word !== "" && !word.startsWith("--"));
        const [image = "", as, stage] = words;
        if (image !== "" && image !== "scratch" && !stages.has(image)) from.push(image);
        if (as?.toUpperCase() === "AS" && stage !== undefined) stages.add(stage);
        break;
      }
      case "COPY": {
        const image = /(?:^|\s)--from=(\S+)/.exec(expanded(rest, variables))?.[1];
        if (image !== undefined && !stages.has(image) && !/^\d+$/.test(image)) copied.push(image);
        break;
      }
      default:
    }
  }
  return baseOnly ? from.slice(-1) : [...new Set([...from, ...copied])];
}

function readVariables(rest: string, variables: Map<string, string>): void {
  for (const [, name = "", quoted, plain] of rest.matchAll(/([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"]*)"|(\S*))/g)) {
    if (!variables.has(name)) variables.set(name, quoted ?? plain ?? "");
  }
}

function expanded(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_, braced, otherwise, plain) => {
      const value = variables.get(String(braced ?? plain));
      return value ?? (typeof otherwise === "string" ? otherwise : (process.env[String(braced ?? plain)] ?? ""));
    },
  );
}

async function readDocument(args: Arguments, terminal: Terminal): Promise<string> {
  const [path = ""] = args.positionals;
  return new TextDecoder().decode(await readInput(path, "file", maxDocumentBytes, terminal));
}

async function verifyNamed(images: readonly string[], args: Arguments, terminal: Terminal): Promise<number> {
  if (images.length === 0) throw malformed(args, "no images found in it");
  terminal.note(`Extracted image(s): ${images.join(", ")}`);
  const references = images.map((image) => {
    try {
      return parseReference(image);
    } catch (error) {
      if (isSigillumError(error)) throw malformed(args, error.message);
      throw error;
    }
  });
  const code = await verifyReferences(references, args, terminal);
  return code === exitCodes.success ? exitCodes.success : code;
}

function malformed(args: Arguments, reason: string): Error {
  const [path = ""] = args.positionals;
  return argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: ${quote(path)}: ${reason}`, { found: path });
}
