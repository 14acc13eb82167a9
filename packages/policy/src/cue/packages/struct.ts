// Package struct: how many fields a struct has.
import { type Builtin, type Call, fieldsOf, type Result } from "../builtin.ts";
import { kinds } from "../value.ts";

/** Validators of package struct. */
export const structPackage: Readonly<Record<string, Builtin>> = {
  MinFields: { parameters: 2, validates: kinds.struct, grows: true, call: (call) => atLeast(call) },
  MaxFields: { parameters: 2, validates: kinds.struct, call: (call) => atMost(call) },
};

function atLeast(call: Call): Result {
  const [count, least] = [fieldsOf(call.struct(0)).length, call.int(1)];
  return count >= least ? true : { because: `len(fields) < MinFields(${least}) (${count} < ${least})` };
}

function atMost(call: Call): Result {
  const [count, most] = [fieldsOf(call.struct(0)).length, call.int(1)];
  return count <= most ? true : { because: `len(fields) > MaxFields(${most}) (${count} > ${most})` };
}
