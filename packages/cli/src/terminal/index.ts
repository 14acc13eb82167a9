// The screen: lines, progress, questions, errors and exit codes.
export { confirm, readPassword, readPin } from "./confirm.ts";
export { terminalError, terminalErrors } from "./errors.ts";
export { exitCodeMeanings, exitCodeOf, exitCodes } from "./exit-code.ts";
export type { InputStream } from "./input.ts";
export { type Outcome, recorded } from "./recorded.ts";
export { reportError } from "./report.ts";
export {
  createTerminal,
  formatBytes,
  formatTime,
  type Progress,
  type ProgressUnit,
  type Terminal,
  type TerminalOptions,
} from "./terminal.ts";
