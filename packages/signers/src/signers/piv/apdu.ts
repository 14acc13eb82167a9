// Commands to a smart card (ISO 7816-4 §5): short ones, in several parts where they are long, the answer collected part by part.
import { concatBytes, encodeHex } from "@sigillum/library/encoding";
import { signersError } from "../errors.ts";

/** What carries commands to one card: the PC/SC daemon, or a card in memory. */
export interface CardTransport {
  /** What messages call the card: the reader it is in. */
  readonly name: string;
  /** Send one command as it is; the answer with its two status bytes. */
  transmit(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A command; its class is 0 where nothing is said. */
export interface CardCommand {
  readonly instruction: number;
  readonly p1?: number;
  readonly p2?: number;
  readonly data?: Uint8Array;
}

/** An answer: what the card says, and its status word (SW1 and SW2). */
export interface CardAnswer {
  readonly data: Uint8Array;
  readonly status: number;
}

const maxPart = 255;
const maxAnswerBytes = 64 * 1024;
const chainingClass = 0x10;
const getResponse = 0xc0;

/** Send a command and collect its answer, of at most 64 KiB. Whatever the status says is an answer. */
export async function exchange(card: CardTransport, command: CardCommand): Promise<CardAnswer> {
  const { instruction, p1 = 0, p2 = 0, data = new Uint8Array(0) } = command;
  const header = (last: boolean): number[] => [last ? 0 : chainingClass, instruction, p1, p2];
  let at = 0;
  for (; data.length - at > maxPart; at += maxPart) {
    const part = await send(card, Uint8Array.of(...header(false), maxPart, ...data.subarray(at, at + maxPart)));
    if (part.status !== 0x9000) return part;
  }
  const rest = data.subarray(at);
  let answer = await send(card, Uint8Array.of(...header(true), rest.length, ...rest));
  const parts = [answer.data];
  for (let length = answer.data.length; answer.status >> 8 === 0x61; length += answer.data.length) {
    if (length > maxAnswerBytes) throw cardAnswer(card, `it is longer than ${maxAnswerBytes} bytes`, "a shorter answer");
    answer = await send(card, Uint8Array.of(0, getResponse, 0, 0, answer.status & 0xff));
    parts.push(answer.data);
  }
  return { data: concatBytes(...parts), status: answer.status };
}

async function send(card: CardTransport, command: Uint8Array): Promise<CardAnswer> {
  const bytes = await card.transmit(command);
  if (bytes.length < 2) throw cardAnswer(card, `it has ${bytes.length} bytes`, "a status word");
  const [high = 0, low = 0] = bytes.subarray(-2);
  return { data: bytes.subarray(0, -2), status: high * 256 + low };
}

/** The error for an answer that is none of what the protocol allows. */
export function cardAnswer(card: CardTransport, problem: string, expected: string): Error {
  return signersError("SIGNER_CARD_ANSWER", `Cannot read the answer of the card in ${card.name}: ${problem}`, {
    found: problem,
    expected,
  });
}

/** The error for a command that the card refuses with a status. */
export function cardRefused(card: CardTransport, action: string, status: number): Error {
  const found = `status ${status.toString(16).padStart(4, "0")}`;
  const meaning = meanings.get(status);
  return signersError("SIGNER_CARD_REFUSED", `Cannot ${action} the card in ${card.name}: ${meaning ?? "it refuses"} (${found})`, {
    found,
    expected: "status 9000",
  });
}

const meanings: ReadonlyMap<number, string> = new Map([
  [0x6982, "it wants a PIN, a touch or the management key first"],
  [0x6983, "it is blocked"],
  [0x6985, "its state does not allow that now"],
  [0x6a80, "it finds the data wrong"],
  [0x6a81, "it does not have this function"],
  [0x6a82, "it has nothing there"],
  [0x6a86, "it does not know these parameters"],
  [0x6d00, "it does not know this command"],
]);

/** One value of BER-TLV with its tag (ISO 7816-4 §5.2.2). */
export interface TagValue {
  readonly tag: number;
  readonly value: Uint8Array;
}

/** Write a value with its tag of one or two bytes. */
export function tagged(tag: number, value: Uint8Array): Uint8Array {
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(...(tag > 0xff ? [tag >> 8, tag & 0xff] : [tag]), ...size, ...value);
}

/** Read the values that stand one after the other; SIGNER_CARD_ANSWER where they do not end where the bytes end. */
export function readTags(card: CardTransport, bytes: Uint8Array): TagValue[] {
  const found: TagValue[] = [];
  const bad = (): never => {
    throw cardAnswer(card, `its values do not fit: ${encodeHex(bytes.subarray(0, 16))}`, "BER-TLV");
  };
  for (let at = 0; at < bytes.length; ) {
    let tag = bytes[at++] ?? bad();
    if ((tag & 0x1f) === 0x1f) tag = tag * 256 + (bytes[at++] ?? bad());
    let length = bytes[at++] ?? bad();
    if (length > 0x82 || length === 0x80) bad();
    if (length === 0x81) length = bytes[at++] ?? bad();
    else if (length === 0x82) length = (bytes[at++] ?? bad()) * 256 + (bytes[at++] ?? bad());
    if (at + length > bytes.length) bad();
    found.push({ tag, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

/** The value of one tag; SIGNER_CARD_ANSWER where it is missing. */
export function tagValue(card: CardTransport, bytes: Uint8Array, tag: number): Uint8Array {
  const found = readTags(card, bytes).find((one) => one.tag === tag);
  if (found !== undefined) return found.value;
  throw cardAnswer(card, `it has no value ${tag.toString(16)}`, `tag ${tag.toString(16)}`);
}
