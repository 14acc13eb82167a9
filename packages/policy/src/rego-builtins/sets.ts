// Functions over sets and sets of sets.
import { anyType, type Builtin, setOf } from "../rego/index.ts";
import { SetBuilder, SetValue } from "../values/index.ts";
import { type Call, define } from "./call.ts";

const anySet = setOf(anyType);

/** The functions of this file. */
export const sets: readonly Builtin[] = [
  define("intersection", [setOf(anySet)], anySet, (call) => {
    const [first, ...rest] = members(call);
    return rest.reduce((left, right) => left.intersection(right), first ?? SetValue.of([]));
  }),
  define("union", [setOf(anySet)], anySet, (call) => {
    const union = new SetBuilder();
    for (const set of members(call)) for (const value of set.values()) union.add(value);
    return union.finish();
  }),
  define("set_diff", [anySet, anySet], anySet, (call) => {
    const [a, b] = [call.set(1), call.set(2)];
    call.elements(a.size);
    return a.difference(b);
  }),
];

function members(call: Call): readonly SetValue[] {
  const outer = call.set(1);
  return outer.values().map((member) => {
    if (!(member instanceof SetValue)) throw call.wrongElement(1, member, "set");
    call.elements(member.size);
    return member;
  });
}
