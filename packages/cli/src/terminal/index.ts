// The screen: lines, progress, errors and exit codes.
export { exitCodeMeanings, exitCodeOf, exitCodes } from "./exit-code.ts";
export { reportError } from "./report.ts";
export { createTerminal, formatBytes, formatTime, type Progress, type Terminal, type TerminalOptions } from "./terminal.ts";
