// The functions of CUE's standard packages that are in the subset, by import path; the empty path holds the predeclared ones.
import type { Builtin, Result } from "../builtin.ts";
import { encodingPackages } from "./encoding.ts";
import { listPackage } from "./list.ts";
import { mathPackage } from "./math.ts";
import { netPackage } from "./net.ts";
import { predeclared } from "./predeclared.ts";
import { regexpPackage } from "./regexp.ts";
import { strconvPackage } from "./strconv.ts";
import { stringsPackage } from "./strings.ts";
import { structPackage } from "./struct.ts";
import { timePackage } from "./time.ts";

const packages: ReadonlyMap<string, ReadonlyMap<string, Builtin | Result>> = new Map(
  Object.entries({
    "": predeclared,
    strings: stringsPackage,
    list: listPackage,
    math: mathPackage,
    net: netPackage,
    regexp: regexpPackage,
    strconv: strconvPackage,
    struct: structPackage,
    time: timePackage,
    ...encodingPackages,
  }).map(([path, members]) => [path, new Map(Object.entries(members))]),
);

/** Import paths that a policy may name. */
export const packageNames: ReadonlySet<string> = new Set([...packages.keys()].filter((path) => path !== ""));

/** A function or a constant of a package. */
export function findBuiltin(path: string, name: string): Builtin | Result | undefined {
  return packages.get(path)?.get(name);
}

/** Every function and constant of the subset, as `strings.Join`; the README lists them. */
export function builtinNames(): string[] {
  return [...packages].flatMap(([path, members]) => [...members.keys()].map((name) => (path === "" ? name : `${path}.${name}`)));
}
