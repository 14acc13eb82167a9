// trust add, list, show, update, export, import, remove.
export { runTrustExport, runTrustImport, runTrustRemove, runTrustShow, runTrustUpdate } from "./transfer.ts";
export { runTrustAdd, runTrustList } from "./trust.ts";
