// The file that a thread runs: signatures in, whether they are valid out.
import { serveBatches } from "../host/index.ts";
import { checkProof } from "./proof-check.ts";

serveBatches(checkProof);
