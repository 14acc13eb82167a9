// The file that a thread runs: posted requests in, entries that are ready to be added out.
import { serveBatches } from "../host/index.ts";
import { prepareEncoded } from "./prepared-entry.ts";

serveBatches((requestBody, entryTypes) => {
  if (!(entryTypes instanceof Set)) throw new TypeError("the thread was not told which entries are accepted");
  return prepareEncoded(requestBody, entryTypes);
});
