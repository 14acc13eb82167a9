// grpcio (gRPC's C core in Python) as a client of any of our gRPC services, with the service's own proto files.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";

const program = join(import.meta.dirname, "grpcio-program.py");

/** What is called. */
export interface GrpcioCall {
  readonly target: string;
  /** PEM file that the server's certificate is verified with; "-" for no TLS. */
  readonly root: string;
  /** Where proto files are. */
  readonly folders: readonly string[];
  /** Those to compile, the service's last. */
  readonly files: readonly string[];
  readonly service: string;
}

/** Runs the program with one line a call. */
export async function callGrpcio<Answer>(
  python: string,
  { target, root, folders, files, service }: GrpcioCall,
  asked: readonly object[],
): Promise<Answer[]> {
  const child = spawn(python, [program, folders.join(":"), target, root, service, ...files], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 60_000,
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdin.end(asked.map((one) => `${JSON.stringify(one)}\n`).join(""));
  await new Promise((resolve) => child.once("close", resolve));
  const lines = out.trim().split("\n");
  assert.equal(lines.length, asked.length, err);
  return lines.map((line): Answer => JSON.parse(line));
}
