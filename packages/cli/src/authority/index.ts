// ca create-root, create-intermediate, rotate, status, check; user add, remove, list.
export { runCaCheck } from "./check.ts";
export { runCreateIntermediate, runCreateRoot } from "./create.ts";
export { authorityError, authorityErrors } from "./errors.ts";
export { runCaRotate, runCaStatus } from "./rotate.ts";
export { runUserAdd, runUserList, runUserRemove } from "./users.ts";
