// The ceremony: root init, add-key, join, propose, delegate, rotate, revoke, sign, verify, status, diff, publish, tick, copy.
export { rootError, rootErrors } from "./errors.ts";
export { runRootAddKey, runRootInit, runRootJoin } from "./init.ts";
export type { StackLink } from "./link.ts";
export { runRootDelegate, runRootPropose, runRootRevoke, runRootRotate } from "./propose.ts";
export { runRootCopy, runRootPublish, runRootTick } from "./publish.ts";
export { runRootDiff, runRootStatus, runRootVerify } from "./report.ts";
export { runRootSign } from "./sign.ts";
