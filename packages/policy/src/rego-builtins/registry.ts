// Every built-in function of this room under its name.
import { type BuiltinRegistry, builtinRegistry } from "../rego/index.ts";
import { aggregates } from "./aggregates.ts";
import { arrays } from "./arrays.ts";
import { aws } from "./aws.ts";
import { conversions } from "./conversions.ts";
import { digests } from "./crypto/digests.ts";
import { encoding } from "./encoding/encoding.ts";
import { graphql } from "./graphql/graphql.ts";
import { graphs } from "./graphs.ts";
import { json } from "./json/json.ts";
import { jsonPatch } from "./json/patch.ts";
import { jsonPaths } from "./json/paths.ts";
import { jwt } from "./jwt/jwt.ts";
import { cidr } from "./net/cidr.ts";
import { numbers } from "./numbers.ts";
import { objects } from "./objects.ts";
import { outside } from "./outside.ts";
import { regex } from "./regex.ts";
import { jsonSchema } from "./schema/schema.ts";
import { semver } from "./semver.ts";
import { sets } from "./sets.ts";
import { templates } from "./template/template.ts";
import { globs } from "./text/glob.ts";
import { strings } from "./text/strings.ts";
import { time } from "./time/time.ts";
import { units } from "./units.ts";
import { uuids } from "./uuid.ts";
import { x509 } from "./x509/x509.ts";
import { yaml } from "./yaml/yaml.ts";

/** OPA's built-in functions, ready for `compile`; each is pure and charges the budget of its evaluation. */
export const regoBuiltins: BuiltinRegistry = builtinRegistry(
  aggregates,
  arrays,
  aws,
  cidr,
  conversions,
  digests,
  encoding,
  globs,
  graphql,
  graphs,
  json,
  jsonPatch,
  jsonPaths,
  jsonSchema,
  jwt,
  numbers,
  objects,
  outside,
  regex,
  semver,
  sets,
  strings,
  templates,
  time,
  units,
  uuids,
  x509,
  yaml,
);
