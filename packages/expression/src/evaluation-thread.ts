import { parentPort, workerData } from "node:worker_threads";
import { Engines } from "./engine.ts";
import { evaluateIn } from "./evaluation.ts";
import type { Question, Reply, ThreadOptions } from "./message.ts";

const { memoryMb, softMs } = workerData as ThreadOptions;
const port = parentPort;
// an engine that breaks prints; what matters of it is in the reply
console.error = () => {};
console.log = () => {};
const engines = new Engines(memoryMb);

async function answer(question: Question): Promise<void> {
  try {
    const { reply, tidy } = evaluateIn(await engines.of(question.domain), question, softMs);
    port?.postMessage(reply);
    tidyUp(question.domain, tidy);
  } catch (error) {
    const message = `The expression broke its engine: ${describe(error, memoryMb)}`;
    port?.postMessage({ type: "error", id: question.id, message, line: null, fatal: true } satisfies Reply);
  }
}

function tidyUp(domain: string, tidy: () => void): void {
  try {
    tidy();
  } catch {
    engines.forget(domain);
  }
}

function describe(error: unknown, megabytes: number): string {
  const text = error instanceof Error ? error.message : String(error);
  return /memory|OOM/i.test(text)
    ? `it needs more than ${megabytes} MB`
    : text.split("\n")[0]?.slice(0, 200) || "unknown";
}

port?.on("message", (question: Question) => {
  void answer(question);
});
// the first evaluation takes long; it is not to be a user's
const spare = await engines.start();
evaluateIn(
  spare,
  { id: 0, domain: "", body: "return [1].map((x) => x)", inputs: "{}", answers: "{}", predicate: false },
  Infinity,
).tidy();
engines.keep(spare);
port?.postMessage({ type: "ready" } satisfies Reply);
