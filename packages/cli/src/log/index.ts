// log upload, get, search, verify, info, prove, watch; shards, rotate, fsck.
export { logCommandError, logCommandErrors } from "./errors.ts";
export { runLogGet } from "./get.ts";
export { runLogInfo } from "./info.ts";
export { runLogProve } from "./prove.ts";
export { runLogSearch } from "./search.ts";
export { dataDirectory, runLogArchive, runLogFsck, runLogRotate, runLogShards, shardLines } from "./shards.ts";
export { runLogUpload } from "./upload.ts";
export { runLogVerify } from "./verify.ts";
export { runLogWatch } from "./watch.ts";
