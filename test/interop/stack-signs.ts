// What every stack must do, wherever its keys are: a file is signed with an identity, entered in a log and timestamped, and verifies.
import { encodeUtf8 } from "@sigillum/library/encoding";
import { signBlob } from "@sigillum/library/signing";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import { verifyBundle } from "@sigillum/library/verification";
import type { Stack } from "@sigillum/stack/compose";

/** Pins the trust root of a stack that was just started, in `store`. */
export async function trustStack(stack: Stack, store: string): Promise<void> {
  await addRoot({ url: stack.urls.tuf ?? "", name: "own", store, nowMs: Date.now() });
}

/** Signs and verifies; throws what either refuses. */
export async function signsAndVerifies(stack: Stack, store: string, text: string, email = "dev@example.com"): Promise<void> {
  const artifact = { bytes: encodeUtf8(text) };
  const trust = await loadRoot({ name: "own", store, nowMs: Date.now() });
  const bundle = await signBlob({ artifact, token: await stack.developmentToken(), trust, nowMs: Date.now() });
  const identity = { san: email, issuer: stack.urls.identity ?? "" };
  verifyBundle({ bundle, artifact, trustedRoot: trust.trustedRoot, expectations: { identity } });
}
