// in-toto statements: github.com/in-toto/attestation, Statement v0.1 and v1.
//
//   {"_type": URI, "subject": [{"name": string, "digest": {algorithm: value, …}}], "predicateType": URI, "predicate": {…}}
import { encodeJcs, isSigillumError, JsonObject, type JsonValue, parseJson, quote } from "../encoding/index.ts";
import { attestationError } from "./errors.ts";

/** The `_type` of Statement v0.1. */
export const statementTypeV01: string = "https://in-toto.io/Statement/v0.1";

/** The `_type` of Statement v1. */
export const statementTypeV1: string = "https://in-toto.io/Statement/v1";

/** The longest statement that is read, in bytes: SBOMs of 50 MB are real. */
export const maxStatementBytes: number = 64 << 20;

/** The most subjects of a statement that are read. */
export const maxSubjects: number = 1024;

/** The most digests of one subject that are read. */
export const maxSubjectDigests: number = 32;

/** What a statement is about: an artifact by its digests. */
export interface Subject {
  /** A repository or file name; v1 allows a subject without one. Nothing proves it. */
  readonly name?: string;
  /** Digests by algorithm in in-toto's spelling (`sha256`), usually hexadecimal. */
  readonly digest: ReadonlyMap<string, string>;
  /** What the signer says about this subject alone. */
  readonly annotations?: JsonValue;
}

/** A statement: a predicate about subjects. */
export interface Statement {
  readonly type: string;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate?: JsonValue;
}

/** Read a statement from a payload. Its form is known and within limits; no signature and no digest was verified. */
export function parseStatement(payload: Uint8Array): Statement {
  if (payload.length > maxStatementBytes) throw tooLarge(`${payload.length} bytes`, `${maxStatementBytes}`);
  const object = JsonObject.exact(statementJson(payload), "statement", (message, fields) =>
    attestationError("STATEMENT_MALFORMED", message, fields),
  );
  const type = object.string("_type");
  if (type !== statementTypeV01 && type !== statementTypeV1) {
    throw attestationError(
      "STATEMENT_TYPE_UNKNOWN",
      `Cannot parse statement: its _type is ${quote(type)}, expected in-toto Statement v0.1 or v1`,
      {
        found: quote(type),
        expected: `${statementTypeV01} or ${statementTypeV1}`,
      },
    );
  }
  const subjects = object.objects("subject");
  if (subjects.length > maxSubjects) throw tooLarge(`${subjects.length} subjects`, `${maxSubjects}`);
  const predicate = object.optionalObject("predicate") && object.value("predicate");
  return {
    type,
    subject: subjects.map(parseSubject),
    predicateType: object.string("predicateType"),
    ...(predicate === undefined ? {} : { predicate }),
  };
}

/** Write a statement. The same statement gives the same bytes (RFC 8785 order), whatever order its members came in. */
export function encodeStatement(statement: Statement): Uint8Array {
  const { type, subject, predicateType, predicate } = statement;
  if (subject.length > maxSubjects || subject.some(({ digest }) => digest.size > maxSubjectDigests)) {
    throw tooLarge(`${subject.length} subjects`, `${maxSubjects} (of ${maxSubjectDigests} digests)`);
  }
  return encodeJcs({
    _type: type,
    subject: subject.map(subjectToJson),
    predicateType,
    ...(predicate === undefined ? {} : { predicate }),
  });
}

function parseSubject(subject: JsonObject): Subject {
  const digests = subject.object("digest");
  const names = digests.names();
  if (names.length > maxSubjectDigests) throw tooLarge(`${names.length} digests of one subject`, `${maxSubjectDigests}`);
  const name = subject.optionalString("name");
  const annotations = subject.optionalObject("annotations") && subject.value("annotations");
  return {
    ...(name === undefined ? {} : { name }),
    digest: new Map(names.map((algorithm) => [algorithm, digests.string(algorithm)])),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function subjectToJson({ name, digest, annotations }: Subject): JsonValue {
  return {
    ...(name === undefined ? {} : { name }),
    digest: Object.fromEntries(digest),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function statementJson(payload: Uint8Array): JsonValue {
  try {
    return parseJson(payload, { maxBytes: maxStatementBytes });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw attestationError("STATEMENT_MALFORMED", `Cannot parse statement: it is not JSON: ${cause.message}`, { cause });
  }
}

function tooLarge(found: string, limit: string): Error {
  return attestationError("STATEMENT_TOO_LARGE", `Cannot read statement: it has ${found}, at most ${limit} are read`, {
    found,
    expected: `at most ${limit}`,
  });
}
