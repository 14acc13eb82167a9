// The file that a thread runs: posted requests in, entries that are ready to be added out.
import { serveBatches } from "../host/index.ts";
import { prepareEntry } from "./entries.ts";
import { encodePreparedEntry } from "./prepared-entry.ts";

serveBatches((requestBody) => encodePreparedEntry(prepareEntry(requestBody)));
