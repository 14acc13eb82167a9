// The file that a thread runs: posted requests in, entries that are ready to be added out.
import { serveBatches } from "../host/index.ts";
import { encodeBodyEntry } from "../log-engine/index.ts";
import { prepareEntry } from "./prepare-entry.ts";

serveBatches((requestBody) => encodeBodyEntry(prepareEntry(requestBody)));
