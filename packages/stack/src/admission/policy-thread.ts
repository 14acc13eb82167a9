// The file that a thread runs: questions about policy texts in, answers out. A fault ends the thread, and with it the question.
import { parentPort, workerData } from "node:worker_threads";
import { TextAsker, type TextQuestion } from "../image-policy/index.ts";

const port = parentPort;
if (port === null) throw new TypeError("policy-thread is for a thread");
const asker = new TextAsker(workerData?.limits);
port.on("message", (question: TextQuestion) => port.postMessage({ answer: asker.answer(question) }));
port.postMessage("ready");
