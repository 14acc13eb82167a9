// Every built-in function of this room under its name.
import { type BuiltinRegistry, builtinRegistry } from "../rego/index.ts";
import { aggregates } from "./aggregates.ts";
import { arrays } from "./arrays.ts";
import { conversions } from "./conversions.ts";
import { digests } from "./crypto/digests.ts";
import { encoding } from "./encoding/encoding.ts";
import { graphs } from "./graphs.ts";
import { json } from "./json/json.ts";
import { jsonPatch } from "./json/patch.ts";
import { jsonPaths } from "./json/paths.ts";
import { cidr } from "./net/cidr.ts";
import { numbers } from "./numbers.ts";
import { objects } from "./objects.ts";
import { regex } from "./regex.ts";
import { semver } from "./semver.ts";
import { sets } from "./sets.ts";
import { globs } from "./text/glob.ts";
import { strings } from "./text/strings.ts";
import { units } from "./units.ts";

/** OPA's built-in functions, ready for `compile`; each is pure and charges the budget of its evaluation. */
export const regoBuiltins: BuiltinRegistry = builtinRegistry(
  aggregates,
  arrays,
  cidr,
  conversions,
  digests,
  encoding,
  globs,
  graphs,
  json,
  jsonPatch,
  jsonPaths,
  numbers,
  objects,
  regex,
  semver,
  sets,
  strings,
  units,
);
