import { parentPort, workerData } from "node:worker_threads";
import { isWorn, startEngine, type Engine } from "./engine.ts";
import { evaluateIn } from "./evaluation.ts";
import type { Question, Reply, ThreadOptions } from "./message.ts";

const { memoryMb, softMs } = workerData as ThreadOptions;
const port = parentPort;
let engine: Promise<Engine> = startEngine("", memoryMb);

async function answer(question: Question): Promise<Reply> {
  try {
    const before = await engine;
    if (isWorn(before, memoryMb) || (before.used > 0 && before.domain !== question.domain))
      engine = startEngine(question.domain, memoryMb);
    const current = await engine;
    current.domain = question.domain;
    return evaluateIn(current, question, softMs);
  } catch (error) {
    const message = `The expression broke its engine: ${describe(error, memoryMb)}`;
    return { type: "error", id: question.id, message, line: null, fatal: true };
  }
}

function describe(error: unknown, megabytes: number): string {
  const text = error instanceof Error ? error.message : String(error);
  return /memory|OOM/i.test(text)
    ? `it needs more than ${megabytes} MB`
    : text.split("\n")[0]?.slice(0, 200) || "unknown";
}

port?.on("message", (question: Question) => {
  void answer(question).then((reply) => port.postMessage(reply));
});
await engine;
port?.postMessage({ type: "ready" } satisfies Reply);
