// trust add, trust list.
export { runTrustAdd, runTrustList } from "./trust.ts";
