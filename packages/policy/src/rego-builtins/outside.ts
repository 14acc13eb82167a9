// Functions of OPA that reach outside of what is evaluated: network, randomness, the process, other policies' texts. Each stands here so that a policy that names
// one compiles and can put another in its place by `with`, and is refused by name when it is called.
import { anyType, arrayOf, type Builtin, moduleJson, numberType, objectOf, setOf, stringType } from "../rego/index.ts";
import { formatValue, isPolicyError, ObjectBuilder, SetBuilder, type Value } from "../values/index.ts";
import { type Call, define, refuse } from "./call.ts";
import { toBase64, utf8 } from "./encoding/bytes.ts";

// the compiler puts its value in the place of each call in a rule
const onlyInRules = "it must only be called within the scope of a rule";
const network = "a policy reaches no network";
const anyObject = objectOf(stringType, anyType);

/** The functions of this file. */
export const outside: readonly Builtin[] = [
  define("http.send", [anyObject], objectOf(anyType, anyType), send, { nondeterministic: true }),
  refuse("net.lookup_ip_addr", [stringType], setOf(stringType), network, true),
  refuse("rego.metadata.chain", [], arrayOf(anyType), onlyInRules),
  refuse("rego.metadata.rule", [], anyType, onlyInRules),
  define("rego.parse_module", [stringType, stringType], anyObject, parseModule),
  refuse("rand.intn", [stringType, numberType], numberType, "a policy has no randomness", true),
  define("opa.runtime", [], anyObject, runtime, { nondeterministic: true }),
];

const requestKeys = new Set([
  "method",
  "url",
  "body",
  "enable_redirect",
  "force_json_decode",
  "force_yaml_decode",
  "headers",
  "raw_body",
  "tls_use_system_certs",
  "tls_ca_cert",
  "tls_ca_cert_file",
  "tls_ca_cert_env_variable",
  "tls_client_cert",
  "tls_client_cert_file",
  "tls_client_cert_env_variable",
  "tls_client_key",
  "tls_client_key_file",
  "tls_client_key_env_variable",
  "tls_insecure_skip_verify",
  "tls_server_name",
  "timeout",
  "cache",
  "force_cache",
  "force_cache_duration_seconds",
  "raise_error",
  "caching_mode",
  "max_retry_attempts",
  "cache_ignored_headers",
]);

function parseModule(call: Call): Value {
  const [file, source] = [call.string(1), call.string(2)];
  call.context.budget.step(source.length);
  call.context.budget.allocate(64 * source.length);
  try {
    return moduleJson(file, source, (text) => toBase64(utf8(text), "standard"));
  } catch (error) {
    if (!isPolicyError(error) || !error.code.startsWith("rego_")) throw error;
    throw call.fail(`${error.code}: ${error.message}`, error);
  }
}

/** The request is checked as OPA checks it, so that a mistake in it is told; a right one is refused. */
function send(call: Call): Value {
  checkRequest(call);
  throw call.fail(`this function is refused: ${network}`);
}

/** The keys of a request, which is the first operand: no unknown one, and none missing. */
export function checkRequest(call: Call): void {
  const request = call.object(1);
  const invalid = new SetBuilder();
  for (const key of request.keys()) if (typeof key !== "string" || !requestKeys.has(key)) invalid.add(key);
  if (invalid.size > 0) throw call.operand(1, `invalid request parameters(s): ${formatValue(invalid.finish())}`);
  const missing = new SetBuilder();
  for (const key of ["method", "url"]) if (!request.has(key)) missing.add(key);
  if (missing.size > 0) throw call.operand(1, `missing required request parameters(s): ${formatValue(missing.finish())}`);
}

/** Empty, but for the environment variables that the caller gave. */
function runtime(call: Call): Value {
  const { env } = call.context;
  if (env.size === 0) return new ObjectBuilder().finish();
  const variables = new ObjectBuilder();
  for (const [name, value] of env) variables.set(name, value);
  return new ObjectBuilder().set("env", variables.finish()).finish();
}
