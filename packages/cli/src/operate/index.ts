// init, serve, demo.
export { runBackup, runRestore } from "./backup.ts";
export { runDemo } from "./demo.ts";
export { operateError, operateErrors } from "./errors.ts";
export { runInit, runServe } from "./serve.ts";
export { stackLink } from "./stack-link.ts";
export { runStatus } from "./status.ts";
