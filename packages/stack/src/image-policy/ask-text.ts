// A policy text asked about something: what a thread of its own does, for a text may take for ever, and so this file needs nothing but its
// input.
import { type CompiledPolicies, compilePolicies, type PolicySource, policyInput } from "@sigillum/policy/contracts";
import { type BudgetLimits, isPolicyError, parseJson, type Value } from "@sigillum/policy/values";

/** A policy text, and what it is asked about. */
export interface TextQuestion {
  readonly policy: PolicySource;
  readonly about: StatementSubject | ResultSubject | { readonly type: "compile" };
  /** The time that a Rego policy is told, where it is told one. */
  readonly nowMs: number | undefined;
}

/** A verified statement: the payload of its envelope, and the type by which the policy names it. */
export interface StatementSubject {
  readonly type: "statement";
  readonly predicateType: string;
  readonly payload: Uint8Array;
}

/** What the authorities found, as JSON. */
export interface ResultSubject {
  readonly type: "result";
  readonly text: string;
}

/** What a text says. It passes where there is neither problem nor message. */
export interface TextAnswer {
  /** Why the text itself is none: it does not compile. */
  readonly problem?: { readonly code: string; readonly text: string };
  /** Why it refuses. */
  readonly messages: readonly string[];
  readonly warnings: readonly string[];
}

/** Asks a text, wherever that is done; throws one of our errors where no answer can be had, which refuses. */
export type TextJudge = (question: TextQuestion) => Promise<TextAnswer>;

const maxDocumentBytes = 24 * 1024 * 1024;
const maxCompiled = 64;

/** Asks texts, and keeps them compiled. A class because of what it keeps. */
export class TextAsker {
  readonly #compiled: Map<string, CompiledPolicies> = new Map();
  readonly #limits: BudgetLimits | undefined;

  /** With other limits than `limitsFor` a document's length. */
  constructor(limits?: BudgetLimits) {
    this.#limits = limits;
  }

  /** The answer to one question. Never throws for a text or a document: what cannot be answered refuses. */
  answer({ policy, about, nowMs }: TextQuestion): TextAnswer {
    const compiled = this.#compile(policy);
    const [problem] = compiled.problems;
    if (problem !== undefined)
      return { problem: { code: problem.code, text: problem.text }, messages: [problem.text], warnings: [] };
    if (about.type === "compile") return { messages: [], warnings: [] };
    try {
      const length = about.type === "statement" ? about.payload.length : about.text.length;
      const document = documentOf(about);
      if (document === undefined) return { messages: ["there is no document to judge"], warnings: [] };
      const verdict = compiled.evaluate(document, {
        ...(nowMs === undefined ? {} : { nowNs: BigInt(nowMs) * 1_000_000n }),
        limits: this.#limits ?? limitsFor(length),
      });
      const told = verdict.messages.map(({ text }) => text);
      return {
        messages: verdict.pass || told.length > 0 ? told : ["it refuses"],
        warnings: verdict.warnings.map(({ text }) => text),
      };
    } catch (error) {
      if (!isPolicyError(error)) throw error;
      return { messages: [error.message], warnings: [] };
    }
  }

  #compile(policy: PolicySource): CompiledPolicies {
    const key = `${policy.language} ${policy.file}\n${policy.source}`;
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      compiled = compilePolicies("policy-controller", [policy]);
      const [oldest] = this.#compiled.keys();
      if (this.#compiled.size >= maxCompiled && oldest !== undefined) this.#compiled.delete(oldest);
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}

function documentOf(about: StatementSubject | ResultSubject): Value | undefined {
  if (about.type === "result") return parseJson(about.text, { maxLength: maxDocumentBytes });
  return policyInput(about.predicateType, parseJson(about.payload, { maxLength: maxDocumentBytes }));
}

/**
 * What a policy may spend on a document of so many characters. These limits are counted, so that the same question has the same answer on
 * every machine; the time that a request has, and the memory of a thread, end what stays within them.
 */
export function limitsFor(length: number): { readonly steps: number; readonly bytes: number } {
  return { steps: 500_000 + 10 * length, bytes: (32 << 20) + 64 * length };
}
